#!/usr/bin/env bash
# What a list opens beside public names: static addresses with and without ports, private answers of
# a rule; how a reload changes them; and the modes of a sandbox, switched while it runs.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/box1.list" <<'END'
44.3.0.0/24:80
44.3.1.1
private.allowed.example private=10.9.9.0/24
END
ip -n net route add local 10.9.9.0/24 dev lo
start_gate
add_box 1 "$work/box1.list" >/dev/null
add_box 2 "$(allow box2.list 44.3.2.1 www.allowed.example private.allowed.example)" >/dev/null

is "a static prefix is open on its port, by no name" "open" "$(reach 1 44.3.0.7)"
is "and on no other" "refused" "$(reach 1 44.3.0.7 81)"
is "a static address is open" "open" "$(reach 1 44.3.1.1)"
is "what is beside it is not" "refused" "$(reach 1 44.3.1.2)"
is "nor what another sandbox has" "refused open" "$(reach 1 44.3.2.1) $(reach 2 44.3.2.1)"
like "the list of sandboxes counts them" '^2$' "$(gate sandbox list --json | jq '.sandboxes[] | select(.name == "box1") | .statics')"

is "a rule with private= opens what its name leads to" "refused NOERROR 10.9.9.9 open" \
	"$(reach 1 10.9.9.9) $(ask 1 private.allowed.example) $(reach 1 10.9.9.9)"
is "a rule without it does not" "NOERROR ede=15 refused" "$(ask 2 private.allowed.example) $(reach 2 10.9.9.9)"
is "nor is anything else of the prefix open" "refused" "$(reach 1 10.9.9.8)"

# A reload adds and takes away; what stays is not interrupted.
hold 1 44.3.0.7 100
stays=$held
hold 1 44.3.1.1 100
printf '44.3.0.0/24:80\n44.3.4.0/24\n' >"$work/box1.list"
moment=$(date +%s.%N)
succeeds "a reload with other statics" gate reload
reloaded=$(date +%s.%N)
is "the new one is open" "open" "$(reach 1 44.3.4.1)"
is "the old one is not" "refused" "$(reach 1 44.3.1.1)"
is "nor what the rule with private= had opened" "refused" "$(reach 1 10.9.9.9)"
is "the one that stayed is" "open" "$(reach 1 44.3.0.7)"
until_true 5 grep -q cut "$work/held.44.3.1.1"
succeeds "the flow of the one that went was cut within a second" cut_within "$moment" 44.3.1.1 "$reloaded"
is "the flow of the one that stayed was not" "up" "$(cat "$work/held.44.3.0.7")"
kill "$stays"
seq -f '44.4.%.0f.1' 0 255 >"$work/box1.list"
echo 44.5.0.1 >>"$work/box1.list"
fails "more statics than a sandbox may have are refused" gate reload
like "with the place where it is too much" 'box1\.list:257:1: error: .*more than 256 static' "$(gate reload 2>&1)"
is "and nothing has changed" "open" "$(reach 1 44.3.4.1)"
cp "$work/box1.list" "$work/box3.list"
fails "so is a new sandbox with that many" gate sandbox add box3 --interface sb3 --source 10.77.3.2 --policy "$work/box3.list"

# Modes.
is "enforce: what no list has is denied" "NXDOMAIN ede=15 refused" "$(ask 2 www.other.example) $(reach 2 44.1.0.1)"
succeeds "observe" gate sandbox mode box2 observe
is "it is shown" "observe" "$(gate sandbox list --json | jq -r '.sandboxes[] | select(.name == "box2") | .mode')"
is "everything is answered, and passes" "NOERROR 44.1.0.1 open open" \
	"$(ask 2 www.other.example) $(reach 2 44.1.0.1) $(reach 2 44.6.0.1)"
is "the record says what enforce would have done" "deny" \
	"$(records 'select(.event == "decision" and .mode == "observe" and (.name | startswith("www.other"))) | .verdict' | head -n 1)"
is "its neighbour is enforced" "NXDOMAIN ede=15" "$(ask 1 www.other.example)"
kill "$gate_pid"
wait "$gate_pid"
start_gate
observed() { [ "$(ask 2 www.other.example)" = "NOERROR 44.1.0.1" ]; }
succeeds "the mode outlives a restart" until_true 10 observed
hold 2 44.1.0.1 100
moment=$(date +%s.%N)
succeeds "lockdown" gate sandbox mode box2 lockdown
locked=$(date +%s.%N)
is "nothing is answered, nothing passes" "NXDOMAIN ede=15 refused" "$(ask 2 www.allowed.example) $(reach 2 44.3.2.1)"
until_true 5 grep -q cut "$work/held.44.1.0.1"
succeeds "its open flow was cut within a second" cut_within "$moment" 44.1.0.1 "$locked"
succeeds "enforce again" gate sandbox mode box2 enforce
is "and all is as before" "NOERROR 44.0.0.1 open NXDOMAIN ede=15" \
	"$(ask 2 www.allowed.example) $(reach 2 44.3.2.1) $(ask 2 www.other.example)"
fails "a mode that is none" gate sandbox mode box2 relaxed
tap_done
