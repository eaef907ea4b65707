#!/bin/sh
# Makes the base images of the tests with compilers. No container registry is
# needed for that: debootstrap fills them from this host's Debian mirror.
#
#	localhost/lazybuild-test/cargo:trixie   cargo and rustc 1.85, gcc
#	localhost/lazybuild-test/ruby:trixie    ruby 3.3, Bundler 2.6, gcc, git
#	localhost/lazybuild-test/maven:trixie   Maven 3.9 (the first that heeds MAVEN_ARGS), OpenJDK 21
#
# Usage: hack/image-lang.sh [cargo|ruby|maven]…   (default: all)
# The results are kept as tarballs in $LAZYBUILD_CACHE.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/lib.sh"
load_env

[ $# -gt 0 ] || set -- cargo ruby maven
for name in "$@"; do
	case $name in
	cargo) debian_image cargo localhost/lazybuild-test/cargo:trixie trixie ca-certificates,cargo,gcc,libc6-dev 'cargo --version' ;;
	ruby) debian_image ruby localhost/lazybuild-test/ruby:trixie trixie ca-certificates,ruby,ruby-dev,bundler,gcc,libc6-dev,make,git 'ruby --version && bundle --version' ;;
	maven) debian_image maven localhost/lazybuild-test/maven:trixie trixie ca-certificates,maven,openjdk-21-jdk-headless 'mvn --version' ;;
	*) die "there is no image $name (cargo, ruby, maven)" ;;
	esac
done
