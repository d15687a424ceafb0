#!/bin/bash
# smoke.sh - takes a daemon through a short life
#
#     sh tools/smoke.sh COMMAND [argument ...]
#
# The command must start a daemon that answers a line with a text that contains
# the line; each argument PORT is replaced by a free port. It may be any program
# with the library, and run under an emulator. The daemon is started, asked,
# reloaded, asked, loses its server and logger by SIGKILL, is asked again and
# stopped; none of its processes may be left.
#
# SPDX-License-Identifier: ISC

# bash's /dev/tcp is a client that need not be installed.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
set -u

fail() {
	echo "smoke: $*" >&2
	exit 1
}

# wait_until WHAT COMMAND...: up to 20 seconds, since an emulator is slow.
wait_until() {
	local what=$1 i
	shift
	for ((i = 0; i < 400; i++)); do
		"$@" && return
		sleep 0.05
	done
	fail "$what: not within 20 seconds"
}

#
# The daemon's processes: they have a variable of ours
#

# Lines of "pid parent".
processes() {
	local list
	list=$(grep -lsz "^DAEMONSRV_SMOKE=$$\$" /proc/[0-9]*/environ |
	    tr -dc '0-9\n' | paste -sd ,)
	[ -z "$list" ] || ps -o pid=,ppid= -p "$list"
}

none_left() {
	[ -z "$(processes)" ]
}

# The process whose parent is not one of them.
oldest() {
	processes | awk '{ parent[$1] = $2 }
		END { for (p in parent) if (!(parent[p] in parent)) print p }'
}

# The server and, if there is one, the logger.
wards() {
	processes | awk -v master="$master" '$2 == master { print $1 }'
}

# Sets what renewed compares with.
remember() {
	count=$(wards | wc -l)
	known=" $(processes | awk '{ print $1 }' | tr '\n' ' ')"
}

# renewed COUNT: there are as many as before, and COUNT of them are new. Adopted
# workers do not count.
renewed() {
	wards | awk -v known="$known" -v count="$count" -v wanted="$1" '
		!index(known, " " $1 " ") { new++ }
		END { exit !(NR == count && new == wanted) }'
}

#
# The client: descriptor 5
#

connect() {
	exec 5<>"/dev/tcp/127.0.0.1/$port" || fail "unable to connect"
}

ask() {
	local line
	echo "$1" >&5
	read -r -t 20 -u 5 line || fail "no answer to \"$1\""
	[[ "$line" == *"$1"* ]] || fail "\"$line\" does not answer \"$1\""
}

disconnect() {
	exec 5>&-
}

# start PORT COMMAND...: tries the next port if this one is taken.
start() {
	local word command=()
	port=$1
	shift
	for word; do
		[ "$word" = PORT ] && word=$port
		command+=("$word")
	done
	DAEMONSRV_SMOKE=$$ timeout --foreground 60 "${command[@]}" \
	    >"$output" 2>&1 </dev/null
}

clean_up() {
	local pid
	for pid in $(processes | awk '{ print $1 }'); do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -f "$output"
}

[ $# != 0 ] || fail "usage: sh tools/smoke.sh COMMAND [argument ...]"
output=$(mktemp) || exit 1
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

for i in 1 2 3 4 5 6 7 8; do
	start $((20000 + RANDOM % 10000)) "$@" && break
	status=$?
	cat "$output" >&2
	grep -q 'in use' "$output" || fail "the start ended with $status"
	[ $i != 8 ] || fail "no port is free"
done

master=$(oldest)
[[ "$master" =~ ^[0-9]+$ ]] || fail "this is not a master: $master"
remember
[ "$count" != 0 ] || fail "the master $master has no server"
connect
ask "are you there?"

kill -HUP "$master"
ask "are you still there?"
disconnect
wait_until "another server after HUP" renewed 1
connect
ask "are you another?"

remember
# shellcheck disable=SC2046 # pids
kill -KILL $(wards)
ask "are you on your own?"
disconnect
wait_until "others after KILL" renewed "$count"
connect
ask "are you there again?"

kill -TERM "$master"
wait_until "the end of all processes" none_left
disconnect
echo "started, answered, reloaded, survived, ended: $*"
