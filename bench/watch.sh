#!/bin/sh
# watch.sh - observes a server under test; the commands of a trial
#
#     watch.sh counts connections	page faults and system calls of each
#     watch.sh memory connections	private memory of each held connection
#     watch.sh soak clients seconds	zombies, descriptors, memory
#
# Environment: PORT and PIDS from trial; TOOLS, the directory of our programs;
# SCRATCH, one for temporary files. Prints names and values.
#
# SPDX-License-Identifier: ISC
set -eu

load() {
	"$TOOLS/load" "$@" "$PORT"
}

# All descendants of these processes except PIDS; they may end at any time.
workers() {
	for pid; do
		children=
		{ read -r children <"/proc/$pid/task/$pid/children"; } \
		    2>/dev/null || :
		for child in $children; do
			case " $PIDS " in
			*" $child "*) ;;
			*)
				echo "$child"
				(workers "$child")
				;;
			esac
		done
	done
}

private_kib() {
	for pid; do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null || :
	done | awk '/^Private_(Clean|Dirty)/ { sum += $2 }
	    END { print sum + 0 }'
}

#
# counts
#

faults() {
	command -v perf >/dev/null || return 0
	perf stat -x , -e page-faults -o "$SCRATCH/faults" \
	    -p "$(echo "$PIDS" | tr ' ' ,)" -- \
	    "$TOOLS/load" -n "$1" "$PORT" >/dev/null || return 1
	awk -F , -v n="$1" '/page-faults/ { printf "faults %.1f\n", $1 / n }' \
	    "$SCRATCH/faults"
}

traced() {
	for pid in $PIDS; do
		grep -q 'TracerPid:.*[1-9]' "/proc/$pid/status" || return 1
	done
}

wait_until_traced() {
	for _ in $(seq 200); do
		! traced || return 0
		kill -0 "$tracer" || return 1
		sleep 0.01
	done
	return 1
}

calls() {
	command -v strace >/dev/null || return 0
	# shellcheck disable=SC2046,SC2086 # a list of options
	strace -qq -c -f -o "$SCRATCH/calls" $(printf ' -p %s' $PIDS) &
	tracer=$!
	wait_until_traced && load -n "$1" >/dev/null || return 1
	sleep 0.1	# the server has work at the last worker's end
	kill -INT "$tracer"
	wait "$tracer" || :
	awk -v n="$1" '$NF == "total" { printf "calls %.1f\n", $4 / n }' \
	    "$SCRATCH/calls"
}

# Spares come and go; this includes those that are idle now.
everyone() {
	sleep 0.2
	# shellcheck disable=SC2086,SC2046 # lists of numbers
	for pid in $PIDS $(workers $PIDS); do
		! grep -qs '^State:.S' "/proc/$pid/status" || echo "$pid"
	done | paste -s -d ' ' -
}

# Warms up first: page faults at a server's first use of a page do not count.
counts() {
	status=0
	load -n 300 >/dev/null || status=1
	PIDS=$(everyone)
	faults "$1" || status=1
	PIDS=$(everyone)
	calls "$1" || status=1
	return $status
}

#
# memory
#

memory() {
	load -h "$1" -x "sh '$0' held '$1'" >"$SCRATCH/memory"
	grep '^memory' "$SCRATCH/memory"
}

held() {
	# shellcheck disable=SC2046,SC2086 # lists of numbers
	kib=$(private_kib $(workers $PIDS))
	echo "memory $((kib / $1))"
}

#
# soak
#

# server_state WHEN
server_state() {
	fds=0
	for pid in $PIDS; do
		fds=$((fds + $(find "/proc/$pid/fd" -type l | wc -l)))
	done
	# shellcheck disable=SC2086 # a list of numbers
	memory=$(private_kib $PIDS)
	size=$(for pid in $PIDS; do
		cat "/proc/$pid/status"
	done | awk '/^VmSize/ { sum += $2 } END { print sum }')
	echo "fds_$1 $fds private_$1 $memory virtual_$1 $size"
}

wait_for_quiet() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		# shellcheck disable=SC2086 # a list of numbers
		[ -n "$(workers $PIDS)" ] || return 0
		sleep 0.5
	done
	echo "watch: there are still workers" >&2
	return 1
}

soak() {
	load -c "$1" -w 2000 -t 3 >/dev/null
	wait_for_quiet
	server_state before
	# A session of its own gets its share of a busy processor.
	# shellcheck disable=SC2086 # a list of numbers
	setsid "$TOOLS/zombies" $PIDS &
	zombies=$!
	load -c "$1" -w 2000 -t "$2"
	kill "$zombies"
	wait "$zombies"
	wait_for_quiet
	server_state after
	echo "workers $1 seconds $2"
}

case ${1-} in
counts) counts "$2" ;;
memory) memory "$2" ;;
held) held "$2" ;;
soak) soak "$2" "$3" ;;
*) exit 1 ;;
esac
