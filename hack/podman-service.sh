#!/bin/sh
# A remote podman, to be run in a world (hack/world.sh run -n server …):
#
#	hack/podman-service.sh DIR
#
# DIR is below /shared. In it appear
#
#	root.sock, dev.sock   the API of a rootful and of a rootless podman
#	nofuse.sock           root's once more, where there is no FUSE
#	port, key             of an ssh server on the loopback that lets root and dev in
#	ready                 when all of them are there
#
# It ends when DIR/stop is there, or is killed.
set -eu
dir=$1
port=$(shuf -i 20000-29999 -n 1)
echo "$port" >"$dir/port"
as_dev() {
	setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/dev XDG_RUNTIME_DIR=/run/user/1000 "$@"
}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
"$here/image.sh"

ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
chmod 644 "$dir/key" "$dir/key.pub" # a key for this run alone
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/host
for user in root dev; do
	home=$(getent passwd $user | cut -d: -f6)
	mkdir -p "$home/.ssh"
	cp "$dir/key.pub" "$home/.ssh/authorized_keys"
	chown -R $user "$home/.ssh"
	chmod -R go= "$home/.ssh"
done
passwd -d dev >/dev/null # sshd refuses locked users
printf '[127.0.0.1]:%s %s\n' "$port" "$(cat /etc/ssh/host.pub)" >"$dir/known_hosts"
/usr/sbin/sshd -p "$port" -h /etc/ssh/host -o ListenAddress=127.0.0.1 -o MaxStartups=100 -o UsePAM=no -o StrictModes=no -E "$dir/sshd.log"

chmod 777 "$dir"
# root's podman moves what runs here into a control group for root alone.
[ ! -d /sys/fs/cgroup/init ] || chmod 755 /sys/fs/cgroup/init
(cd / && as_dev "$here/image.sh")
podman system service --time 0 "unix://$dir/root.sock" &
as_dev podman system service --time 0 "unix://$dir/dev.sock" &
unshare --mount sh -c 'mount --bind /dev/null /dev/fuse && exec podman system service --time 0 "unix://$1"' sh "$dir/nofuse.sock" &
for sock in "$dir/root.sock" "$dir/dev.sock" "$dir/nofuse.sock"; do
	until [ -S "$sock" ]; do sleep 0.1; done
done
# Tests of every cell use them.
chmod 666 "$dir/root.sock" "$dir/nofuse.sock"
: >"$dir/ready"
until [ -e "$dir/stop" ]; do sleep 0.5; done
