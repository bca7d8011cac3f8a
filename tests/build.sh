#!/bin/sh
# tests/build.sh KIND [CMAKE-ARGUMENT...]: configures and builds ./build-KIND.
#
#   release    optimised, hardened               asan       with AddressSanitizer and UBSan
#   dev        for debugging, warnings fatal     tsan       with ThreadSanitizer
#   coverage   instrumented for gcov             fuzz       the fuzzers, with clang, ASan and UBSan
#
# Elsewhere than in ./build-KIND where $SEG_BUILD_ROOT names a directory. Prints nothing unless something fails,
# or -v comes first.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
verbose=
[ "${1-}" = -v ] && verbose=yes && shift
kind=${1-}
[ $# -gt 0 ] && shift
case $kind in
release) set -- -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" ;;
dev) set -- -DCMAKE_BUILD_TYPE=Debug -DSEG_WERROR=ON "$@" ;;
asan) set -- -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSEG_SANITIZE=address,undefined -DSEG_WERROR=ON "$@" ;;
tsan) set -- -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSEG_SANITIZE=thread -DSEG_WERROR=ON "$@" ;;
coverage) set -- -DCMAKE_BUILD_TYPE=Debug -DSEG_COVERAGE=ON "$@" ;;
fuzz)
	CC=clang
	export CC
	set -- -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSEG_FUZZ=ON -DSEG_SANITIZE=address,undefined -DSEG_WERROR=ON "$@"
	;;
*)
	echo "usage: $0 [-v] release|dev|asan|tsan|coverage|fuzz [CMAKE-ARGUMENT...]" >&2
	exit 64
	;;
esac
build=${SEG_BUILD_ROOT:-$source}/build-$kind
command -v ninja >/dev/null && [ ! -e "$build/Makefile" ] && set -- -G Ninja "$@"

run() {
	if [ -n "$verbose" ]; then
		"$@"
	elif ! "$@" >"$build/build.log" 2>&1; then
		cat "$build/build.log" >&2
		return 1
	fi
}

mkdir -p "$build"
run cmake -S "$source" -B "$build" "$@"
run cmake --build "$build" --parallel "$(nproc)"
