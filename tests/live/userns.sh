#!/usr/bin/env bash
# The gate for an ordinary user: the same tests inside `unshare -Urn`, where there is one user and no
# privilege of the machine. Run by root they run as nobody.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/live/lib.sh
. "$here/lib.sh"
unprivileged=()
if [ "$(id -u)" -eq 0 ]; then
	unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
"${unprivileged[@]}" unshare --user --map-root-user --mount --net --pid --fork true 2>/dev/null ||
	skip_all "this kernel lets ordinary users make no namespaces"
"${unprivileged[@]}" test -x "$build/namegated" -a -r "$here/lib.sh" ||
	skip_all "nobody cannot read $build: it stands in a private folder"
for name in silence noway walls; do
	out=$(LIVE_USERNS=yes "${unprivileged[@]}" "$here/$name.sh" 2>&1)
	if [ -n "$(printf '%s\n' "$out" | sed -n 's/^1\.\.0 # SKIP //p')" ]; then
		skip "$name" "$(printf '%s\n' "$out" | sed -n 's/^1\.\.0 # SKIP //p')"
	elif printf '%s\n' "$out" | grep -q '^not ok' || ! printf '%s\n' "$out" | grep -Eq '^1\.\.[1-9]'; then
		not_ok "$name" "$out"
	else
		ok "$name: $(printf '%s\n' "$out" | grep -c '^ok') as root of nothing"
	fi
done
tap_done
