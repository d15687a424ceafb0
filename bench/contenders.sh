#!/bin/sh
# contenders.sh - the servers to compare, and how to start each
#
#     contenders.sh list
#     contenders.sh start name
#     contenders.sh daemons
#     contenders.sh daemon name [option ...]
#
# list prints "contender NAME what it is", or "missing NAME what it is", in the
# order of their turns. start executes that server, on port PORT of 127.0.0.1.
# daemons and daemon do the same for ways to start a daemon, which the program
# start measures. Environment: TOOLS, the directory of our own programs; PEERS,
# that of peers.sh; SCRATCH, one for temporary files.
#
# SPDX-License-Identifier: ISC
set -eu

# name | program | what it is | how it is started
#
# All but ours execute the same program, $ECHO, for each connection.
contenders() {
	cat <<-'END'
	floor|floor|floor: accept, fork, nothing counted|floor $PORT
	floor-deep|floor|floor, as many forks below its exec|floor -d 3 $PORT
	library|echo|libdaemonsrv, one fork a connection|echo $PORT
	library-limits|echo|libdaemonsrv, every limit set|echo -l $PORT
	library-spares|echo|libdaemonsrv, 16 spares|echo -s 16 $PORT
	library-spare|echo|libdaemonsrv, 1 spare|echo -s 1 $PORT
	library-reuse|echo|libdaemonsrv, 16 spares, reused|echo -r -s 16 $PORT
	floor-reuse|floor|floor of reuse: 16 processes that accept|floor -r 16 $PORT
	naive|naive|naive: accept, fork, wait|naive $PORT
	naive-now|naive-now|naive, linked with -z now|naive-now $PORT
	tcpserver|tcpserver|tcpserver|tcpserver -q -H -R -l 0 -c 30000 -b 4096 127.0.0.1 $PORT $ECHO
	tcpsvd|tcpsvd|tcpsvd|tcpsvd -E -l localhost -c 30000 -b 4096 127.0.0.1 $PORT $ECHO
	tcpsvd-limits|tcpsvd|tcpsvd, a limit for each address|tcpsvd -E -l localhost -C 30000 -c 30000 -b 4096 127.0.0.1 $PORT $ECHO
	xinetd|xinetd|xinetd|xinetd -dontfork -f $(xinetd_conf) -pidfile $SCRATCH/pid -filelog $SCRATCH/log
	inetd|inetd|openbsd-inetd|inetd -i -q 4096 $(inetd_conf)
	socat|socat|socat|socat TCP-LISTEN:$PORT,bind=127.0.0.1,reuseaddr,fork,backlog=4096 EXEC:$ECHO
	systemd|systemd-socket-activate|systemd-socket-activate|systemd-socket-activate --accept --inetd -l 127.0.0.1:$PORT $ECHO
	floor-again|floor|floor once more: the noise|floor $PORT
	END
}

# name | program | what it is | arguments of start
daemons() {
	cat <<-'END'
	library|echo|libdaemonsrv|echo PORT
	library-log|echo|libdaemonsrv, with its logger|echo -o $SCRATCH/log PORT
	libdaemon|testd|libdaemon's example|-n testd
	daemon|daemon|daemon(1)|daemon -U -- $FLOOR PORT
	start-stop-daemon|start-stop-daemon|start-stop-daemon(8)|start-stop-daemon --start --background --exec $FLOOR -- PORT
	systemd-run|systemd|systemd-run(1)|-x "systemctl stop bench-start" systemd-run --quiet --collect --unit=bench-start $FLOOR PORT
	END
}

# Both write a configuration and print its name.
xinetd_conf() {
	cat >"$SCRATCH/xinetd.conf" <<-END
	service line
	{
		type = UNLISTED
		port = $PORT
		bind = 127.0.0.1
		socket_type = stream
		protocol = tcp
		wait = no
		user = $(id -un)
		server = $ECHO
		instances = UNLIMITED
		per_source = UNLIMITED
		cps = 1000000 1
	}
	END
	echo "$SCRATCH/xinetd.conf"
}

inetd_conf() {
	echo "127.0.0.1:$PORT stream tcp nowait.1000000 $(id -un) $ECHO echo" \
	    >"$SCRATCH/inetd.conf"
	echo "$SCRATCH/inetd.conf"
}

# systemd must be running, too.
is_there() {
	[ "$1" != systemd ] || [ -d /run/systemd/system ] || return 1
	[ "$1" = systemd ] || command -v "$1" >/dev/null
}

# list KIND: reads lines of one of the two tables.
list() {
	while IFS='|' read -r name program label command; do
		if is_there "$program"; then
			echo "$1 $name $label"
		else
			echo "missing $name $label"
		fi
	done
}

# Only the servers of peers.sh use the libraries that it has fetched.
find_libraries() {
	case $(command -v "$1") in
	"$PEERS"/*)
		LD_LIBRARY_PATH=$(echo "$PEERS"/usr/lib/*-linux-*)
		export LD_LIBRARY_PATH
		;;
	esac
}

# start LINES NAME [PREFIX ...]
start() {
	line=$(echo "$1" | grep "^$2|") || exit 1
	shift 2
	IFS='|' read -r name program label command <<-END
	$line
	END
	find_libraries "$program"
	eval "exec $* $command"
}

# Debian's servers are not on a user's PATH.
PATH=$TOOLS:$PATH:$PEERS/usr/bin:$PEERS/usr/sbin:/usr/sbin:/sbin
ECHO=$SCRATCH/echo
export FLOOR="$TOOLS/floor"	# in the list of daemons
SYSTEMD_LOG_LEVEL=err
export SYSTEMD_LOG_LEVEL

case ${1-} in
list) contenders | list contender ;;
start) start "$(contenders)" "$2" ;;
daemons) daemons | list daemon ;;
daemon)
	name=$2
	shift 2
	start "$(daemons)" "$name" start "$@"
	;;
*) exit 1 ;;
esac
