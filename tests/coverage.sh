#!/bin/sh
# tests/coverage.sh [--html DIRECTORY] [NAME...]: runs the tests (see tests/run.sh) on an instrumented build, and prints how many
# lines and branches of each file of framework/ they reached, and the totals last. --html also writes HTML pages.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
pages=
if [ "${1-}" = --html ]; then
	pages=${2:?--html needs a directory}
	shift 2
fi
"$source/tests/install-packages.sh" check
build=${SEG_BUILD_ROOT:-$source}/build-coverage
[ ! -d "$build" ] || find "$build" -name '*.gcda' -delete
status=0
"$source/tests/run.sh" -k coverage "$@" || status=$?

if [ -n "$pages" ]; then
	mkdir -p "$pages"
	set -- --html-details "$pages/index.html"
else
	set --
fi
gcovr --root "$source" --object-directory "$build" --filter "$source/framework/" --print-summary "$@" "$build"
exit $status
