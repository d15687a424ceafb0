#!/bin/sh
# make-rpms.sh - makes RPM packages from a checkout
#
#     sh tools/make-rpms.sh [argument of rpmbuild ...]
#
# from anywhere; --nocheck skips the tests. Installs what it needs. The
# packages go to build/rpms, or to the directory that RPMS_DIR names, which is
# emptied first; the last lines name them. If rpm is not the system's package
# manager, as on Debian, they only show that the spec is right.
#
# SPDX-License-Identifier: ISC
set -eu
umask 022

root=$(cd "$(dirname "$0")/.." && pwd)
rpms=${RPMS_DIR:-$root/build/rpms}
BUILD_DIR=${BUILD_DIR:-$root/build/check}
export BUILD_DIR

sh "$root/tools/setup.sh" rpms
tarball=$(sh "$root/tools/make-dist.sh") || {
	echo "make-rpms: $tarball" >&2
	exit 1
}

rm -rf "$rpms"
mkdir -p "$rpms/SOURCES"
rpms=$(cd "$rpms" && pwd)
cp "$tarball" "$rpms/SOURCES"
cp "$BUILD_DIR/packaging/libdaemonsrv.spec" "$rpms"

set -- -ba --define "_topdir $rpms" "$@"
# rpm knows only build requirements that rpm has installed.
rpm -q rpm >/dev/null 2>&1 || set -- "$@" --nodeps
echo "make-rpms: rpmbuild, which may run the tests" >&2
if ! rpmbuild "$@" "$rpms/libdaemonsrv.spec" >"$rpms/build.log" 2>&1 \
    </dev/null; then
	tail -n 60 "$rpms/build.log"
	echo "make-rpms: failed; all that rpmbuild wrote is in $rpms/build.log" >&2
	exit 1
fi
rm -rf "$rpms/BUILD" "$rpms/BUILDROOT"
find "$rpms" -name '*.rpm' | sort
