#!/bin/sh
# tests/sweep.sh [--quick] [--only SCENARIO[:KIND]]: makes each allocation and each system call of three small real runs fail,
# one after the other, and then five in a row (see tests/sweep/sweep.c). Takes about six minutes; with --quick, as ctest runs
# it, one minute.
#
# Builds what it needs (see tests/build.sh), or uses the build in $SEG_BUILD_DIR; a build with AddressSanitizer also finds leaks.
# Exits with 1 if a run crashed, hung or lost a message. Last line:
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
