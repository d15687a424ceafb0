#!/bin/sh
# arrows.sh - a file of lib/ calls only files that HACKING.md has below it
#
# The calls come from the symbols of the objects, the order of the files from
# the tables in HACKING.md whose rows begin with a file's name. Each arrow goes
# down, so there are no circles. The tables have exactly the files of lib/.
#
# SPDX-License-Identifier: ISC
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}" "${TOP_BUILDDIR:=$top}"
hacking=$TOP_SRCDIR/HACKING.md
prefix=libdaemonsrv_la-
failures=0
# shellcheck disable=SC1091 # it is found when the tests run
. "$TOP_SRCDIR/tests/lists.sh"

# The files from the highest to the lowest, and in a row from left to right.
ranked() {
	awk -F'|' '/^\| *`[a-z0-9]+\.c`/ {
		while (match($2, /[a-z0-9]+\.c/)) {
			print substr($2, RSTART, RLENGTH)
			$2 = substr($2, RSTART + RLENGTH)
		}
	}' "$hacking"
}

sources() {
	for file in "$TOP_SRCDIR"/lib/*.c; do
		echo "${file##*/}"
	done
}

# "FILE SYMBOL TYPE" for each global symbol; U: the file uses it. An earlier
# build may have left objects of files that do not exist any more.
symbols() {
	for file in $(sources); do
		object=$objects/$prefix${file%.c}.o
		[ ! -f "$object" ] || echo "$object"
	done | xargs nm -A -P -g | sed "s|^[^ ]*/$prefix\([^/ ]*\)\.o: |\1.c |"
}

# Calls of a file that is not below the caller.
wrong_arrows() {
	{
		ranked
		symbols
	} | awk '
		NF == 1 { rank[$1] = ++count; next }
		$2 !~ /^_?(daemon|dsrv)_/ { next }
		$3 != "U" { home[$2] = $1; next }
		{ user[++uses] = $1; used[uses] = $2 }
		END {
			for (i = 1; i <= uses; i++) {
				file = home[used[i]]
				if (file != "" && rank[user[i]] >= rank[file])
					print "lib/" user[i], "uses", used[i],
					    "of lib/" file ", which is above it"
			}
		}'
}

command -v nm >/dev/null || { echo "SKIP: there is no nm"; exit 77; }
objects=$TOP_BUILDDIR/lib/.libs
[ -f "$objects/${prefix}loop.o" ] || objects=$TOP_BUILDDIR/lib
# With link-time optimization an object may hold no code yet.
symbols 2>/dev/null | grep -q ' _*dsrv_.* T ' || {
	echo "SKIP: the objects in $objects tell no symbols"
	exit 77
}

same "HACKING.md" "$(ranked | sort)" "lib/" "$(sources | sort)"
empty "calls of files that are above in HACKING.md" "$(wrong_arrows)"
[ "$failures" = 0 ]
