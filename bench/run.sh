#!/bin/sh
# run.sh - measures the library and other servers, and writes the results
#
#     run.sh [-b seconds] [-o directory] [-r rounds] [-s seconds] [-t seconds]
#         tools [part ...]
#
# tools is the directory of the programs that make bench builds; its
# subdirectory peers is that of peers.sh. The parts are counts, memory, starts,
# speed, held and soak; the default is all. With -o, results.md and results.svg
# are written into that directory; without it the page goes to standard output.
# The status is 0 if nothing has failed; a missing contender is not a failure.
#
# First a short load shows what a fork costs on this machine. A load lasts -t
# seconds, or longer if that is too short for enough connections. There are -r
# rounds, or fewer if they would take longer than -b seconds. The soak lasts -s
# seconds.
#
# The contenders take turns (A B C ... A B C ...), so that other load on the
# machine affects all of them, and each is compared with the floor in the same
# round.
#
# SPDX-License-Identifier: ISC
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=
budget=270
rounds=7
soak=6
length=0.3

fail() {
	echo "bench: $*" >&2
	exit 1
}

while getopts b:o:r:s:t: option; do
	case $option in
	b) budget=$OPTARG ;;
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
[ $# -gt 0 ] || set -- counts memory starts soak speed held

SCRATCH=$(mktemp -d)
export TOOLS PEERS SCRATCH
trap 'rm -rf "$SCRATCH"' EXIT
trap 'exit 130' HUP INT TERM
raw=$SCRATCH/raw
began=$(date +%s)
silent_until=0

# Shows less if standard error is not a terminal.
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

# has_time SECONDS PERCENT: whether they remain in that part of the budget.
has_time() {
	[ $(($(date +%s) - began + $1)) -le $((budget * $2 / 100)) ]
}

# What the floor serves each second, and how long a load must be: with less than
# some hundred connections, a few slow ones would decide the figure.
calibrate() {
	progress "how dear a fork is"
	trial floor "exec '$TOOLS/load' -c 16 -t $length \"\$PORT\"" \
	    calibration
	rate=$(awk '/^calibration held/ { print int($5) + 1 }' "$raw")
	length=$(awk -v length_="$length" -v rate="${rate:-1}" 'BEGIN {
	    least = 200 / rate
	    if (length_ >= 0.3 && least > length_)
		length_ = least < 3 ? least : 3
	    printf "%.1f", length_ }')
	echo "length $length" >>"$raw"
}

# all_once COMMAND KIND. The floor of reuse has no worker for each connection.
all_once() {
	for name in $present; do
		case $name in
		floor-again | floor-deep) continue ;;
		floor-reuse) [ "$2" != memory ] || continue ;;
		esac
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

# In a round each daemon starts once, and ours again with clients.
starts() {
	for round in $(seq "$rounds"); do
		for name in $daemons; do
			one_start "$name" 0
		done
		one_start library 1000 -h 1000
	done
}

# one_start NAME HELD OPTION...
one_start() {
	name=$1
	held=$2
	shift 2
	progress "round $round of $rounds, start and stop: $name"
	if sh "$here/contenders.sh" daemon "$name" "$@" \
	    >"$SCRATCH/figures" 2>"$SCRATCH/errors"; then
		sed "s/^/starts $name $round $held /" "$SCRATCH/figures"
	else
		echo "failed start of $name:" \
		    "$(tail -n 3 "$SCRATCH/errors" | paste -s -d '|' -)"
	fi >>"$raw"
}

# one_round ROUND CLIENTS
one_round() {
	for name in $present; do
		progress "round $1 of at most $rounds, clients $2: $name"
		trial "$name" "exec '$TOOLS/load' -c $2 -t $length \"\$PORT\"" \
		    speed "$name" "$1" "$2"
	done
}

# At least two rounds; the first shows how long a round takes.
speed() {
	one=0
	for round in $(seq "$rounds"); do
		[ "$round" -le 2 ] || has_time "$one" 65 || break
		start=$(date +%s)
		for clients in 1 16 64; do
			one_round "$round" "$clients"
		done
		one=$(($(date +%s) - start))
	done
	model
}

# The model needs a long load, in which the work for the first connections does
# not matter.
model() {
	long=$(awk -v n="$length" 'BEGIN { print n < 0.3 ? n : n < 1 ? 2 : 2 * n }')
	for name in library library-spares library-reuse naive; do
		progress "the model: $name"
		trial "$name" "exec '$TOOLS/load' -c 64 -t $long \"\$PORT\"" \
		    model "$name" 1 64
	done
}

# held_round ROUND COUNT...: the floors and the library, at first with no held
# connections. The loads are longer, since among that many processes one may
# have to wait for tenths of a second.
held_round() {
	round=$1
	shift
	for name in floor floor-deep library; do
		progress "round $round, $* held: $name"
		sleep 1	# the kernel is still cleaning up
		trial "$name" "exec '$TOOLS/load' -c 16 -t $held_length \
		    $(printf ' -h %s' 0 "$@") \"\$PORT\"" held "$name" "$round"
	done
}

# The rate of new connections while up to 20,000 others are held. If that takes
# too long it is done once, and the other rounds hold fewer.
held() {
	held_length=$(awk -v n="$length" 'BEGIN { print n < 1 ? 1 : n }')
	start=$(date +%s)
	held_round 1 5000 19500 20000
	one=$(($(date +%s) - start))
	for round in $(seq 2 "$rounds"); do
		if has_time "$one" 100; then
			held_round "$round" 5000 19500
		elif has_time "$((one / 3))" 100; then
			held_round "$round" 5000
		else
			break
		fi
	done
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
	echo "limits RLIMIT_NOFILE $(hard_limit 'Max open files')," \
	    "RLIMIT_NPROC $(hard_limit 'Max processes')," \
	    "kernel.pid_max $(cat /proc/sys/kernel/pid_max)," \
	    "kernel.threads-max $(cat /proc/sys/kernel/threads-max)"
	sh "$here/contenders.sh" list
	sh "$here/contenders.sh" daemons
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
daemons=$(awk '$1 == "daemon" { print $2 }' "$raw")
calibrate
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
