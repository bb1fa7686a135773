#!/usr/bin/env bash
# The warden alone, with a driver in the place of main and of a worker: what it lets through, what it
# refuses, and that nothing of it depends on its staying alive.
# shellcheck disable=SC2119  # tell and friends take their words from the line
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/driver.sh"
start_driver

said() { tail -n "${1:-1}" "$work/warden.log"; }
elements() { nft list set inet "${table:-namegate}" "$1" | tr -d '\n\t'; }

# A connection that stays: what came back through it before COMMAND and after.
hold() { # BOX ADDRESS COMMAND...
	local n=$1 to=$2 holder
	shift 2
	rm -f "$work/held" "$work/go"
	box "$n" bash -c 'exec 3<>"/dev/tcp/$0/80" || exit
		echo first >&3; read -r -t 5 -u 3 line && printf "%s " "$line"
		for i in $(seq 2000); do [ -e "$1" ] && break; sleep 0.1; done
		echo second >&3 2>/dev/null; read -r -t 5 -u 3 line && printf "%s" "$line" || printf cut' \
		"$to" "$work/go" >"$work/held" 2>/dev/null &
	holder=$!
	until_true 5 grep -q first "$work/held"
	"$@" >/dev/null
	: >"$work/go"
	wait "$holder"
	cat "$work/held"
}

revoke() { # ID ADDRESS: and wait until it is done, which the answer to the next order tells
	tell revoke "$@"
	tell lease 999 44.0.0.1 1000
}

udp() { # BOX ADDRESS PORT: what a datagram brings
	box "$1" python3 - "$2" "$3" <<'END'
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(2)
try:
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.send(b"ping")
    print(sock.recv(100).decode())
except socket.timeout:
    print("timeout")
except OSError as error:
    print("refused")
END
}

spoofed() { # SOURCE ADDRESS: a connection from box1 under another source
	box 1 python3 - "$1" "$2" <<'END'
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM)
sock.settimeout(1.5)
sock.bind((sys.argv[1], 0))
try:
    sock.connect((sys.argv[2], 80))
    print("open")
except socket.timeout:
    print("timeout")
except OSError:
    print("refused")
END
}

{ make_net && make_box 1 && make_box 2; } || live_die "the network cannot be made"
ip -n net route add 10.77.0.0/16 via 192.0.2.1
ip -n net addr add 169.254.169.254/32 dev lo
ip route add 169.254.169.254/32 via 192.0.2.2
start_web
python3 - <<'END' &
import socket
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
sock.bind(("::", 5353))
while True:
    data, peer = sock.recvfrom(100)
    sock.sendto(b"pong", peer)
END

# ---- table and identity ----

like "it starts" '^ok [0-9]+$' "$(tell start "$warden")"
is "the table is built" "ok" "$(tell table namegate "sb*,xb7" 5353 1000 100 50)"
is "a reload builds it again" "ok" "$(tell table namegate "sb*" 5353 1000 100 50)"
is "a worker comes" "ok" "$(tell worker)"
is "an unregistered sandbox gets silence" "timeout" "$(reach 1 44.0.0.1)"
is "a lease for it is refused" "not found" "$(tell lease 1 44.0.0.1 60000)"
is "it is registered" "ok" "$(tell add 1 sb1 enforce masq 10.77.1.2,fd77:1::2)"
is "twice is once" "ok" "$(tell add 1 sb1 enforce masq 10.77.1.2,fd77:1::2)"
is "a neighbour too" "ok" "$(tell add 2 sb2 enforce masq 10.77.2.2,fd77:2::2)"
is "an address belongs to one" "already there" "$(tell add 3 sb1 enforce - 10.77.1.0/24)"
is "also on another interface" "already there" "$(tell add 3 sb3 enforce - fd77:1::2)"
is "another source is dropped" "timeout" \
	"$(ip -n box1 addr add 10.77.2.2/32 dev eth0 && spoofed 10.77.2.2 44.0.0.1)"
