#!/usr/bin/env bash
# The demo's table is all as expected, twice in a row, and nothing of it stays.
. "$(dirname "$0")/../tap.sh"
top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${abs_top_builddir:-$top/build}
[ "$(id -u)" -eq 0 ] || skip_all "the demo needs root"
for tool in nsd nginx dig curl; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed (contrib/quickstart installs it)"
done
getent passwd namegate >/dev/null || skip_all "the system user namegate is missing (contrib/quickstart makes it)"
case $("$build/namegated" -t 2>/dev/null) in
*'"/run/namegate/control"'*'"/var/lib/namegate"'*) ;;
*) skip_all "configured for other folders than --localstatedir=/var --runstatedir=/run, which the demo covers" ;;
esac
traces() {
	find /run/netns -name 'ngdemo*' 2>/dev/null
	grep -c ngdemo /proc/mounts
	nft list tables 2>/dev/null | grep -c 'inet namegate$'
}
before=$(traces)
if out=$("$top/contrib/demo/run" "$build" 2>&1); then
	ok "the demo goes as expected"
else
	not_ok "the demo goes as expected" "$out"
fi
is "the table says so" "17 of 17 as expected" "$(printf '%s\n' "$out" | tail -n 1)"
is "nothing is left" "$before" "$(traces)"
tap_done
