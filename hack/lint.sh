#!/bin/sh
# Runs golangci-lint with the settings of .golangci.yml. The linter is built
# from hack/tools (through the Go module proxy, about a minute the first time).
# Usage: hack/lint.sh [package…]
set -eu
cd "$(dirname -- "$0")/.."
[ $# -gt 0 ] || set -- ./...
exec go tool -modfile=hack/tools/go.mod golangci-lint run "$@"
