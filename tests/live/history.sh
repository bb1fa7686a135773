#!/usr/bin/env bash
# What opened which address is told while the gate runs, after the lease has ended, after kills and
# restarts, and after the rule or the sandbox went.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/extra.conf" <<'END'
lease-min = 8
grace = 2
END
start_gate
list=$(allow box1.list .allowed.example '*.many.example:443' 203.0.113.0/24:80)
add_box 1 "$list" >/dev/null
who() { "$build/namegate" who-opened --store "$work/store" "$@"; }
told() { who --json "$@" | jq -r '.rows[] | "\(.sandbox) \(.name) \(.type) \(.state) \(.rule)"'; }
state() { [ "$(told 44.0.0.2 | cut -d ' ' -f 4)" = "$1" ]; }
exit_of() {
	"$@" >/dev/null 2>&1
	echo $?
}

is "nothing has opened the address yet" "1" "$(exit_of who 44.0.0.2)"
is "a name is asked for" "NOERROR 44.0.0.2" "$(ask 1 short.allowed.example)"
is "its row says sandbox, name, type, and rule" \
	"box1 short.allowed.example A open $list:1" "$(told 44.0.0.2)"
is "it is told for its sandbox" "0" "$(exit_of who --sandbox box1 44.0.0.2)"
is "and for no other" "1" "$(exit_of who --sandbox box2 44.0.0.2)"
before=$(($(date +%s) - 60))
is "it is told for now" "0" "$(exit_of who --at "@$(date +%s)" 44.0.0.2 80)"
is "and not for a minute ago" "1" "$(exit_of who --at "@$before" 44.0.0.2)"
like "people get a table" '^box1 +all +short\.allowed\.example +A +20.*Z +20.*Z +open until 20' \
	"$(who 44.0.0.2)"

succeeds "at its end it is of the history" until_true 20 state time
kill -KILL "$(pid_of worker)"
succeeds "which a killed worker leaves behind" until_true 10 state time
again() { [ "$(ask 1 short.allowed.example)" = "NOERROR 44.0.0.2" ]; }
succeeds "asked again after the kill" until_true 15 again
is "there is a row for each time" "open time" \
	"$(told 44.0.0.2 | cut -d ' ' -f 4 | paste -sd ' ')"
kill -TERM "$gate_pid"
wait "$gate_pid"
start_gate
is "a restart of all leaves both" "2" "$(told 44.0.0.2 | wc -l)"

is "a name with TTL 60" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
echo 'never.example' >"$list"
gate reload >/dev/null
revoked() { told 44.0.0.1 | grep -q ' revoked '; }
succeeds "an end by the rule's end is told as that" until_true 5 revoked
printf '%s\n' .allowed.example >"$list"
gate reload >/dev/null
is "and asked once more" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
gate sandbox remove box1 >/dev/null
removed() { told 44.0.0.1 | grep -q ' removed '; }
succeeds "an end with the sandbox as well" until_true 5 removed

# ---- the report, of the store beside the running gate ----

report() { "$build/namegate" report -c "$work/report.conf" --store "$work/store" "$@"; }
printf '%s\n' 'store = "'"$work"'/store"' "policies = {\"$work/global.list\"}" \
	'sandbox "some" { sources = {"10.77.2.2"} }' >"$work/report.conf"
echo '!denied.example' >"$work/global.list"
cat >>"$work/namegated.conf" <<END
policies = {"$work/global.list"}
END
gate reload >/dev/null
sleep 1.1
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
printf '%s\n' '!denied.example' '!worse.example' >"$work/global.list"
is "a file that is not in force yet is named" "1" \
	"$(report | grep -c 'global\.list.*the file differs from what is in force')"
gate reload >/dev/null
report --since "$since" >"$work/report.md"
like "a source is in force since a version" 'global\.list \| 2 \| [0-9a-f]{16} \| version [0-9]+, 20' "$(cat "$work/report.md")"
like "a source that changed is told, then and now" 'global\.list \| [0-9a-f]{16}, 1 rules \| [0-9a-f]{16}, 2 rules' \
	"$(cat "$work/report.md")"
like "with the rules that came" '^\| came \| deny \| worse\.example \|$' "$(cat "$work/report.md")"
is "and one version" "1" "$(sed -n '/^### Versions/,/^### Sources/p' "$work/report.md" | grep -c '^| [0-9]')"
like "all sandboxes that came and went are told since the beginning" '\| box1 \| went \|$' \
	"$(report --since 2020-01-01)"
unlike "and none since then" '\| box1 \|' "$(cat "$work/report.md")"

cat >"$work/static.conf" <<END
store = "$work/store"
sandbox "fixed" {
	sources = {"10.77.2.2"}
	policies = {"$work/fixed.list"}
}
END
echo '203.0.113.0/24:80' >"$work/fixed.list"
is "static rules are told with a configuration" "fixed $work/fixed.list:1" \
	"$(who -c "$work/static.conf" --json 203.0.113.9 80 | jq -r '.rows[] | "\(.sandbox) \(.rule)"')"
is "and only for their ports" "1" "$(exit_of who -c "$work/static.conf" 203.0.113.9 81)"
is "a store that is not there is unusable" "2" "$(exit_of who --store "$work/none" 44.0.0.1)"
if in_userns; then
	skip "another user may not read it" "there is none in a user namespace"
else
	is "another user may not read it" "2" \
		"$(exit_of \
			setpriv --reuid 65534 --regid 65534 --clear-groups "$build/namegate" who-opened --store "$work/store" 44.0.0.1)"
fi
is "the folders are as strict as before" "700 700" \
	"$(stat -c %a "$work/store/worker" "$work/store/main" | paste -sd ' ')"
tap_done
