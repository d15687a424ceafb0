#!/bin/sh
# check-machine.sh - on a machine that is fresh, and needed for nothing else
#
#     sh tools/check-machine.sh
#
# The commands of README.md, and packages, which are installed and removed
# again: the demo, the suite, Debian's packages and lintian, RPM's and rpmlint,
# and the manual, as this release has them. It begins with nothing installed, so
# a command that does not install what it needs is found. A line a step says how
# long it took; status 0: none has failed.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

# step SCRIPT [ARGUMENT...]
step() {
	begun=$(date +%s)
	status=0
	echo "== $*"
	(cd "$root" && sh "$@") 2>&1 || status=$?
	case $status in
	0)
		echo "check-machine: $1: $(($(date +%s) - begun)) s" ;;
	77)
		echo "check-machine: $1: skipped" ;;
	*)
		echo "check-machine: $1: FAILED"
		exit 1 ;;
	esac
}

step tools/demo.sh
step tools/check.sh
step tools/make-debs.sh
step tools/check-debs.sh
step tools/make-rpms.sh --nocheck
step tools/check-rpms.sh
step tests/manual.sh
