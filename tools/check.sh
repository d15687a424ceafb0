#!/bin/sh
# check.sh - sets up, builds and runs the whole test suite
#
#     sh tools/check.sh [configure argument ...]
#
# from anywhere, even on a fresh machine. See build.sh for the arguments and
# BUILD_DIR. TESTS in the environment selects tests; TEST_JOBS says how many
# programs run at a time. The last line says how many tests have passed and
# failed; the status is 0 if none has failed.
#
# SPDX-License-Identifier: ISC
set -eu

# Nothing here reads stdin, which may be closed, or a terminal that hangs up.
exec </dev/null

root=$(cd "$(dirname "$0")/.." && pwd)
BUILD_DIR=${BUILD_DIR:-$root/build/check}
export BUILD_DIR

if ! sh "$root/tools/setup.sh" test ||
    ! sh "$root/tools/build.sh" "$@"; then
	echo "0 passed, 1 failed"
	exit 1
fi

# A test that is no longer in the suite must not be counted.
cd "$BUILD_DIR"
rm -f tests/*.log tests/*.trs
echo "check: make check, which takes half a minute or more" >&2
status=0
# In a process group of its own everything ends in time, and with this script,
# and a hangup of the terminal does not reach it. The tests mostly wait, so
# running more of them than there are processors saves time.
timeout -k 10 900 sh -c 'make -j2 check TESTS= && exec make "$@"' sh \
    -j"${TEST_JOBS:-8}" check ${TESTS:+"TESTS=$TESTS"} \
    >make-check.log 2>&1 &
make=$!
trap 'kill -TERM "$make"; wait "$make"; exit 1' HUP INT TERM
wait "$make" || status=$?
trap - HUP INT TERM
if [ "$status" != 0 ] && ! ls tests/*.trs >/dev/null 2>&1; then
	tail -n 40 make-check.log
fi
sh "$root/tools/count-tests.sh" . "$status"
