#!/bin/bash
# services.sh - the units and the init script of examples/, with real daemons
#
# systemd-analyze finds no fault in the units. The commands in superserver's
# units, in systemd's order, start, reload and stop a daemon, and so does the
# init script, which signals no other process.
#
# SPDX-License-Identifier: ISC

set -u

# bash's /dev/tcp is a client that need not be installed. Under keep, no
# superserver outlives this script, even if it is killed, and HUP is not
# ignored: after nohup(1) a daemon in the foreground would ignore it, too.
top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}" "${TOP_BUILDDIR:=$top}"
[ -n "${KEPT_DIRECTORY-}" ] || exec "$TOP_BUILDDIR/tests/keep" bash "$0" "$@"
examples=$TOP_SRCDIR/examples

readonly DEADLINE=100	# seconds, for each wait

fail() {
	echo "services: $*"
	exit 1
}

# wait_until WHAT COMMAND...
wait_until() {
	local what=$1 end=$((SECONDS + DEADLINE))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "waited in vain for $what"
		sleep 0.02
	done
}

#
# Processes: those of the daemons have a variable of ours
#

left() {
	grep -lsz "^DAEMONSRV_SERVICES=$$\$" /proc/[0-9]*/environ
}

nothing_left() {
	[ -z "$(left)" ]
}

# Zombies do not count.
children_of() {
	cat /proc/[0-9]*/stat 2>/dev/null |
	    sed -n "s/^\([0-9]*\) (.*) [^ZX] $1 .*/\1/p"
}

has_new_server() {
	server=$(children_of "$master")
	[[ "$server" =~ ^[0-9]+$ && "$server" != "$old_server" ]]
}

is_stopped() {
	grep -q '^State:[[:space:]]*T' "/proc/$master/status"
}

# SIGTERM is the bit before the last three digits.
term_is_pending() {
	grep -q '^ShdPnd:.*[4567c-f]...$' "/proc/$master/status"
}

#
# The client: descriptor 5
#

port_is_said() {
	port=$(sed -n 's/^listening on port //p' output)
	[ -n "$port" ]
}

port_is_said_or_it_ended() {
	port_is_said || ! kill -0 "$master"
}

connect() {
	exec 5<>"/dev/tcp/127.0.0.1/$port" || fail "unable to connect"
}

ask() {
	local line=
	echo "$1" >&5
	read -r -t "$DEADLINE" -u 5 line
	[ "$line" = "$1" ] || fail "\"$line\" does not answer \"$1\""
}

disconnect() {
	exec 5>&-
}

# reloads COMMAND...: no client is cut off, and another server follows.
reloads() {
	old_server=
	wait_until "a server" has_new_server
	old_server=$server
	connect
	ask before
	"$@" || fail "no reload: $*"
	ask meanwhile
	disconnect
	wait_until "another server" has_new_server
	connect
	ask after
	disconnect
}

#
# Units: copies with paths that exist here, an address that does not need
# /etc/hosts and a free port
#

localize() {
	sed "s,/usr/local/sbin/superserver,$directory/superserver,
	    s,/run/superserver/,$directory/,; s/-a localhost/-a 127.0.0.1/
	    s/-p 7007/-p 0/" \
	    "$examples/$1" >"$1"
}

# value UNIT NAME: the setting's value, in one line.
value() {
	sed -e ':more' -e '/\\$/{ N; s/\\\n//; b more' -e '}' "$1" |
	    sed -n "s/^$2=//p"
}

unit_reloads() {
	MAINPID=$master sh -c "$(value "$1" ExecReload)"
}

stops_at_term() {
	kill -TERM "$master"
	wait_until "the end" nothing_left
	[ ! -e superserver.pid ] || fail "$1: the pid file is left"
	echo "$1: started, reloaded, stopped"
}

