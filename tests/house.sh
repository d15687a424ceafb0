#!/bin/sh
# house.sh - functions, files and headers are short
#
# SPDX-License-Identifier: ISC
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}"
failures=0
# shellcheck disable=SC1091 # it is found when the tests run
. "$TOP_SRCDIR/tests/lists.sh"
cd "$TOP_SRCDIR"

# A function is what is between two braces in column 0.
functions_over() {
	awk -v most="$1" '
		/^[A-Za-z_0-9]+\(/ { name = $0; sub(/\(.*/, "", name) }
		/^{/ { begin = FNR }
		/^}/ {
			if (begin > 0 && FNR - begin - 1 > most)
				print FILENAME ": " name "(): " \
				    FNR - begin - 1 " lines"
			begin = 0
		}' lib/*.c
}

# files_over LINES FILE...
files_over() {
	most=$1
	shift
	for file; do
		lines=$(($(wc -l <"$file")))
		[ $lines -le "$most" ] || echo "$file: $lines lines"
	done
}

# Fuzz targets that make check does not run.
not_replayed() {
	for target in tests/fuzz/fuzz_*.c; do
		name=$(basename "$target" .c)
		grep -q "^tests_${name}_SOURCES = $target\$" tests/local.mk ||
		    echo "$name"
	done
}

empty "fuzz targets that are not in tests/local.mk" "$(not_replayed)"
empty "functions of more than 40 lines" "$(functions_over 40)"
empty "private headers of more than 250 lines" "$(files_over 250 lib/*.h)"
empty "files of more than 450 lines" "$(files_over 450 lib/*.c)"
[ "$failures" = 0 ]
