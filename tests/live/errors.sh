#!/usr/bin/env bash
# What the kernel can say, or fail to say, between an order and its confirmation: a full set, somebody
# else's table, a generation that is over, signals, lost words, a lost end. Each time nothing is
# answered that does not stand, it is counted and said, and all is well again when the cause is gone.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
. "$here/driver.sh"
zone_names() { awk 'BEGIN { for (n = 1; n <= 99; n++) printf "n%d 1 IN A 44.9.0.%d\n", n, n }'; }
mkdir -p "$work/zones"
zone_names | zone err.example
usual_stage
printf '%s\n' 'lease-min = 4' 'grace = 1' 'flow-lease = 0' >"$work/extra.conf"
forced_prepare
force owner
force small-sets
start_gate
add_box 1 "$(allow box1.list .err.example)" >/dev/null
add_box 2 "$(allow box2.list .err.example)" >/dev/null

name=0
next() { name=$((name + 1)); } # a name that was not asked for yet
asked() { ask 1 "n$name.err.example" +ednsopt=0; }
stands() { table_elements allow4 | grep -c "^10.77.1.2 44\.9\.0\.$name\$"; }
refusals() { gate status --json | jq .counters.leases_refused; }
lines() { grep -c "$1" "$work/namegated.log"; }
empty() { [ -z "$(table_elements allow4)" ]; }
fallen() { [ "$(stands)" -eq 0 ]; }
works() { [ "$(asked)" = "NOERROR 44.9.0.$name" ]; }
explained() { # every element is a lease that the gate knows, and none is more
	gate leases --json | jq -r '.leases[] | .addr // .address' | sort >"$work/known"
	table_elements allow4 | cut -d' ' -f2 | sort >"$work/standing"
	[ -z "$(comm -13 "$work/known" "$work/standing")" ]
}

closed_then_well() { # WHAT: the question that is asked now fails closed; once undone, the same opens
	local before
	before=$(refusals)
	next
	is "$1: SERVFAIL and why" "SERVFAIL ede=14" "$(asked)"
	succeeds "the address does not stand, or no longer" until_true 3 fallen
	if [ "$(refusals)" -gt "$before" ]; then ok "it is counted"; else not_ok "it is counted" "$(refusals)"; fi
	[ -z "${2:-}" ] || "${@:2}"
	succeeds "then all is well" until_true 10 works
	is "and the address open" "open" "$(reach 1 "44.9.0.$name")"
	succeeds "every element is explained" until_true 5 explained
}

# ---- ENFILE ----

eight() { # asked by one program, so that none has ended when the last one is asked
	box 1 dig +tries=1 +time=6 $(seq -f 'n%.0f.err.example' 1 8) | grep -c 'status: NOERROR'
}
is "eight addresses fill the kernel's set" 8 "$(eight)"
name=8
is "who finds no place among the limits of questions is answered all the same" "NXDOMAIN,NXDOMAIN," \
	"$(for box in 1 2; do ask $box other.example; done | cut -d' ' -f1 | tr '\n' ,)"
eight >/dev/null
closed_then_well "a ninth meets a full set"
like "it is said" 'the kernel refused leases' "$(cat "$work/namegated.log")"
until_true 10 empty

# ---- EINTR ----

next
force send-eintr 5
force receive-eintr 5
is "signals between disturb nothing" "NOERROR 44.9.0.$name" "$(asked)"
is "though they came" "0 0" "$(forces_left send-eintr) $(forces_left receive-eintr)"

# ---- ERESTART ----

next
force stale 3
is "a generation that is over is tried again" "NOERROR 44.9.0.$name" "$(asked)"
is "as often as it was" 0 "$(forces_left stale)"
force stale
closed_then_well "when it always is" force stale 0

# ---- the end of a batch, and the kernel's word ----

until_true 10 empty
force lose-end
closed_then_well "a batch without its end, of which the kernel says nothing" force lose-end 0
until_true 10 empty
force lose-word
closed_then_well "what was committed, and the kernel's word lost" force lose-word 0

# ---- EPERM ----

foreign() { # another program takes the table's place, and owns it as long as it lives
	mkfifo "$work/foreign"
	nft -i <"$work/foreign" >"$work/foreign.log" 2>&1 &
	owner=$!
	exec 7>"$work/foreign"
	echo 'delete table inet namegate; add table inet namegate { flags owner; }' >&7
	until_true 5 sh -c 'nft list table inet namegate | grep -q owner'
}
leaves() { exec 7>&-; wait "$owner"; rm -f "$work/foreign"; }

