#!/bin/sh
# Makes this machine able to run lazybuild's tests and demo, and says what it
# does. It can be run again: what is already there is left alone.
#
#	1. installs podman and the other tools with apt-get, if any is missing
#	2. writes a containers.conf of its own where this host's kernel set-up
#	   needs one (the user's and the system's are never touched)
#	3. checks FUSE
#	4. makes the base images (image.sh, image-rpm.sh, image-lang.sh)
#
# Needs root or sudo. Everything is kept in $LAZYBUILD_CACHE
# (default: ~/.cache/lazybuild-dev); `. $LAZYBUILD_CACHE/env` gives a shell the
# same view of podman that the tests have.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"

# Command and the Debian package that brings it. gcc is for `go test -race`.
tools='
podman:podman
runc:runc
crun:crun
conmon:conmon
nft:nftables
iptables:iptables
newuidmap:uidmap
slirp4netns:slirp4netns
fuse-overlayfs:fuse-overlayfs
fusermount3:fuse3
debootstrap:debootstrap
createrepo_c:createrepo-c
rpmbuild:rpm
rpmsign:rpm
gpg:gnupg
dnf:dnf
gcc:gcc
'
# Packages with no command on the PATH, by a file of theirs.
files='
/usr/lib/podman/netavark:netavark
/usr/lib/podman/aardvark-dns:aardvark-dns
/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
/usr/include/stdio.h:libc6-dev
/etc/ssl/certs/ca-certificates.crt:ca-certificates
'

# missing prints the packages of which the command or file is not there.
missing() {
	for pair in $tools; do
		PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair##*:}"
	done
	for pair in $files; do
		[ -e "${pair%%:*}" ] || printf '%s ' "${pair##*:}"
	done
}

install_packages() {
	wanted=$(missing)
	if [ -z "$wanted" ]; then
		say "packages: all there"
		return
	fi
	command -v apt-get >/dev/null 2>&1 ||
		die "missing: $wanted— this script knows only apt-get; install these with your package manager and run it again"
	say "installing with apt-get: $wanted"
	as_root apt-get update -q >&2
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends $wanted >&2
	# Files of other packages, and a podman that is too old or broken, show up here.
	wanted=$(missing)
	[ -z "$wanted" ] || die "still missing after apt-get install: $wanted"
}

# quirks prints one line for each reason why podman's defaults fail on this
# host, and nothing on an ordinary one.
quirks() {
	if [ ! -e /sys/fs/cgroup/cgroup.controllers ] && [ -d /sys/fs/cgroup/unified ]; then
		echo 'cgroups v1 and v2 are mixed: crun refuses to start containers, so runc is used, without systemd cgroups'
	fi
	bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
	if [ $(((0x$bounding >> 24) & 1)) = 0 ]; then
		echo 'CAP_SYS_RESOURCE is missing: containers cannot raise resource limits, so lower ones are set'
	fi
}

# write_conf writes the tests' own containers.conf, only where needed, and
# the env file that selects it.
write_conf() {
	conf=$LAZYBUILD_CACHE/containers.conf
	found=$(quirks)
	if [ -z "$found" ]; then
		rm -f "$conf"
		echo '# This host needs no containers.conf of its own.' >"$LAZYBUILD_CACHE/env"
		return
	fi
	echo "$found" | while read -r line; do say "this host: $line"; done
	say "writing $conf (used by the tests and the demo only)"
	cat >"$conf" <<-CONF
		# Written by hack/setup.sh for the tests and the demo.
		[containers]
		default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
		pids_limit = 0

		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"

		[network]
		network_backend = "netavark"
	CONF
	printf 'export CONTAINERS_CONF=%s\n' "'$conf'" >"$LAZYBUILD_CACHE/env"
}

check_fuse() {
	[ -e /dev/fuse ] || as_root modprobe fuse 2>/dev/null || true
	[ -c /dev/fuse ] || die "/dev/fuse is missing: lazybuild serves its directory over FUSE; load the kernel module 'fuse', or give this container the device"
	grep -qw overlay /proc/filesystems || as_root modprobe overlay 2>/dev/null || true
}

mkdir -p "$LAZYBUILD_CACHE"
install_packages
write_conf
check_fuse
"$here/image.sh"
"$here/image-rpm.sh"
"$here/image-lang.sh"
say "ready ($LAZYBUILD_CACHE)"
