#!/bin/bash
# demo.sh - the life of a daemon in a minute
#
#     sh tools/demo.sh
#
# Builds the library in build/check (see build.sh) and runs two examples: the
# superserver, with a script as its worker, and qotd. Each step is checked: status
# 0 means that everything happened as the text says.
#
# SPDX-License-Identifier: ISC

# bash's /dev/tcp is a client that need not be installed.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
export BUILD_DIR="${BUILD_DIR:-$root/build/check}"

fail() {
	echo "demo: $*" >&2
	exit 1
}

heading() {
	printf '\n== %s\n\n' "$*"
}

# wait_until WHAT COMMAND...: a minute is longer than anything here takes.
wait_until() {
	local what=$1 i
	shift
	for ((i = 0; i < 1200; i++)); do
		"$@" && return
		sleep 0.05
	done
	fail "$what: not within a minute"
}

#
# The daemon's processes: those of its session
#

# Lines of "pid parent command". A zombie has ended, even if pid 1 has not
# reaped it.
processes() {
	[ -n "${session-}" ] || return
	ps -s "$session" -o stat=,pid=,ppid=,args= |
	    awk '$1 !~ /^Z/ { $1 = ""; print }'
}

none_left() {
	[ -z "$(processes)" ]
}

# pid_of TITLE
pid_of() {
	processes | awk -v title="$1" 'index($0, title) { print $1 }'
}

# is_one VARIABLE TITLE: whether one process has this title and is not the one
# in the variable; sets the variable to it.
is_one() {
	local found
	found=$(pid_of "$2")
	[[ "$found" =~ ^[0-9]+$ && "$found" != "${!1-}" ]] || return
	printf -v "$1" %s "$found"
}

tree() {
	ps -s "$session" --forest -o pid,args | sed "s,$directory/,," | show
}

#
# What a user types, and the result
#

# Breaks long lines.
show() {
	awk '{
		begin = "    "
		while (length($0) > 74 && match(substr($0, 1, 74), /.* /)) {
			print begin substr($0, 1, RLENGTH - 1)
			$0 = substr($0, RLENGTH + 1)
			begin = "        "
		}
		print begin $0
	}'
}

# type_in COMMAND: the command does not inherit the clients' connections.
type_in() {
	echo "$ $1" | show
	eval "$1" >output 2>&1 5>&- 6>&-
	status=$?
	show <output
}

# starts COMMAND STATUS: the command exits with this status.
starts() {
	type_in "$1"
	echo "$ echo \$?" | show
	echo "$status" | show
	[ "$status" = "$2" ] || fail "the status is not $2"
}

# has WORD...: the last command has printed these words.
has() {
	local word
	for word; do
		grep -q -e "$word" output || fail "\"$word\" is missing"
	done
}

# said LOG TEXT
said() {
	grep -q -e "$2" "$1"
}

#
# Clients: their descriptors are 5 and 6
#

