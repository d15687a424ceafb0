#!/bin/sh
# check-machine.sh - on a machine that is fresh, and needed for nothing else
#
#     sh tools/check-machine.sh
#
# The commands of README.md, and packages, which are installed and removed
# again: the demo, the suite, Debian's packages and lintian, RPM's and rpmlint,
# as this release has them. It begins with nothing installed, so a command that
# does not install what it needs is found. A line a step says how long it took;
# status 0: none has failed.
#
# SPDX-License-Identifier: ISC
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)

# step NAME [ARGUMENT...]
step() {
	name=$1
	shift
	begun=$(date +%s)
	echo "== $name.sh"
	sh "$root/tools/$name.sh" "$@" 2>&1 || {
		echo "check-machine: FAILED: $name.sh"
		exit 1
	}
	echo "check-machine: $name.sh: $(($(date +%s) - begun)) s"
}

step demo
step check
step make-debs
step check-debs
step make-rpms --nocheck
step check-rpms