is "in IPv6 as well" "timeout" \
	"$(ip -n box1 addr add fd77:2::2/128 dev eth0 nodad && spoofed fd77:2::2 2001:db8:80::1)"
ip -n box1 addr del 10.77.2.2/32 dev eth0
ip -n box1 addr del fd77:2::2/128 dev eth0

# ---- leases ----

is "an address without a lease is refused at once" "refused" "$(reach 1 44.0.0.1)"
is "in IPv6 as well" "refused" "$(reach 1 2001:db8:80::1)"
is "over UDP too" "refused" "$(udp 1 44.0.0.1 9)"
is "a lease is confirmed" "ok" "$(tell lease 1 44.0.0.1 60000)"
is "and lets through" "open" "$(reach 1 44.0.0.1)"
is "an IPv6 lease is confirmed" "ok" "$(tell lease 1 2001:db8:80::1 60000)"
is "and lets through" "open" "$(reach 1 2001:db8:80::1)"
is "the neighbour gains nothing" "refused refused" "$(reach 2 44.0.0.1) $(reach 2 2001:db8:80::1)"
is "a lease for one port is confirmed" "ok" "$(tell lease 1 44.0.0.7 60000 6 443)"
is "and opens no other" "refused" "$(reach 1 44.0.0.7)"
is "until that is leased" "ok open" "$(tell lease 1 44.0.0.7 60000 6 80) $(reach 1 44.0.0.7)"
is "the same in IPv6" "ok refused ok open" "$(tell lease 1 2001:db8:80::7 60000 6 443) $(
	reach 1 2001:db8:80::7) $(tell lease 1 2001:db8:80::7 60000 6 80) $(reach 1 2001:db8:80::7)"
is "metadata, private and loopback are no lease" \
	"a privilege is missing/a privilege is missing/a privilege is missing/a privilege is missing" \
	"$(tell lease 1 169.254.169.254 9000)/$(tell lease 1 10.1.1.1 9000)/$(tell lease 1 127.0.0.1 9000)/$(
		tell lease 1 fd00:ec2::254 9000)"
is "nor is one without end" "value out of bounds" "$(tell lease 1 44.0.0.9 864000000)"
is "nor with the neighbour as client" "a privilege is missing" \
	"$(tell lease 1 44.0.0.9 9000 6 80 10.77.2.2)"

before=$(element_left allow4 10.77.1.2 44.0.0.1)
tell lease 1 44.0.0.1 30000 >/dev/null
after=$(element_left allow4 10.77.1.2 44.0.0.1)
is "a shorter lease shortens nothing" "yes" "$([ "$after" -ge $((before - 5)) ] && echo yes)"
tell lease 1 44.0.0.1 300000 >/dev/null
longer=$(element_left allow4 10.77.1.2 44.0.0.1)
tell lease 1 44.0.0.1 600000 >/dev/null
longest=$(element_left allow4 10.77.1.2 44.0.0.1)
is "a longer one renews, and again" "yes yes" \
	"$([ "$longer" -ge 320 ] && echo yes) $([ "$longest" -ge 620 ] && echo yes)"

is "a short lease is confirmed" "ok" "$(tell lease 1 44.0.0.2 4000)"
is "a connection outlives its lease" "first second" "$(hold 1 44.0.0.2 sleep 6)"
unlike "whose element is gone" '44\.0\.0\.2' "$(elements allow4)"
is "and no new one opens" "refused" "$(reach 1 44.0.0.2)"
tell lease 1 44.0.0.3 60000 >/dev/null
is "a revoked lease cuts the connection" "first cut" "$(hold 1 44.0.0.3 revoke 1 44.0.0.3)"
is "and the address" "refused" "$(reach 1 44.0.0.3)"
tell lease 1 2001:db8:80::3 60000 >/dev/null
is "the same in IPv6" "first cut refused" \
	"$(hold 1 2001:db8:80::3 revoke 1 2001:db8:80::3) $(reach 1 2001:db8:80::3)"

