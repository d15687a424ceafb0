#!/bin/sh
# setup.sh - installs what is missing to build and test the library
#
#     sh tools/setup.sh [test] [ci] [bench] [cross] [debs] [lint] [pictures]
#         [releases] [rpms]
#
# Without arguments it installs what building needs; with them also what these
# need: "test", the tests; "ci", .ci/run; "bench", make bench; "cross",
# check-target.sh, if the system has it; "debs" and "rpms", making packages;
# "lint", checking them and the manual; "pictures", make pictures; "releases",
# check-releases.sh. For Debian and Ubuntu (apt-get) and Fedora (dnf), as root
# or by sudo. Silent if nothing is missing.
#
# SPDX-License-Identifier: ISC
set -eu

# name:command is not needed if another package provides the command.
debian_packages='gcc libc6-dev make autoconf automake libtool
	pkgconf:pkg-config procps'
debian_test_packages='check git rsync curl xz-utils libssl-dev openssl'
# The tests with openssh-server, haproxy and prometheus are skipped if only
# "test" was installed: a machine may start such a server at once.
debian_ci_packages='clang valgrind libc6-dbg shellcheck codespell
	abigail-tools systemd:systemd-analyze openssh-server haproxy
	ucspi-tcp prometheus:promtool'
# In older releases other packages contain some of these; where autoconf is
# 2.69, there is no package of that name.
# xinetd and openbsd-inetd exclude each other: .ci/run unpacks the second.
debian_ci_optional_packages='libclang-rt-dev autoconf2.69 s6 xinetd runit'
debian_cross_optional_packages='musl-tools gcc-i686-linux-gnu
	libc6-dev-i386-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	qemu-user'
debian_debs_packages='build-essential debhelper pkgconf'
debian_rpms_packages='rpm elfutils'
debian_lint_packages='lintian g++ daemon libdaemon-dev libax25-dev libssl-dev
	mandoc groff-base'
# Some releases have none.
debian_lint_optional_packages='rpmlint'
debian_releases_packages='mmdebstrap'
debian_bench_packages='strace gnuplot-nox:gnuplot libssl-dev openssl'
pictures_packages='fossil'
# The first is Debian's, the second Ubuntu's.
debian_bench_optional_packages='linux-perf:perf linux-tools-generic:perf'

fedora_packages='gcc glibc-devel make autoconf automake libtool
	pkgconf-pkg-config procps-ng gawk findutils diffutils'
fedora_test_packages='check-devel git git-daemon rsync curl xz tar
	openssl-devel openssl'
fedora_ci_packages='libasan libubsan clang compiler-rt valgrind ShellCheck
	codespell libabigail systemd:systemd-analyze openssh-server
	openssh-clients haproxy'
fedora_rpms_packages='rpm-build'
fedora_lint_packages='gcc-c++ rpmlint mandoc groff-base'
fedora_releases_packages='mmdebstrap apt debian-keyring'
fedora_bench_packages='glibc-static perf strace gnuplot-minimal:gnuplot
	openssl-devel openssl'

# To stderr, since it is not a result.
say() {
	echo "setup: $*" >&2
}

fail() {
	say "$@"
	exit 1
}

has_command() {
	command -v "$1" >/dev/null
}

#
# What is missing: these functions print names
#

# missing_of MANAGER ENTRY...: those that is_installed_MANAGER does not find.
missing_of() {
	manager=$1
	shift
	for entry; do
		case $entry in
		*:*) has_command "${entry#*:}" && continue ;;
		esac
		"is_installed_$manager" "${entry%:*}" || echo "${entry%:*}"
	done | sort -u
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

has_lists() {
	find /var/lib/apt/lists -type f -name '*Packages*' 2>/dev/null |
	    grep -q .
}

