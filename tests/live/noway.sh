#!/usr/bin/env bash
# No other way in: only an allowed question of that sandbox, answered by that zone's own upstream,
# opens an address, and only for that sandbox.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/extra.conf" <<'END'
forward "slow.example" {
	servers = { "192.0.2.2" }
	timeout = 2000
}
END
start_gate
list=$(allow box1.list .allowed.example '*.many.example' '*.slow.example')
add_box 1 "$list" >/dev/null
add_box 2 "$(allow box2.list www.allowed.example)" >/dev/null

is "box1 asks" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
is "box1 gets through" "open" "$(reach 1 44.0.0.1)"
is "box2 does not" "refused" "$(reach 2 44.0.0.1)"
is "box2 is denied what its own list lacks" "NXDOMAIN ede=15" "$(ask 2 two.allowed.example)"
is "an unlisted name with an open address is denied" "NXDOMAIN ede=15" "$(ask 1 same.other.example)"
# The target's case may be the one that the question was sent in.
is "an alias to an unlisted name is followed, and opens" "noerror www.other.example. 44.1.0.1 open" \
	"$(ask 1 outside.allowed.example | tr '[:upper:]' '[:lower:]') $(reach 1 44.1.0.1)"
is "but the target's own name stays denied" "NXDOMAIN ede=15" "$(ask 1 www.other.example)"

is "a private address is taken out" "NOERROR ede=15" "$(ask 1 private.allowed.example)"
is "and its neighbours kept" "NOERROR 44.0.0.5" "$(ask 1 mixed.allowed.example)"
is "the metadata service is never opened" "NOERROR ede=15" "$(ask 1 meta.allowed.example)"
unlike "neither is in the set" '10\.9\.9\.9|169\.254' "$(table_elements allow4)"
rebound() { records 'select(.event == "rebind") | .addrs[]?' | grep -q '10\.9\.9\.9'; }
succeeds "a rebind is on record" until_true 5 rebound

# An upstream of wrong cases, wrong names, wrong ports, and garbage first.
in_net python3 "$here/peer.py" forge 192.0.2.2 53 &
until_true 5 in_net dig +tries=1 +time=1 @192.0.2.2 x.slow.example
is "forged answers are waited past" "NOERROR 44.0.9.9" "$(ask 1 a.slow.example)"
unlike "and open nothing" '44\.6\.6\.' "$(table_elements allow4)"
is "which packets show as well" "refused" "$(reach 1 44.6.6.2)"

# A sandbox that sends the gate "responses".
box 1 python3 - <<'END'
import socket, struct
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for ident in range(0, 65536, 97):
    name = b"\x03two\x07allowed\x07example\0"
    sock.sendto(struct.pack(">HHHHHH", ident, 0x8180, 1, 1, 0, 0) + name + struct.pack(">HH", 1, 1)
                + b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("44.6.6.9"), ("10.77.1.1", 53))
END
is "responses from a sandbox teach nothing" "refused NOERROR 44.0.0.3 44.0.0.4" \
	"$(reach 1 44.6.6.9) $(ask 1 two.allowed.example | sed 's/44.0.0.4 44.0.0.3/44.0.0.3 44.0.0.4/')"
tap_done