# ---- ways round ----

is "DNS to any server comes to the gate" "pong pong" "$(udp 1 44.0.0.53 53) $(udp 1 2001:db8:80::53 53)"
is "other ports of the host stay closed" "refused refused" "$(udp 1 10.77.1.1 5353) $(reach 1 10.77.1.1 22)"
ip -n box2 addr add 10.77.2.3/24 dev eth0 # which nobody has registered
is "opened prefixes can be leased" "ok ok" \
	"$(tell add 1 sb1 enforce masq 10.77.1.2,fd77:1::2 10.77.0.0/16) $(tell lease 1 10.77.2.3 60000)"
is "but no sandbox reaches another by it" "timeout" "$(reach 1 10.77.2.3)"
is "nor can its registered address be leased" "a privilege is missing refused" "$(tell lease 1 10.77.2.2 60000) $(reach 1 10.77.2.2)"
is "nor does the outside" "timeout" "$(in_net python3 "$here/peer.py" connect 10.77.1.2 80)"
is "a prefix that is closed again takes its leases along" "ok" \
	"$(tell add 1 sb1 enforce masq 10.77.1.2,fd77:1::2)"
unlike "they are gone" '10\.77\.2\.3' "$(elements allow4)"

tell blocked 1500 >/dev/null
reach 1 44.9.9.9 >/dev/null
reach 1 44.0.0.1 853 >/dev/null
reach 2 2001:db8:80::9 >/dev/null
seen=$(tell blocked 1500)
like "a refused packet is reported" '1 44\.9\.9\.9 6 80 x1|1 44\.0\.0\.1 6 853 x2' "$seen"
like "DNS over TLS is refused even to a leased address" '1 44\.0\.0\.1 6 853' "$seen"
like "in IPv6 as well" '2 2001:db8:80::9 6 80' "$seen"
tell table namegate "sb*" 5353 1000 100 1 >/dev/null
tell blocked 1500 >/dev/null
for n in 1 2 3 4 5 6 7 8; do reach 1 "44.8.8.$n" >/dev/null; done
is "reports that are held back are counted" "8" \
	"$(tell blocked 4000 | grep -o 'x[0-9]*' | tr -d x | awk '{ n += $1 } END { print n }')"
flood() { # BOX: thousands of datagrams that nobody lets through
	box "$1" python3 - <<'END'
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(20000):
    try:
        sock.sendto(b"x", ("44.8.9.9", 1000 + n % 1000))
    except OSError:
        pass
END
}
tell table namegate "sb*" 5353 1000 100 50 >/dev/null
tell blocked 1200 >/dev/null
flood 1
reach 2 44.8.9.8 >/dev/null
seen=$(tell blocked 2500)
like "a flood hides no neighbour's refused packet" '2 44\.8\.9\.8 6 80 x1' "$seen"
flooded() { printf '%s' "$seen" | grep -o '1 44[^x]*x[0-9]*' | grep -o '[0-9]*$'; }
is "and is itself counted to the packet" 20000 "$(flooded | awk '{ n += $1 } END { print n }')"
is "in far fewer reports than packets" yes "$([ "$(flooded | wc -l)" -le 2000 ] && echo yes)"
is "nft can list that too" "0" "$(nft list ruleset >/dev/null 2>&1; echo $?)"

# ---- bounds ----

tell table namegate "sb*" 5353 1000 4 50 >/dev/null
is "a sandbox has a bound" "ok a configured bound is reached" \
	"$(tell lease 2 44.3.0.1 60000) $(
		for n in 2 3 4; do tell lease 2 "44.3.0.$n" 60000; done >/dev/null
		tell lease 2 44.3.0.5 60000)"
is "which is no other's" "ok" "$(tell lease 1 44.0.0.1 700000)"
like "what it holds still works" "open" "$(reach 2 44.3.0.4)"
tell table namegate "sb*" 5353 1000 100 50 >/dev/null

# ---- ports ----

