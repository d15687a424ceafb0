# lists.sh - what tests that compare lists of names share
# shellcheck shell=sh disable=SC2034 # failures is read by the caller
#
# A script that includes this sets failures to 0 first.
#
# SPDX-License-Identifier: ISC

# same WHAT NAMES OTHER NAMES: both lists have the same lines, and some.
same() {
	if [ -n "$2" ] && [ "$2" = "$4" ]; then
		echo "$1 and $3: the same $(echo "$2" | wc -l)"
		return
	fi
	failures=1
	echo "$1 and $3 differ:"
	printf '%s\n' "$2" "$4" | sort | uniq -u | sed 's/^/    /'
}

# empty WHAT LINES
empty() {
	if [ -z "$2" ]; then
		echo "$1: none"
		return
	fi
	failures=1
	echo "$1:"
	printf '%s\n' "$2" | sed 's/^/    /'
}

# What the version script exports.
mapped() {
	sed -n 's/^[[:space:]]*\([a-z0-9_]*\);$/\1/p' \
	    "$TOP_SRCDIR/lib/daemon.map" | sort
}
