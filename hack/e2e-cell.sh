#!/bin/sh
# Runs the end-to-end tests in a world (hack/world.sh). Used by hack/e2e-all.sh.
# Usage: hack/e2e-cell.sh container|process|auto [DIR TRANSPORT USER] -- TEST-FLAG…
#
# With DIR, TRANSPORT (unix, ssh) and USER, podman is the remote one that
# hack/podman-service.sh runs there.
set -eu
cd "$(dirname -- "$0")/.."
export LAZYBUILD_PROXY=$1 LAZYBUILD_BIN=/repo/bin/lazybuild
shift
if [ "$1" != -- ]; then
	dir=$1 transport=$2 user=$3
	shift 3
	mkdir -p "$HOME/.ssh"
	cp "$dir/known_hosts" "$HOME/.ssh/known_hosts"
	export CONTAINER_SSHKEY="$dir/key" LAZYBUILD_E2E_SHARED="$dir"
	case $transport in
	unix) export CONTAINER_HOST="unix://$dir/$user.sock" ;;
	ssh) export CONTAINER_HOST="ssh://$user@127.0.0.1:$(cat "$dir/port")$dir/$user.sock" ;;
	machine)
		# As podman machine sets it up: the user's connection, and root's beside it.
		for u in dev root; do
			name=vm
			[ $u = dev ] || name=vm-root
			podman system connection add --identity "$dir/key" $name "ssh://$u@127.0.0.1:$(cat "$dir/port")$dir/$u.sock"
		done
		export CONTAINER_CONNECTION=vm
		;;
	esac
else
	./hack/image.sh 2>/dev/null
fi
shift
cd e2e
exec ../bin/e2e.test -test.count=1 "$@"
