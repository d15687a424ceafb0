#!/bin/sh
# build.sh - builds the library and the examples, even from a fresh checkout
#
#     sh tools/build.sh [configure argument ...]
#
# in build/check, or in the directory that BUILD_DIR names. Rebuilds only what
# is out of date; everything if the arguments have changed, or if Check or
# OpenSSL has been installed since.
#
# SPDX-License-Identifier: ISC
set -eu
exec </dev/null

root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/check}
mkdir -p "$build"
build=$(cd "$build" && pwd)
if [ -f "$root/config.status" ]; then
	echo "build: configure was run in $root itself: run 'make distclean'" \
	    "there" >&2
	exit 1
fi

# quietly NAME COMMAND...: shows the output only if the command fails. Progress
# goes to stderr, since other scripts read stdout.
quietly() {
	name=$1
	log=$build/$name.log
	shift
	echo "build: $name" >&2
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log"
		echo "build: $name failed; all it wrote is in $log"
		exit 1
	fi
}

configure_is_current() {
	[ -x configure ] && [ -f Makefile.in ] && [ -f config.h.in ] &&
	    [ -z "$(find configure.ac Makefile.am m4/daemonsrv.m4 \
		./*/local.mk -newer configure)" ]
}

configure() {
	anew=$([ -f "$build/Makefile" ] && echo yes || echo no)
	rm -f "$build/configure.args"
	cd "$build"
	quietly configure "$root/configure" "$@"
	[ "$anew" = no ] || quietly clean make clean
	what_counts "$@" >configure.args
}

what_counts() {
	echo "$*, check $(pkg-config --modversion check 2>/dev/null || :)," \
	    "openssl $(pkg-config --modversion openssl 2>/dev/null || :)"
}

sh "$root/tools/setup.sh"
cd "$root"
if ! configure_is_current; then
	quietly autoreconf autoreconf -fi
fi
if [ ! -f "$build/config.status" ] ||
    [ "$(cat "$build/configure.args" 2>/dev/null)" != \
	"$(what_counts "$@")" ]; then
	configure "$@"
fi
cd "$build"
make -q >/dev/null 2>&1 </dev/null || quietly make make -j2
