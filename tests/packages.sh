#!/bin/sh
# tests/packages.sh [SUITE...]: builds the Debian packages inside each suite (bookworm and trixie, unless others are
# named) with tests/packages/build.sh, and uses them in a second system of that suite that has nothing but them, with
# tests/packages/use.sh.
#
# Needs root and Debian's archive, as debootstrap finds it or at $SEG_MIRROR. About two minutes a suite on two cores.
# Where $SEG_PACKAGES names a directory, the packages are kept there, in one of the suite's name.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- bookworm trixie
if [ "$(id -u)" != 0 ]; then
	echo "$0: it makes file systems to chroot into, so run it as root" >&2
	exit 77
fi
"$source/tests/install-packages.sh" package
# Not in /tmp: device files may not be there, and it may be small.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/segrunner-packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Runs a command in such a tree, with mounts and processes of its own, which end with it.
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
		echo "$0: debootstrap cannot make a $suite" >&2
		exit 69
	fi
	# Debian asks this file before it starts the service of a package it installs; 101 is no.
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
