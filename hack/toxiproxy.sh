#!/bin/sh
# Builds toxiproxy, which spoils connections for the end-to-end tests, into
# $LAZYBUILD_CACHE/bin. It prints the program's path and does nothing when it is
# there.
set -eu
cd "$(dirname -- "$0")/.."
. hack/lib.sh
go_tool toxiproxy github.com/Shopify/toxiproxy/v2 github.com/Shopify/toxiproxy/v2/cmd/server
