#!/bin/sh
# Runs golangci-lint with the settings of .golangci.yml. The linter is built
# from hack/tools once, and kept, with what it remembers, in $LAZYBUILD_CACHE.
# Usage: hack/lint.sh [package…]
set -eu
cd "$(dirname -- "$0")/.."
. hack/lib.sh
[ $# -gt 0 ] || set -- ./...
module=github.com/golangci/golangci-lint/v2
linter=$(go_tool golangci-lint $module $module/cmd/golangci-lint "$(go env GOVERSION)")
# Two runs at once wait for each other: they share what is remembered.
GOLANGCI_LINT_CACHE=$LAZYBUILD_CACHE/golangci-lint exec "$linter" run --allow-serial-runners "$@"
