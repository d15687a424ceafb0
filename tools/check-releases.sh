#!/bin/sh
# check-releases.sh - the project on a fresh machine of each Debian release
#
#     sh tools/check-releases.sh [release ...]
#
# Each machine is a root of apt and what Debian calls essential, made by
# mmdebstrap(1) and gone afterwards; check-machine.sh does the rest in it. This
# is for before a release of ours; .ci/run does it with one of theirs.
# DEB_BUILD_OPTIONS as for make-debs.sh; the suite runs before that in any case.
#
# As root, or as somebody whom mmdebstrap can do without. The packages come from
# where this machine's apt gets Debian's, or from what MIRROR names. TMPDIR
# needs room for 3 GB. The log of each release is in build/releases.
#
# SPDX-License-Identifier: ISC
set -eu

releases='bullseye bookworm trixie sid'
root=$(cd "$(dirname "$0")/.." && pwd)
logs=$root/build/releases

# A checkout of what is here, committed or not.
copy_source() {
	mkdir "$scratch/source"
	cd "$root"
	git -c safe.directory='*' ls-files -co --exclude-standard |
	    while read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	    done | tar -cf - -T - | tar -C "$scratch/source" -xf -
	cd "$scratch/source"
	git init -q -b main
	git add -A
	git -c user.name=nobody -c user.email=nobody@localhost commit -qm copy
	chmod -R go+rX "$scratch"
}

# What the root is entered by. Nothing that is started in it outlives it, sees
# other processes, or has the socket on which mmdebstrap takes orders. And its /
# is where something is mounted, as on a machine, whose /etc/hosts would not be
# missing either.
write_hook() {
	cat >"$scratch/hook" <<-'END'
		printf '%s\n' '127.0.0.1 localhost' '::1 localhost' \
		    >"$1/etc/hosts"
		exec {MMDEBSTRAP_HOOKSOCK}>&-
		exec unshare --mount --pid --fork --kill-child sh -e -c '
			mount --rbind "$1" "$1"
			mount -t proc proc "$1/proc"
			mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
			exec chroot "$1" env -i HOME=/root LC_ALL=C.UTF-8 \
			    PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			    DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS-}" \
			    sh /source/tools/check-machine.sh
			' sh "$1"
	END
}

mirror() {
	[ -z "${MIRROR-}" ] || { echo "$MIRROR"; return; }
	# shellcheck disable=SC2016 # apt's
	apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' \
	    'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1
}

# What apt here is told of the way there; and the lists of a mirror that is
# behind are not too old for us.
apt_options() {
	echo 'Acquire::Check-Valid-Until "false";'
	apt-config dump Acquire::http::Proxy 2>/dev/null
}

make_root() {
	# shellcheck disable=SC2046 # perhaps none
	mmdebstrap --variant=apt --aptopt="$scratch/apt.conf" \
	    --customize-hook="copy-in $scratch/source /" \
	    --customize-hook="bash $scratch/hook \"\$1\"" \
	    "$1" /dev/null $(mirror) 2>&1 </dev/null
}

# show RELEASE: its steps, and what the suite said.
show() {
	grep -aE --line-buffered \
	    '^check-machine: |SKIP: |^[0-9]+ passed, ' |
	    sed -u "s/^check-machine:/$1:/"
}

# Says meanwhile what has been done.
check() {
	{ make_root "$1" || : >"$scratch/failed"; } | tee "$logs/$1.log" |
	    show "$1"
	! rm "$scratch/failed" 2>/dev/null
}

# shellcheck disable=SC2086 # names
[ $# != 0 ] || set -- $releases
if [ "$(id -u)" = 0 ] && ! unshare --mount --pid --fork true; then
	echo "SKIP: this user cannot mount a file system"
	exit 77
fi
sh "$root/tools/setup.sh" releases
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$logs"
copy_source
write_hook
apt_options >"$scratch/apt.conf"

failed=
for release; do
	echo "check-releases: $release, which takes minutes" >&2
	if check "$release"; then
		continue
	fi
	tail -n 60 "$logs/$release.log"
	echo "$release: failed; all it wrote is in $logs/$release.log"
	failed="$failed $release"
done
if [ -n "$failed" ]; then
	echo "check-releases: failed:$failed" >&2
	exit 1
fi
echo "nothing was found in: $*"
