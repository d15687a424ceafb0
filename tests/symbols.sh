#!/bin/sh
# symbols.sh - what the library exports, and which of its files may call what
#
# The shared library exports what lib/daemon.map lists and include/daemon.h
# declares. All names of the archive, which hides none, have our prefixes. Only
# one file each may fork, wait, set signals or exit. Only texts depend on the
# time of day.
#
# SPDX-License-Identifier: ISC
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}" "${TOP_BUILDDIR:=$top}"
shared=$TOP_BUILDDIR/lib/.libs/libdaemonsrv.so
archive=$TOP_BUILDDIR/lib/.libs/libdaemonsrv.a
failures=0
# shellcheck disable=SC1091 # it is found when the tests run
. "$TOP_SRCDIR/tests/lists.sh"

skip() {
	echo "SKIP: $1"
	skipped=1
}

declared() {
	sed -n 's/^[a-z].*[ *]\(daemon_[a-z0-9_]*\)(.*/\1/p' \
	    "$TOP_SRCDIR/include/daemon.h" | sort
}

# The names without the version, which is itself a symbol.
exported() {
	nm -D --defined-only "$shared" |
	    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}

# Names with two underscores are the compiler's.
foreign() {
	nm -g --defined-only "$archive" |
	    awk 'NF == 3 && $3 !~ /^(daemon_|dsrv_|__)/ { print $3 }'
}

# callers OBJECT|... NAME ...: other objects of the archive that use the names.
callers() {
	nm -A -u "$archive" | awk -v own="-($1)[.]o:" -v names=" $2 " '
		index(names, " " $NF " ") && $0 !~ own {
			sub(/.*:libdaemonsrv_la-/, "")
			print $1, $NF
		}'
}

skipped=0
command -v nm >/dev/null || { echo "SKIP: there is no nm"; exit 77; }

same lib/daemon.map "$(mapped)" include/daemon.h "$(declared)"
if [ -f "$shared" ]; then
	same "the shared library" "$(exported)" lib/daemon.map "$(mapped)"
else
	skip "no shared library was built"
fi
if [ -f "$archive" ]; then
	empty "names without our prefix" "$(foreign)"
	empty "calls that only loop.c may make" "$(callers loop \
	    'fork vfork posix_spawn')"
	empty "calls that only reap.c may make" "$(callers reap \
	    'waitpid wait wait4 waitid')"
	empty "calls that only sigaction.c may make" "$(callers \
	    'sigaction|process1' 'sigaction signal')"
	empty "calls that only report.c may make" "$(callers report \
	    '_exit _Exit quick_exit exit abort')"
	# Setting the clock must not change a limit or a pause.
	empty "clocks that only clock.c may read, or a text has" "$(callers \
	    'clock|logger|notify|random' 'clock_gettime __clock_gettime64')"
	empty "the time of day, which only texts may have" "$(callers \
	    'logger|masterstatus|report' 'time __time64 gettimeofday
	    __gettimeofday64 timespec_get')"
else
	skip "no archive was built"
fi
[ "$failures" = 0 ] || exit 1
[ "$skipped" = 0 ] || exit 77
