#!/usr/bin/env bash
# Rules that end while the gate runs: at the moment that `until=` names, without anybody's reload, the
# name is denied, its address closed and its open flow cut; what had only been denied opens again.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
moment() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
passed() { [ "$(date +%s)" -ge "$1" ]; }

# What holds until the end, and flows that were there before it.
stage() { # SECONDS: the end is so far off; is it still to come when all of that has been seen?
	ends=$(($(date +%s) + $1))
	cat >"$work/box1.list" <<END
www.allowed.example until=$(moment $ends)
short.allowed.example until=2099-12-31
44.3.0.7 until=$(moment $ends)
.many.example
!n1.many.example until=$(moment $ends)
END
	add_box 1 "$work/box1.list" >/dev/null
	add_box 2 "$(allow box2.list short.allowed.example)" --allow "www.other.example until=$(moment $ends)" >/dev/null
	version=$(gate status --json | jq .policy_version)
	rule="$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"
	static=$(reach 1 44.3.0.7)
	denial="$(ask 1 n1.many.example) $(ask 1 n2.many.example)"
	inline="$(ask 2 www.other.example) $(reach 2 44.1.0.1)"
	later=$(ask 1 short.allowed.example)
	flows=()
	for at in 44.0.0.1 44.3.0.7 44.2.0.2; do
		hold 1 "$at" $(($1 + 6))
		flows+=("$held")
	done
	hold 2 44.1.0.1 $(($1 + 6))
	flows+=("$held")
	! passed "$ends"
}
start_gate
for patience in 9 20 60; do # the busier the machine
	stage $patience && break
	gate sandbox remove box1 >/dev/null
	gate sandbox remove box2 >/dev/null
	wait "${flows[@]}"
done
is "until its moment a rule holds" "NOERROR 44.0.0.1 open" "$rule"
is "a static address too" "open" "$static"
is "a denial too" "NXDOMAIN ede=15 NOERROR 44.2.0.2" "$denial"
is "and an inline rule" "NOERROR 44.1.0.1 open" "$inline"
is "and one that ends later" "NOERROR 44.0.0.2" "$later"

until_true 60 passed "$ends"
over() { [ "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)" = "NXDOMAIN ede=15 refused" ]; }
succeeds "after it the name is denied and closed" until_true 5 over
is "the static address is closed" "refused" "$(reach 1 44.3.0.7)"
is "the inline rule has ended" "NXDOMAIN ede=15 refused" "$(ask 2 www.other.example) $(reach 2 44.1.0.1)"
is "the denial has ended" "NOERROR 44.2.0.1 open" "$(ask 1 n1.many.example) $(reach 1 44.2.0.1)"
is "what ends later holds" "NOERROR 44.0.0.2" "$(ask 1 short.allowed.example)"
is "one new version of the policy did it" "$((version + 1))" "$(gate status --json | jq .policy_version)"
like "the log says so" 'until.* has passed' "$(cat "$work/namegated.log")"
like "and which line it left out" 'box1\.list:1:.*list-expired' "$(cat "$work/namegated.log")"
wait "${flows[@]}"
for at in 44.0.0.1 44.3.0.7 44.1.0.1; do
	succeeds "the flow to $at was cut within a second of it" cut_within "$ends" "$at"
done
is "a flow that another rule justifies was not" "held" "$(tail -n 1 "$work/held.44.2.0.2")"
tap_done
