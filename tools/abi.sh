#!/bin/sh
# abi.sh - whether programs of the last release can still use the library
#
#     sh tools/abi.sh [update]
#
# Builds the library (see build.sh) and compares it with lib/daemon.abi, which
# has the functions of the last release and their types. New functions are
# allowed. "update" writes that file instead. Status 77: the file is for another
# kind of machine.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
BUILD_DIR=${BUILD_DIR:-$root/build/check}
export BUILD_DIR
cd "$root"
baseline=lib/daemon.abi
library=$BUILD_DIR/lib/.libs/libdaemonsrv.so

# Only types: line numbers and names of parameters may change, and the path
# above lib/ must not be recorded.
write_baseline() {
	abidw --headers-dir include --drop-private-types \
	    --drop-undefined-syms --exported-interfaces-only --no-show-locs \
	    --no-corpus-path --no-comp-dir-path --no-parameter-names \
	    --type-id-style hash --out-file "$baseline.new" "$library"
	sed "s|path='[^']*/lib/|path='lib/|" "$baseline.new" >"$baseline"
	rm "$baseline.new"
}

architecture() {
	abidw --exported-interfaces-only "$1" |
	    sed -n "1s/.* architecture='\([^']*\)'.*/\1/p"
}

command -v abidiff >/dev/null || {
	echo "abi: there is no abidiff; sh tools/setup.sh ci installs it" >&2
	exit 1
}
sh tools/build.sh
if [ "${1-}" = update ]; then
	write_baseline
	exit
fi
machine=$(architecture "$library")
if ! grep -q "architecture='$machine'" "$baseline"; then
	echo "SKIP: $baseline is not about $machine"
	exit 77
fi
abidiff --no-added-syms --headers-dir2 include --drop-private-types \
    "$baseline" "$library"
echo "the $(grep -c '<function-decl' "$baseline") functions of" \
    "$baseline are as they were"
