#!/bin/sh
# Runs govulncheck over all packages. It asks the Go vulnerability database, or
# the one of GOVULNDB; where that does not answer nothing is known, and the exit
# status is 3.
set -eu
cd "$(dirname -- "$0")/.."
. hack/lib.sh
checker=$(go_tool govulncheck golang.org/x/vuln golang.org/x/vuln/cmd/govulncheck "$(go env GOVERSION)")
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
"$checker" ${GOVULNDB:+-db "$GOVULNDB"} -tags "${TAGS:-}" ./... >"$out" 2>&1 || status=$?
cat "$out"
if grep -q '^govulncheck: fetching vulnerabilities' "$out"; then
	say "NOT CHECKED: the vulnerability database does not answer (GOVULNDB names another: a URL, or file:///…)"
	exit 3
fi
exit "$status"
