#!/usr/bin/env bash
# A stop changes nothing either (life.sh has the deaths); a start waits for who had the table; and what
# nothing explains any more when the gate is back is closed.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
start_gate
add_box 1 "$(allow box1.list '*.many.example' .allowed.example)" >/dev/null
is "a name is open" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

hold 1 44.0.0.1 8
elements=$(table_elements allow4 | sort)

# TERM is a stop, not a removal.
kill -TERM "$gate_pid"
wait "$gate_pid"
is "TERM ends with exit code 0" 0 $?
is "stopped: the open address stays open" "open" "$(reach 1 44.0.0.1)"
is "stopped: a closed one stays closed" "refused" "$(reach 1 44.3.4.2)"
is "and every element stands" "$elements" "$(table_elements allow4 | sort)"
start_gate
like "a new main knows the sandbox" 'box1' "$(gate sandbox list)"
like "and its leases with their names" '^www\.allowed\.example 44\.0\.0\.1$' \
	"$(gate leases --json | jq -r '.. | objects | select(.address?) | "\(.name) \(.address)"')"
kill -TERM "$gate_pid"
wait "$gate_pid"
wait "$held"
like "a connection lived through all of it" '^held$' "$(cat "$work/held.44.0.0.1")"

# The warden of the life before goes later than its main: the next one waits for it.
start_gate
old=$(pid_of warden)
kill -STOP "$old"
kill -9 "$gate_pid"
wait "$gate_pid" 2>/dev/null
(sleep 1 && kill -9 "$old") &
start_gate
answered() { [ "$(ask 1 n7.many.example)" = "NOERROR 44.2.0.7" ]; }
succeeds "a warden that goes late is waited for" until_true 10 answered
succeeds "by the same main" kill -0 "$gate_pid"
kill -TERM "$gate_pid"
wait "$gate_pid"

# What the store and the configuration cannot explain any more is closed when the gate is back.
rm -r "$work/store"
start_gate
succeeds "an element that nobody can explain is taken out" until_true 10 \
	sh -c '! nft list set inet namegate allow4 | grep -q "10.77.1.2 . 44.0.0.1"'
sandbox() { # NAME LIST: the one sandbox of the configuration
	{
		gate_conf
		printf 'sandbox "%s" {\n\tsources = { "10.77.1.2" }\n\tinterface = "sb1"\n' "$1"
		printf '\tpolicies = { "%s" }\n\tmasquerade = true\n}\n' "$2"
	} >"$work/sandbox.conf"
}
start_with_sandbox() {
	kill -9 "$gate_pid"
	wait "$gate_pid" 2>/dev/null
	"$build/namegated" -c "$work/sandbox.conf" >>"$work/namegated.log" 2>&1 &
	gate_pid=$!
	until_true 20 gate status || live_die "namegated does not answer" "$work/namegated.log"
}
sandbox first "$(allow first.list .allowed.example)"
start_with_sandbox
is "the first sandbox opens an address" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"
sandbox second "$(allow second.list '*.many.example')"
start_with_sandbox
succeeds "another with its source does not inherit it" until_true 5 \
	sh -c '! nft list set inet namegate allow4 | grep -q "10.77.1.2 . 44.0.0.1"'
is "which packets show as well" "refused" "$(reach 1 44.0.0.1)"
tap_done
