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
