#!/bin/sh
# check-releases.sh - checks the project on a fresh machine of each release
#
#     sh tools/check-releases.sh [release ...]
#
# Each machine is a root with apt and the essential packages, made by
# mmdebstrap(1) and removed afterwards; check-machine.sh does the rest in it.
# Run this before each release of the project; .ci/run does it for one Debian
# release. DEB_BUILD_OPTIONS is as in make-debs.sh, but the suite always runs.
#
# For root, or a user who can run mmdebstrap without it. The packages come from
# this machine's Debian mirror, or the one that MIRROR names. TMPDIR needs 3 GB.
# The log of each release is in build/releases.
#
# SPDX-License-Identifier: ISC
set -eu

releases='bullseye bookworm trixie sid'
root=$(cd "$(dirname "$0")/.." && pwd)
logs=$root/build/releases

# A copy of the source, including uncommitted files.
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

# The command that enters the root. No process started in it outlives it, sees
# other processes, or has mmdebstrap's control socket. As on a real machine, /
# is a mount point, and /etc/hosts exists.
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

# Uses this machine's proxy, and accepts old lists from a mirror that lags.
apt_options() {
	echo 'Acquire::Check-Valid-Until "false";'
	apt-config dump Acquire::http::Proxy 2>/dev/null
}

# If root's run is killed, not even a mount is left. For other users mmdebstrap
# makes all mounts in namespaces.
alone() {
	if [ "$(id -u)" = 0 ]; then
		set -- unshare --mount --pid --fork --kill-child \
		    --mount-proc "$@"
	fi
	TMPDIR=$scratch "$@"
}

# With unsafe-io, since nothing has to outlive a crash of the machine.
make_root() {
	# shellcheck disable=SC2046 # perhaps none
	alone mmdebstrap --variant=apt --aptopt="$scratch/apt.conf" \
	    --dpkgopt=force-unsafe-io \
	    --customize-hook="copy-in $scratch/source /" \
	    --customize-hook="bash $scratch/hook \"\$1\"" \
	    "$1" /dev/null $(mirror) 2>&1 </dev/null
}

# show RELEASE: shows its steps, and the results of the suite.
show() {
	grep -aE --line-buffered \
	    '^check-machine: |SKIP: |^[0-9]+ passed, ' |
	    sed -u "s/^check-machine:/$1:/"
}

# Shows its progress.
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