port() { # BOX ADDRESS PORT: open (somebody listens, or says that nobody does), or refused by the gate
	box "$1" python3 - "$2" "$3" <<'END'
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM)
sock.settimeout(2)
try:
    sock.connect((sys.argv[1], int(sys.argv[2])))
    print("open")
except socket.timeout:
    print("timeout")
except OSError:
    print("refused")
END
}

in_net python3 - <<'END' &
import socket, threading
def stream(port):
    sock = socket.socket(socket.AF_INET6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    sock.listen(16)
    while True:
        sock.accept()[0].close()
def datagram(port):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # Answers come from the address that was asked.
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    sock.bind(("::", port))
    while True:
        data, info, _, peer = sock.recvmsg(100, 1000)
        sock.sendmsg([b"pong"], info, 0, peer)
for port in 443, 853:
    threading.Thread(target=stream, args=(port,)).start()
datagram(443)
END
until_true 5 in_net bash -c 'exec 3<>/dev/tcp/44.0.0.1/443'
is "a lease of tcp/443" "ok" "$(tell lease 1 44.4.0.1 60000 6 443)"
is "opens that" "open" "$(port 1 44.4.0.1 443)"
is "and neither tcp/80 nor udp/443" "refused refused" "$(port 1 44.4.0.1 80) $(udp 1 44.4.0.1 443)"
is "udp/443 is a lease of its own" "ok pong open refused" "$(tell lease 1 44.4.0.1 60000 17 443) $(
	udp 1 44.4.0.1 443) $(port 1 44.4.0.1 443) $(port 1 44.4.0.1 80)"
is "the same in IPv6" "ok open refused refused" "$(tell lease 1 2001:db8:80::41 60000 6 443) $(
	port 1 2001:db8:80::41 443) $(port 1 2001:db8:80::41 80) $(udp 1 2001:db8:80::41 443)"
is "with and without ports is the union" "ok ok open open pong" "$(tell lease 1 44.4.0.2 60000 6 443) $(
	tell lease 1 44.4.0.2 60000) $(port 1 44.4.0.2 443) $(port 1 44.4.0.2 80) $(udp 1 44.4.0.2 443)"
revoke 1 44.4.0.2 >/dev/null
is "and the one goes without the other" "open refused" "$(port 1 44.4.0.2 443) $(port 1 44.4.0.2 80)"

# ---- static rules ----

static="44.5.0.1,44.5.0.2@6/443,44.6.0.0/16,44.7.0.0/24@6/80,44.6.1.0/24,44.6.1.1"
static6="2001:db8:80::51,2001:db8:80::52@6/443,2001:db8:80::6:0/112,2001:db8:80::7:0/112@6/80"
sources=10.77.1.2,fd77:1::2
is "static rules are taken" "ok" "$(tell add 1 sb1 enforce masq $sources - "$static,$static6")"
is "a single address is open" "open open" "$(port 1 44.5.0.1 80) $(port 1 44.5.0.1 443)"
is "one with a port on that port" "open refused refused" \
	"$(port 1 44.5.0.2 443) $(port 1 44.5.0.2 80) $(udp 1 44.5.0.2 443)"
is "a prefix from end to end and no further" "open open refused" \
	"$(port 1 44.6.0.0 80) $(port 1 44.6.255.255 443) $(port 1 44.5.255.255 80)"
is "one with a port on that port" "open refused refused" \
	"$(port 1 44.7.0.9 80) $(port 1 44.7.0.9 443) $(port 1 44.7.1.0 80)"
is "the same in IPv6: an address" "open open refused" "$(port 1 2001:db8:80::51 80) $(
	port 1 2001:db8:80::52 443) $(port 1 2001:db8:80::52 80)"
is "and a prefix" "open refused open refused" "$(port 1 2001:db8:80::6:9 443) $(
	port 1 2001:db8:80::5:ffff 443) $(port 1 2001:db8:80::7:9 80) $(port 1 2001:db8:80::7:9 443)"
