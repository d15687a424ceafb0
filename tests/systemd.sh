#!/bin/bash
# systemd.sh - examples/superserver and examples/qotd under a real systemd
#
# systemd is process 1 of new namespaces. Its root directory has the machine's
# /usr, read-only, and almost nothing else. The units are those of examples/.
#
#     systemd.sh           makes the container and shows the results
#     systemd.sh enter     in the namespaces: makes the root; becomes systemd
#     systemd.sh inside    a service of that systemd: the tests
#
# SPDX-License-Identifier: ISC

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
: "${TOP_SRCDIR:=$top}" "${TOP_BUILDDIR:=$top}" "${TEST_DIRECTORY=}"

readonly DEADLINE=100	# seconds, for each wait
unit=superserver.service

fail() {
	echo "systemd: $*"
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
# The container
#

skip() {
	echo "SKIP: $*"
	exit 77
}

find_systemd() {
	for systemd in /usr/lib/systemd/systemd /lib/systemd/systemd; do
		[ ! -x $systemd ] || return 0
	done
	skip "there is no systemd"
}

# Its processes are in one cgroup. The machine's cgroups are not mounted below
# the directory, which is removed with its contents.
make_cgroup() {
	mount -t cgroup2 cgroup2 /mnt || return 1
	cgroup=/mnt$(sed -n 's/^0:://p' /proc/self/cgroup)
	cgroup=${cgroup%/}/daemonsrv-test.$$
	mkdir "$cgroup"
}

cgroup_goes() {
	find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null
	[ ! -e "$cgroup" ]
}

remove_cgroup() {
	wait_until "the end of the container" cgroup_goes
}

# copy_program NAME: not libtool's script.
copy_program() {
	local program=$TOP_BUILDDIR/examples/$1 name
	for name in "$1" "lt-$1"; do
		[ ! -x "$TOP_BUILDDIR/examples/.libs/$name" ] ||
		    program=$TOP_BUILDDIR/examples/.libs/$name
	done
	cp "$program" "usr/local/sbin/$1"
}

# The programs and their library, where the units have them.
copy_programs() {
	mkdir -p usr/local/sbin usr/local/lib
	copy_program superserver && copy_program qotd || return 1
	cp "$TOP_BUILDDIR"/lib/.libs/libdaemonsrv.so.* usr/local/lib \
	    2>/dev/null
	cp "$TOP_SRCDIR/tests/systemd.sh" usr/local/sbin/tests
	cp "$TOP_SRCDIR"/examples/superserver.s* "$TOP_SRCDIR"/examples/qotd.s* \
	    "$TOP_SRCDIR/examples/superserver-forking.service" \
	    etc/systemd/system
}

configure() {
	echo 0123456789abcdef0123456789abcdef >etc/machine-id
	cat >etc/hosts <<-'END'
		127.0.0.1 localhost
	END
	cat >etc/systemd/system.conf <<-'END'
		[Manager]
		DefaultEnvironment=LD_LIBRARY_PATH=/usr/local/lib
		DefaultEnvironment=ASAN_OPTIONS=detect_leaks=0
	END
	cat >etc/systemd/system/tests.target <<-'END'
		[Unit]
		DefaultDependencies=no
	END
	cat >etc/systemd/system/tests.service <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		Environment=TEST_DIRECTORY=$directory
		StandardOutput=append:$directory/output
		StandardError=append:$directory/output
		ExecStart=/bin/bash /usr/local/sbin/tests inside
		ExecStopPost=/bin/systemctl --no-block exit
	END
	ln -s /usr/lib/systemd/system/network.target etc/systemd/system
	mkdir etc/systemd/system/tests.target.wants
	ln -s ../tests.service etc/systemd/system/tests.target.wants
	local name
	for name in superserver.service superserver.socket \
	    superserver-forking.service qotd.service qotd.socket; do
		mkdir "etc/systemd/system/$name.d"
		cat >"etc/systemd/system/$name.d/test.conf" <<-'END'
			[Unit]
			DefaultDependencies=no
			StartLimitIntervalSec=0
		END
	done
}

make_devices() {
	local name
	mount -t tmpfs -o mode=755 tmpfs dev || return 1
	for name in null zero full random urandom tty; do
		: >dev/$name
		mount --bind /dev/$name dev/$name || return 1
	done
	mkdir dev/shm dev/pts
	mount -t devpts -o ptmxmode=666 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
}

# Writing to /proc/sys or /sys would change the machine.
make_root() {
	local name
	mount --make-rprivate / && mkdir "$directory/root" &&
	    mount -t tmpfs -o mode=755 tmpfs "$directory/root" || return 1
	cd "$directory/root" || return 1
	mkdir -p usr etc/systemd/system proc sys dev root run tmp var/tmp old \
	    "./$directory"
	chmod 1777 tmp var/tmp
	mount --rbind /usr usr && mount -o remount,bind,ro usr &&
	    mount -t tmpfs -o mode=755 tmpfs usr/local &&
	    mount --bind "$directory" "./$directory" || return 1
	for name in bin sbin lib lib32 lib64; do
		if [ -L /$name ]; then
			cp -P /$name .
		elif [ -d /$name ]; then
			mkdir $name
			mount --bind /$name $name || return 1
		fi
	done
	for name in passwd group nsswitch.conf ld.so.cache os-release; do
		[ ! -e /etc/$name ] || cp -L /etc/$name etc
	done
	mount -t proc proc proc && mount --bind proc/sys proc/sys &&
	    mount -o remount,bind,ro proc/sys &&
	    mount -t sysfs -o ro sysfs sys &&
	    mount -t cgroup2 cgroup2 sys/fs/cgroup &&
	    mount -t tmpfs -o mode=755 tmpfs run && make_devices &&
	    copy_programs && configure
}

enter() {
	directory=$TEST_DIRECTORY
	find_systemd
	{ make_root && pivot_root . old && umount -l /old; } ||
	    skip "no container can be made"
	exec env container=test $systemd --system --unit=tests.target \
	    --log-target=null --show-status=no </dev/null >/dev/null 2>&1
}

outside() {
	local status=0
	[ "$(id -u)" = 0 ] || skip "only root can make a container"
	find_systemd
	unshare -m -p -f -n -u -i -C true 2>/dev/null ||
	    skip "namespaces cannot be made"
	directory=$KEPT_DIRECTORY
	make_cgroup 2>/dev/null || skip "there is no cgroup2"
	chmod 755 "$directory"
	! grep -qs '^#define HAVE_PRCTL 1' "$TOP_BUILDDIR/config.h" ||
	    : >"$directory/adopts"
	! grep -qs '^#define HAVE_FLOCK 1' "$TOP_BUILDDIR/config.h" ||
	    : >"$directory/locks"
	trap remove_cgroup EXIT
	(
		echo 0 >"$cgroup/cgroup.procs"
		exec env TEST_DIRECTORY="$directory" timeout -s KILL $((3 * DEADLINE)) \
		    unshare -m -p -f -n -u -i -C --kill-child \
		    bash "$TOP_SRCDIR/tests/systemd.sh" enter
	) || status=$?
	[ $status != 77 ] || exit 77
	[ -e "$directory/output" ] ||
	    skip "systemd does not start in the container: status $status"
	cat "$directory/output"
	[ -e "$directory/passed" ] || fail "the container's status is $status"
}

#
# The tests, as a service
#

# property NAME: of the unit.
property() {
	systemctl show -P "$1" $unit
}

# is NAME VALUE
is() {
	[ "$(property "$1")" = "$2" ]
}

expect() {
	is "$1" "$2" || fail "$unit: $1 is $(property "$1"), not $2"
}

# connect [PORT]
connect() {
	exec 5<>"/dev/tcp/127.0.0.1/${1:-7007}" || fail "unable to connect"
}

ask() {
	local line=
	echo "$1" >&5
	read -r -t "$DEADLINE" -u 5 line
	[ "$line" = "$1" ] || fail "\"$line\" is no answer to \"$1\""
}

disconnect() {
	exec 5>&-
}

serves() {
	connect
	ask "$1"
	disconnect
}

child_of_main() {
	local main
	main=$(property MainPID)
	cat "/proc/$main/task/$main/children" 2>/dev/null
}

# drop_in LINE...: for the next start.
drop_in() {
	printf '%s\n' "[Service]" "$@" >/etc/systemd/system/$unit.d/more.conf
	systemctl daemon-reload
}

starts() {
	systemctl start $unit || fail "no start: $(systemctl status $unit)"
	expect ActiveState active
	serves started
	echo "systemctl start: waits for the success"
}

# The number of workers is told a tick later.
says_reloaded() {
	case $(property StatusText) in
	Reloaded | *' workers') ;;
	*) return 1 ;;
	esac
}

