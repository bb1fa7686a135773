#!/usr/bin/env bash
# Fail closed: with the warden dead or the table gone there is SERVFAIL and no way out, then repair.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
echo 'limits { leases-sandbox = 20000 }' >"$work/extra.conf"
start_gate
add_box 1 "$(allow box1.list '*.many.example' .allowed.example)" >/dev/null

# The warden dies again and again under look-ups of fresh names.
box 1 python3 "$here/peer.py" flood 10.77.1.1 n%d.many.example 8 >"$work/flood" 2>&1 &
flood=$!
for _ in 1 2 3 4; do
	sleep 1.5
	kill -9 "$(pid_of warden)"
done
wait "$flood"
tap_note "$(cat "$work/flood")"
unlike "no answer came with an address that was not open" 'closed=' "$(cat "$work/flood")"
like "answers came before, between and after" 'rcode0=' "$(cat "$work/flood")"
answered() { [ "$(ask 1 www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
succeeds "a new warden serves" until_true 15 answered
is "what it confirms is open" "open" "$(reach 1 44.0.0.1)"
is "an address nobody asked for is not" "refused" "$(reach 1 44.3.3.3)"

# Somebody removes the table, where the kernel lets others do so while the warden owns it.
nft flush ruleset 2>/dev/null
nft delete table inet namegate 2>/dev/null
restored() { nft list chain inet namegate deny; }
if restored >/dev/null 2>&1; then
	# It does not: so in the moment between two wardens, which main must not shorten.
	kill -STOP "$gate_pid"
	kill -9 "$(pid_of warden)"
	fails "between two wardens the table can be removed" \
		sh -c 'nft delete table inet namegate && nft list table inet namegate'
	like "then nothing new is answered" '^(SERVFAIL|TIMEOUT)' "$(ask 1 n5500.many.example)"
	kill -CONT "$gate_pid"
fi
succeeds "the table is made again" until_true 10 restored
unlike "an unasked address stays closed" '^open$' "$(reach 1 44.3.3.4)"
succeeds "and its elements" until_true 5 sh -c "nft list set inet namegate allow4 | grep -q '10.77.1.2 . 44.0.0.1'"
is "a leased address works" "open" "$(reach 1 44.0.0.1)"
fresh() { [ "$(ask 1 n5501.many.example)" = "NOERROR 44.2.21.125" ]; }
succeeds "fresh names are answered" until_true 10 fresh
is "and open" "open" "$(reach 1 44.2.21.125)"

# The upstream is gone: SERVFAIL that says so, nothing opened.
kill "$nsd_pid"
wait "$nsd_pid"
like "a dead upstream is SERVFAIL with EDE 22 or 23" '^SERVFAIL ede=2[23]$' "$(ask 1 two.allowed.example)"
tap_done