# A name that only other packages mention has no candidate.
known_to_apt() {
	for name; do
		LC_ALL=C apt-cache policy "$name" 2>/dev/null |
		    grep -q '^  Candidate: [^(]' && echo "$name"
	done
	return 0
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

# sudo asks for a password here, after the reason: its later output does not
# reach the terminal.
check_rights() {
	[ "$(id -u)" != 0 ] || return 0
	has_command sudo ||
	    fail "neither root nor sudo here; please install: $*"
	if sudo -n true 2>/dev/null; then
		return
	fi
	has_terminal ||
	    fail "no terminal for sudo's password; please install: $*"
	say "sudo may ask for a password, to install: $*"
	sudo -v || fail "sudo gives no rights; please install: $*"
}

has_terminal() {
	(: </dev/tty) 2>/dev/null
}

# Shows the manager's output only if it fails.
quietly() {
	log=$(mktemp)
	failed=
	"$@" >"$log" 2>&1 </dev/null || failed=yes
	[ -z "$failed" ] || cat "$log" >&2
	rm -f "$log"
	[ -z "$failed" ]
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
	    -o DPkg::Lock::Timeout=300 "$@"
}

# An image for containers has no lists, so no package is known.
know_optional() {
	if [ -z "$missing" ] && [ $# != 0 ] && [ "$(id -u)" = 0 ] &&
	    ! has_lists; then
		say reading the lists of packages
		apt update >/dev/null 2>&1 || :
	fi
	known_to_apt "$@"
}

# shellcheck disable=SC2046,SC2086 # lists of names
install_with_apt() {
	missing=$(missing_of apt $1)
	optional=$(know_optional $(missing_of apt $2))
	[ -n "$missing$optional" ] || return 0
	check_rights $missing $optional
	say reading the lists of packages
	quietly apt update ||
	    fail apt-get update failed, to install $missing $optional
	optional=$(known_to_apt $(missing_of apt $2))
	say installing $missing $optional
	quietly apt install --no-install-recommends $missing $optional ||
	    fail apt-get install failed
}

# shellcheck disable=SC2086
install_with_dnf() {
	missing=$(missing_of dnf $1)
	[ -n "$missing" ] || return 0
	check_rights $missing
	say installing $missing
	quietly as_root dnf -y --setopt=install_weak_deps=False install \
	    $missing || fail dnf install failed
}

# Another system is fine if everything is installed already.
expect_commands() {
	missing=
	for command in cc make autoconf automake libtoolize pkg-config ps $1; do
		has_command "$command" || missing="$missing $command"
	done
	if [ -n "$1" ] && has_command pkg-config &&
	    ! pkg-config --exists check; then
		missing="$missing check"
	fi
	[ -z "$missing" ] ||
	    fail "neither apt-get nor dnf here; please install:$missing"
}

#
# Groups
#

optional=
test_commands=

add() {
	debian_packages="$debian_packages $1"
	fedora_packages="$fedora_packages $2"
}

add_test() {
	add "$debian_test_packages" "$fedora_test_packages"
	test_commands='git curl rsync xz'
}

add_lint() {
	add "$debian_lint_packages" "$fedora_lint_packages"
	optional="$optional $debian_lint_optional_packages"
}

for group; do
	case $group in
	test)
		add_test
		;;
	ci)
		add_test
		add_lint
		add "$debian_ci_packages" "$fedora_ci_packages"
		optional="$optional $debian_ci_optional_packages"
		;;
	cross)
		optional="$optional $debian_cross_optional_packages"
		;;
	debs)
		add_test
		add "$debian_debs_packages" ''
		;;
	rpms)
		add_test
		add "$debian_rpms_packages" "$fedora_rpms_packages"
		;;
	lint)
		add_lint
		;;
	releases)
		add "$debian_releases_packages" "$fedora_releases_packages"
		;;
	pictures)
		add "$pictures_packages" "$pictures_packages"
		;;
	bench)
		add "$debian_bench_packages" "$fedora_bench_packages"
		optional="$optional $debian_bench_optional_packages"
		;;
	*)
		fail "usage: sh tools/setup.sh [test] [ci] [bench] [cross]" \
		    "[debs] [lint] [pictures] [releases] [rpms]"
		;;
	esac
done

if has_command apt-get; then
	install_with_apt "$debian_packages" "$optional"
elif has_command dnf; then
	install_with_dnf "$fedora_packages"
else
	expect_commands "$test_commands"
fi
