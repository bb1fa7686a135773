#!/bin/sh
# Builds Debian's ldns with coverage and sanitizers, for the fuzz targets that read zones with it:
#
#   tests/fuzz/ldns.sh FOLDER [CC]
#
# The source comes from the Debian archive into FOLDER, also where no deb-src line is configured; the result is
# FOLDER/libldns.a. Nothing is installed, and nothing of it belongs into the repository.
set -eu
[ $# -ge 1 ] || {
	echo "usage: ldns.sh FOLDER [CC]" >&2
	exit 2
}
mkdir -p "$1"
cd "$1"
[ ! -e libldns.a ] || exit 0
folder=$PWD
mkdir -p parts lists/partial
cat >parts/source.sources <<'SOURCES'
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
archive() { # VERB...
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/parts" \
		-o Dir::State::lists="$folder/lists" "$@"
}
archive update
archive source --download-only ldns
rm -rf source
dpkg-source -x ldns_*.dsc source
cd source
# Without leaks: configure's own programs have some.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
./configure --quiet --disable-shared --disable-dane-verify CC="${2:-clang}" \
	CFLAGS="-g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined"
make -s -j"$(nproc)" lib
cp .libs/libldns.a "$folder/libldns.a"
