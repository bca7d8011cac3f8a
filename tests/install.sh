#!/bin/sh
# tests/install.sh: installs the project into an empty directory. Then, in another directory, builds against it as a user does:
# each example that is a CMake project, and a program and a plugin of its own, through CMake and through pkg-config.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
"$source/tests/install-packages.sh" build options
"$source/tests/build.sh" release -DCMAKE_INSTALL_PREFIX=/usr/local
build=${SEG_BUILD_ROOT:-$source}/build-release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
prefix=$work/prefix

fail() {
	echo "tests/install.sh: $*" >&2
	exit 1
}

quietly() {
	"$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "failed: $*"; }
}

# An installation may be moved.
quietly cmake --install "$build" --prefix "$work/before"
mv "$work/before" "$prefix"
"$prefix/bin/segrunner" --version
# A program is not built if a library was missing.
for program in segctl segbench; do
	[ ! -e "$build/framework/tools/$program/$program" ] || "$prefix/bin/$program" --version
done

mkdir "$work/user"
cat >"$work/user/client.c" <<'C'
#include <segmenter/segmenter.h>
#include <stdio.h>

int main(void)
{
	seg_client_options options;
	seg_client_options_init(&options);
	puts(seg_version());
	return seg_partition_of("key", 3, 8) >= 8;
}
C
cat >"$work/user/plugin.c" <<'C'
#include <segmenter/handler.h>

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state, (void)batch;
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI, .size = sizeof(seg_handler), .name = "mine", .version = "1", .help = "Nothing.", .handle = handle};
SEG_HANDLER_EXPORT(handler);
C
cat >"$work/user/client.cc" <<'CC'
#include <segmenter/handler.h>
#include <segmenter/segmenter.h>
int main() { return seg_version() ? 0 : 1; }
CC
cat >"$work/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C)
find_package(segmenter 0.1 REQUIRED)
add_executable(client_shared client.c)
target_link_libraries(client_shared PRIVATE segmenter::shared)
add_executable(client_static client.c)
target_link_libraries(client_static PRIVATE segmenter::static)
add_library(plugin MODULE plugin.c)
target_link_libraries(plugin PRIVATE segmenter::handler)
CMAKE

echo "An own project through find_package"
quietly cmake -S "$work/user" -B "$work/user/build" -DCMAKE_PREFIX_PATH="$prefix"
quietly cmake --build "$work/user/build"
quietly "$work/user/build/client_shared"
quietly "$work/user/build/client_static"
! nm -D --undefined-only "$work/user/build/libplugin.so" | grep ' seg_' || fail "a plugin needs symbols of the library"

echo "The same through pkg-config"
pkg() { PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name segmenter.pc)") pkg-config "$@" segmenter; }
library=$(pkg --variable=libdir)
# shellcheck disable=SC2046 # words
quietly cc -std=c11 -o "$work/shared" "$work/user/client.c" $(pkg --cflags --libs) -Wl,-rpath,"$library"
quietly "$work/shared"
# shellcheck disable=SC2046
quietly cc -std=c11 -o "$work/static" "$work/user/client.c" $(pkg --cflags) "$library/libsegmenter.a" \
	$(pkg --static --libs | sed 's/-lsegmenter//')
quietly "$work/static"
if command -v c++ >/dev/null; then
	# shellcheck disable=SC2046
	quietly c++ -Wall -Wextra -Werror -o "$work/cxx" "$work/user/client.cc" $(pkg --cflags --libs)
fi

echo "Only what the header declares is visible"
foreign=$(nm -D --defined-only "$library/libsegmenter.so" | awk '$3 !~ /^seg_/ { print $3 }')
[ -z "$foreign" ] || fail "libsegmenter.so shows $foreign"

for project in "$source"/examples/*/CMakeLists.txt; do
	[ -e "$project" ] || continue
	directory=$(dirname "$project")
	name=$(basename "$directory")
	echo "examples/$name"
	cp -r "$directory" "$work/$name"
	quietly cmake -S "$work/$name" -B "$work/$name/build" -DCMAKE_PREFIX_PATH="$prefix"
	quietly cmake --build "$work/$name/build"
done
echo "The installation works"