# connect DESCRIPTOR: sets worker
connect() {
	eval "exec $1<>/dev/tcp/127.0.0.1/$port" || fail "unable to connect"
	read -r -t 60 -u "$1" line || fail "the worker says nothing"
	worker=${line##* }
	echo "client $1 connects and reads: $line" | show
}

ask() {
	echo "$2" >&"$1"
	read -r -t 60 -u "$1" line || fail "no answer to \"$2\""
	echo "client $1 writes: $2" | show
	echo "client $1 reads: $line" | show
	[ "$line" = "I hear: $2" ] || fail "that is not the answer"
}

hears_the_end() {
	read -r -t 60 -u "$1" line
	[ $? = 1 ] || fail "client $1 is still connected"
	eval "exec $1>&-"
	echo "client $1 reads the end of its connection" | show
}

leave() {
	eval "exec $1>&-"
	echo "client $1 goes" | show
}

refused() {
	! (exec 7<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# A free port below those that the kernel gives to clients.
choose_port() {
	port=$((20000 + RANDOM % 10000))
	refused || choose_port
}

# reads_quote QUOTE
reads_quote() {
	read -r -t 60 line <"/dev/tcp/127.0.0.1/$port" ||
	    fail "there is no quote"
	[ "$line" = "$1"$'\r' ] || fail "another quote: $line"
	echo "client reads: ${line%?}" | show
}

# Ends everything, however this script ends.
clean_up() {
	local pid i
	for pid in pid other-pid; do
		[ -s "$pid" ] && kill -TERM "$(cat "$pid")"
	done
	[ ! -e qotd-pid ] || qotd -k qotd-pid
	for ((i = 0; i < 200; i++)); do
		none_left && break
		sleep 0.05
	done
	for pid in $(processes | awk '{ print $1 }'); do
		kill -KILL "$pid" 2>/dev/null
	done
	cd /
	rm -rf "$directory"
}

sh "$root/tools/build.sh" || exit 1
PATH=$(cd "$BUILD_DIR" && pwd)/examples:$PATH
directory=$(mktemp -d) && cd "$directory" || exit 1
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
ulimit -c 0	# a worker will crash

cat >worker <<'END'
#!/bin/sh
echo "I am process $$"
while read -r line; do
	echo "I hear: $line"
	echo "process $$ has heard: $line" >&2
done
END
chmod +x worker

heading "A worker is any program that talks on stdin and stdout"
show <worker

heading "The start: the shell waits for it, and is told what goes on"
starts "superserver -T -n -P pid -s status -L log -a 127.0.0.1 ./worker" 0
port=$(sed -n 's/^listening on port //p' output)
[ -n "$port" ] || fail "there is no port"
master=$(cat pid) || fail "there is no pid file"
session=$(ps -o sid= -p "$master" | tr -d ' ')
[ -n "$session" ] || fail "there is no master $master"

heading "A start that fails: the shell is told why"
starts "superserver -P other-pid -a 127.0.0.1 -p $port ./worker" 1
has "in use"

heading "Each client has a process of its own"
connect 5
crashing=$worker
connect 6
wait_until "two workers" is_one server "superserver: server 2/100"
logger=
wait_until "a logger" is_one logger "superserver: logger"
echo
tree

heading "A worker crashes: only its client notices, and the log says so"
type_in "kill -SEGV $crashing"
hears_the_end 5
ask 6 "And you?"
wait_until "the log" said log "Segmentation fault"
type_in "grep 'Segmentation fault' log"
has "unable to keep worker $crashing of 127.0.0.1:"

heading "The logger is killed: another follows, and no line is lost"
type_in "kill -KILL $logger"
ask 6 "Still there?"
wait_until "another logger" is_one logger "superserver: logger"
wait_until "the log" said log "unable to keep the logger"
wait_until "the log" said log "process $worker has heard: Still there?"
type_in "cut -d' ' -f2- log"
has "has heard: And you?"

heading "A reload: the next server takes over, and no client is cut off"
type_in "superserver -P pid -k reload"
wait_until "another server" is_one server "superserver: server 1/100"
ask 6 "Who serves you?"
connect 5
wait_until "two workers" is_one title "superserver: server 2/100"
echo
tree

heading "What it has done so far, for Prometheus or a person"
wait_until "the status file" grep -q '^daemonsrv_workers{.*} 2$' status
type_in "grep -E '^[^#]*(workers|connections_total|signal|asked)' status"
has 'workers{.*} 2' 'connections_total{.*} 3' '"signal"} 1' '"asked"} 1'

heading "A graceful stop: no client is let in, and the last one is waited for"
type_in "superserver -P pid -k quit &"
wait_until "that clients are refused" refused
echo "another client is refused" | show
ask 5 "Are you still there?"
leave 5
leave 6
wait $! || fail "superserver -k quit has failed"
none_left || fail "processes are left: $(processes)"
[ ! -e pid ] || fail "the pid file is left"
echo "no process is left, and no pid file" | show

heading "A mistake in a configuration: no start, but no harm to what runs"
choose_port
qotd="qotd -P qotd-pid -l qotd-log -p $port quotes"
type_in "printf 'To be, or' >quotes"
starts "$qotd" 1
has "quotes:1: too long or cut off"
type_in "echo 'To be, or not to be' >quotes"
starts "$qotd" 0
reads_quote "To be, or not to be"
type_in "rm quotes"
type_in "qotd -r qotd-pid"
wait_until "the log" said qotd-log "unable to read quotes"
wait_until "the log" said qotd-log "unable to reload"
type_in "grep unable qotd-log"
has "unable to read quotes: No such file"
reads_quote "To be, or not to be"
type_in "qotd -k qotd-pid"
[ ! -e qotd-pid ] || fail "the pid file of qotd is left"
