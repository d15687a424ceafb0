#!/bin/sh
# check-target.sh - the library with another libc, processor or optimizer
#
#     sh tools/check-target.sh musl|i686|aarch64|lto
#
# Builds it in build/TARGET (see build.sh) and runs two examples (see smoke.sh),
# linked to the shared library and statically, under an emulator if this machine
# cannot run them. Status 77: there is no compiler or emulator for it; sh
# tools/setup.sh cross installs both on Debian and Ubuntu.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
BUILD_DIR=${BUILD_DIR:-$root/build/${1-}}
export BUILD_DIR

skip() {
	echo "SKIP: $*"
	exit 77
}

needs() {
	for command; do
		command -v "$command" >/dev/null ||
		    skip "there is no $command"
	done
}

# Without Check, which is installed only for the system's own libc.
build() {
	sh "$root/tools/build.sh" --enable-werror --without-check "$@"
}

# cross HOST LOADER: tells the programs where its libc is, which is not on any
# search path.
cross() {
	needs "$1-gcc"
	loader=$("$1-gcc" -print-file-name="$2")
	build --host="$1" \
	    LDFLAGS="-Wl,--dynamic-linker=$loader,-rpath,${loader%/*}"
}

# runs_here HOST: whether the kernel runs its programs; the processor could.
runs_here() {
	echo 'int main(void) { return 0; }' |
	    "$1-gcc" -static -x c -o "$log/program" - &&
	    "$log/program" 2>/dev/null
	status=$?
	rm -f "$log/program"
	return $status
}

# link_examples [ARGUMENT OF MAKE...]
link_examples() {
	rm -f examples/echo examples/logged
	make "$@" examples/echo examples/logged >>make.log 2>&1 || {
		tail -n 40 make.log
		exit 1
	}
}

# The log must have both lines, although the logger was killed.
lives() {
	sh "$root/tools/smoke.sh" "$@" examples/echo PORT
	sh "$root/tools/smoke.sh" "$@" examples/logged "$log" PORT
	[ "$(grep -c ': gone after 2 lines$' "$log/logged.log")" = 2 ] || {
		cat "$log/logged.log"
		exit 1
	}
	rm "$log"/*
}

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
runner=
case ${1-} in
musl)
	needs musl-gcc
	build CC=musl-gcc
	;;
i686)
	needs i686-linux-gnu-gcc
	if ! runs_here i686-linux-gnu; then
		needs qemu-i386
		runner=qemu-i386
	fi
	cross i686-linux-gnu ld-linux.so.2
	;;
aarch64)
	needs qemu-aarch64
	runner=qemu-aarch64
	cross aarch64-linux-gnu ld-linux-aarch64.so.1
	;;
lto)
	needs gcc gcc-ar
	build CC=gcc AR=gcc-ar NM=gcc-nm RANLIB=gcc-ranlib \
	    CFLAGS='-O2 -flto=auto'
	;;
*)
	echo "usage: sh tools/check-target.sh musl|i686|aarch64|lto" >&2
	exit 2
	;;
esac

cd "$BUILD_DIR"
link_examples
# shellcheck disable=SC2086 # perhaps none
lives ./libtool --mode=execute -dlopen lib/libdaemonsrv.la $runner
link_examples LDFLAGS=-all-static
# shellcheck disable=SC2086
lives $runner
