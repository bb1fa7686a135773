#!/usr/bin/env bash
# Death changes nothing: each process is killed in turn under traffic; what is open stays open, what
# is established goes on, what is closed stays closed, and names survive with their leases.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
start_gate
add_box 1 "$(allow box1.list '*.many.example' .allowed.example)" >/dev/null
is "a name is open" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

cat >"$work/hold.py" <<'END'
import os, socket, sys, time
sock = socket.create_connection(("44.0.0.1", 80), 5)
while not os.path.exists("/run/live/enough"):
    sock.sendall(b"line\n")
    sock.settimeout(5)
    if not sock.recv(64):
        sys.exit("closed")
    time.sleep(0.05)
print("held")
END
box 1 python3 "$work/hold.py" >"$work/held" 2>&1 &
holder=$!

answered() { [ "$(ask 1 n"$1".many.example)" = "NOERROR 44.2.$(($1 / 256)).$(($1 % 256))" ]; }
n=100
for victim in worker warden worker warden; do
	old=$(pid_of "$victim")
	kill -9 "$old"
	is "$victim killed: the open address stays open" "open" "$(reach 1 44.0.0.1)"
	is "$victim killed: a closed one stays closed" "refused" "$(reach 1 44.3.3.$((n % 250)))"
	n=$((n + 1))
	succeeds "$victim killed: another takes over" until_true 15 answered "$n"
	is "$victim killed: what it opens is open" "open" "$(reach 1 "44.2.$((n / 256)).$((n % 256))")"
	like "$victim killed: leases keep their names" '^www\.allowed\.example 44\.0\.0\.1$' \
		"$(gate leases --json | jq -r '.. | objects | select(.address?) | "\(.name) \(.address)"')"
done

# Main itself: its children follow it, the rules stay.
elements=$(table_elements allow4 | sort)
kill -9 "$gate_pid"
wait "$gate_pid" 2>/dev/null
is "main killed: the open address stays open" "open" "$(reach 1 44.0.0.1)"
is "main killed: a closed one stays closed" "refused" "$(reach 1 44.3.4.1)"
is "main killed: every element stands" "$elements" "$(table_elements allow4 | sort)"
start_gate
like "a new main knows the sandbox" 'box1' "$(gate sandbox list)"
like "and its leases with their names" '^www\.allowed\.example 44\.0\.0\.1$' \
	"$(gate leases --json | jq -r '.. | objects | select(.address?) | "\(.name) \(.address)"')"
is "and every element stands" "" "$(comm -23 <(echo "$elements") <(table_elements allow4 | sort))"
succeeds "and it answers" until_true 15 answered 200

# TERM is a stop, not a removal.
kill -TERM "$gate_pid"
wait "$gate_pid"
is "TERM ends with exit code 0" 0 $?
is "stopped: the open address stays open" "open" "$(reach 1 44.0.0.1)"
is "stopped: a closed one stays closed" "refused" "$(reach 1 44.3.4.2)"
: >"$work/enough"
wait "$holder"
is "a connection lived through all of it" "held" "$(cat "$work/held")"

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
