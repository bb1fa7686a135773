#!/usr/bin/env bash
# The kernel's ways of renewing an element: in place (Linux 6.12 and later), and by taking it out and
# putting it in within one batch (before that), with and without a delete that forgives what is gone.
# Each is forced in turn; the element's end is read from the kernel, and no packet falls between.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
. "$here/driver.sh"
start_driver

{ make_net && make_box 1; } || live_die "the network cannot be made"
ip -n net route add 10.77.0.0/16 via 192.0.2.1
in_net nft -f - <<'END'
table ip sink {
	chain in {
		type filter hook prerouting priority -300
		udp dport 9 counter drop
	}
}
END

refused() { # packets of box1 that met no element
	nft -j list counters table inet namegate |
		jq '[.nftables[].counter? // empty | select(.name == "refused-1") | .packets] | add'
}
arrived() { in_net nft -j list table ip sink | jq '[.. | .counter? // empty | .packets] | add'; }
permanent() { # SOURCE ADDRESS: does it stand without an end?
	nft -j list set inet namegate allow4 | jq -r --arg s "$1" --arg d "$2" '.nftables[].set? // empty |
		.elem[]? | select((.concat? // .elem.val.concat) == [$s, $d]) |
		if (.elem.timeout? // null) == null then "permanent" else "timed" end'
}
at_least() { # WHAT LIMIT SEEN
	if [ "${3:-0}" -ge "$2" ]; then ok "$1"; else not_ok "$1" "at least $2, seen ${3:-nothing}"; fi
}

# Each packet of the flood is the first of its flow as far as the kernel knows, since none is answered.
cat >"$work/packets.py" <<'END'
import os, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("44.0.0.6", 9))
sent = 0
while not os.path.exists(sys.argv[1]):
    for _ in range(100):
        try:
            sent += sock.send(b"x")
        except OSError:
            pass  # a refusal of one before: the gate has counted it
    if not os.path.exists(sys.argv[2]):
        open(sys.argv[2], "w").close()
print(sent)
END

enough_came() { [ "$(($(arrived) - came))" -ge 5000 ]; } # of renewals_under_flood

renewals_under_flood() { # COUNT
	local flood before came result
	rm -f "$work/enough" "$work/began"
	before=$(refused) came=$(arrived)
	box 1 python3 "$work/packets.py" "$work/enough" "$work/began" >"$work/sent" &
	flood=$!
	until_true 30 test -e "$work/began" || tap_note "no packet has been sent"
	result=$(tell renew 1 44.0.0.6 "$1")
	until_true 10 enough_came
	: >"$work/enough"
	wait "$flood"
	like "$1 renewals, each confirmed" "^$1 confirmed, 0 refused" "$result"
	lost=$(refused)
	like "refusals are counted" '^[0-9]+$' "$lost"
	lost=$((lost - before)) came=$(($(arrived) - came))
	at_least "while packets flow" 5000 "$came"
	tap_note "$result; $(cat "$work/sent") packets sent, $came arrived, $lost refused"
}

way() { # TITLE LOST LACKS...: how many packets of the flood may be lost
	local title=$1 most=$2 left name
	shift 2
	for name in owner in-place destroy acks-end; do force "$name" 0; done
	for name in "$@"; do force "$name"; done
	like "$title: it starts" '^ok' "$(tell start "$warden")"
	is "the table is built" "ok ok" "$(tell table namegate "sb*" 5353 1000 100 50) $(tell worker)"
	is "a sandbox with an address for good" "ok" \
		"$(tell add 1 sb1 enforce masq 10.77.1.2 - 44.5.0.1)"
	is "it stands without an end" "permanent" "$(permanent 10.77.1.2 44.5.0.1)"
	is "a lease of three seconds" "ok" "$(tell lease 1 44.0.0.1 3000)"
	left=$(element_left allow4 10.77.1.2 44.0.0.1)
	is "is renewed for ten minutes" "ok" "$(tell lease 1 44.0.0.1 600000)"
	at_least "and the kernel's own clock says so" 600 "$(element_left allow4 10.77.1.2 44.0.0.1)"
	at_least "where it had said less" 1 "$((100 - left))"
	is "a lease of the permanent one" "ok" "$(tell lease 1 44.5.0.1 2000)"
	is "takes nothing of it" "permanent" "$(permanent 10.77.1.2 44.5.0.1)"
	is "an end that comes" "ok" "$(tell lease 1 44.0.0.2 1200)"
	succeeds "takes its element out" until_true 5 sh -c '! nft list set inet namegate allow4 | grep -q "44\.0\.0\.2 "'
	is "an element for the flood" "ok" "$(tell lease 1 44.0.0.6 60000)"
	renewals_under_flood 20000
	at_least "and $most of them at most are lost" "$lost" "$most"
	is "revoked, it is gone" "sent ok 0" "$(tell revoke 1 44.0.0.1) $(tell lease 1 44.0.0.9 9000) $(
		nft list set inet namegate allow4 | grep -c '44\.0\.0\.1 ')"
	is "twice revoked is no error" "sent ok" "$(tell revoke 1 44.0.0.1) $(tell lease 1 44.0.0.9 9500)"
	unlike "nor said to be one" 'could not be revoked' "$(cat "$work/warden.log")"
	is "it ends" "exit 0" "$(tell kill 15)"
	succeeds "and the table is removed" "$warden" --teardown namegate
}

way "as this kernel is" 0
way "as before 6.12: nothing is renewed in place, no owner that lasts" 20 owner in-place acks-end
way "as before 6.3: nor a delete that forgives" 20 owner in-place destroy acks-end
tap_done
