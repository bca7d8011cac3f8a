#!/bin/sh
# tests/coverage.sh [NAME...]: runs the tests (see tests/run.sh) on an instrumented build, and prints how much of each
# file of framework/ they reached, lines and branches, with the totals last. --html DIRECTORY first writes pages, too.
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
