#!/bin/sh
# make-dist.sh - makes the tarball of a release
#
#     sh tools/make-dist.sh [target of make]
#
# from anywhere; see build.sh for BUILD_DIR. The same commit always gives the
# same tarball, byte for byte. The last line names it. The target distcheck
# also tests it.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
BUILD_DIR=${BUILD_DIR:-$root/build/check}
export BUILD_DIR

# The time of the commit, or without git that of NEWS.
time_of_source() {
	git -C "$root" -c safe.directory='*' log -1 --format=%ct 2>/dev/null ||
	    date -r "$root/NEWS" +%s
}

sh "$root/tools/setup.sh" test
sh "$root/tools/build.sh"
cd "$BUILD_DIR"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(time_of_source)}
TAR_OPTIONS="--owner=0 --group=0 --numeric-owner --sort=name
    --mtime=@$SOURCE_DATE_EPOCH --mode=u+rw,go=rX"
export SOURCE_DATE_EPOCH TAR_OPTIONS
echo "make-dist: make ${1:-dist-xz}" >&2
if ! make -j8 "${1:-dist-xz}" >dist.log 2>&1 </dev/null; then
	tail -n 60 dist.log
	echo "make-dist: failed; all that make wrote is in $PWD/dist.log"
	exit 1
fi
version=$(sed -n 's/^PACKAGE_VERSION = //p' Makefile)
echo "$PWD/libdaemonsrv-$version.tar.xz"
