#!/usr/bin/env bash
# The README's own words: its list and configuration are read, its commands run, as they stand there.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
if in_userns; then skip_all "the README's commands are root's"; fi
usual_stage
zone example.com <<'END'
@ 60 IN A 44.5.0.1
END
kill "$nsd_pid"
wait "$nsd_pid"
start_nsd

block() { # KIND [NUMBER]: the lines of its n-th fenced block
	awk -v kind="$1" -v wanted="${2:-1}" '
		$0 == "```" { on = 0 }
		on && n == wanted
		$0 == "```" kind { n++; on = 1 }' "$top/README.md"
}

mkdir -p "$work/readme" "$work/bin"
cd "$work/readme" || exit
ln -s "$build/namegate" "$build/namegated" "$work/bin/"
# sudo is not needed here, and contrib is the one of these sources.
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
chmod +x "$work/bin/sudo"
ln -s "$top/contrib" contrib
PATH=$work/bin:$PATH
export NAMEGATE_BUILD=$build

example() { # PAGE NUMBER: its n-th display
	awk -v wanted="$2" '
		/^\.Ed/ { on = 0 }
		on && n == wanted { sub(/^\\&/, ""); print }
		/^\.Bd/ { n++; on = 1 }' "$top/man/$1"
}
for shown in "namegate-list.5 1" "namegate-list.5 2" "namegate-rpz.5 1"; do
	read -r page number <<<"$shown"
	example "$page" "$number" >shown.text
	succeeds "there is an example $number in $page" test -s shown.text
	succeeds "namegate check: example $number of $page" namegate check shown.text
done

block list >python.list
block conf >namegate.conf
like "there is a list" '^pypi\.org$' "$(cat python.list)"
like "there is a configuration" '^sandbox' "$(cat namegate.conf)"
block expect >ci.expect
block zone >world.zone
like "there are expectations" '^no-reach 169' "$(cat ci.expect)"
for i in 1 2 3 4 5; do block offline "$i"; done >commands
n=0
while read -r command; do
	n=$((n + 1))
	sh -c "$command" >"out$n" 2>&1
	code=$?
	case $command in
	*--limits*)
		is "$command" 0 "$code" && tap_note "$(head -n 5 "out$n")"
		like "and they come to what the README says" 'at most 1413 of 4096 octets' "$(cat "out$n")"
		like "which is the page's number" '1,413 of the 4,096' "$(cat "$top/README.md")"
		;;
	*evil*) like "$command" 'NXDOMAIN|deny|denied' "$(cat "out$n")" ;;
	*) is "$command" 0 "$code" && tap_note "$(head -n 5 "out$n")" ;;
	esac
done <commands
is "there are eight of them" 8 "$n"
is "and no block of them is left out" "" "$(block offline 6)"
while read -r page; do
	succeeds "the page $page is there" test -s "$top/man/$page"
done < <(grep -o '`[a-z.-]*`([0-9])' "$top/README.md" | sed 's/`\(.*\)`(\(.\))/\1.\2/' | sort -u)

while read -r command _; do
	succeeds "$command is there" test -x "$command"
done < <(block sh)
command=$(block sh 2)
like "the one-line job is namegate-run" 'namegate-run --allow example\.com' "$command"
out=$(sh -c "$command" 2>&1)
is "$command" "0 hello from 44.5.0.1" "$? $out"

start_gate
printf '#!/bin/sh\nexec %s "$@" --control %s\n' "$build/namegate" "$work/control" >"$work/bin/gate"
chmod +x "$work/bin/gate"
mkdir -p "$work/etc"
block sh 3 | grep '^namegate ' | sed "s|^namegate|gate|; s|/etc/namegate/|$work/readme/|" >commands
while read -r command; do
	succeeds "${command/#gate/namegate}" sh -c "$command"
done <commands
tap_done