is "the neighbour gains nothing" "refused refused" "$(port 2 44.5.0.1 80) $(port 2 44.6.0.9 80)"
is "DNS over TLS stays closed" "refused" "$(port 1 44.5.0.1 853)"
is "nft can list them" "0" "$(nft list ruleset >/dev/null 2>&1; echo $?)"
is "never-open ranges are refused" "value out of bounds/value out of bounds" \
	"$(tell add 1 sb1 enforce masq $sources - 44.5.0.1,169.254.169.254)/$(
		tell add 1 sb1 enforce masq $sources - 44.5.0.1,127.0.0.0/16@6/80)"
is "and nothing has changed" "open open" "$(port 1 44.5.0.1 80) $(port 1 44.6.0.9 80)"
is "no rule opens the metadata service, however wide" "ok open refused" \
	"$(tell add 1 sb1 enforce masq $sources - "$static,0.0.0.0/0@6/80") $(
		port 1 44.9.9.9 80) $(port 1 169.254.169.254 80)"
tell add 1 sb1 enforce masq $sources - "$static,$static6" >/dev/null
is "which closes again" "refused open" "$(port 1 44.9.9.9 80) $(port 1 44.7.0.9 80)"
permanent() { elements allow4 | grep -q '10\.77\.1\.2 \. 44\.5\.0\.1 *[,}]'; }
succeeds "a single address is an element without an end" permanent
is "a lease of the same pair changes nothing" "ok open" "$(tell lease 1 44.5.0.1 1500) $(port 1 44.5.0.1 80)"
sleep 2.5
succeeds "nor does its end" permanent
tell lease 1 44.5.0.1 60000 >/dev/null
is "nor its revocation, for flows either" "first second" "$(hold 1 44.5.0.1 revoke 1 44.5.0.1)"
succeeds "the element stays" permanent
tell lease 1 44.5.0.1 60000 >/dev/null
is "a rule that goes leaves what a name holds" "first second open" \
	"$(hold 1 44.5.0.1 tell add 1 sb1 enforce masq $sources - 44.6.0.0/16) $(port 1 44.5.0.1 80)"
left=$(element_left allow4 10.77.1.2 44.5.0.1)
is "until its end" "yes" "$([ "$left" -gt 30 ] && [ "$left" -le 91 ] && echo yes)"
is "and the others are gone" "refused refused" "$(port 1 44.5.0.2 443) $(port 1 44.7.0.9 80)"
is "a lease that becomes a rule" "ok" "$(tell add 1 sb1 enforce masq $sources - 44.5.0.1)"
succeeds "loses its end" permanent
is "a prefix that goes cuts its flows" "ok first cut refused" \
	"$(tell add 1 sb1 enforce masq $sources - 44.6.0.0/16) $(
		hold 1 44.6.0.3 tell add 1 sb1 enforce masq $sources - 44.5.0.1) $(port 1 44.6.0.3 80)"
is "an address that goes cuts its flows" "first cut refused" "$(
	tell add 1 sb1 enforce masq $sources - 44.5.0.7 >/dev/null
	hold 1 44.5.0.7 tell add 1 sb1 enforce masq $sources - 44.6.0.0/16) $(port 1 44.5.0.7 80)"
tell lease 1 44.6.0.3 60000 >/dev/null
is "but not those that a name justifies" "first second" \
	"$(hold 1 44.6.0.3 tell add 1 sb1 enforce masq $sources)"
revoke 1 44.6.0.3 >/dev/null
is "lockdown closes rules and cuts" "ok first cut refused" \
	"$(tell add 1 sb1 enforce masq $sources - "$static") $(
		hold 1 44.5.0.1 tell add 1 sb1 lockdown masq $sources - "$static") $(port 1 44.6.0.9 80)"
