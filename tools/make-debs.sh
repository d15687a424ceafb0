#!/bin/sh
# make-debs.sh - makes Debian packages from a checkout
#
#     sh tools/make-debs.sh
#
# from anywhere, on Debian and Ubuntu. Installs what it needs. The packages go
# to build/debs, or to the directory that DEBS_DIR names, which is emptied
# first; the last lines name them. DEB_BUILD_OPTIONS=nocheck skips the tests.
# The same commit gives the same packages, byte for byte.
#
# SPDX-License-Identifier: ISC
set -eu
umask 022

root=$(cd "$(dirname "$0")/.." && pwd)
debs=${DEBS_DIR:-$root/build/debs}

fail() {
	echo "make-debs: $*" >&2
	exit 1
}

# Leaves out what a build in the source tree has made.
packaging() {
	cd "$root"
	git -c safe.directory='*' ls-files -co --exclude-standard debian |
	    tar -cf - --mode=u+rw,go=rX -T -
}

command -v apt-get >/dev/null || fail "this is not Debian"
sh "$root/tools/setup.sh" debs
tarball=$(sh "$root/tools/make-dist.sh") || fail "$tarball"
name=$(basename "$tarball" .tar.xz)
version=${name#*-}

rm -rf "$debs"
mkdir -p "$debs"
cd "$debs"
cp "$tarball" "libdaemonsrv_$version.orig.tar.xz"
tar -xf "$tarball"
packaging | tar -C "$name" -xf -
cd "$name"
case $(dpkg-parsechangelog -S Version) in
"$version"-*) ;;
*) fail "the newest entry of debian/changelog is not about $version" ;;
esac
echo "make-debs: dpkg-buildpackage, which may run the tests" >&2
if ! dpkg-buildpackage -us -uc >../build.log 2>&1 </dev/null; then
	tail -n 60 ../build.log
	fail "dpkg-buildpackage failed; all it wrote is in $debs/build.log"
fi
cd "$debs"
rm -rf "$name"
ls "$PWD"/*.deb