reloads() {
	local main
	main=$(property MainPID)
	connect
	ask before
	systemctl --no-block reload $unit || fail "no reload"
	wait_until "a reload" is ActiveState reloading
	ask meanwhile
	disconnect
	wait_until "the end of the reload" is ActiveState active
	expect MainPID "$main"
	says_reloaded || fail "a reload: $(property StatusText)"
	serves after
	echo "systemctl reload: waits for the next server ($(property Type))"
}

# systemd-notify waits for BARRIER=1, which shows that systemd has read it.
hears_no_worker() {
	cat >/run/worker <<-'END'
		read -r word
		NOTIFY_SOCKET=/run/systemd/notify systemd-notify --status=worker
		echo "$word"
	END
	drop_in ExecStart= \
	    'ExecStart=/usr/local/sbin/superserver -f -p 7007 sh /run/worker'
	systemctl restart $unit
	serves it
	! is StatusText worker || fail "it heard a worker"
	drop_in
	systemctl restart $unit
	echo "systemd hears no worker"
}

restarts_one_that_hangs() {
	local main
	# Longer than a round of the loop can take on a busy machine.
	drop_in WatchdogSec=4 LimitCORE=0
	systemctl restart $unit
	main=$(property MainPID)
	serves before
	expect NRestarts 0
	kill -STOP "$(child_of_main)"
	wait_until "a restart by the watchdog" is NRestarts 1
	wait_until "its end" is ActiveState active
	[ "$(property MainPID)" != "$main" ] || fail "the same master"
	serves after
	drop_in
	echo "watchdog: restarts a daemon whose server hangs"
}

