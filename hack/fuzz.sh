#!/bin/sh
# Runs every fuzz target of the repository for $FUZZTIME, one after the other:
# go test fuzzes one target at a time. With "smoke" it runs their seeds and kept
# inputs alone, as go test does too, and sees to it that none is left out.
# Usage: hack/fuzz.sh [smoke]
set -eu
cd "$(dirname -- "$0")/.."
. hack/lib.sh
tags=${TAGS:-remote containers_image_openpgp exclude_graphdriver_btrfs}

# targets prints a line for each: the directory and the name.
targets() {
	git ls-files -co --exclude-standard '*_test.go' |
		xargs grep -H '^func Fuzz' | sed 's|^\(.*\)/[^/]*:func \(Fuzz[A-Za-z0-9_]*\)(.*|\1 \2|' | sort
}

if [ "${1:-}" = smoke ]; then
	out=$(mktemp)
	trap 'rm -f "$out"' EXIT
	# shellcheck disable=SC2046 # a list of words
	go test -tags "$tags" -run '^Fuzz' -v $(targets | sed 's|^|./|; s| .*||' | uniq) >"$out" 2>&1 || {
		cat "$out"
		exit 1
	}
	ran=$(grep -c '^--- PASS: Fuzz' "$out")
	all=$(targets | wc -l)
	[ "$ran" = "$all" ] || die "$ran of $all fuzz targets ran: does a build tag hide some?"
	say "$all fuzz targets, $(grep -c '^    --- PASS: Fuzz' "$out") seeds and kept inputs: passed"
	exit
fi
targets | while read -r dir target; do
	echo "== $dir $target (${FUZZTIME:=60s})"
	go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "./$dir" </dev/null
done