foreground_unit() {
	localize "$1"
	: >output
	DAEMONSRV_SERVICES=$$ sh -c "exec $(value "$1" ExecStart)" \
	    >output 2>&1 &
	master=$!
	wait_until "a port" port_is_said_or_it_ended
	[ -n "$port" ] || fail "$1: no port: $(cat output)"
	reloads unit_reloads "$1"
	stops_at_term "$1"
	wait "$master" || fail "$1: status $?"
}

forking_unit() {
	localize "$1"
	DAEMONSRV_SERVICES=$$ sh -c "$(value "$1" ExecStart)" >output 2>&1 ||
	    fail "$1: status $?: $(cat output)"
	# The pid file is there at once: systemd would not wait for it.
	master=$(cat "$(value "$1" PIDFile)") || fail "$1: no pid file"
	port_is_said || fail "$1: no port"
	reloads unit_reloads "$1"
	stops_at_term "$1"
}

# Some systemds are older than Type=notify-reload.
knows_notify_reload() {
	[ "$(systemd-analyze --version |
	    sed -n '1s/systemd \([0-9]*\).*/\1/p')" -ge 253 ]
}

verify_units() {
	local said type=notify-reload
	cp "$examples/superserver.socket" "$examples/qotd.socket" .
	knows_notify_reload || type=notify
	sed "s,/usr/local/sbin/,$TOP_BUILDDIR/examples/,
	    s/^Type=.*/Type=$type/" "$examples/qotd.service" >qotd.service
	said=$(systemd-analyze verify "$directory"/*.service \
	    "$directory"/*.socket 2>&1 ||
	    echo "status $?")
	[ -z "$said" ] || fail "systemd-analyze: $said"
	echo "systemd-analyze has nothing to say"
}

#
# runit
#

missing=

has() {
	command -v "$1" >/dev/null && return
	missing="$missing $1"
	return 1
}

runit_service() {
	local runsv
	has runsv || return 0
	mkdir runit
	cat >runit/run <<-END
		#!/bin/sh
		exec '$directory/superserver' -f -a 127.0.0.1 /bin/cat
	END
	chmod +x runit/run
	: >output
	DAEMONSRV_SERVICES=$$ runsv "$directory/runit" >output 2>&1 &
	runsv=$!
	wait_until "a port" port_is_said
	wait_until "runsv's file" test -s runit/supervise/pid
	master=$(cat runit/supervise/pid)
	reloads sv hup "$directory/runit" >output
	sv exit "$directory/runit" >output
	wait_until "the end" nothing_left
	wait $runsv || fail "runsv: status $?"
	echo "runit: started, reloaded, stopped"
}

#
# The init script
#

# expect STATUS ACTION [TEXT]
expect() {
	local status
	DAEMONSRV_SERVICES=$$ SUPERSERVER_DEFAULTS=$directory/defaults \
	    sh "$examples/superserver.init" "$2" >output 2>&1
	status=$?
	[ "$status" = "$1" ] ||
	    fail "init $2: status $status, not $1: $(cat output)"
	grep -q -e "${3-}" output || [ -z "${3-}" ] ||
	    fail "init $2 does not say \"$3\": $(cat output)"
}

defaults() {
	printf '%s\n' "DAEMON=$1" "PIDFILE=$directory/superserver.pid" \
	    "OPTIONS='-a 127.0.0.1 -p $2 /bin/cat'" >defaults
}

no_pid_file() {
	[ ! -e superserver.pid ] || fail "there is a pid file"
}

init_starts() {
	expect 0 "$1"
	master=$(cat superserver.pid) || fail "init $1: no pid file"
	port_is_said || fail "init $1: no port"
	expect 0 status "process $master is running"
}

init_does_what_is_asked() {
	local first
	expect 3 status "not running"
	expect 7 reload "not running"
	expect 0 stop
	expect 0 try-restart
	expect 2 "" usage
	expect 2 no-such-action usage
	no_pid_file

	init_starts start
	first=$master
	expect 0 start "process $first is running already"
	[ "$(cat superserver.pid)" = "$first" ] || fail "another has started"

	init_starts restart
	[ "$master" != "$first" ] || fail "no restart"
	first=$master
	reloads expect 0 reload
	reloads expect 0 force-reload
	[ "$(cat superserver.pid)" = "$first" ] || fail "another master"
	init_starts try-restart
	[ "$master" != "$first" ] || fail "no try-restart"

	# The script has to wait for the end of a master that is stopped.
	kill -STOP "$master"
	wait_until "a stopped master" is_stopped
	{
		wait_until "a stopped master's TERM" term_is_pending
		kill -CONT "$master"
	} &
	expect 0 stop
	nothing_left || fail "processes are left: $(left)"
	wait
	no_pid_file
	expect 3 status
	expect 0 stop
	echo "init: started, reloaded, restarted, stopped"
}

init_says_why_it_does_not_start() {
	init_starts start
	mv superserver.pid other.pid
	defaults "$directory/superserver" "$port"
	expect 1 start "in use"
	no_pid_file
	defaults "$directory/no-such-program" 0
	expect 5 start "not installed"
	defaults "$directory/superserver" 0
	mv other.pid superserver.pid
	expect 0 stop
	no_pid_file
	echo "init: said why it did not start"
}

init_takes_over_the_file_of_a_daemon_that_was_killed() {
	init_starts start
	kill -KILL "$master"
	wait_until "the end of its server" nothing_left
	expect 1 status "not running"
	expect 7 reload
	init_starts start
	kill -KILL "$master"
	wait_until "the end of its server" nothing_left
	expect 0 stop
	no_pid_file
	echo "init: took over a pid file"
}

# A daemon that cannot be asked about may still run.
init_keeps_the_file_where_it_cannot_ask() {
	init_starts start
	defaults "$directory/no-such-program" 0
	expect 4 status "not found"
	expect 1 stop "not found"
	expect 1 reload "not found"
	[ "$(cat superserver.pid)" = "$master" ] || fail "no pid file"
	defaults "$directory/superserver" 0
	expect 0 stop
	mkdir superserver.pid
	expect 4 status "unable to read"
	expect 1 stop "unable to read"
	rmdir superserver.pid
	echo "init: kept a pid file"
}

# This process, all processes, our group: each signal would end this script. The
# others are not pids.
init_signals_no_other_process() {
	local pid
	for pid in $$ -1 0 "" word "1 2"; do
		echo "$pid" >superserver.pid
		expect 1 status "not running"
		expect 7 reload
		expect 0 try-restart
		expect 0 stop
		no_pid_file
	done
	echo "init: signalled no other process"
}

[ -d /proc/self/fd ] || { echo "SKIP: there is no /proc"; exit 77; }
directory=$KEPT_DIRECTORY
cd "$directory" || exit 1
trap 'fail "a signal has come here"' HUP INT TERM
trap '' PIPE

# The program itself, not libtool's script, so the path of its library is set.
program=$TOP_BUILDDIR/examples/superserver
for name in superserver lt-superserver; do
	[ ! -x "$TOP_BUILDDIR/examples/.libs/$name" ] ||
	    program=$TOP_BUILDDIR/examples/.libs/$name
done
ln -s "$program" superserver
export LD_LIBRARY_PATH="$TOP_BUILDDIR/lib/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

foreground_unit superserver.service
runit_service
if ! grep -q '^#define HAVE_FLOCK 1' "$TOP_BUILDDIR/config.h"; then
	echo "SKIP: no pid file without flock(2)"
	exit 77
fi
forking_unit superserver-forking.service
defaults "$directory/superserver" 0
init_does_what_is_asked
init_says_why_it_does_not_start
init_takes_over_the_file_of_a_daemon_that_was_killed
init_keeps_the_file_where_it_cannot_ask
init_signals_no_other_process

if has systemd-analyze; then
	verify_units
fi
if [ -n "$missing" ]; then
	echo "SKIP: not installed:$missing"
	exit 77
fi
