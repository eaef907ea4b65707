#!/bin/sh
# Other machines on this one: a Debian with a podman of its own, in a mount and
# PID namespace, with a root file system, a podman storage and a user of its own.
#
#	bookworm   Debian 12, podman 4.3.1
#	trixie     Debian 13, podman 5.4.2
#
# Usage: hack/world.sh make SUITE…
#        hack/world.sh run [-n NAME] [-u USER] SUITE COMMAND [ARGUMENT…]
#
# make fills a directory with debootstrap, once. run starts a world, and ends
# everything in it when COMMAND ends. USER is root (rootful podman) or dev
# (rootless). Worlds with different NAMEs (default: main) have different files;
# one NAME runs once at a time. What is at the same path in all of them:
#
#	/repo     this repository
#	/cache    $LAZYBUILD_CACHE
#	/shared   a directory for sockets between worlds
#
# /var/lib/containers, /home and /var/tmp are kept from run to run, because
# importing the base image takes a while; the rest is new in each run. Needs
# root or sudo. Everything is kept in $LAZYBUILD_CACHE/worlds.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
worlds=$LAZYBUILD_CACHE/worlds

# The tools that the end-to-end tests run, and those of a remote podman.
debs=podman,crun,runc,conmon,netavark,aardvark-dns,ca-certificates,fuse3,uidmap,nftables,iptables,slirp4netns
debs=$debs,openssh-server,openssh-client,git,cpp,rpm,createrepo-c,gnupg,dnf,procps,util-linux

# describe sets where a suite's files are.
describe() {
	case $1 in
	bookworm) more= runtime=runc ;; # its crun asks for more than it may have here
	trixie) more=,passt runtime=crun ;;
	*) die "there is no world $1 (bookworm, trixie)" ;;
	esac
	suite=$1
	# The name says what is inside: other contents are another directory.
	recipe=$(printf '%s\n' "$suite $debs$more" | sha256sum | cut -c1-12)
	tree=$worlds/$suite-$recipe
}

# mirror prints the Debian mirror of this host's apt, or nothing (debootstrap
# then uses its own default).
mirror() {
	apt-get indextargets --format '$(REPO_URI)' \
		'Created-By: Packages' 'Component: main' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1
}

make_world() {
	describe "$1"
	if [ -d "$tree" ]; then
		say "world $suite: there"
		return
	fi
	say "making the world $suite (debootstrap, about a minute, once)"
	as_root mkdir -p "$worlds"
	as_root rm -rf "$tree.part"
	# shellcheck disable=SC2046 # no mirror is no argument
	as_root debootstrap --variant=minbase --include="$debs$more" "$suite" "$tree.part" $(mirror) >"$LAZYBUILD_CACHE/world-$suite.log" 2>&1 ||
		die "debootstrap failed: see $LAZYBUILD_CACHE/world-$suite.log"
	as_root sh -eu -c '
		cd "$1"
		rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/* usr/share/doc usr/share/man usr/share/locale
		chroot . useradd -u 1000 -s /bin/bash dev
		grep -q ^dev: etc/subuid || echo dev:100000:65536 >>etc/subuid
		grep -q ^dev: etc/subgid || echo dev:100000:65536 >>etc/subgid
		mkdir -p repo cache shared etc/containers var/lib/containers
	' sh "$tree.part"
	as_root mv "$tree.part" "$tree"
}

# conf is the containers.conf of the worlds: limits that need no
# CAP_SYS_RESOURCE, and no systemd.
conf='[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
'

# inside is the rest of the start, in the new namespaces.
inside='
data=$1 tree=$2 repo=$3 cache=$4 user=$5
shift 5
root=$data/root
rm -rf "$data/upper" "$data/work"
mkdir -p "$data/upper" "$data/work" "$root" "$data/containers" "$data/home/dev" "$data/tmp" "$cache/worlds/shared"
chmod 1777 "$data/tmp" "$cache/worlds/shared"
chown 1000:1000 "$data/home/dev"
mount -t overlay world -o "lowerdir=$tree,upperdir=$data/upper,workdir=$data/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs none "$root/tmp"
chmod 1777 "$root/tmp"
# As udev makes it; the host may have it for root alone.
mknod -m 666 "$root/run/fuse" c 10 229
mount --bind "$root/run/fuse" "$root/dev/fuse"
mkdir -p "$root/run/user/1000" "$root/run/sshd" "$root/var/lib/containers"
chown 1000:1000 "$root/run/user/1000"
chmod 700 "$root/run/user/1000"
mount --bind "$data/containers" "$root/var/lib/containers"
mount --bind "$data/home" "$root/home"
mount --bind "$data/tmp" "$root/var/tmp"
mount --bind "$repo" "$root/repo"
mount --bind "$cache" "$root/cache"
mount --bind /dev/null "$root/cache/env" # the settings of the host mean nothing here
mount --bind "$cache/worlds/shared" "$root/shared"
printf "%s" "$conf" >"$root/etc/containers/containers.conf"
# Without it a rootless podman 4.3 takes the vfs driver.
printf "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n" >"$root/etc/containers/storage.conf"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# The CA roots of the host, for a network that inspects TLS.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
cd "$root"
mkdir -p .host
pivot_root . .host
umount -l /.host
rmdir /.host
mount --make-rshared /
cd /repo
unset CONTAINERS_CONF conf
export LAZYBUILD_CACHE=/cache TMPDIR=/var/tmp
# Not by exec: this shell is PID 1, and reaps what a killed process leaves to it.
# Where nobody does, podman 5 takes a dead container for one that will not stop.
if [ "$user" = root ]; then
	env HOME=/root "$@"
else
	setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all \
		env HOME=/home/dev USER=dev XDG_RUNTIME_DIR=/run/user/1000 "$@"
fi
exit
'

run_world() {
	name=main user=root
	while getopts n:u: option; do
		case $option in
		n) name=$OPTARG ;;
		u) user=$OPTARG ;;
		*) exit 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -ge 2 ] || die "usage: hack/world.sh run [-n NAME] [-u USER] SUITE COMMAND [ARGUMENT…]"
	describe "$1"
	[ -d "$tree" ] || make_world "$1"
	shift
	data=$worlds/data/$suite-$name
	as_root mkdir -p "$data"
	# The lock belongs to flock itself: nothing in the world may keep it.
	as_root env conf="${conf}runtime = \"$runtime\"" flock --close "$data/lock" \
		unshare --mount --pid --fork --kill-child --propagation private \
		sh -euc "$inside" sh "$data" "$tree" "$(dirname -- "$here")" "$LAZYBUILD_CACHE" "$user" "$@"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
make) for s in "$@"; do make_world "$s"; done ;;
run) run_world "$@" ;;
*) die "usage: hack/world.sh make SUITE… | run [-n NAME] [-u USER] SUITE COMMAND [ARGUMENT…]" ;;
esac
