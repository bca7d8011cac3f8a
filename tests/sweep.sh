#!/bin/sh
# tests/sweep.sh [--quick] [--only SCENARIO[:KIND]]: makes each allocation and each system call of three small real
# runs fail, one after the other, and then five in a row; see tests/sweep/sweep.c. About six minutes; --quick (as
# ctest runs it) one minute.
#
# Builds what is needed (see tests/build.sh), or takes the build in $SEG_BUILD_DIR; one with AddressSanitizer finds
# leaks, too. Exits with 1 if a run crashed, hung or lost something. Last line:
#
#   sweep: N failures injected, 0 crashes, 0 hangs, 0 lost
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${SEG_BUILD_DIR-}" ]; then
	"$source/tests/install-packages.sh" build options run test
	"$source/tests/build.sh" release
	SEG_BUILD_DIR=${SEG_BUILD_ROOT:-$source}/build-release
fi
export SEG_BUILD_DIR
exec "$SEG_BUILD_DIR/tests/sweep/sweep" "$@"
