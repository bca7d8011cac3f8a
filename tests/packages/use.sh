#!/bin/sh
# use.sh: installs the packages in this script's directory on a clean system, uses each, and removes them again.
# tests/packages.sh runs this script in systems that it creates.
set -eu

packages=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)

fail() {
	echo "use.sh: $*" >&2
	exit 1
}

quietly() {
	"$@" >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		fail "failed: $*"
	}
}

install() {
	quietly apt-get install -q -y --no-install-recommends "$@"
}

# The dependencies of the packages must install everything that they need.
install_package() {
	install "$packages/$1"_*.deb
	for file in $(dpkg -L "$1"); do
		case $file in
		*/bin/* | *.so | *.so.*) ! ldd "$file" | grep 'not found' || fail "$file lacks a library" ;;
		*/man/*.gz) gzip -t "$file" || fail "$file is broken" ;;
		esac
	done
}

# wait_for WHAT COMMAND...: waits until the command succeeds, for at most 20 s.
wait_for() {
	what=$1
	shift
	for _ in $(seq 200); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	fail "waited in vain for $what"
}

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

has_messages() {
	[ "$(grep -c '^stream=orders .*,book [123]"$' "$work/handled")" = 3 ]
}

quietly apt-get update

echo "segrunner: the programs, their manual pages, the configuration it comes with"
install_package segrunner
for program in segrunner segctl segbench; do
	"$program" --version
	[ -e "/usr/share/man/man1/$program.1.gz" ] || fail "$program has no manual page"
done
[ -e /usr/share/man/man5/segrunner.ini.5.gz ] || fail "segrunner.ini has no manual page"
dpkg-query -W -f '${Conffiles}' segrunner | grep -q ' /etc/segrunner/segrunner.ini ' ||
	fail "segrunner.ini is no conffile"
segrunner --check /etc/segrunner/segrunner.ini

echo "segrunner: handles messages as it is, with a Redis of its own, as a user without rights"
install redis-server
chown 65534:65534 "$work"
mkdir /var/lib/segrunner
chown 65534:65534 /var/lib/segrunner
export REDIS_URL=embedded
setpriv --reuid=65534 --regid=65534 --clear-groups segrunner -c /etc/segrunner/segrunner.ini \
	>"$work/handled" 2>"$work/runner.log" &
runner=$!
export SEGMENTER_ADDRESS=unix:///var/lib/segrunner/redis.sock SEGMENTER_NAMESPACE=default
wait_for "the stream" as_nobody segctl stream describe orders
printf 'alice,book 1\nbob,book 2\nalice,book 3\n' |
	quietly as_nobody segctl send orders --key-column 1 --separator ,
wait_for "three messages" has_messages
kill "$runner"
wait "$runner" || fail "segrunner ended with $?: $(cat "$work/runner.log")"
unset REDIS_URL SEGMENTER_ADDRESS SEGMENTER_NAMESPACE

echo "segrunner: its pages are there, and each plugin has one"
[ -e /usr/share/doc/segrunner/examples/guides/first-plugin.md ] || fail "the guides are missing"
[ -e /usr/share/man/man7/segrunner-exec.7.gz ] || fail "the plugin exec has no manual page"
segrunner plugins | grep -q '^exec  *Hands' || fail "segrunner plugins does not list exec"

echo "segrunner-plugins: each is loaded"
install_package segrunner-plugins
for plugin in http lua postgres; do
	! segrunner test "$plugin" /dev/null 2>"$work/log" || fail "$plugin wants no option"
	grep -q "which the plugin $plugin requires" "$work/log" || fail "$plugin is not loaded: $(cat "$work/log")"
done

echo "libsegmenter0, libsegmenter-dev: projects that use them"
install_package libsegmenter0
install_package libsegmenter-dev
install cmake make gcc g++ libc6-dev pkgconf
[ -e /usr/share/man/man3/segmenter.3.gz ] || fail "the library has no manual page"
# segrunner as root loads no plugin from a directory of another user.
chown 0:0 "$work"
cp -r /usr/share/doc/libsegmenter-dev/examples "$work"
(cd "$work/examples" && quietly segrunner new-plugin fresh)
mkdir "$work/examples/archive"
cat >"$work/examples/archive/client.c" <<'C'
#include <segmenter/segmenter.h>

int main(void)
{
	return !seg_version();
}
C
cat >"$work/examples/archive/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(archive LANGUAGES C)
find_package(segmenter 0.1 REQUIRED)
add_executable(client client.c)
target_link_libraries(client PRIVATE segmenter::static)
CMAKE
for project in "$work"/examples/*; do
	quietly cmake -S "$project" -B "$project/build"
	quietly cmake --build "$project/build"
done
quietly ctest --test-dir "$work/examples/fresh/build" --no-tests=error
quietly "$work/examples/archive/build/client"
[ "$(pkg-config --variable=prefix segmenter)" = /usr ] || fail "pkg-config has another prefix than /usr"
# shellcheck disable=SC2046 # words
quietly cc -o "$work/client" "$work/examples/archive/client.c" $(pkg-config --cflags --libs segmenter)
quietly "$work/client"

echo "The units are what systemd understands, and confine segrunner well"
install systemd man-db
# It exits with 0 even if it complains.
complaint=$(systemd-analyze verify /usr/lib/systemd/system/segrunner*.service 2>&1) || fail "$complaint"
[ -z "$complaint" ] || fail "$complaint"
for unit in segrunner.service segrunner@orders.service; do
	quietly systemd-analyze security --offline=true --threshold=20 "$unit"
done

echo "Nothing of it stays when it is purged"
quietly systemctl enable segrunner.service segrunner@orders.service
quietly apt-get purge -q -y segrunner segrunner-plugins libsegmenter0 libsegmenter-dev
rm -rf "$work"
# systemd-analyze has run man, and man has written this cache.
left=$(find / -xdev \( -path "$packages" -o -path /proc -o -path /var/cache/man \) -prune -o \
	\( -name '*segrunner*' -o -name '*segmenter*' -o -name 'segctl*' -o -name 'segbench*' \) -print)
[ -z "$left" ] || fail "this stays: $left"
