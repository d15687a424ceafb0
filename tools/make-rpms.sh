#!/bin/sh
# make-rpms.sh - from a checkout to RPM packages
#
#     sh tools/make-rpms.sh [argument of rpmbuild ...]
#
# from anywhere; --nocheck leaves the tests out. It installs what it needs, and
# the last lines say where the packages are: in build/rpms, or in the directory
# that RPMS_DIR names, which is emptied first. Where rpm is not the system's
# own manager, as on Debian, the packages show whether the spec is right, not
# what Fedora would have.
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
# What a build requires is known to rpm only where rpm has installed it.
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
