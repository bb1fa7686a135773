#!/usr/bin/env bash
# A sandbox comes to an address that another one has just been given: no answer shows it from then on, what was
# open closes, and no packet gets there, by a lease, a static rule or a flow.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
zone late.example <<'END'
new   300 IN A 10.77.2.2
mixed 300 IN A 10.77.2.2
mixed 300 IN A 44.0.0.5
six   300 IN AAAA fd77:2::2
far   300 IN A 10.77.3.2
range 300 IN A 10.77.3.9
END
usual_stage
make_box 3 || live_die "box3 cannot be made"
ip link set sb3 down && ip link set sb3 name vm3 && ip link set vm3 up # no interface that the rules guard
ip -6 addr add fd77:3::1/64 dev vm3 nodad
# shellcheck disable=SC2034  # start_gate reads it
gate_workers=1
start_gate
list=$(allow late.list '*.late.example private=10.77.0.0/16,fd77::/16' 10.77.2.2:80 10.77.3.2:81)
add_box 1 "$list" >/dev/null
for n in 2 3; do
	nsenter --net="/run/netns/box$n" python3 "$here/peer.py" web >"$work/web$n.log" 2>&1 &
done
until_true 20 nsenter --net=/run/netns/box3 python3 "$here/peer.py" connect 10.77.3.2 80

is "what nobody has is answered" "NOERROR 10.77.2.2 NOERROR fd77:2::2" "$(ask 1 new.late.example) $(ask 1 six.late.example AAAA)"
is "beside others, too" "10.77.2.2 44.0.0.5 NOERROR" "$(ask 1 mixed.late.example | tr ' ' '\n' | sort | xargs)"
is "and a host that is no sandbox is reached" "NOERROR 10.77.3.2 open" "$(ask 1 far.late.example) $(reach 1 10.77.3.2)"
is "so is another" "NOERROR 10.77.3.9" "$(ask 1 range.late.example)"
ask 1 new.late.example >/dev/null # from what is ready
held() { table_elements allow4; table_elements allow6; }
is "the kernel has them" 5 "$(held | grep -c .)"

capture "$work/two.pcap" box2 eth0 'host 10.77.1.2 or host fd77:1::2'
add_box 2 "$list" >/dev/null
is "the newcomer's address is not shown" "NOERROR ede=15" "$(ask 1 new.late.example)"
is "nor its other one" "NOERROR ede=15" "$(ask 1 six.late.example AAAA)"
is "nor beside others, which are" "NOERROR 44.0.0.5" "$(ask 1 mixed.late.example)"
gone() { ! held | grep -E "$1" >/dev/null; }
succeeds "and the kernel has it no more" until_true 2 gone ' (10\.77\.2\.2|fd77:2::2)$'
is "each end is on record with its cause" "10.77.2.2 fd77:2::2" \
	"$(records 'select(.event == "revoked" and .reason == "the address is one of sandbox box2 now") | .addrs[]' | sort | xargs)"
is "nobody gets there" "timeout timeout" "$(reach 1 10.77.2.2 8080 | sed s/refused/timeout/) $(reach 1 fd77:2::2 | sed s/refused/timeout/)"
is "nor by a static rule" timeout "$(reach 1 10.77.2.2 80)"
is "no packet came" 0 "$(captured "$work/two.pcap")"
is "its own name of it is not for the newcomer either" "NOERROR ede=15" "$(ask 2 new.late.example)"

# One that the rules did not guard was open; from its registration on nothing new gets there.
hold 1 10.77.3.2 30
succeeds "it is a sandbox now, by a range" gate sandbox add box3 --source 10.77.3.0/28 --policy "$list"
is "its addresses are not shown" "NOERROR ede=15 NOERROR ede=15" "$(ask 1 far.late.example) $(ask 1 range.late.example)"
succeeds "the kernel has none of them" until_true 2 gone ' 10\.77\.3\.'
is "nobody gets there" refused "$(reach 1 10.77.3.2)"
like "the flow that was there is cut" '^cut' "$(until_true 5 grep '^cut' "$work/held.10.77.3.2" >/dev/null; tail -n 1 "$work/held.10.77.3.2")"
kill -TERM "$gate_pid"
wait "$gate_pid"

start_gate
until_true 20 ask 1 mixed.late.example >/dev/null
is "after a restart neither is shown nor open" "NOERROR ede=15 NOERROR ede=15 0" \
	"$(ask 1 new.late.example) $(ask 1 far.late.example) $(held | grep -cE ' (10\.77\.[23]\.|fd77:2)')"
kill "$gate_pid"
wait "$gate_pid"

# A worker does not know the others' sandboxes; the warden knows all.
rm -rf "$work/store"
gate teardown >/dev/null
# shellcheck disable=SC2034  # start_gate reads it
gate_workers=2
start_gate
add_box 1 "$list" >/dev/null
add_box 2 "$list" >/dev/null
is "with two workers each has a sandbox" "1 2" "$(printf '%s\n' "$(worker_of 1)" "$(worker_of 2)" | sort | xargs)"
like "another worker's sandbox is not shown either" '^SERVFAIL ede=14$' "$(ask 1 new.late.example)"
is "nor opened" "" "$(held | grep -E ' (10\.77\.2\.|fd77:2)')"
is "others are" "NOERROR 10.77.3.2" "$(ask 1 far.late.example)"
kill "$gate_pid"
tap_done
