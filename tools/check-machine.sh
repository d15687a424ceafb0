#!/bin/sh
# check-machine.sh - checks everything on a fresh machine of its own
#
#     sh tools/check-machine.sh
#
# Runs the commands of README.md, and installs and removes the packages: the
# demo, the suite, Debian packages and lintian, RPM packages and rpmlint, and
# the manual, with this release's tools. Nothing is installed at first, so a
# command that does not install what it needs fails. One line for each step
# says how long it took. Status 0: none has failed.
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
