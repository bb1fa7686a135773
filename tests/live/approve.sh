#!/usr/bin/env bash
# Names that a rule says to ask about: denied, listed, approved and refused, by whom and until when;
# kept over a restart; and what a wider rule denies, nobody approves.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/global.list" <<'END'
?*.allowed.example
!two.allowed.example
www.other.example
END
cat >"$work/extra.conf" <<END
policies = { "$work/global.list" }
sandbox "filed" {
	sources = {"10.99.0.2"}
	interface = "sb9"
	policies = { "$(allow filed.list www.allowed.example alias.allowed.example)" }
}
END
start_gate
add_box 1 "$(allow box1.list www.allowed.example short.allowed.example two.allowed.example alias.allowed.example)" >/dev/null
add_box 2 "$(allow box2.list www.allowed.example short.allowed.example)" >/dev/null

waits() { gate pending --json | jq -r --arg n "$1" '.pending[] | select(.name | ltrimstr("") | startswith($n)) | .id' | head -n 1; }
field() { gate pending --json | jq -r --arg n "$1" ".pending[] | select(.name | startswith(\$n)) | .$2"; }

# Waiting.
is "a name to ask about is denied" "NXDOMAIN ede=15" "$(ask 1 www.allowed.example)"
like "the client is told why" 'waiting for approval' "$(box 1 dig +tries=1 www.allowed.example | grep EDE)"
is "it waits" "box1" "$(field www.allowed.example sandbox)"
is "with the number of its questions" 2 "$(field www.allowed.example count)"
like "and with the rule" 'global\.list:1$' "$(field www.allowed.example rule)"
like "people see it too" 'box1 .*www\.allowed\.example' "$(gate pending)"
is "nobody else's list has it" "" "$(gate pending box2 --json | jq -r '.pending[].name')"
fails "a sandbox that is none has no list" gate pending nobody
is "nothing of it was open" "refused" "$(reach 1 44.0.0.1)"

# Approved, for one sandbox.
fails "an id that is none is not approved" gate approve 4711
fails "nor is anything for an odd time" gate approve "$(waits www.allowed.example)" --for soon
succeeds "it is approved" gate approve "$(waits www.allowed.example)"
is "then it is answered and open, at once" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"
is "it waits no longer" "" "$(waits www.allowed.example)"
is "the other sandbox still waits" "NXDOMAIN ede=15" "$(ask 2 www.allowed.example)"
is "the record says who it was" "approve box1 $(id -u)" \
	"$(records 'select(.event == "approval") | "\(.action) \(.sandbox) \(.uid)"')"
like "so do the approvals" 'approved +box1 .*www\.allowed\.example' "$(gate approvals)"

if in_userns; then
	skip "another user of the group is named by the socket" "a user namespace with one user has no other"
else
	chmod 755 "$work"
	ask 2 mixed.allowed.example >/dev/null
	setpriv --reuid=65534 --regid=0 --clear-groups "$build/namegate" refuse \
		"$(waits mixed.allowed.example)" --control "$work/control" >/dev/null
	is "another user of the group is named by the socket" "refuse box2 65534" \
		"$(records 'select(.event == "approval" and .uid == 65534) | "\(.action) \(.sandbox) \(.uid)"')"
	gate withdraw "$(gate approvals --json | jq '.approvals[] | select(.uid == 65534) | .id')" >/dev/null
fi

# An end.
is "another name waits" "NXDOMAIN ede=15" "$(ask 1 short.allowed.example)"
succeeds "it is approved for some seconds" gate approve "$(waits short.allowed.example)" --for 8s
is "and is open meanwhile" "NOERROR 44.0.0.2 open" "$(ask 1 short.allowed.example) $(reach 1 44.0.0.2)"
over() { [ "$(ask 1 short.allowed.example)" = "NXDOMAIN ede=15" ]; }
succeeds "then it is denied again" until_true 15 over
closed() { [ "$(reach 1 44.0.0.2)" != open ]; }
succeeds "and its address closed" until_true 2 closed
is "which is on record" "end null" "$(records 'select(.event == "approval" and .action == "end") | "\(.action) \(.uid)"')"
is "the other approval stands" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

# For all, and refused.
ask 1 alias.allowed.example >/dev/null
succeeds "a name is refused" gate refuse "$(waits alias.allowed.example)"
is "it is denied and waits no longer" "NXDOMAIN ede=15 " "$(ask 1 alias.allowed.example) $(waits alias.allowed.example)"
like "and it is not told to wait" 'EDE: 15.*\(blocked by policy approvals' "$(box 1 dig alias.allowed.example)"
refusal=$(gate approvals --json | jq '.approvals[] | select(.decision == "refused") | .id')
succeeds "the refusal is withdrawn" gate withdraw "$refusal"
fails "but not twice" gate withdraw "$refusal"
ask 1 alias.allowed.example >/dev/null
like "so it waits again" '^[0-9]+$' "$(waits alias.allowed.example)"
succeeds "a name is approved for all" gate approve "$(gate pending box2 --json | jq '.pending[0].id')" --scope global
is "and so for the one that asked" "NOERROR 44.0.0.1" "$(ask 2 www.allowed.example)"

# What explain makes of it from the files alone, and with what the running gate says.
explains() { # EXPECTED-EXIT ARGUMENT...
	local code=0 out
	out=$("$build/namegate" explain -c "$work/namegated.conf" "${@:2}" 2>&1) || code=$?
	[ "$code" = "$1" ] && printf '%s\n' "$out" || printf '%s\nexit %s, not %s\n' "$out" "$code" "$1"
}
like "from the files alone it waits, and what was not looked at is said" 'verdict +ask.*left out .*--control' \
	"$(explains 1 filed www.allowed.example | tr '\n' ' ')"
