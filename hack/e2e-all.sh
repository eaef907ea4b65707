#!/bin/sh
# Runs the end-to-end tests on every podman: in worlds (hack/world.sh) of two
# Debians, as root and as a user, with the proxy in a container and as a
# process; and with podman in one world and its service in another.
#
# Usage: hack/e2e-all.sh [-r TESTS] [CELL…]
#
#	-r TESTS   only the tests that match (go test -run)
#	CELL       only these of the cells below; * is allowed: 'podman5-*'
#
# It prints a line for each cell, and the output of those that fail. bin/ must
# hold lazybuild and e2e.test (`make e2e-all` sees to it).
set -eu
cd "$(dirname -- "$0")/.."
. hack/lib.sh

# Name, world, user, arguments of e2e-cell.sh.
cells='
podman4-root-container bookworm root container
podman4-root-process   bookworm root process
podman4-user-container bookworm dev  container
podman4-user-process   bookworm dev  process
podman5-root-container trixie   root container
podman5-root-process   trixie   root process
podman5-user-container trixie   dev  container
podman5-user-process   trixie   dev  process
remote-unix-root       trixie   root auto @ unix root
remote-unix-user       trixie   dev  auto @ unix dev
remote-ssh-root        trixie   dev  auto @ ssh root
remote-ssh-user        trixie   root auto @ ssh dev
machine                trixie   root auto @ machine dev
'
# What no cell changes, and needs more images or the network: the host's own run
# (make e2e) has these.
elsewhere='Dnf|RPM|Header|Repoquery|ModuleStream|Unsigned|YumRepos|Createrepo|SecondProject|DownloadsOfATransaction|RealApplication|Git|Yarn|ACommit|TestGo'
# What looks at files and processes that are on the other machine, or starts
# podmans of its own.
onlyhere='FlagTables|GlobalFlags|PlainPodman|PodmansFlags|LayersFrom|KeptContainerfile|VolumesOverTheTree|ThatPodmanFetches|ServesWhere|OtherProxyImage|VersionThatRuns|CannotBeMounted|NoProxy|Neither|AfterAMigrate'

tests=
while getopts r: option; do
	case $option in
	r) tests=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- '*'

wanted() {
	name=$1
	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2254 # a pattern is meant
		case $name in $pattern) return 0 ;; esac
	done
	return 1
}

shared=$LAZYBUILD_CACHE/worlds/shared/$$
logs=$(mktemp -d)
cleanup() {
	[ ! -d "$shared" ] || as_root sh -c ': >"$1/stop"' sh "$shared"
	[ -z "${service:-}" ] || wait "$service" || true
	as_root rm -rf "$shared" "$logs"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# start_service starts the remote podmans, once.
start_service() {
	[ -z "${service:-}" ] || return 0
	as_root mkdir -p "$shared"
	./hack/world.sh run -n service trixie hack/podman-service.sh "/shared/$$" >"$logs/service" 2>&1 &
	service=$!
	until [ -e "$shared/ready" ]; do
		kill -0 "$service" 2>/dev/null || die "the podman service did not start: $(cat "$logs/service")"
		sleep 0.2
	done
}

failed=0
./hack/world.sh make bookworm trixie
while read -r cell world user proxy at more; do
	[ -n "$cell" ] && wanted "$cell" "$@" || continue
	skip=$elsewhere
	# It maps a container's users to those that root has.
	[ "$user" = root ] || skip="$skip|PodmansFlags/user_namespace"
	# A process has neither of these.
	[ "$proxy" != process ] || skip="$skip|NothingIsLeft/kill_-9_of_(conmon|the_API)"
	if [ -n "$at" ]; then
		start_service
		at="/shared/$$"
		skip="$skip|$onlyhere"
	elif [ "$user" != root ]; then
		skip="$skip|WithoutFUSE" # root alone can take it away here
	fi
	began=$(date +%s)
	# shellcheck disable=SC2086 # lists of words
	if ./hack/world.sh run -u "$user" "$world" hack/e2e-cell.sh "$proxy" $at $more -- \
		-test.timeout 30m -test.skip "$skip" ${tests:+-test.run "$tests"} </dev/null >"$logs/cell" 2>&1; then
		result=ok
	else
		result=FAILED failed=1
		cat "$logs/cell"
	fi
	printf '%-24s %-6s %4d s\n' "$cell" "$result" $(($(date +%s) - began))
done <<EOF
$cells
EOF
exit $failed
