#!/bin/sh
# tests/install-packages.sh GROUP...: installs the Debian packages (12 or 13) that are missing.
#
#   build   compiling the project
#   options compiling the optional parts: plugins, packing with lz4 and zstd, HTTP, systemd, segctl top
#   run     running segrunner
#   test    running the tests, besides build, options and run
#   check   checking the source in .ci/run
#   model   running tests/model.sh, besides build
#   package building Debian packages, checking them, and creating systems for both
#   peers   the brokers of segbench --peers; without them, a test of segbench is skipped
#   look    a browser, a Prometheus, zsh and fish; without them, the tests that use them are skipped
#
# Needs root or sudo, but only if packages are missing. Does not start the redis-server of `run` as a service: the project
# starts its own servers.
set -eu

packages_of() {
	case $1 in
	build) echo gcc libc6-dev make ninja-build cmake pkgconf libhiredis-dev libck-dev libinih-dev libjansson-dev libssl-dev ;;
	options) echo g++ liblz4-dev libzstd-dev libcurl4-openssl-dev liblua5.4-dev libpq-dev libmicrohttpd-dev libsystemd-dev libncurses-dev ;;
	run) echo redis-server ;;
	test) echo libcmocka-dev jq python3 postgresql groff openssl ;;
	model) echo spin ;;
	package) echo debootstrap dpkg-dev file lintian ;;
	peers) echo nats-server libnats-dev ;;
	look) echo chromium prometheus zsh fish ;;
	check) echo clang clang-format clang-tidy libclang-rt-dev gcovr git shellcheck ;;
	*)
		echo "$0: no group \"$1\"; there are build, options, run, test, model, package, peers, look and check" >&2
		exit 64
		;;
	esac
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for group in "$@"; do
	packages=$(packages_of "$group")
	for package in $packages; do
		if ! command -v dpkg-query >/dev/null || ! is_installed "$package"; then
			missing="$missing $package"
		fi
	done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "$0: this is not Debian, so make sure that these are installed:$missing" >&2
	exit 0
fi
if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "$0: packages are missing, and there is neither root nor sudo. As root, run:" >&2
	echo "    apt-get install$missing" >&2
	exit 77
fi

# Debian runs this file before it starts the service of a new package; status 101 forbids the start.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '$as_root rm -f $policy' EXIT
	trap 'exit 130' INT TERM
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
fi

echo "Installing$missing"
log=$(mktemp)
# shellcheck disable=SC2086 # words
if ! { $as_root apt-get update -qq &&
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing; } \
	>"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	rm -f "$log"
	echo "$0: cannot install$missing" >&2
	exit 69
fi
rm -f "$log"