like "the running gate knows better" 'verdict +allow.*approval .*decides.*running .*mode enforce, .*approved 1, refused 0' \
	"$(explains 0 --control "$work/control" filed www.allowed.example | tr '\n' ' ')"
gate refuse "$(waits alias.allowed.example)" --scope global >/dev/null
is "what was refused is denied, and counted" 'deny {"approved":1,"refused":1}' \
	"$(explains 1 --json --control "$work/control" filed alias.allowed.example | jq -r '"\(.verdict) \(.running | {approved, refused})"')"
is "from the files alone that waits too" "ask null" \
	"$(explains 1 --json filed alias.allowed.example | jq -r '"\(.verdict) \(.running)"')"
gate withdraw "$(gate approvals --json | jq '.approvals[] | select(.decision == "refused") | .id')" >/dev/null
ask 1 alias.allowed.example >/dev/null
gate sandbox mode filed lockdown >/dev/null
like "and of its mode" 'mode +lockdown.*nothing is allowed' \
	"$(explains 1 --control "$work/control" filed www.allowed.example | tr '\n' ' ')"
like "of one that is in no file it says so" 'no sandbox box1.*in no file' "$(explains 2 --control "$work/control" box1 www.allowed.example)"
like "and of a gate that is not there" 'cannot reach' "$(explains 3 --control "$work/nowhere" filed www.allowed.example)"

# What a rule denies is not asked about.
is "a denied name" "NXDOMAIN ede=15" "$(ask 1 two.allowed.example)"
is "does not wait" "" "$(waits two.allowed.example)"

# A worker that dies takes nothing of what waits with it.
ask 2 two.allowed.example >/dev/null
ask 1 outside.allowed.example >/dev/null
ask 1 outside.allowed.example >/dev/null
shown() { gate pending --json | jq -c '[.pending[] | {id, sandbox, name, rule, count}]'; }
before=$(shown)
like "before the worker dies names wait" 'outside\.allowed\.example.*"count":2' "$before"
until_true 3 sleep 1.1 # counts are kept once a second
kill -9 "$(pid_of worker)"
same_again() { [ "$(shown)" = "$before" ]; }
succeeds "its successor shows the same names under the same numbers" until_true 10 same_again
number=$(waits outside.allowed.example)
ask 1 outside.allowed.example >/dev/null
is "another question counts on" "$(($(jq '.[] | select(.name | startswith("outside")) | .count' <<<"$before") + 1))" \
	"$(field outside.allowed.example count)"
ask 1 meta.allowed.example >/dev/null
more() { [ "$(waits meta.allowed.example)" -gt "$number" ]; }
succeeds "a new name gets a number that was not there before" more
succeeds "what was shown before is approved by its number" gate approve "$number"
is "and means that name" "NOERROR www.other.example. 44.1.0.1" "$(ask 1 outside.allowed.example)"
kill -9 "$(pid_of worker)"
gone_for_good() { shown | jq -e 'length > 0 and all(.name | startswith("outside") | not)'; }
succeeds "what was approved waits no longer in another life" until_true 10 gone_for_good
gate withdraw "$(gate approvals --json | jq '.approvals[] | select(.name | startswith("outside")) | .id')" >/dev/null

# Another life.
kill "$gate_pid"
wait "$gate_pid"
start_gate
served() { [ "$(ask 1 www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
succeeds "approvals outlive a restart" until_true 10 served
is "those for all too" "NOERROR 44.0.0.1" "$(ask 2 www.allowed.example)"
is "what waited still waits" "alias.allowed.example" "$(gate pending box1 --json | jq -r '.pending[].name | select(startswith("alias"))')"
is "and is denied" "NXDOMAIN ede=15" "$(ask 1 alias.allowed.example)"

# The same name denied by a wider scope meanwhile: the approval stands, and opens nothing.
printf '!www.allowed.example\n?*.allowed.example\n' >"$work/global.list"
succeeds "the policy turns to a denial" gate reload
is "which no approval reopens" "NXDOMAIN ede=15" "$(ask 1 www.allowed.example)"
cut() { [ "$(reach 1 44.0.0.1)" != open ]; }
succeeds "and what it had opened is closed" until_true 2 cut
printf '?*.allowed.example\n' >"$work/global.list"
succeeds "the denial goes" gate reload
is "and the approval is what it was" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"

# Withdrawn, and gone with its sandbox.
for id in $(gate approvals --json | jq '.approvals[] | select(.name | startswith("www")) | .id'); do
	gate withdraw "$id" >/dev/null
done
is "withdrawn, it waits" "NXDOMAIN ede=15" "$(ask 1 www.allowed.example)"
succeeds "and its address closes" until_true 2 cut
gate approve "$(waits www.allowed.example)" >/dev/null
gate sandbox remove box1
is "an approval goes with its sandbox" 0 "$(gate approvals --json | jq '.approvals | length')"
told=$("$build/namegate" report -c "$work/namegated.conf" --since 2020-01-01 |
	sed -n '/^### Approvals/,$p')
like "the report tells what was approved, and by whom" '\| approve \| uid 0 \|$' "$told"
like "and what was withdrawn" '\| withdraw \| uid 0 \|$' "$told"
tap_done
