#!/bin/sh
# Runs a command with "{}" replaced by a directory that has only those files of
# the project that an image needs.
set -eu
sandbox=$(mktemp -d)
trap 'rm -rf "$sandbox"' EXIT
cp --parents -r jupyter/minimal jupyter/utils prefetch-input/odh/rpms.lock.yaml "$sandbox"
n=$#
while [ "$n" -gt 0 ]; do
	arg=$1
	shift
	[ "$arg" != "{}" ] || arg=$sandbox
	set -- "$@" "$arg"
	n=$((n - 1))
done
"$@"
