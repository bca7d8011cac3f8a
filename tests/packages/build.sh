#!/bin/sh
# tests/packages/build.sh DIRECTORY: builds the packages on this system into DIRECTORY, and checks them with lintian.
# tests/packages.sh runs this script in systems that it creates.
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
packages=$1
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

quietly() {
	"$@" >"$build/log" 2>&1 || {
		cat "$build/log" >&2
		echo "$0: failed: $*" >&2
		exit 1
	}
}

"$source/tests/install-packages.sh" build options package
mkdir -p "$packages"
quietly cmake -G Ninja -S "$source" -B "$build" -DCMAKE_INSTALL_PREFIX=/usr -DSEG_BUILD_TESTS=OFF \
	-DSEG_WERROR=ON
quietly cmake --build "$build" --parallel "$(nproc)"
quietly cpack --config "$build/CPackConfig.cmake" -B "$packages"
rm -rf "$packages/_CPack_Packages"
# lintian warns if it runs as root.
(cd "$packages" && setpriv --reuid=65534 --regid=65534 --clear-groups lintian --fail-on error -- *.deb)
