# shellcheck shell=sh
# Shared by the scripts in this directory: where things are kept, how they
# speak, and how they become root. Source it; it does nothing by itself.

# Everything that the scripts make is kept outside the repository.
LAZYBUILD_CACHE=${LAZYBUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lazybuild-dev}

# The image that the tests and the demo build from. No registry is involved.
BASE_IMAGE=localhost/lazybuild-test/base:bookworm

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
	say "$@"
	exit 1
}

# as_root runs a command as root: directly, or through sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "needs root for: $* (run this as root, or install sudo)"
	fi
}

# load_env exports what setup.sh found this host to need (env is absent
# before the first setup).
load_env() {
	if [ -f "$LAZYBUILD_CACHE/env" ]; then
		# shellcheck disable=SC1091
		. "$LAZYBUILD_CACHE/env"
	fi
}

# debian_mirror prints the Debian mirror of this host's apt, or nothing
# (debootstrap then uses its own default).
debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' \
		'Created-By: Packages' 'Component: main' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1
}

# debian_image makes an image of a Debian suite with packages, unless it is
# there: debian_image NAME IMAGE SUITE PACKAGES PROBE. NAME and what is inside
# name the tarball that is kept; PROBE is a command that has to run in the image.
debian_image() {
	_recipe=$(printf '%s\n' "$3 $4" | sha256sum | cut -c1-12)
	if [ "$(podman image inspect --format '{{index .Labels "lazybuild.recipe"}}' "$2" 2>/dev/null)" = "$_recipe" ]; then
		say "image $2: there"
		return
	fi
	_tarball=$LAZYBUILD_CACHE/$1-$3-$_recipe.tar
	if [ ! -f "$_tarball" ]; then
		say "making $2 (debootstrap, some minutes, once)"
		mkdir -p "$LAZYBUILD_CACHE"
		_work=$(mktemp -d "$LAZYBUILD_CACHE/rootfs.XXXXXX")
		trap 'as_root rm -rf "$_work" "$_tarball.part"' EXIT
		# shellcheck disable=SC2046 # no mirror is no argument
		as_root debootstrap --variant=minbase --include="$4" "$3" "$_work/root" $(debian_mirror) >"$_tarball.log" 2>&1 ||
			die "debootstrap failed: see $_tarball.log"
		as_root sh -eu -c '
			cd "$1"
			rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale
			: >etc/resolv.conf
		' sh "$_work/root"
		as_root tar -C "$_work/root" --numeric-owner -cf "$_tarball.part" .
		mv "$_tarball.part" "$_tarball"
		as_root rm -rf "$_work"
	fi
	podman import -q --change 'CMD ["/bin/bash"]' \
		--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change "LABEL lazybuild.recipe=$_recipe" "$_tarball" "$2" >/dev/null ||
		die "podman import failed"
	podman run --rm --network=none "$2" sh -c "$5" >&2 ||
		die "podman cannot run $2 (see the lines above)"
}

# go_tool builds a program of hack/tools (through the Go module proxy), once for
# each version of it, and prints its path: go_tool NAME MODULE PACKAGE [GO]. GO
# is the version of go where that matters too. It is called in the repository's
# root, and needs no go where the program is there.
go_tool() {
	_version=$(awk -v module="$2" '$1 == module && $2 ~ /^v/ { print substr($2, 2); exit }' hack/tools/go.mod)
	_program=$LAZYBUILD_CACHE/bin/$1-$_version${4:+-$4}
	if [ ! -x "$_program" ]; then
		say "building $1"
		mkdir -p "$LAZYBUILD_CACHE/bin"
		CGO_ENABLED=0 go build -modfile=hack/tools/go.mod -o "$_program.$$" "$3" || die "$1 cannot be built"
		mv "$_program.$$" "$_program"
	fi
	echo "$_program"
}
