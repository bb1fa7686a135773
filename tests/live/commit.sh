#!/usr/bin/env bash
# Commit before reply: each address in an answer stands in the kernel before the answer leaves.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
printf '%s\n' 'lease-min = 3600' 'limits { records-per-second = 1000000 leases-sandbox = 100000 }' >"$work/extra.conf"
start_gate
add_box 1 "$(allow box1.list '*.many.example' .allowed.example)" >/dev/null

is "5000 look-ups of fresh names, each address connected to at once" "open=5000" \
	"$(box 1 python3 "$here/peer.py" race 10.77.1.1 n%d.many.example 1 5000)"
is "500 over IPv6" "open=500" \
	"$(box 1 python3 "$here/peer.py" race 10.77.1.1 n%d.many.example 3001 3500 6)"
is "the same again from the cache" "open=500" \
	"$(box 1 python3 "$here/peer.py" race 10.77.1.1 n%d.many.example 1 500)"

# Every address handed out is in the set, no other is.
alike() {
	records 'select(.event == "decision") | .addrs[]?' | grep -v : | sort -u >"$work/answered"
	table_elements allow4 | awk '{ print $2 }' | sort -u >"$work/opened"
	cmp -s "$work/answered" "$work/opened"
}
until_true 5 alike
is "what was answered is what is open" "" "$(diff "$work/answered" "$work/opened" | head -n 5)"

warden=$(pid_of warden)
kill -STOP "$warden"
got=$(ask 1 n5900.many.example)
like "with the warden frozen: SERVFAIL, EDE 14, no address" '^SERVFAIL ede=14$' "$got"
is "what is leased already is answered all the same" "NOERROR 44.2.0.1" "$(ask 1 n1.many.example)"
kill -CONT "$warden"
answered() { [ "$(ask 1 n5901.many.example)" = "NOERROR 44.2.23.13" ]; }
succeeds "the warden goes on, and so do answers" until_true 10 answered
tap_done
