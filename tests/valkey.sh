#!/bin/sh
# tests/valkey.sh DIRECTORY [PACKAGE]: puts a server of Debian 13 into DIRECTORY, and prints the path of its program.
#
#   SEG_TEST_REDIS_SERVER=$(tests/valkey.sh /tmp/valkey) tests/run.sh test_rebalance
#   SEG_TEST_REDIS_SERVER=$(tests/valkey.sh /tmp/redis-8 redis-server) tests/run.sh test_rebalance
#
# PACKAGE is valkey-server (the default, Valkey 8.1) or redis-server (Redis 8.0). Programs for the command line and for
# repairs (valkey-cli, valkey-check-aof) are beside the server. Works on any Debian, and needs no root: the packages bring
# their own libraries, and apt's configuration and state stay as they are. If DIRECTORY has the server already, only
# prints the path. Exits with 69 if the server cannot be had: without Debian's archive, or on another system.
set -eu

suite=trixie
mirror=${SEG_MIRROR:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg

unavailable() {
	echo "$0: $package of Debian $suite cannot be had here: $*" >&2
	exit 69
}

# The first error in the log, or its last line.
error() {
	grep -m 1 '^E: ' "$work/log" || tail -n 1 "$work/log"
}

package=${2:-valkey-server}
case $#,$package in
1,* | 2,valkey-server | 2,redis-server) ;;
*)
	sed -n '2,/^set/ s/^# \{0,1\}//p' "$0" >&2
	exit 64
	;;
esac
mkdir -p "$1"
directory=$(cd "$1" && pwd)
name=${package%-server}
server=$directory/bin/$package
if [ -x "$server" ]; then
	echo "$server"
	exit 0
fi
command -v apt-get >/dev/null || unavailable "this system has no apt-get"
[ -r $keys ] || unavailable "Debian's keys are missing; install the package debian-archive-keyring"

work=$(mktemp -d "$directory/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# An apt that knows of this suite only, and of no package that is installed.
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages" "$work/root"
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
Dir::Etc::Preferences "-";
Dir::Etc::PreferencesParts "-";
Dir::State::Lists "$work/lists";
Dir::State::Status "/dev/null";
Dir::Cache "$work/cache";
Acquire::Languages "none";
APT::Sandbox::User "";
APT::Install-Recommends "false";
END
export APT_CONFIG="$work/apt.conf"
apt-get update -qq --error-on=any >"$work/log" 2>&1 || unavailable "$(error)"

# What the server needs to run, and nothing that only its installation needs.
skipped='adduser|passwd|libc-bin|dpkg|perl.*|debconf.*|init-system-helpers|lsb-base|sysvinit-utils'
names=$(apt-get install -s "$package" 2>"$work/log" | awk '/^Inst / { print $2 }' | grep -vxE "$skipped") ||
	unavailable "$(error)"
# shellcheck disable=SC2086 # words
(cd "$work/packages" && apt-get download -qq $names) >"$work/log" 2>&1 || unavailable "$(error)"
for file in "$work"/packages/*.deb; do
	dpkg -x "$file" "$work/root"
done

# The programs run with the libraries of their suite, through the loader of their suite.
libraries=$(dirname "$(find "$work/root" -name libc.so.6)")
loader=$(find "$libraries" -name 'ld-linux*' | head -n 1)
[ -n "$loader" ] || unavailable "the packages have no loader of programs"
home=$directory/$suite-$name
libraries=$home${libraries#"$work/root"}
loader=$home${loader#"$work/root"}
rm -rf "$home"
mv "$work/root" "$home"
mkdir -p "$directory/bin"
# The server comes last, because its program says that all is there.
for tool in cli check-aof server; do
	cat >"$directory/bin/$name-$tool" <<END
#!/bin/sh
exec '$loader' --argv0 $name-$tool --library-path '$libraries' '$home/usr/bin/$name-$tool' "\$@"
END
	chmod 755 "$directory/bin/$name-$tool"
done
if ! "$server" --version >"$work/log" 2>&1; then
	rm "$server"
	unavailable "the program does not run: $(error)"
fi
echo "$server"