unlike "and leaves no element" '10\.77\.1\.2' "$(elements allow4)$(elements allow4p)$(elements cidr4)$(elements cidr4p)"
is "out of it they are back" "ok open open" \
	"$(tell add 1 sb1 enforce masq $sources - "$static,$static6") $(port 1 44.5.0.1 80) $(port 1 44.6.0.9 80)"
is "a removed sandbox takes them along" "ok" "$(tell remove 1)"
unlike "all of them" '10\.77\.1\.2|fd77:1::2' "$(elements allow4)$(elements allow4p)$(elements cidr4)$(
	elements cidr4p)$(elements allow6)$(elements allow6p)$(elements cidr6)$(elements cidr6p)"
tell add 1 sb1 enforce masq $sources >/dev/null

# ---- observe ----

is "observe is a mode" "ok" "$(tell add 1 sb1 observe masq $sources)"
tell blocked 1200 >/dev/null
is "what nobody leased passes" "open open pong" \
	"$(port 1 44.8.1.1 80) $(port 1 2001:db8:80::81 80) $(udp 1 44.8.1.2 443)"
seen=$(tell blocked 1500)
like "and is reported as passed" '1 (44\.8\.1\.1|2001:db8:80::81|44\.8\.1\.2) (6|17) (80|443) o[1-9]' "$seen"
is "all of it" "3" "$(printf '%s' "$seen" | grep -o 'o[0-9]*$\|o[0-9]* ' | tr -dc '0-9\n' | awk '{ n += $1 } END { print n }')"
is "never-open ranges and DNS over TLS do not pass" "refused refused" \
	"$(port 1 169.254.169.254 80) $(port 1 44.8.1.1 853)"
like "and are reported as refused" '1 (44\.8\.1\.1 6 853|169\.254\.169\.254 6 80) x[12]' "$(tell blocked 1500)"
is "DNS to any server comes to the gate" "pong" "$(udp 1 44.0.0.53 53)"
is "the host and the neighbour stay closed" "refused timeout" "$(udp 1 10.77.1.1 5353) $(reach 1 10.77.2.2)"
is "the neighbour is not observed" "refused" "$(port 2 44.8.1.1 80)"
tell lease 1 44.8.1.3 60000 >/dev/null
is "back to enforce, what passed unleased is cut" "first cut refused" \
	"$(hold 1 44.8.1.1 tell add 1 sb1 enforce masq $sources) $(port 1 44.8.1.1 80)"
tell add 1 sb1 observe masq $sources >/dev/null
is "and what is leased is not" "first second" "$(hold 1 44.8.1.3 tell add 1 sb1 enforce masq $sources)"
tell add 1 sb1 observe masq $sources >/dev/null
is "lockdown cuts what is open" "first cut refused" \
	"$(hold 1 44.8.1.1 tell add 1 sb1 lockdown masq $sources) $(port 1 44.8.1.1 80)"
unlike "and is not observed" '10\.77\.1\.2' "$(elements observe4)"
tell add 1 sb1 enforce masq $sources >/dev/null

# ---- a wide source ----

is "a wide source is registered" "ok" \
	"$(tell remove 2 >/dev/null; tell add 4 sb2 enforce masq 10.77.2.0/24,fd77:2::/64)"
is "its lease needs the client" "ok refused" "$(tell lease 4 44.0.0.4 60000) $(reach 2 44.0.0.4)"
is "and opens for that one" "ok open" "$(tell lease 4 44.0.0.4 60000 0 0 10.77.2.2) $(reach 2 44.0.0.4)"
is "in IPv6 as well" "ok open" \
	"$(tell lease 4 2001:db8:80::4 60000 0 0 fd77:2::2) $(reach 2 2001:db8:80::4)"
is "static rules hold for all of it" "ok open open refused" "$(tell add 4 sb2 enforce masq 10.77.2.0/24,fd77:2::/64 - \
	44.5.1.1,2001:db8:80::6:0/112@6/443) $(port 2 44.5.1.1 80) $(port 2 2001:db8:80::6:1 443) $(
	port 2 2001:db8:80::6:1 80)"