stops() {
	systemctl stop $unit
	expect ActiveState inactive
	expect Result success
	echo "systemctl stop: ends with success"
}

# Each client is answered; clients between two services wait.
keeps_its_socket() {
	local asker
	drop_in KillSignal=SIGUSR2
	systemctl start superserver.socket ||
	    fail "no socket: $(systemctl status superserver.socket)"
	expect ActiveState inactive
	serves first
	wait_until "the news that it serves" is ActiveState active
	(
		while [ ! -e /run/enough ]; do
			serves "a client"
			echo >>/run/clients
		done
	) &
	asker=$!
	for _ in 1 2 3 4 5; do
		systemctl restart $unit
	done
	: >/run/enough
	wait $asker || fail "a client was lost"
	systemctl stop $unit 2>/dev/null	# it may be started again
	serves "the next"
	wait_until "the same again" is ActiveState active
	systemctl stop superserver.socket $unit
	drop_in
	echo "a socket unit: 5 restarts, $(wc -l </run/clients) clients," \
	    "none lost"
}

says_why_it_does_not_start() {
	drop_in Restart=no ExecStart= \
	    'ExecStart=/usr/local/sbin/superserver -f -p 7007 no-such-program'
	! systemctl start $unit 2>/dev/null || fail "it has started"
	expect Result exit-code
	drop_in
	systemctl reset-failed $unit
	echo "a failed start: is one at once"
}

quotes_are() {
	printf '%s\n' "$@" >/etc/qotd
}

# tells QUOTE
tells() {
	local line=
	connect 17
	read -r -t "$DEADLINE" -u 5 line
	disconnect
	[ "$line" = "$1"$'\r' ]
}

has_notify_reload() {
	[ "$(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')" \
	    -ge 253 ]
}

# The first client starts the service. A file without quotes changes nothing.
tells_quotes() {
	local main
	[ -e "$TEST_DIRECTORY/adopts" ] || {
		echo "qotd: left out, since its reloads need orphans adopted"
		return
	}
	unit=qotd.service
	# shellcheck disable=SC2016 # systemd's variable
	has_notify_reload ||
	    drop_in Type=notify 'ExecReload=/bin/kill -HUP $MAINPID'
	quotes_are old
	systemctl start qotd.socket ||
	    fail "no socket: $(systemctl status qotd.socket)"
	expect ActiveState inactive
	tells old || fail "not the old quote"
	wait_until "the news that it serves" is ActiveState active
	main=$(property MainPID)
	quotes_are new
	systemctl reload $unit || fail "no reload"
	wait_until "the new quote" tells new
	: >/etc/qotd
	systemctl reload $unit || fail "no reload that changes nothing"
	tells new || fail "not the new quote"
	quotes_are newest
	systemctl reload $unit || fail "no reload after that"
	wait_until "the newest quote" tells newest
	expect MainPID "$main"
	systemctl stop qotd.socket $unit
	expect Result success
	echo "qotd: started by a client, reloaded, stopped ($(property Type))"
}

# The starter's end is the news that it serves: the pid file is there.
finds_the_pid_file() {
	local main pid_file=/run/superserver/superserver.pid
	[ -e "$TEST_DIRECTORY/locks" ] || {
		echo "forking: left out, since a pid file needs flock(2)"
		return
	}
	unit=superserver-forking.service
	starts
	main=$(cat $pid_file) || fail "no pid file"
	expect MainPID "$main"
	systemctl reload $unit || fail "no reload"
	serves after
	expect MainPID "$main"
	stops
	[ ! -e $pid_file ] || fail "the pid file is left"
	systemctl start $unit || fail "no start: $(systemctl status $unit)"
	main=$(property MainPID)
	kill -KILL "$main"
	wait_until "a restart" is NRestarts 1
	wait_until "its end" is ActiveState active
	expect MainPID "$(cat $pid_file)"
	[ "$(property MainPID)" != "$main" ] || fail "the same master"
	stops
	echo "pid file: systemd finds the master by it ($(property Type))"
}

inside() {
	systemctl --version | head -n 1
	starts
	reloads
	hears_no_worker
	restarts_one_that_hangs
	stops
	says_why_it_does_not_start
	keeps_its_socket
	if has_notify_reload; then
		drop_in Type=notify-reload ExecReload=
		starts
		reloads
		stops
	fi
	finds_the_pid_file
	tells_quotes
	: >"$TEST_DIRECTORY/passed"
}

case ${1-} in
enter)	enter ;;
inside)	inside ;;
*)	# In a mount namespace from the beginning, under keep.
	if [ -z "${KEPT_DIRECTORY-}" ]; then
		set -- "$TOP_BUILDDIR/tests/keep" bash "$0"
		if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
			set -- unshare -m "$@"
		fi
		exec "$@"
	fi
	outside ;;
esac
