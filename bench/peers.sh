#!/bin/sh
# peers.sh - fetches the servers and loggers that the library is compared with
#
#     sh bench/peers.sh directory [package ...]
#
# Debian's packages, these or all that the bench needs, are only unpacked there:
# two of them exclude each other, and would start if installed. Changes nothing
# outside the directory, and needs no privileges.
#
# SPDX-License-Identifier: ISC
set -eu

fail() {
	echo "peers: $*" >&2
	exit 1
}

# Fetches a package and its missing dependencies. Nothing is installed, so no
# lock is needed.
download() {
	apt-get -qq -y -o Debug::NoLocking=1 -o APT::Sandbox::User= \
	    -o Dir::Cache::archives="$archives" --download-only \
	    --no-install-recommends --reinstall install "$1" ||
	    fail "no package $1 (is apt-get update needed?)"
}

[ $# -gt 0 ] || fail "usage: sh bench/peers.sh directory [package ...]"
command -v apt-get >/dev/null || fail "this is for Debian and its like"
mkdir -p "$1"
cd "$1"
shift
[ $# -gt 0 ] ||
    set -- ucspi-tcp ipsvd xinetd openbsd-inetd socat daemontools s6 runit \
	daemon libdaemon-dev
archives=$(mktemp -d)
trap 'rm -rf "$archives"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$archives/partial"

for name; do
	download "$name"
done
for archive in "$archives"/*.deb; do
	[ ! -e "$archive" ] || dpkg-deb -x "$archive" .
done

# The package of libdaemon has the source of its example.
example=$(find usr/share/doc/libdaemon-dev -name 'testd.c*' 2>/dev/null || :)
if [ -n "$example" ]; then
	zcat -f "$example" >testd.c
	cc -O2 -Iusr/include -o usr/bin/testd testd.c \
	    "$(find usr/lib -name libdaemon.a)"
fi
