#!/bin/sh
# peers.sh - fetches the servers and loggers that the library is compared with
#
#     sh bench/peers.sh directory
#
# From Debian's packages, which are only unpacked there: two of them cannot
# be installed side by side, and would start when they are. Nothing outside
# of the directory is changed. Needs no rights.
#
# SPDX-License-Identifier: ISC
set -eu

fail() {
	echo "peers: $*" >&2
	exit 1
}

# With the packages that it needs and this system does not have; none of
# them is installed, so no lock is needed.
download() {
	apt-get -qq -y -o Debug::NoLocking=1 -o APT::Sandbox::User= \
	    -o Dir::Cache::archives="$archives" --download-only \
	    --no-install-recommends install "$1" ||
	    fail "no package $1 (is apt-get update needed?)"
}

[ $# = 1 ] || fail "usage: sh bench/peers.sh directory"
command -v apt-get >/dev/null || fail "this is for Debian and its like"
mkdir -p "$1"
cd "$1"
archives=$(mktemp -d)
trap 'rm -rf "$archives"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$archives/partial"

for name in ucspi-tcp ipsvd xinetd openbsd-inetd socat daemontools s6 runit; do
	download "$name"
done
for archive in "$archives"/*.deb; do
	[ ! -e "$archive" ] || dpkg-deb -x "$archive" .
done
