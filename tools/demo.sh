#!/bin/bash
# demo.sh - the life of a daemon in a minute
#
#     sh tools/demo.sh
#
# Builds the library in build/check (see build.sh) and runs the superserver
# example with a three-line worker. Each step is checked: status 0 means that
# everything happened as the text says.
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

# wait_until WHAT COMMAND...: up to 10 seconds.
wait_until() {
	local what=$1 i
	shift
	for ((i = 0; i < 200; i++)); do
		"$@" && return
		sleep 0.05
	done
	fail "$what: not within 10 seconds"
}

#
# The daemon's processes: exactly those of its session
#

# Lines of "pid parent". A zombie has ended, even if pid 1 has not reaped it.
processes() {
	[ -n "${session-}" ] || return
	ps -s "$session" -o stat=,pid=,ppid= | awk '$1 !~ /^Z/ { print $2, $3 }'
}

children_of() {
	processes | awk -v parent="$1" '$2 == parent { print $1 }'
}

none_left() {
	[ -z "$(processes)" ]
}

new_server() {
	server=$(children_of "$master")
	[[ "$server" =~ ^[0-9]+$ && "$server" != "$old_server" ]]
}

tree() {
	ps -s "$session" --forest -o pid,ppid,comm | awk \
	    -v master="$master" -v server="$server" -v worker="$worker" '
		$1 == master { role = "the master" }
		$1 == server { role = "the server" }
		$1 == worker { role = "the worker of our client" }
		{ printf role ? "    %-40s %s\n" : "    %s\n", $0, role }
		{ role = "" }'
}

#
# What a user types: a shown command, and its exit status
#

type_in() {
	echo "    \$ $*"
	timeout --foreground 20 "$@" >output 2>&1
	status=$?
	sed 's/^/    /' output
	echo '    $ echo $?'
	echo "    $status"
}

send() {
	echo "    \$ kill -$1 $master"
	kill "-$1" "$master" || fail "there is no master $master"
}

#
# The client: descriptor 5
#

connect() {
	exec 5<>"/dev/tcp/127.0.0.1/$port" || fail "unable to connect"
	read -r -t 10 -u 5 line || fail "the worker says nothing"
	echo "    client connects, hears: $line"
	worker=${line##* }
	[ "$(children_of "$server")" = "$worker" ] ||
	    fail "$worker is not the server's only worker"
}

ask() {
	echo "$1" >&5
	read -r -t 10 -u 5 line || fail "no answer to \"$1\""
	echo "    client asks: $1"
	echo "    client hears: $line"
	[ "$line" = "worker $worker: $1" ] || fail "that is not the answer"
}

disconnect() {
	exec 5>&-
	echo "    client goes"
}

refused() {
	! (exec 6<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# Nothing is left, however this script ends.
clean_up() {
	local pid i
	for pid in pid second-pid; do
		[ -s "$pid" ] && kill -TERM "$(cat "$pid")"
	done
	for ((i = 0; i < 100; i++)); do
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

cat >answer <<'END'
#!/bin/sh
echo "I am worker $$"
while read -r line; do echo "worker $$: $line"; done
END
chmod +x answer
PATH=$PATH:$directory

heading "A worker is any program that talks on stdin and stdout"
sed 's/^/    /' answer

heading "The start: messages reach the shell, which waits for the verdict"
type_in superserver -a 127.0.0.1 -P pid answer
port=$(sed -n 's/^listening on port //p' output)
[[ "$status" = 0 && -n "$port" ]] || fail "the start failed"
master=$(cat pid) || fail "there is no pid file"
session=$(ps -o sid= -p "$master" | tr -d ' ')
[ -n "$session" ] || fail "there is no master $master"
old_server=none
wait_until "a server" new_server

heading "A start that fails says why: the port is in use"
type_in superserver -a 127.0.0.1 -p "$port" -P second-pid answer
grep -q "in use" output || fail "the message does not say why"
[ "$status" = 1 ] || fail "the status of a failed start is not $status"

heading "A client has a process of its own"
connect
ask "Who are you?"
echo
tree

heading "A reload: HUP replaces the server, but no client is cut off"
send HUP
ask "Still there?"
disconnect
old_server=$server
wait_until "a new server" new_server
connect
echo
tree

heading "A graceful stop: after USR2 no client is let in any more"
send USR2
wait_until "that clients are refused" refused
echo "    another client is refused"
ask "And you?"
disconnect
wait_until "the end of all processes" none_left
[ ! -e pid ] || fail "the pid file is still there"
echo "    no process is left, and no pid file"
