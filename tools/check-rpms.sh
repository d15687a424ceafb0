#!/bin/sh
# check-rpms.sh - checks the packages of make-rpms.sh
#
#     sh tools/check-rpms.sh
#
# rpmlint must find nothing except what packaging/rpmlint.toml lists. RPMS_DIR
# is as in make-rpms.sh. Status 77: rpmlint is not installed.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
rpms=${RPMS_DIR:-$root/build/rpms}

sh "$root/tools/setup.sh" lint
command -v rpmlint >/dev/null || {
	echo "SKIP: there is no rpmlint"
	exit 77
}
status=0
said=$(rpmlint -c "$root/packaging/rpmlint.toml" "$rpms" 2>&1) || status=$?
printf '%s\n' "$said"
printf '%s\n' "$said" | grep -q ' 0 errors, 0 warnings' || exit 1
exit "$status"
