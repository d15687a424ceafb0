#!/bin/sh
# header.sh - daemon.h alone, in each C and C++ of each installed compiler
#
# SPDX-License-Identifier: ISC
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}" "${TOP_BUILDDIR:=$top}"
header=$TOP_SRCDIR/include/daemon.h
passed=0
failures=0

# compiles LANGUAGE COMPILER OPTION: compiles stdin.
compiles() {
	"$2" -x "$1" "$3" -fsyntax-only -Wall -Wextra -Wpedantic -Werror \
	    -I"$TOP_SRCDIR/include" -
}

# try_all LANGUAGE COMPILER STANDARD...: leaves out standards that the compiler
# does not know.
try_all() {
	language=$1
	compiler=$2
	shift 2
	command -v "$compiler" >/dev/null || return 0
	tried=
	for standard; do
		echo 'typedef int nothing;' | compiles "$language" \
		    "$compiler" "-std=$standard" 2>/dev/null || continue
		tried="$tried $standard"
		if printf '#include <daemon.h>\n#include <daemon.h>\n' |
		    compiles "$language" "$compiler" "-std=$standard"; then
			passed=$((passed + 1))
		else
			echo "$compiler -std=$standard does not take daemon.h"
			failures=$((failures + 1))
		fi
	done
	echo "$compiler:$tried"
}

# The number or string that is this macro's value.
macro() {
	sed -n "s/^#define[[:space:]]*$1[[:space:]][[:space:]]*\"*\([^\"]*\)\"*\$/\1/p" \
	    "$2"
}

same_versions() {
	version=$(macro DAEMONSRV_VERSION "$header")
	parts=$(macro DAEMONSRV_VERSION_MAJOR "$header").$(
	    macro DAEMONSRV_VERSION_MINOR "$header").$(
	    macro DAEMONSRV_VERSION_PATCH "$header")
	package=$parts
	if [ -f "$TOP_BUILDDIR/config.h" ]; then
		package=$(macro PACKAGE_VERSION "$TOP_BUILDDIR/config.h")
	fi
	echo "versions: $version, $parts, $package"
	[ "$version" = "$parts" ] && [ "$version" = "$package" ]
}

for compiler in gcc clang; do
	try_all c "$compiler" c89 c99 c11 c17 c2x
done
for compiler in g++ clang++; do
	try_all c++ "$compiler" c++98 c++11 c++14 c++17 c++20 c++2b
done
same_versions || failures=$((failures + 1))
[ "$failures" = 0 ] || exit 1
[ "$passed" != 0 ] || { echo "SKIP: neither gcc nor clang is here"; exit 77; }