until_true 10 empty
foreign
next
is "somebody else owns the table: no answer with an address" "" "$(asked | grep 44.9)"
like "it is said" 'could not be rebuilt: Operation not permitted' "$(cat "$work/namegated.log")"
leaves
succeeds "then all is well" until_true 10 works
succeeds "every element is explained" until_true 5 explained
is "it is said once" 1 "$(lines 'could not be rebuilt: Operation not permitted')"
foreign
kill -9 "$(pid_of warden)"
next
is "at a start too: no answer with an address" "" "$(asked | grep 44.9)"
succeeds "it is said whose fault that is" until_true 10 grep -q 'does another namegated own it' "$work/namegated.log"
leaves
succeeds "then all is well" until_true 15 works

# ---- ENOBUFS, by receive buffers that are as small as the kernel allows ----

force small-sets 0
force small-receive
kill -9 "$(pid_of warden)"
next
succeeds "a warden with small buffers serves" until_true 15 works
warden_pid=$(pid_of warden)
kill -STOP "$warden_pid"
nft add table inet other
nft add set inet other many '{ type ipv4_addr; }'
for i in 1 2 3 4 5 6 7 8 9; do
	nft add element inet other many "{ $(seq -s, -f "198.18.$i.%.0f" 1 200) }"
done
before=$(lines 'rebuilt with')
kill -CONT "$warden_pid"
succeeds "news that was lost counts as the worst: the table is built again" until_true 10 \
	sh -c "[ \$(grep -c 'rebuilt with' '$work/namegated.log') -gt $before ]"
next
succeeds "and serves" until_true 5 works

told() {
	records 'select(.event == "blocked" and .sandbox == "box1" and .why != "spoofed-source") | .count' |
		awk '{ n += $1 } END { print n + 0 }'
}
id=$(gate sandbox list --json | jq '.sandboxes[] | select(.name == "box1") | .id')
refused() { # as the kernel has it
	nft -j list counters table inet namegate |
		jq --arg name "refused-$id" '[.nftables[].counter? // empty | select(.name == $name) | .packets] | add // 0'
}
sleep 1
before=$(refused) told=$(told)
kill -STOP "$warden_pid"
box 1 python3 - <<'END'
import socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(3000):
    try:
        sock.sendto(b"x", ("44.10.0.%d" % (n % 200 + 1), 9))
    except OSError:
        pass
    time.sleep(0.0002)
END
refused=$(($(refused) - before))
kill -CONT "$warden_pid"
counted() { [ $(($(told) - told)) -eq "$refused" ]; }
succeeds "reports that were lost are counted all the same" until_true 10 counted
[ "$refused" -ge 2900 ] && ok "all $refused of them" || not_ok "all of them" "$refused"
kill "$gate_pid"
wait "$gate_pid"

# ---- a storm of refusals, in one batch, that does not fit into the buffer ----

succeeds "a table that had no owner can be removed" "$build/namegate-warden" --teardown namegate
force small-sets
warden=$gate_programs/namegate-warden
start_driver
tell start "$warden" >/dev/null
is "a table with small sets" "ok ok ok" "$(tell table namegate "sb*" 5353 1000 1000 50) $(tell worker) $(
	tell add 1 sb1 enforce masq 10.77.1.2)"
result=$(tell fill 1 44.20.0.0 800 8000)
confirmed=${result%% *}
if [ "$confirmed" -le 8 ]; then ok "no more are confirmed than there is room for"; else not_ok "no more are confirmed than there is room for" "$result"; fi
tap_note "$result"
sleep 1.5
stand=$(table_elements allow4 | wc -l)
is "what stands is what was confirmed" "$confirmed" "$stand"
until_true 10 empty
is "and room is there again" "ok open" "$(tell lease 1 44.0.0.1 60000) $(reach 1 44.0.0.1)"
tell kill 15 >/dev/null
"$warden" --teardown namegate

# ---- an alarm before it comes to that ----

force small-sets 0
tell start "$warden" >/dev/null
is "a table for ten" "ok ok ok" "$(tell table namegate "sb*" 5353 10 10 50) $(tell worker) $(
	tell add 1 sb1 enforce masq 10.77.1.2)"
is "seven of ten" "7 confirmed," "$(tell fill 1 44.20.0.0 7 60000 | cut -d' ' -f1-2)"
unlike "are no alarm" 'of 10 elements' "$(cat "$work/warden.log")"
is "an eighth for two seconds" "ok" "$(tell lease 1 44.20.1.0 2000)"
alarms() { grep -c 'namegate-warden: 8 of 10 elements are in use; .*limits { leases }' "$work/warden.log"; }
succeeds "is one" until_true 2 grep -q '8 of 10 elements are in use' "$work/warden.log"
succeeds "that ends with it" until_true 5 grep -q 'only 7 of 10 elements are in use again' "$work/warden.log"
is "and is said once" 1 "$(alarms)"
tell kill 15 >/dev/null
tap_done
