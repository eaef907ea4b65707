#!/bin/sh
# Builds toxiproxy, which spoils connections for the end-to-end tests, from
# hack/tools (through the Go module proxy) into $LAZYBUILD_CACHE/bin. It prints
# the program's path and does nothing when it is there.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
program=$LAZYBUILD_CACHE/bin/toxiproxy-2.12.0
if [ ! -x "$program" ]; then
	say "building toxiproxy"
	mkdir -p "$LAZYBUILD_CACHE/bin"
	(cd "$here/.." && CGO_ENABLED=0 go build -modfile=hack/tools/go.mod -o "$program.part" github.com/Shopify/toxiproxy/v2/cmd/server)
	mv "$program.part" "$program"
fi
echo "$program"