is "and it can be observed" "ok open open" "$(tell add 4 sb2 observe masq 10.77.2.0/24,fd77:2::/64) $(
	port 2 44.8.2.1 80) $(port 2 2001:db8:80::82 80)"
is "it goes as it came" "ok timeout" "$(tell remove 4) $(reach 2 44.0.0.4)"
is "and any interface can be its own" "ok ok open" "$(tell add 5 - enforce masq 10.77.2.2,fd77:2::2) $(
	tell lease 5 44.0.0.4 60000) $(reach 2 44.0.0.4)"
is "which nft can list" "0" "$(nft list ruleset >/dev/null 2>&1; echo $?)"
is "wide ones as well" "ok ok open 0" "$(tell remove 5) $(
	tell add 5 - enforce masq 10.77.2.0/24,fd77:2::/64 - 44.5.0.0/16) $(port 2 44.5.1.1 80) $(
	nft list ruleset >/dev/null 2>&1; echo $?)"
tell remove 5 >/dev/null
tell add 2 sb2 enforce masq 10.77.2.2,fd77:2::2 >/dev/null

# ---- its life ----

tell add 1 sb1 enforce masq $sources - 44.5.0.1,44.6.0.0/16,44.5.0.9 >/dev/null
tell add 2 sb2 observe masq 10.77.2.2,fd77:2::2 - 44.7.0.0/16 >/dev/null
tell lease 1 44.0.0.5 6000 >/dev/null
tell lease 1 2001:db8:80::1 60000 >/dev/null
tell lease 1 44.0.0.6 60000 >/dev/null
is "killed, it cuts nothing" "first second" "$(hold 1 44.0.0.6 tell kill 9)"
is "and closes nothing" "open open" "$(reach 1 44.0.0.6) $(reach 1 2001:db8:80::1)"
is "and opens nothing" "refused" "$(reach 1 44.0.0.9)"
if nft add element inet namegate allow4 '{ 10.77.1.2 . 169.254.169.254 timeout 1h }' 2>/dev/null; then
	is "an element put in by hand opens no metadata service" "refused" "$(reach 1 169.254.169.254)"
	nft delete element inet namegate allow4 '{ 10.77.1.2 . 169.254.169.254 }'
else
	skip "an element put in by hand opens no metadata service" "this kernel lets nobody write"
fi
left=$(element_left allow4 10.77.1.2 44.0.0.6)
like "it starts again" '^ok' "$(tell start "$warden")"
is "and adopts the table" "ok" "$(tell table namegate "sb*" 5353 1000 100 50)"
like "with its leases" 'adopted with [1-9][0-9]* leases and [1-9]' "$(said 3)"
now=$(element_left allow4 10.77.1.2 44.0.0.6)
is "which keep their time" "yes" "$([ "$now" -le "$left" ] && [ "$now" -ge $((left - 20)) ] && echo yes)"
is "without registration they work" "open" "$(reach 1 44.0.0.6)"
is "and so do static rules and what is observed" "open open open open" \
	"$(port 1 44.5.0.1 80) $(port 1 44.6.0.9 80) $(port 2 44.7.0.1 80) $(port 2 44.8.0.1 80)"
tell worker >/dev/null
is "sandboxes come back" "ok ok" "$(tell add 1 sb1 enforce masq $sources - 44.5.0.1) $(
	tell add 2 sb2 enforce masq 10.77.2.2,fd77:2::2)"
is "with the rules that they have now" "open refused refused" \
	"$(port 1 44.5.0.1 80) $(port 1 44.6.0.9 80) $(port 1 44.5.0.9 80)"
is "and the mode" "refused refused" "$(port 2 44.7.0.1 80) $(port 2 44.8.0.1 80)"
until_true 8 bash -c '! nft list set inet namegate allow4 | grep -q "44\.0\.0\.5 "'
unlike "an adopted lease ends at its own end" '44\.0\.0\.5 ' "$(elements allow4)"
is "and no later" "refused" "$(reach 1 44.0.0.5)"

