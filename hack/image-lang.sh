#!/bin/sh
# Makes the base images of the tests with compilers. No container registry is
# needed for that: debootstrap fills them from this host's Debian mirror.
#
#	localhost/lazybuild-test/cargo:trixie   cargo and rustc 1.85, gcc
#	localhost/lazybuild-test/ruby:trixie    ruby 3.3, Bundler 2.6, gcc, git
#
# Usage: hack/image-lang.sh [cargo|ruby]…   (default: both)
# The results are kept as tarballs in $LAZYBUILD_CACHE.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
load_env

[ $# -gt 0 ] || set -- cargo ruby
for name in "$@"; do
	case $name in
	cargo) debian_image cargo localhost/lazybuild-test/cargo:trixie trixie ca-certificates,cargo,gcc,libc6-dev 'cargo --version' ;;
	ruby) debian_image ruby localhost/lazybuild-test/ruby:trixie trixie ca-certificates,ruby,ruby-dev,bundler,gcc,libc6-dev,make,git 'ruby --version && bundle --version' ;;
	*) die "there is no image $name (cargo, ruby)" ;;
	esac
done
