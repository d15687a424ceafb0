#!/bin/sh
# count-tests.sh - counts the results of "make check"
#
#     sh tools/count-tests.sh build-directory [status of make]
#
# Each test of a Check program counts; a script counts as one. A skipped test
# has not passed, and a program that ended before Check's last line has failed.
# Status 0: there were tests, and none has failed.
#
# SPDX-License-Identifier: ISC
set -eu

build=$1
make_status=${2:-0}
passed=0
failed=0
skipped=0

# Adds up Check's last lines of all parts of a suite.
closing_line() {
	LC_ALL=C awk -F '[:,]' '
		/^[0-9]+%: Checks: / { n++; c += $3; f += $5; e += $7 }
		END {
			if (n == 0)
				exit 1
			printf "%d%%: Checks: %d, Failures: %d, Errors: %d\n",
			    c == 0 ? 0 : (c - f - e) * 100 / c, c, f, e
		}' "$1"
}

# The numbers of "100%: Checks: 5, Failures: 0, Errors: 0".
closing_numbers() {
	printf '%s\n' "$1" | awk -F '[:,]' '{ print $3, $5 + $7 }'
}

# of NAME: puts the name before each line of the input.
of() {
	sed "s/^/$1: /"
}

show_skips() {
	grep -a '^SKIP: ' "$log" | of "$name" || :
}

show_end() {
	tail -n 20 "$log" | of "$name"
}

count_program() {
	# shellcheck disable=SC2046 # two numbers
	set -- $(closing_numbers "$closing")
	skips=$(grep -ac '^SKIP: ' "$log" || :)
	printf '%s\n' "$closing" | of "$name"
	show_skips
	grep -aE ':[FE]:' "$log" | of "$name" || :
	passed=$((passed + $1 - $2 - skips))
	failed=$((failed + $2))
	skipped=$((skipped + skips))
	if [ "$result" != PASS ] && [ "$2" = 0 ]; then
		show_end
		echo "$name: $result, though no test of it has failed"
		failed=$((failed + 1))
	fi
}

count_script() {
	case $result in
	PASS)
		passed=$((passed + 1)) ;;
	SKIP)
		show_skips
		skipped=$((skipped + 1)) ;;
	*)
		show_end
		failed=$((failed + 1)) ;;
	esac
	echo "$name: $result"
}

for trs in "$build"/tests/*.trs; do
	[ -f "$trs" ] || break
	name=$(basename "$trs" .trs)
	log=${trs%.trs}.log
	result=$(sed -n 's/^:test-result: //p' "$trs")
	if closing=$(closing_line "$log"); then
		count_program
	elif [ "${name#check_}" != "$name" ] && [ "$result" != SKIP ]; then
		show_end
		echo "$name: ended without Check's closing line"
		failed=$((failed + 1))
	else
		count_script
	fi
done

if [ "$make_status" != 0 ] && [ "$failed" = 0 ]; then
	echo "make check: status $make_status, though no test has failed"
	failed=1
fi
[ $((passed + failed)) != 0 ] || echo "no test has run"
[ "$skipped" = 0 ] && skips= || skips=", $skipped skipped"
echo "$passed passed, $failed failed$skips"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
