#!/bin/sh
# setup.sh - installs what is missing to build and test the library
#
#     sh tools/setup.sh [ci] [bench] [cross] [debs] [pictures] [rpms]
#
# With "ci" also what .ci/run needs, with "bench" what make bench does, with
# "cross" what check-target.sh does, as far as the system has it, with "debs"
# and "rpms" what makes packages, with "pictures" what make pictures needs. For
# Debian and Ubuntu (apt-get) and Fedora (dnf), as root or by sudo. Where
# nothing is missing it is silent.
#
# SPDX-License-Identifier: ISC
set -eu

# name:command is missing only where no package at all gave the command.
debian_packages='gcc libc6-dev make autoconf automake libtool
	pkgconf:pkg-config check git rsync curl procps xz-utils'
debian_ci_packages='g++ clang valgrind libc6-dbg shellcheck codespell mandoc
	lintian rpmlint abigail-tools daemon libdaemon-dev libax25-dev
	systemd:systemd-analyze'
# Older releases have these as parts of other packages; where autoconf is 2.69
# itself, there is no package of that name.
debian_ci_optional_packages='libclang-rt-dev autoconf2.69'
debian_cross_optional_packages='musl-tools gcc-i686-linux-gnu
	libc6-dev-i386-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	qemu-user'
debian_debs_packages='build-essential debhelper'
debian_rpms_packages='rpm'
debian_bench_packages='strace gnuplot-nox:gnuplot'
pictures_packages='fossil'
# The first is Debian's, the second Ubuntu's.
debian_bench_optional_packages='linux-perf:perf linux-tools-generic:perf'

fedora_packages='gcc glibc-devel make autoconf automake libtool
	pkgconf-pkg-config check-devel git git-daemon rsync curl procps-ng xz
	tar gawk findutils diffutils'
fedora_ci_packages='gcc-c++ libasan libubsan clang compiler-rt valgrind
	ShellCheck codespell mandoc rpmlint libabigail systemd:systemd-analyze'
fedora_rpms_packages='rpm-build'
fedora_bench_packages='glibc-static perf strace gnuplot-minimal:gnuplot'

fail() {
	echo "setup: $*" >&2
	exit 1
}

has_command() {
	command -v "$1" >/dev/null
}

#
# Which are missing: the functions print names
#

# The manager's own is_installed_* decides.
missing_of() {
	manager=$1
	shift
	for entry; do
		case $entry in
		*:*) has_command "${entry#*:}" && continue ;;
		esac
		"is_installed_$manager" "${entry%:*}" || echo "${entry%:*}"
	done
}

is_installed_apt() {
	case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
	installed*) return 0 ;;
	esac
	return 1
}

is_installed_dnf() {
	rpm -q --whatprovides "$1" >/dev/null 2>&1
}

known_to_apt() {
	for name; do
		apt-cache show "$name" >/dev/null 2>&1 && echo "$name"
	done
	return 0
}

one_line() {
	echo "$@"
}

#
# Installing
#

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

check_rights() {
	[ "$(id -u)" = 0 ] || has_command sudo ||
	    fail "neither root nor sudo here; please install: $*"
}

# What the manager says is of interest only if it fails.
quietly() {
	log=$(mktemp)
	if "$@" >"$log" 2>&1 </dev/null; then
		rm -f "$log"
	else
		cat "$log" >&2
		rm -f "$log"
		fail "\"$*\" failed"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
	    -o DPkg::Lock::Timeout=300 "$@"
}

# shellcheck disable=SC2046,SC2086 # lists of names
install_with_apt() {
	missing=$(missing_of apt $1)
	optional=$(known_to_apt $(missing_of apt $2))
	[ -n "$missing$optional" ] || return 0
	check_rights $missing $optional
	quietly apt update
	optional=$(known_to_apt $(missing_of apt $2))
	one_line installing: $missing $optional
	quietly apt install --no-install-recommends $missing $optional
}

# shellcheck disable=SC2086
install_with_dnf() {
	missing=$(missing_of dnf $1)
	[ -n "$missing" ] || return 0
	check_rights $missing
	one_line installing: $missing
	quietly as_root dnf -y --setopt=install_weak_deps=False install \
	    $missing
}

# Another system will do as well, if its owner has seen to it.
expect_commands() {
	missing=
	for command in cc make autoconf automake libtoolize pkg-config git \
	    curl rsync ps; do
		has_command "$command" || missing="$missing $command"
	done
	if has_command pkg-config && ! pkg-config --exists check; then
		missing="$missing check"
	fi
	[ -z "$missing" ] ||
	    fail "neither apt-get nor dnf here; please install:$missing"
}

optional=
for group; do
	case $group in
	ci)
		debian_packages="$debian_packages $debian_ci_packages"
		optional="$optional $debian_ci_optional_packages"
		fedora_packages="$fedora_packages $fedora_ci_packages"
		;;
	cross)
		optional="$optional $debian_cross_optional_packages"
		;;
	debs)
		debian_packages="$debian_packages $debian_debs_packages"
		;;
	rpms)
		debian_packages="$debian_packages $debian_rpms_packages"
		fedora_packages="$fedora_packages $fedora_rpms_packages"
		;;
	pictures)
		debian_packages="$debian_packages $pictures_packages"
		fedora_packages="$fedora_packages $pictures_packages"
		;;
	bench)
		debian_packages="$debian_packages $debian_bench_packages"
		optional="$optional $debian_bench_optional_packages"
		fedora_packages="$fedora_packages $fedora_bench_packages"
		;;
	*)
		fail "usage: sh tools/setup.sh [ci] [bench] [cross] [debs]" \
		    "[pictures] [rpms]"
		;;
	esac
done

if has_command apt-get; then
	install_with_apt "$debian_packages" "$optional"
elif has_command dnf; then
	install_with_dnf "$fedora_packages"
else
	expect_commands
fi
