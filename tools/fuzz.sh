#!/bin/sh
# fuzz.sh - feeds hostile bytes to what reads them, under sanitizers
#
#     sh tools/fuzz.sh [SECONDS [TARGET ...]]
#
# builds the targets in tests/fuzz with clang's libFuzzer and its sanitizers for
# addresses and undefined behaviour, and runs each for SECONDS (60): JOBS at a
# time, by default one for each processor. Inputs that reach new code stay in
# build/fuzz/corpus. BUILD_DIR names another directory than build/fuzz.
#
# Prints how often each target was called. Status 1: a target has found a fault;
# a line names the input, for build/fuzz/fuzz_TARGET INPUT.
#
# SPDX-License-Identifier: ISC
set -eu
exec </dev/null

root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/fuzz}
seconds=${1:-60}
[ $# = 0 ] || shift
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
fuzz=$root/tests/fuzz
sanitizers=address,undefined

# config.h comes from another build.
configured=$root/build/check

#
# Several at once: with two lanes, each takes every second word
#

# in_lanes COMMAND WORD...
in_lanes() {
	command=$1
	shift
	lanes=
	lane=0
	while [ "$lane" -lt "$jobs" ]; do
		go_along "$lane" "$@" &
		lanes="$lanes $!"
		lane=$((lane + 1))
	done
	# shellcheck disable=SC2086 # pids
	trap 'kill $lanes 2>/dev/null; wait; exit 1' HUP INT TERM
	status=0
	for pid in $lanes; do
		wait "$pid" || status=1
	done
	trap - HUP INT TERM
	return $status
}

go_along() {
	turn=$1
	shift
	child=
	trap '[ -z "$child" ] || kill "$child"; exit 1' HUP INT TERM
	failed=0
	for word; do
		if [ "$turn" = 0 ]; then
			turn=$jobs
			"$command" "$word" &
			child=$!
			wait "$child" || failed=1
		fi
		turn=$((turn - 1))
	done
	return $failed
}

#
# Building
#

# plain.c only checks results, so it need not be covered.
compile() {
	coverage=-fsanitize=fuzzer-no-link
	[ "$1" != "$fuzz/plain.c" ] || coverage=
	# shellcheck disable=SC2086 # nothing, or a word
	exec clang -O1 -g -Wall -Wextra -Werror -fno-omit-frame-pointer \
	    $coverage -fsanitize=$sanitizers -fno-sanitize-recover=all \
	    -DHAVE_CONFIG_H -I"$configured" -I"$root/include" \
	    -I"$root/lib" -I"$fuzz" -c -o "$build/objects/$(basename "$1" .c).o" \
	    "$1"
}

link() {
	exec clang -fsanitize=fuzzer,$sanitizers -o "$build/fuzz_$1" \
	    "$build/objects/fuzz_$1.o" "$build/objects/pages.o" \
	    "$build/objects/plain.o" "$build/libdaemonsrv.a"
}

build_all() {
	rm -rf "$build/objects" "$build/libdaemonsrv.a"
	mkdir -p "$build/objects"
	BUILD_DIR=$configured sh "$root/tools/build.sh"
	echo "fuzz: building" >&2
	in_lanes compile "$root"/lib/*.c "$fuzz"/*.c || return
	for source in "$root"/lib/*.c; do
		echo "$build/objects/$(basename "$source" .c).o"
	done | xargs ar -rcs "$build/libdaemonsrv.a"
	in_lanes link "$@"
}

#
# Running
#

# Even on a busy machine, only what hangs takes five minutes.
run() {
	corpus=$build/corpus/$1
	mkdir -p "$corpus"
	exec "$build/fuzz_$1" -max_total_time="$seconds" -timeout=300 \
	    -artifact_prefix="$build/found-$1-" -print_final_stats=1 \
	    "$corpus" "$fuzz/corpus/$1" >"$build/$1.log" 2>&1
}

# The last lines that a target has written.
tell() {
	log=$build/$1.log
	calls=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if grep -q '^Done ' "$log"; then
		echo "$1: $calls calls"
		return
	fi
	echo "$1: found after ${calls:-some} calls:"
	tail -n 40 "$log"
	sed -n 's/^.*Test unit written to /fuzz: the input is /p' "$log"
	return 1
}

if [ $# = 0 ]; then
	for source in "$fuzz"/fuzz_*.c; do
		name=${source##*/fuzz_}
		set -- "$@" "${name%.c}"
	done
fi
command -v clang >/dev/null || {
	echo "fuzz: there is no clang; sh tools/setup.sh ci installs it"
	exit 1
}
build_all "$@"
# A small quarantine, so that several can run beside other programs.
ASAN_OPTIONS=quarantine_size_mb=8:${ASAN_OPTIONS:-}
TMPDIR=$(mktemp -d)
export ASAN_OPTIONS TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
echo "fuzz: $# targets, $seconds s each, $jobs at once" >&2
in_lanes run "$@" || :
found=0
for target; do
	tell "$target" || found=1
done
[ $found = 0 ]
