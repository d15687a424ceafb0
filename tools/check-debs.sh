#!/bin/sh
# check-debs.sh - checks the packages of make-debs.sh
#
#     sh tools/check-debs.sh
#
# lintian must find nothing. debian/tests/ installs and tries them beside
# libraries with similar names. Then they are purged, and nothing may be left.
# As root or by sudo, and only if none of them is installed; DEBS_DIR as in
# make-debs.sh.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
debs=${DEBS_DIR:-$root/build/debs}
packages='libdaemonsrv0 libdaemonsrv-dev'

fail() {
	echo "check-debs: $*" >&2
	exit 1
}

# All tags, including uncertain ones, except a few, since debian/ is for all
# releases: an older lintian does not know our Standards-Version, and the newest
# one calls old what the others need. Inputs of the fuzz targets may have long
# lines; no override fits all releases.
has_no_tags() {
	lintian --allow-root --pedantic -EI "$debs"/*.changes >"$files" ||
	    [ $? = 2 ] || fail "lintian failed"
	sed -e '/^N:/d' -e '/ newer-standards-version /d' \
	    -e '/ package-uses-old-debhelper-compat-version /d' \
	    -e '/ redundant-priority-optional-field /d' \
	    -e '/ redundant-rules-requires-root-no-field /d' \
	    -e '/ very-long-line-length-.*tests\/fuzz\/corpus\//d' \
	    "$files" >"$tags"
	if [ -s "$tags" ]; then
		cat "$tags"
		fail "lintian says so"
	fi
	echo "lintian $(dpkg-query -W -f '${Version}' lintian): nothing to say"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Which packages dpkg knows, including those of which configuration was left.
known() {
	# shellcheck disable=SC2086 # names
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages \
	    2>/dev/null | grep -v ' not-installed$' || :
}

purge() {
	# shellcheck disable=SC2086
	as_root dpkg --purge $packages
}

clean_up() {
	[ -z "$(known)" ] || purge
	rm -f "$files" "$tags"
}

# The packages' paths that still exist and belong to no other package.
left() {
	while read -r path; do
		if [ -e "$path" ] || [ -L "$path" ]; then
			dpkg-query -S "$path" >/dev/null 2>&1 || echo "$path"
		fi
	done <"$files"
	/sbin/ldconfig -p | grep libdaemonsrv || :
}

[ -z "$(known)" ] || fail "already installed here: $(known)"
[ -n "$(find "$debs" -maxdepth 1 -name '*.changes')" ] || fail "no packages in $debs"
sh "$root/tools/setup.sh" lint
files=$(mktemp)
tags=$(mktemp)
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
has_no_tags

# shellcheck disable=SC2086
as_root dpkg -i "$debs"/libdaemonsrv0_*.deb "$debs"/libdaemonsrv-dev_*.deb
# shellcheck disable=SC2086
dpkg-query -L $packages | grep -vFx /. >"$files"
dpkg-query -W -f '${Package}: ${Installed-Size} KiB installed\n' libdaemonsrv0
for test in installed beside; do
	echo "debian/tests/$test:"
	"$root/debian/tests/$test"
done
purge
[ -z "$(known)$(left)" ] || fail "left after the purge: $(known) $(left)"
echo "nothing is left"
