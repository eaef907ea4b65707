#!/bin/sh
# Holds the Go benchmarks of this tree against those of the merge base, by
# ratio: the two are run in turn (A B A B …), so that what slows the machine down
# slows both, and the best run of each counts. Fails when something takes more
# than LIMIT times as long, or ALLOCS times as many allocations.
#
#	hack/bench-check.sh [base]      (default: the merge base with main)
#
# ROUNDS, TIME (go test's -benchtime), BENCH and SKIP (regular expressions), PKGS.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.."

base=${1:-$(git merge-base HEAD "${MAIN:-main}")}
ROUNDS=${ROUNDS:-5} TIME=${TIME:-100ms} LIMIT=${LIMIT:-1.30} ALLOCS=${ALLOCS:-1.10}
BENCH=${BENCH:-TenThousand|Make|Take|Build|Wire|Fingerprint|Walk|Lookup|Get$|PutSmall|NewGuide|Table|OpenReadClose|Remembered}
SKIP=${SKIP:-/1000000}
PKGS=${PKGS:-locks plan tree store content/ahead mount index}
TAGS=${TAGS:-remote containers_image_openpgp exclude_graphdriver_btrfs}
export CGO_ENABLED=0

work=$(mktemp -d)
trap 'git worktree remove --force "$work/old" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
git worktree add -q --detach "$work/old" "$base"
say "comparing with $(git describe --always "$base"), $ROUNDS rounds"

# compile TREE NAME: test programs of all packages that are there.
compile() {
	for p in $PKGS; do
		[ ! -d "$1/pkg/$p" ] || (cd "$1/pkg/$p" && go test -c -tags "$TAGS" -o "$work/$2-$(echo "$p" | tr / -)" .)
	done
}
compile "$work/old" old
compile . new

for round in $(seq "$ROUNDS"); do
	for p in $PKGS; do
		for side in old new; do
			program=$work/$side-$(echo "$p" | tr / -)
			[ -x "$program" ] || continue
			tree=.
			[ $side = new ] || tree=$work/old
			(cd "$tree/pkg/$p" && "$program" -test.run '^$' -test.bench "$BENCH" -test.skip "$SKIP" -test.benchmem -test.benchtime "$TIME") |
				sed -n "s|^Benchmark|$side $p |p" >>"$work/results"
		done
	done
done

awk -v limit="$LIMIT" -v most="$ALLOCS" '
	{
		key = $2 " " $3
		for (i = 4; i < NF; i++) {
			if ($(i + 1) == "ns/op" && (!((key, $1) in ns) || $i + 0 < ns[key, $1])) ns[key, $1] = $i + 0
			if ($(i + 1) == "allocs/op" && (!((key, $1) in al) || $i + 0 < al[key, $1])) al[key, $1] = $i + 0
		}
		keys[key] = 1
	}
	END {
		printf "%-50s %12s %12s %6s %8s %8s\n", "", "old ns", "new ns", "ratio", "allocs", "allocs"
		for (key in keys) {
			if (!((key, "old") in ns) || !((key, "new") in ns)) continue
			ratio = ns[key, "new"] / ns[key, "old"]
			bad = ratio > limit || al[key, "new"] > al[key, "old"] * most + 2
			printf "%-50s %12.0f %12.0f %6.2f %8d %8d%s\n", key, ns[key, "old"], ns[key, "new"], ratio, al[key, "old"], al[key, "new"], bad ? "  WORSE" : "" | "sort"
			if (bad) failed = 1
		}
		close("sort")
		exit failed
	}' "$work/results"
