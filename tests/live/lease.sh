#!/usr/bin/env bash
# Lease outlives TTL: the element is there beyond the TTL handed out, later answers shorten nothing,
# the end comes by itself, and what is established outlives it.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/extra.conf" <<'END'
lease-min = 6
flow-lease = 0
grace = 2
END
start_gate
add_box 1 "$(allow box1.list .allowed.example '*.many.example')" >/dev/null

is "before the look-up the address is refused" "refused" "$(reach 1 44.0.0.2)"
begun=$SECONDS
is "a name with TTL 2" "NOERROR 44.0.0.2" "$(ask 1 short.allowed.example)"
lasts() { # ADDRESS SECONDS: does its element stand for so long from the question on?
	left=$(element_left allow4 10.77.1.2 "$1")
	[ $((${left:-0} + SECONDS - begun)) -ge "$2" ]
}
if lasts 44.0.0.2 8; then # 6 of the lease, 2 of grace; the backstop comes on top
	ok "its element stands longer than lease and grace"
else
	not_ok "its element stands longer than lease and grace" "left: $left s"
fi
is "after the look-up it opens" "open" "$(reach 1 44.0.0.2)"
begun=$SECONDS
is "a name with TTL 60" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
if lasts 44.0.0.1 62; then
	ok "its element outlives its TTL"
else
	not_ok "its element outlives its TTL" "left: $left s"
fi

# A connection that is open when the lease ends goes on; a new one does not.
cat >"$work/hold.py" <<'END'
import socket, sys, time
sock = socket.create_connection(("44.0.0.2", 80), 5)
print("up", flush=True)
end = time.monotonic() + 15
while time.monotonic() < end:
    sock.sendall(b"line\n")
    if not sock.recv(64):
        sys.exit("closed")
    time.sleep(0.3)
print("held")
END
held_open() { # the machine may be too slow for what a look-up opens
	ask 1 short.allowed.example >/dev/null
	box 1 python3 "$work/hold.py" >"$work/held" 2>&1 &
	holder=$!
	until_true 5 test -s "$work/held"
	grep -q up "$work/held"
}
until_true 10 held_open
gone() { ! table_elements allow4 | grep -q '^10.77.1.2 44.0.0.2$'; }
succeeds "the element goes at its end by itself" until_true 15 gone
is "then a new connection is refused" "refused" "$(reach 1 44.0.0.2)"
wait "$holder"
is "and the established one went on" "held" "$(tail -n 1 "$work/held")"
is "asking again opens again" "NOERROR 44.0.0.2 open" \
	"$(ask 1 short.allowed.example) $(reach 1 44.0.0.2)"
is "the longer lease still stands" "open" "$(reach 1 44.0.0.1)"
like "the end is on record" '44\.0\.0\.2' \
	"$(records 'select(.event == "lease-end") | .addrs[]?')"
tap_done
