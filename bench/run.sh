#!/bin/sh
# run.sh - measures the library and other servers, and writes the results
#
#     run.sh [-o directory] [-r rounds] [-s seconds] [-t seconds]
#         tools [part ...]
#
# tools is the directory of the programs that make bench builds; its
# subdirectory peers is that of peers.sh. The parts are counts, memory, speed,
# held and soak; the default is all. With -o, results.md and results.svg are
# written into that directory; without it the page goes to standard output.
# Each load lasts -t seconds, and the soak -s. Status 0 if nothing has failed;
# a missing contender is not a failure.
#
# The contenders take turns (A B C ... A B C ...), so that other load on the
# machine affects all of them, and each is compared with naive in the same
# round.
#
# SPDX-License-Identifier: ISC
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=
rounds=7
soak=6
length=0.3

fail() {
	echo "bench: $*" >&2
	exit 1
}

while getopts o:r:s:t: option; do
	case $option in
	o) out=$(cd "$OPTARG" && pwd) ;;
	r) rounds=$OPTARG ;;
	s) soak=$OPTARG ;;
	t) length=$OPTARG ;;
	*) exit 1 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || fail "usage: run.sh [option ...] tools [part ...]"
[ "$(uname)" = Linux ] || fail "this needs Linux"
TOOLS=$(cd "$1" && pwd)
PEERS=$TOOLS/peers
shift
[ $# -gt 0 ] || set -- counts memory speed held soak

SCRATCH=$(mktemp -d)
export TOOLS PEERS SCRATCH
trap 'rm -rf "$SCRATCH"' EXIT
trap 'exit 130' HUP INT TERM
raw=$SCRATCH/raw
began=$(date +%s)
silent_until=0

# Less often if standard error is not a terminal.
progress() {
	seconds=$(($(date +%s) - began))
	text=$(printf 'bench %d:%02d  %s' $((seconds / 60)) \
	    $((seconds % 60)) "$*")
	if [ -t 2 ]; then
		printf '\r%-76.76s' "$text" >&2
	elif [ "$seconds" -ge "$silent_until" ]; then
		echo "$text" >&2
		silent_until=$((seconds + 10))
	fi
}

# trial NAME COMMAND KEY...: puts the keys before each line of its figures.
trial() {
	name=$1
	command=$2
	shift 2
	status=0
	"$TOOLS/trial" "exec sh '$here/contenders.sh' start $name" "$command" \
	    >"$SCRATCH/figures" 2>"$SCRATCH/errors" || status=$?
	[ "$status" -lt 128 ] || exit "$status"
	sed "s/^/$* /" "$SCRATCH/figures" >>"$raw"
	[ "$status" = 0 ] || echo "failed $*:" \
	    "$(tail -n 3 "$SCRATCH/errors" | paste -s -d '|' -)" >>"$raw"
}

# all_once COMMAND KIND
all_once() {
	for name in $present; do
		[ "$name" != naive-again ] || continue
		progress "$2 of each connection: $name"
		trial "$name" "$1" "$2" "$name" 1 0
	done
}

counts() {
	for tool in perf strace; do
		command -v $tool >/dev/null || echo "missing $tool $tool"
	done >>"$raw"
	all_once "exec sh '$here/watch.sh' counts 200" counts
}

memory() {
	all_once "exec sh '$here/watch.sh' memory 100" memory
}

# one_round ROUND CLIENTS
one_round() {
	for name in $present; do
		progress "round $1 of $rounds, clients $2: $name"
		trial "$name" "exec '$TOOLS/load' -c $2 -t $length \"\$PORT\"" \
		    speed "$name" "$1" "$2"
	done
}

speed() {
	for round in $(seq "$rounds"); do
		for clients in 1 16 64; do
			one_round "$round" "$clients"
		done
	done
}

# held_round ROUND NAME
held_round() {
	progress "round $1 of $rounds, 19,500 held: $2"
	sleep 1	# the kernel still cleans up after the last round
	trial "$2" "exec '$TOOLS/load' -c 16 -t 1 \
	    -h 0 -h 5000 -h 19500 \"\$PORT\"" held "$2" "$1"
}

# The rate of new connections while others are held, and 20,000 at once. The
# loads are longer, since among so many processes one may not run for tenths of
# a second. One round is enough for naive.
held() {
	for round in $(seq "$rounds"); do
		held_round "$round" library
	done
	held_round "$rounds" naive
	progress "20,000 held: library"
	trial library "exec '$TOOLS/load' -h 20000 -x : \"\$PORT\"" \
	    held library 1
}

soak() {
	progress "1,000 workers come and go for $soak s"
	trial library "exec sh '$here/watch.sh' soak 1000 $soak" \
	    soak library 1 0
}

hard_limit() {
	awk -v name="$1" 'index($0, name) == 1 { print $(NF - 1) }' \
	    /proc/self/limits
}

describe() {
	echo "machine $(nproc) processors," \
	    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)," \
	    "$(uname -s) $(uname -r)"
	echo "date $(date -u +%Y-%m-%d)"
	echo "rounds $rounds $length"
	echo "limits RLIMIT_NOFILE $(hard_limit 'Max open files')," \
	    "RLIMIT_NPROC $(hard_limit 'Max processes')," \
	    "kernel.pid_max $(cat /proc/sys/kernel/pid_max)," \
	    "kernel.threads-max $(cat /proc/sys/kernel/threads-max)"
	sh "$here/contenders.sh" list
}

plot() {
	if command -v gnuplot >/dev/null; then
		gnuplot -e "data = '$SCRATCH/plot'" "$here/results.gnuplot" \
		    >"$SCRATCH/results.svg"
		cp "$SCRATCH/results.svg" "$out/results.svg"
	else
		echo "bench: no gnuplot: results.svg is left as it was" >&2
	fi
}

cp "$TOOLS/echo-static" "$SCRATCH/echo"
describe >"$raw"
present=$(awk '$1 == "contender" { print $2 }' "$raw")
for part; do
	"$part"
done
[ ! -t 2 ] || printf '\r%76s\r' '' >&2
awk -v plot="$SCRATCH/plot" -f "$here/report.awk" "$raw" >"$SCRATCH/page"
if [ -n "$out" ]; then
	cp "$SCRATCH/page" "$out/results.md"
	plot
else
	cat "$SCRATCH/page"
fi
! grep -q '^failed' "$raw" || fail "the page says what has failed"
