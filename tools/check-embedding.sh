#!/bin/sh
# check-embedding.sh - whether other projects can embed the library
#
#     sh tools/check-embedding.sh
#
# with the lines of HACKING.md's section Embedding: by AC_CONFIG_SUBDIRS, and by
# compiling lib/*.c, also with an empty config.h. Each program must pass
# smoke.sh.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tarball=$(sh "$root/tools/make-dist.sh")
tarball=$(printf '%s\n' "$tarball" | tail -n 1)
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

# block NUMBER: an indented block of the section.
block() {
	awk -v wanted="$1" '
		/^## / { inside = $0 == "## Embedding" }
		!inside { next }
		!/^    / { after = 1; next }
		{ count += after; after = 0 }
		count == wanted { print substr($0, 5) }' "$root/HACKING.md"
}

quietly() {
	"$@" >log 2>&1 || {
		tail -n 40 log
		exit 1
	}
}

# project NAME: a directory with the library and a program.
project() {
	mkdir "$directory/$1"
	cd "$directory/$1"
	tar -xf "$tarball"
	mv libdaemonsrv-* libdaemonsrv
	cp "$root/examples/echo.c" server.c
	echo "$1:"
}

lives() {
	sh "$root/tools/smoke.sh" ./server PORT
}

project automake
cat >configure.ac <<'END'
AC_INIT([server], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AM_PROG_AR
LT_INIT
AC_CONFIG_SUBDIRS([libdaemonsrv])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
{
	echo 'bin_PROGRAMS = server'
	echo 'server_SOURCES = server.c'
	block 1
} | tee Makefile.am
quietly autoreconf -fi --no-recursive
mkdir build
cd build
quietly ../configure --without-check
quietly make -j2
lives

project sources
block 2
block 2 >build.sh
quietly sh -e build.sh
lives
: >libdaemonsrv/config.h
sed -n 's/^cc /cc -D_GNU_SOURCE /p' build.sh | tee again.sh
quietly sh -e again.sh
lives
