#!/bin/sh
# Makes the base images of the RPM tests: Debian with a package manager of
# RPMs inside, because no container registry is needed for that.
#
#	localhost/lazybuild-test/dnf:bookworm   dnf 4 (4.14, as RHEL 9 has) and rpm
#	localhost/lazybuild-test/dnf5:sid       dnf 5, which only Debian unstable has
#
# Usage: hack/image-rpm.sh [dnf|dnf5]…   (default: dnf)
# The results are kept as tarballs in $LAZYBUILD_CACHE.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
load_env

# describe sets what an image is made of.
describe() {
	case $1 in
	dnf) suite=bookworm debs=ca-certificates,dnf,rpm image=localhost/lazybuild-test/dnf:bookworm ;;
	dnf5) suite=sid debs=ca-certificates,dnf5,rpm image=localhost/lazybuild-test/dnf5:sid ;;
	*) die "there is no image $1 (dnf, dnf5)" ;;
	esac
	# The name says what is inside: other contents are another file.
	recipe=$(printf '%s\n' "$suite $debs" | cat - "$0" | sha256sum | cut -c1-12)
	tarball=$LAZYBUILD_CACHE/$1-$suite-$recipe.tar
}

have() {
	[ "$(podman image inspect --format '{{index .Labels "lazybuild.recipe"}}' "$image" 2>/dev/null)" = "$recipe" ]
}

# mirror prints the Debian mirror of this host's apt, or nothing (debootstrap
# then uses its own default).
mirror() {
	apt-get indextargets --format '$(REPO_URI)' \
		'Created-By: Packages' 'Component: main' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1
}

make_rootfs() {
	root=$1
	# shellcheck disable=SC2046 # no mirror is no argument
	as_root debootstrap --variant=minbase --include="$debs" "$suite" "$root" $(mirror) >"$tarball.log" 2>&1 ||
		die "debootstrap failed: see $tarball.log"
	as_root sh -eu -c '
		cd "$1"
		rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale
		mkdir -p etc/yum.repos.d etc/dnf
		# The distribution that the packages of the tests pretend to be made for.
		printf "[main]\ngpgcheck=1\nmodule_platform_id=platform:el9\n" >etc/dnf/dnf.conf
		: >etc/resolv.conf
	' sh "$root"
}

make_image() {
	if have; then
		say "image $image: there"
		return
	fi
	if [ ! -f "$tarball" ]; then
		say "making $image (debootstrap, about a minute, once)"
		mkdir -p "$LAZYBUILD_CACHE"
		work=$(mktemp -d "$LAZYBUILD_CACHE/rootfs.XXXXXX")
		trap 'as_root rm -rf "$work" "$tarball.part"' EXIT
		make_rootfs "$work/root"
		as_root tar -C "$work/root" --numeric-owner -cf "$tarball.part" .
		mv "$tarball.part" "$tarball"
		as_root rm -rf "$work"
	fi
	podman import -q --change 'CMD ["/bin/bash"]' \
		--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change "LABEL lazybuild.recipe=$recipe" "$tarball" "$image" >/dev/null ||
		die "podman import failed"
	podman run --rm --network=none "$image" sh -c "$1 --version | head -n 1 && rpm --version" >&2 ||
		die "podman cannot run $image (see the lines above)"
}

[ $# -gt 0 ] || set -- dnf
for name in "$@"; do
	describe "$name"
	make_image "$name"
done
