#!/bin/sh
# Runs every fuzz target of the repository for $FUZZTIME, one after the other:
# go test fuzzes one target at a time.
set -eu
cd "$(dirname -- "$0")/.."
tags=${TAGS:-remote containers_image_openpgp exclude_graphdriver_btrfs}
for dir in $(git ls-files -co --exclude-standard '*_test.go' | xargs -r grep -l '^func Fuzz' | xargs -r -n1 dirname | sort -u); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$dir"/*_test.go); do
		echo "== $dir $target (${FUZZTIME:=30s})"
		go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "./$dir"
	done
done