is "lockdown closes and cuts" "first cut" \
	"$(hold 1 44.0.0.6 tell add 1 sb1 lockdown masq 10.77.1.2,fd77:1::2)"
is "and takes no lease" "a privilege is missing" "$(tell lease 1 44.0.0.6 60000)"
is "but lets DNS be answered" "pong" "$(udp 1 10.77.1.1 53)"
tell add 1 sb1 enforce masq 10.77.1.2,fd77:1::2 >/dev/null
tell lease 1 44.0.0.6 60000 >/dev/null
is "removal cuts" "first cut" "$(hold 1 44.0.0.6 tell remove 1)"
is "and is silence again" "timeout" "$(reach 1 44.0.0.6)"
unlike "and leaves no element" '10\.77\.1\.2' \
	"$(elements allow4)$(elements allow4p)$(elements sbx4)$(elements masq4)"
tell add 1 sb1 enforce masq 10.77.1.2,fd77:1::2 >/dev/null
tell lease 1 44.0.0.6 60000 >/dev/null

# ---- other hands ----

owned=$(nft list table inet namegate | grep -c 'flags.*owner')
nft flush ruleset
if [ "$owned" -gt 0 ]; then
	is "an owned table outlives a flush" "open" "$(reach 1 44.0.0.6)"
	fails "and cannot be removed under its warden" "$warden" --teardown namegate
else
	skip "an owned table outlives a flush" "this kernel has no owned, lasting tables"
	skip "and cannot be removed under its warden" "this kernel has no owned, lasting tables"
fi
is "it stops when told" "exit 0" "$(tell kill 15)"
is "and leaves the rules" "open refused" "$(reach 1 44.0.0.6) $(reach 1 44.0.0.9)"
succeeds "removing them is a command" "$warden" --teardown namegate
fails "that leaves nothing" nft list table inet namegate

table=shared
nft add table inet "$table"
tell start "$warden" >/dev/null
is "a table that somebody made is taken over" "ok ok ok" "$(tell table "$table" "sb*" 5353 1000 100 50) $(
	tell worker) $(tell add 1 sb1 enforce masq $sources - 44.6.0.0/16)"
is "and works" "ok open" "$(tell lease 1 44.0.0.6 600000) $(reach 1 44.0.0.6)"
rebuilt() { until_true 3 grep -q "rebuilt with 1 sandboxes and $1 leases" "$work/warden.log"; }
tell lease 1 44.0.0.7 600000 >/dev/null
nft delete element inet "$table" allow4 '{ 10.77.1.2 . 44.0.0.6 }'
succeeds "a stolen element is noticed" rebuilt 2
is "and put back" "open" "$(reach 1 44.0.0.6)"
tell lease 1 44.0.0.8 600000 >/dev/null
nft flush chain inet "$table" judge
succeeds "an emptied chain is noticed" rebuilt 3
is "and filled" "open refused" "$(reach 1 44.0.0.6) $(reach 1 44.0.0.9)"
tell lease 1 44.0.0.10 600000 >/dev/null
nft add element inet "$table" allow4 '{ 10.77.1.2 . 44.0.0.9 timeout 1h }'
succeeds "an element put in by hand is noticed" rebuilt 4
is "and taken out" "refused" "$(reach 1 44.0.0.9)"
tell lease 1 44.0.0.11 600000 >/dev/null
nft flush ruleset
succeeds "a flush is noticed" rebuilt 5
is "and repaired" "open refused" "$(reach 1 44.0.0.6) $(reach 1 44.0.0.9)"
is "with the static rules" "open refused" "$(port 1 44.6.0.9 80) $(port 1 44.6.0.9 853)"
is "leases go on" "ok open" "$(tell lease 1 44.0.0.9 60000) $(reach 1 44.0.0.9)"

tell kill 15 >/dev/null
[ -z "${SHOWLOG:-}" ] || cat "$work/warden.log" >&2
tap_done
