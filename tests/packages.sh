#!/bin/sh
# tests/packages.sh [SUITE...]: for each Debian suite (default: bookworm and trixie), builds the packages in a system of that suite
# (tests/packages/build.sh), and uses them in a second, clean system (tests/packages/use.sh).
#
# Needs root and Debian's archive: debootstrap's default, or $SEG_MIRROR. Takes about two minutes a suite on two cores. If
# $SEG_PACKAGES names a directory, keeps the packages in $SEG_PACKAGES/SUITE.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- bookworm trixie
if [ "$(id -u)" != 0 ]; then
	echo "$0: creating file systems to chroot into needs root; run it as root" >&2
	exit 77
fi
"$source/tests/install-packages.sh" package
# Not in /tmp, which may forbid device files, and may be small.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/segrunner-packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Runs a command in a tree, in mount and process namespaces of its own, which end with the command.
inside() {
	tree=$1
	shift
	unshare --mount --pid --fork --kill-child --root="$tree" --mount-proc \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

for suite in "$@"; do
	clean=$work/$suite-clean
	build=$work/$suite-build
	echo "$suite: two systems"
	if ! debootstrap --variant=minbase "$suite" "$clean" ${SEG_MIRROR:+"$SEG_MIRROR"} >"$work/log" 2>&1; then
		cat "$work/log" >&2
		echo "$0: debootstrap cannot create a system of suite $suite" >&2
		exit 69
	fi
	# Debian runs this file before it starts the service of a new package; status 101 forbids the start.
	printf '#!/bin/sh\nexit 101\n' >"$clean/usr/sbin/policy-rc.d"
	chmod 755 "$clean/usr/sbin/policy-rc.d"
	cp -a "$clean" "$build"

	echo "$suite: building"
	mkdir "$build/source"
	tar -C "$source" --exclude='./build*' --exclude=./.git -c . | tar -C "$build/source" --no-same-owner -x
	inside "$build" /source/tests/packages/build.sh /packages
	if [ -n "${SEG_PACKAGES-}" ]; then
		mkdir -p "$SEG_PACKAGES/$suite"
		cp "$build"/packages/*.deb "$SEG_PACKAGES/$suite"
	fi

	echo "$suite: using"
	mv "$build/packages" "$clean/packages"
	cp "$source/tests/packages/use.sh" "$clean/packages"
	inside "$clean" /packages/use.sh
	rm -rf "$clean" "$build"
done
echo "The packages work"
