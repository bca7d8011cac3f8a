#!/bin/sh
# tests/run.sh [-k KIND] [NAME...]: installs missing packages, builds, runs the tests, and prints how many passed.
#
#   tests/run.sh                       runs all tests on a release build (tests/build.sh has the other KINDs)
#   tests/run.sh test_retry            runs the test programs whose name contains test_retry
#   tests/run.sh -k asan test_retry    runs the same with AddressSanitizer
#
# Exits with 0 only if all tests passed. The last line counts test cases, not programs; before it, each case that failed is named.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
kind=release
if [ "${1-}" = -k ]; then
	kind=${2:?-k needs a kind}
	shift 2
fi
pattern=$(IFS='|' && echo "$*")

packages="build options run test"
[ "$kind" = fuzz ] && packages="$packages check"
# shellcheck disable=SC2086 # words
"$source/tests/install-packages.sh" $packages
echo "Building ($kind)"
"$source/tests/build.sh" "$kind"

build=${SEG_BUILD_ROOT:-$source}/build-$kind
export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$source/tests/tsan.supp:${TSAN_OPTIONS-}"
status=0
# Three tests on two processors: even with ThreadSanitizer, tests wait for more than half of the time.
ctest --test-dir "$build" -j"$(($(nproc) * 3 / 2))" --output-on-failure --no-tests=error -R "${pattern:-.}" </dev/null || status=$?

# ctest's log has the output of each program. A program that prints no cases counts as one case. So does a program that failed
# although all of its cases passed: it crashed, or took too long.
awk -v status="$status" '
	/^Unable to find executable/ { missing = 1 }
	/^[0-9]+\/[0-9]+ Testing: / { p = f = s = 0; program = $3 }
	/\[  PASSED  \] [0-9]+ test/ { sub(/.*\[  PASSED  \] /, ""); p += $1 }
	/\[  FAILED  \] [0-9]+ test/ { sub(/.*\[  FAILED  \] /, ""); f += $1 }
	/^\[  FAILED  \] [a-z_0-9]+$/ && !named[program, $4]++ { print "failed: " program ": " $4 }
	/\[  SKIPPED \] [0-9]+ test/ { sub(/.*\[  SKIPPED \] /, ""); s += $1 }
	/^Test (Passed|Failed)\.$/ {
		good = $2 == "Passed." && !missing
		passed += p + (good && !p && !s)
		failed += f + (!good && !f)
		if (!good && !f)
			print "failed: " program
		skipped += s
		missing = 0
	}
	END {
		failed += status && !failed
		printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
		exit failed > 0
	}
' "$build/Testing/Temporary/LastTest.log" || status=1
exit $status
