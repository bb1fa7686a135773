#!/usr/bin/env bash
# Two names lead to one address, and the second needs nothing of the kernel: it still outlives the
# worker. The address stays as long as one of the two is permitted, and not longer.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
echo 'lease-min = 300' >"$work/extra.conf" # the first name's lease covers the second's TTL for long
start_gate
add_box 1 "$(allow box1.list allowed.example www.allowed.example two.allowed.example)" >/dev/null

revised() { # NAME...: the list from now on
	printf '%s\n' "$@" >"$work/box1.list"
	gate reload >/dev/null
}
worker_again() { [ -n "$(pid_of worker)" ] && gate leases --json >"$work/leases" && grep -q 44.0.0.1 "$work/leases"; }
kill_worker() { kill -9 "$(pid_of worker)"; }

is "the first name opens it" "NOERROR 44.0.0.1 open" "$(ask 1 allowed.example) $(reach 1 44.0.0.1)"
is "the second leads to the same" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
is "one element" "10.77.1.2 44.0.0.1" "$(table_elements allow4)"
hold 1 44.0.0.1 60
kill_worker
succeeds "another worker takes over" until_true 15 worker_again
is "a reload takes the first name's rule out" 0 "$(revised www.allowed.example two.allowed.example; echo $?)"
sleep 1
is "the address stays open" "open" "$(reach 1 44.0.0.1)"
is "and what is established goes on" "up" "$(cat "$work/held.44.0.0.1")"
is "the first name is denied" "NXDOMAIN" "$(ask 1 allowed.example | cut -d' ' -f1)"

# Again, now that the store was told that the first name's part is over.
kill_worker
succeeds "another worker takes over again" until_true 15 worker_again
sleep 1
is "the address still stays open" "open" "$(reach 1 44.0.0.1)"
is "and what is established still goes on" "up" "$(cat "$work/held.44.0.0.1")"
moment=$(date +%s.%N)
is "a reload takes the second name's rule out" 0 "$(revised two.allowed.example; echo $?)"
reloaded=$(date +%s.%N)
succeeds "the address closes" until_true 5 sh -c '! nft list set inet namegate allow4 | grep -q "10.77.1.2 . 44.0.0.1"'
is "for new connections" "refused" "$(reach 1 44.0.0.1)"
succeeds "and what is established is cut" until_true 5 grep -q cut "$work/held.44.0.0.1"
succeeds "within a second" cut_within "$moment" 44.0.0.1 "$reloaded"
like "both names are in the history" '^allowed\.example www\.allowed\.example$' \
	"$("$build/namegate" who-opened --store "$work/store" --json 44.0.0.1 | jq -r '[.. | objects | .name? // empty] | unique | map(select(test("allowed"))) | join(" ")')"
tap_done
