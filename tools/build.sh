#!/bin/sh
# build.sh - builds the library and the examples, from a fresh checkout on
#
#     sh tools/build.sh [configure argument ...]
#
# in build/check, or in the directory that BUILD_DIR names. What is up to
# date is not done again; other arguments than last time build all anew, and so
# do tests that can be built now, since Check is there.
#
# SPDX-License-Identifier: ISC
set -eu
exec </dev/null

root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/check}
mkdir -p "$build"
build=$(cd "$build" && pwd)

# quietly NAME COMMAND...: what it writes is of interest only if it fails. That
# it goes on is said on stderr: what others read of them is on stdout.
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
	echo "$*, check $(pkg-config --modversion check 2>/dev/null || :)"
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
