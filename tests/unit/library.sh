#!/usr/bin/env bash
# libnamegate as an embedder meets it: installed into a folder, found through pkg-config, linked both
# ways; it shows ng_* names alone, and can neither print nor exit.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
build=${abs_top_builddir:-$top/build}
[ -e "$build/libnamegate.la" ] || skip_all "there is no $build/libnamegate.la: build first"
for tool in make pkg-config nm readelf; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# As a user's own make: not a part of the one that runs the tests.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$build" install-libLTLIBRARIES \
	install-pkgincludeHEADERS install-nodist_pkgconfigDATA DESTDIR="$work/root" >install.log 2>&1
is "it installs into a folder" 0 $? || tap_note "$(tail -n 5 install.log)"
pc=$(find root -name namegate.pc)
library=$work/$(find root -name 'libnamegate.so.0')
archive=$work/$(find root -name 'libnamegate.a')
[ -n "$pc" ] && [ -e "$library" ] && [ -e "$archive" ] || {
	not_ok "pkg-config file, shared and static form are there" "$(find root)"
	tap_done
	exit
}
export PKG_CONFIG_PATH=$work/${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
cflags=$(pkg-config --cflags namegate)
like "pkg-config leads into the folder" "$work/root.*-lnamegate" "$cflags $(pkg-config --libs namegate)"

# A sanitized library needs its run time in the program.
sanitize=
if nm "$archive" 2>/dev/null | grep -q __asan_init; then
	sanitize='-fsanitize=address,undefined'
fi
cc="${CC:-cc} -std=c11 -Wall -Wextra -Werror $sanitize"
example=$top/contrib/example/decide.c
printf 'pypi.org\n!evil.example\n' >my.list
seen='pypi.org: yes (my.list:1): the rule pypi.org allows it
evil.example: no (my.list:2): the rule evil.example denies it
a.test: no: no rule: default deny
a..b: malformed input'

# shellcheck disable=SC2046,SC2086 # lists of words
$cc $cflags -o shared "$example" $(pkg-config --libs namegate) 2>&1
is "the example is built against the shared form" 0 $?
like "by its soname" 'libnamegate\.so\.0\]' "$(readelf -d shared)"
is "the example runs" "$seen" "$(LD_LIBRARY_PATH=${library%/*} ./shared my.list pypi.org evil.example a.test a..b 2>&1)"
# shellcheck disable=SC2046 # a list of words
others=$(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --libs $(pkg-config --print-requires-private namegate))
# shellcheck disable=SC2086
$cc $cflags -o static "$example" "$archive" $others 2>&1
is "the example is built against the static form" 0 $?
unlike "which needs no shared one" 'libnamegate' "$(readelf -d static)"
is "and runs the same" "$seen" "$(./static my.list pypi.org evil.example a.test a..b 2>&1)"
printf 'https://pypi.org/\n' >bad.list
LD_LIBRARY_PATH=${library%/*} ./shared bad.list pypi.org >out 2>err
is "what cannot be read is the caller's to tell" "2  1" "$? $(cat out) $(wc -l <err)"
like "with its place" '^bad\.list:1:1: error: .*\[list-url\]$' "$(cat err)"

# shellcheck disable=SC2086
for header in "$work"/root/*/include/namegate/*.h "$work"/root/*/*/include/namegate/*.h; do
	[ ! -e "$header" ] || echo "#include \"$header\"" | $cc $cflags -fsyntax-only -x c - 2>&1
done >headers.log
is "each installed header compiles alone, in plain C11" "" "$(cat headers.log)"

defined() { nm -D --defined-only "$library" | awk '{ print $NF }' | sort -u; }
is "nothing but ng_* is shown" "" "$(defined | grep -v '^ng_' | grep -v -e '^__asan' -e '^__odr_asan')"
# Every function that the public headers declare, comments taken out.
sed -e 's|//.*||' "$top"/include/namegate/*.h | awk '
	BEGIN { RS = "[*]/" } { sub(/\/[*].*/, ""); print }' |
	grep -oE '\bng_[a-z0-9_]+[[(]' | tr -d '[(' | sort -u >declared
is "all that the headers declare is there" "" "$(comm -23 declared <(defined))"
is "and nothing else" "" "$(defined | grep '^ng_' | comm -13 declared -)"
# A sanitizer's own run time prints and ends the process; the library's code is the same.
if [ -n "$sanitize" ]; then
	skip "it cannot print, exit or open sockets" "the sanitizers can"
else
	is "it cannot print, exit or open sockets" "" "$(nm -D --undefined-only "$library" |
		awk '{ sub(/@.*/, "", $NF); print $NF }' |
		grep -xE 'stdout|stderr|v?printf|__v?printf_chk|puts|putchar|perror|_?exit|abort|socket|connect|signal|sigaction|setenv|chdir|fork|syslog')"
fi
tap_done
