#!/usr/bin/env bash
# What a sandbox may try on the wire, and what it gets.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
echo 'drop-low-ports = true' >"$work/extra.conf"
start_gate
add_box 1 "$(allow box1.list .allowed.example '*.many.example')" >/dev/null

# Behind a guarded interface a source that nobody registered is a forged one: dropped. Elsewhere it
# is a stranger, and told so.
is "an unregistered source behind a guarded interface gets nothing" "TIMEOUT timeout" \
	"$(ask 2 www.allowed.example A +time=1) $(reach 2 44.0.0.1)"
stranger() { in_net dig +tries=1 +time=3 @192.0.2.1 -p 1053 "$@" www.allowed.example; }
like "a stranger is REFUSED" 'status: REFUSED' "$(stranger)"
like "with EDE 18" '; EDE: 18 ' "$(stranger)"
like "over TCP too" 'status: REFUSED' "$(stranger +tcp)"
add_box 2 "$(allow box2.list www.allowed.example)" >/dev/null
is "once registered it is served" "NOERROR 44.0.0.1" "$(ask 2 www.allowed.example)"

is "TCP" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example A +tcp)"
is "without EDNS" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example A +noedns)"
is "a denial without EDNS has no EDE" "NXDOMAIN" "$(ask 1 www.other.example A +noedns)"
text=$(box 1 dig +tries=1 www.other.example)
like "the EDE text says why" '; EDE: 15 \(Blocked\): \(.+\)' "$text"
like "the question is echoed in its case" 'WwW\.oTheR\.example' "$(box 1 dig +tries=1 WwW.oTheR.example)"
like "a denial has an SOA with a short TTL" '^\.[[:space:]]+10[[:space:]]+IN[[:space:]]+SOA' "$text"
like "a large answer is truncated over UDP, or fits" '^NOERROR' "$(ask 1 big.allowed.example A +ignore +bufsize=512)"
is "and whole over TCP" 60 "$(ask 1 big.allowed.example A +tcp | tr ' ' '\n' | grep -c '^44\.0\.1\.')"
is "its addresses open" "open open" "$(reach 1 44.0.1.1) $(reach 1 44.0.1.60)"
is "and they have its name, for who has them open" "big.allowed.example. " \
	"$(box 1 dig +tries=1 +short -x 44.0.1.1) $(box 2 dig +tries=1 +short -x 44.0.1.1)"

is "IPv6: refused before the look-up" "refused" "$(reach 1 2001:db8:80::1)"
is "IPv6: the look-up" "NOERROR 2001:db8:80::1" "$(ask 1 www.allowed.example AAAA)"
is "IPv6: open after it" "open" "$(reach 1 2001:db8:80::1)"
is "IPv6: a neighbour address stays closed" "refused" "$(reach 1 2001:db8:80::2)"
is "IPv6: asked over IPv6" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example A @fd77:1::1)"
is "IPv6: not for the other box" "refused" "$(reach 2 2001:db8:80::1)"

is "port 53 of any server leads to the gate" "NXDOMAIN ede=15" "$(ask 1 www.other.example A @192.0.2.53)"
is "over TCP too" "NXDOMAIN ede=15" "$(ask 1 www.other.example A @192.0.2.53 +tcp)"
is "and an address nobody has" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example A @198.51.100.7)"
is "853 is refused, even at an open address" "refused" "$(reach 1 44.0.0.1 853)"
ping() { box "$1" ping -n -c 1 -W 2 "$2" >/dev/null 2>&1 && echo through || echo none; }
is "no ping to the world" "none" "$(ping 1 44.3.3.3)"
is "the host's other ports are closed" "refused" "$(reach 1 10.77.1.1 22)"
is "so are its other addresses" "refused" "$(reach 1 192.0.2.1 80)"

# By UDP nobody is answered where servers answer from.
asked_from() { ask 1 www.allowed.example A +time="${3:-2}" -b "$1#$2" "${@:4}"; } # ADDRESS PORT SECONDS MORE
silent=$(gate status --json | jq .counters.silent)
is "from port 53, 7 and 1023 nothing is answered" "TIMEOUT TIMEOUT TIMEOUT" \
	"$(asked_from 10.77.1.2 53) $(asked_from 10.77.1.2 7) $(asked_from fd77:1::2 1023 2 @fd77:1::1)"
unanswered() { [ "$(gate status --json | jq .counters.silent)" -ge $((silent + 3)) ]; }
until_true 10 unanswered
is "and each is counted" $((silent + 3)) "$(gate status --json | jq .counters.silent)"
is "from 1024 it is, and by TCP" "NOERROR 44.0.0.1 NOERROR 44.0.0.1" \
	"$(asked_from 10.77.1.2 1024 10) $(asked_from 10.77.1.2 1023 10 +tcp)"

# Sandboxes do not reach each other, not even one that listens.
box 2 python3 "$here/peer.py" web >/dev/null 2>&1 &
until_true 5 box 2 python3 "$here/peer.py" connect 10.77.2.2 80
is "no way from box to box" "refused" "$(reach 1 10.77.2.2)"
is "not over IPv6" "refused" "$(reach 1 fd77:2::2)"
is "nor from the world into a box" "1" "$(ip -n net route add 10.77.0.0/16 via 192.0.2.1
	in_net python3 "$here/peer.py" connect 10.77.2.2 80 >/dev/null; echo $?)"

# A neighbour's address as the source: dropped, not answered as the neighbour.
ip -n box2 addr add 10.77.1.2/32 dev lo
is "a forged source gets no answer" "TIMEOUT" "$(ask 2 two.allowed.example A -b 10.77.1.2 @10.77.2.1 +time=1)"
spoofed() {
	box 2 python3 -c 'import socket; s = socket.socket(); s.settimeout(1); s.bind(("10.77.1.2", 0)); s.connect(("44.0.0.1", 80))'
}
fails "nor a way through the neighbour's lease" spoofed
is "the neighbour did not get what was asked in its name" "refused" "$(reach 1 44.0.0.3)"

# The world sees the gate's address: the box was masqueraded.
peers=$(in_net python3 - <<'END' &
import socket
sock = socket.socket(socket.AF_INET6)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("::", 8081))
sock.listen()
sock.settimeout(60)
print(sock.accept()[1][0])
END
heard() { [ "$(reach 1 44.0.0.1 8081)" = open ]; }
until_true 5 heard
wait)
like "the world sees the gate's address" '192\.0\.2\.1$' "$peers"

# What the kernel refused is on record, with the name that last had the address there if any.
blocked() { records 'select(.event == "blocked") | .addrs[]?' | grep -q '44\.3\.3\.3'; }
reach 1 44.3.3.3 >/dev/null
succeeds "refused packets are on record" until_true 5 blocked
knock() { # NUMBER: so many datagrams that nothing opened
	box 1 python3 -c 'import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(int(sys.argv[1])):
    try:
        sock.sendto(b"x", ("44.3.3.4", 1000 + n % 1000))
    except OSError:
        pass' "$1"
}
knocked() { records 'select(.event == "blocked" and .proto == 17 and .why != "spoofed-source") | .count' | awk '{ n += $1 } END { print n + 0 }'; }
counted() { [ "$(knocked)" -ge "$1" ]; }
knock 5000
until_true 10 counted 5000
is "and counted to the packet, whatever the limits of log and records" 5000 "$(knocked)"
kill -9 "$(pid_of warden)"
until_true 15 eval '[ "$(ask 1 two.allowed.example)" != "SERVFAIL ede=14" ]'
knock 300
until_true 10 counted 5300
sleep 2
is "over the death of the warden as well" 5300 "$(knocked)"
tap_done
