#!/bin/sh
# kills.sh - a page and a picture of the lines that loggers lose when killed
#
#     kills.sh program directory picture
#
# program is our kills; it writes files below the directory. The page goes to
# standard output. Without gnuplot the picture does not change.
#
# SPDX-License-Identifier: ISC
set -eu

# measure KILLS INTERVAL
measure() {
	echo "kills: $1 kills, each after at most $2 us" >&2
	"$program" -k "$1" -i "$2" "$directory/killed.$$" >"$scratch/$1"
}

page() {
	cat <<-'END'

	## Killed again and again

	SIGKILL ends the logger after a random time, the next one starts at once, and
	a writer writes up to 200,000 lines a second. The pipe stays open, so the only
	lines lost are those that a logger has read but not yet written.

	![lines lost, by logger](logger.svg)

	| | kills | lines written | lost | twice |
	| --- | ---: | ---: | ---: | ---: |
	END
	for count in 500 5000; do
		while read -r name written lost twice; do
			echo "| $name | $count | $written | $lost | $twice |"
		done <"$scratch/$count"
	done
}

plot() {
	if command -v gnuplot >/dev/null; then
		gnuplot -e "few = '$scratch/500'; many = '$scratch/5000'" \
		    "$here/logger.gnuplot" >"$scratch/picture"
		cp "$scratch/picture" "$1"
	else
		echo "kills: no gnuplot: the picture is left as it was" >&2
	fi
}

[ $# = 3 ] || exit 1
here=$(cd "$(dirname "$0")" && pwd)
program=$1
directory=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$directory/killed.$$"' EXIT
trap 'exit 130' HUP INT TERM
measure 500 10000
measure 5000 2000
page
plot "$3"
