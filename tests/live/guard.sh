#!/usr/bin/env bash
# Where the gate's table cannot outlive its owner (before Linux 6.9), a second one stands beside it: while
# somebody has taken the first away, nothing comes from a sandbox to the host, nor past its routing, and
# flows go on being translated. It is the warden's, comes with each new one, and goes with the last.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
live_needs conntrack
usual_stage
nft 'add table inet owned { flags owner; }' 2>/dev/null || skip_all "this kernel has no owned tables"
export LIVE_LACKS=persist
echo 'interfaces = { "sb1" }' >"$work/extra.conf"
start_gate
held() { nft list table inet namegate-guard 2>/dev/null | grep -q 'flags owner'; }
succeeds "the warden has it" held
standing() { nft list chain inet namegate judge >/dev/null 2>&1; }
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
ask 1 www.allowed.example >/dev/null
is "a leased address is open" open "$(reach 1 44.0.0.1)"
is "questions come by TCP, too" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example +tcp)"
is "and by IPv6" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example @fd77:1::1)"
fails "nobody else takes it away" nft delete table inet namegate-guard

python3 "$here/peer.py" service 7777 >"$work/host" 2>&1 &
until_true 5 grep -q up "$work/host"
got() { grep -c '^got' "$work/host"; }
send() { # by UDP and TCP to the host, and to the world past a rule that comes before ours
	box 1 python3 - <<'END'
import socket
for family, hosts in ((socket.AF_INET, ("10.77.1.1", "192.0.2.1", "44.9.0.1")), (socket.AF_INET6, ("fd77:1::1", "2001:db8::1"))):
    for host in hosts:
        for port in (7777, 53, 1053):
            with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family, socket.SOCK_STREAM) as tcp:
                udp.sendto(b"x", (host, port))
                tcp.settimeout(0.2)
                try:
                    tcp.connect((host, port))
                except OSError:
                    pass
END
}
count_closed
closed() { in_net nft -j list counter inet count closed | jq '.nftables[].counter? // empty | .packets'; }

cat >"$work/meanwhile.py" <<'END'
"""Flows that begin while the gate's table is away, and what comes of them when it is back."""
import os, socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
back = lambda: os.path.exists("/run/live/back")
def server(address, port):  # of the host: answers whoever comes
    sock.bind((address, int(port)))
    print("up", flush=True)
    while True:
        data, peer = sock.recvfrom(600)
        sock.sendto(b"host", peer)
def asks(address, port):  # from one port, before and after: says who answered after
    sock.connect((address, int(port)))
    sock.settimeout(0.2)
    while True:
        after, answer = back(), None
        try:
            sock.send(bytes.fromhex("0001010000010000000000000377777707616c6c6f776564076578616d706c650000010001"))
            answer = sock.recv(600)
        except OSError:
            time.sleep(0.1)
        print("tried", flush=True)
        if after and answer:
            sys.exit(print("the host" if answer == b"host" else "the gate"))
def talks(port):  # to the first who comes, without end
    sock.bind(("0.0.0.0", int(port)))
    print("up", flush=True)
    data, peer = sock.recvfrom(600)
    print("asked", flush=True)
    while True:
        try:
            sock.sendto(b"talk", peer)
        except OSError:
            pass
        time.sleep(0.05)
def comes(address, port):  # from outside: says whether it hears on when the table is back
    sock.bind(("203.0.113.7", 6000))
    sock.settimeout(0.1)
    while not back():
        sock.sendto(b"x", (address, int(port)))
        try:
            sock.recv(600)
        except OSError:
            pass
    time.sleep(0.5)
    sock.setblocking(False)
    try:
        while True:
            sock.recv(600)
    except OSError:
        sock.settimeout(2)
    try:
        print(sock.recv(600).decode())
    except OSError:
        print("silence")
globals()[sys.argv[1]](*sys.argv[2:])
END
meanwhile() { # OUTPUT COMMAND...
	: >"$work/$1"
	"${@:2}" >"$work/$1" 2>&1 &
}
python3 "$here/peer.py" web >"$work/hostweb" 2>&1 &
host_opens() { [ "$(python3 "$here/peer.py" connect 10.77.1.1 80)" = open ]; }
until_true 5 host_opens
meanwhile server python3 "$work/meanwhile.py" server 10.77.1.1 53
meanwhile talks box 1 python3 "$work/meanwhile.py" talks 5000
until_true 5 grep -q up "$work/server"
until_true 5 grep -q up "$work/talks"
in_net ip route add 10.77.0.0/16 via 192.0.2.1

# Another gate's questions have the same mark, and another port.
mkdir -p "$work/store2"
{
	sed '/^\(control\|store\|record\|interfaces\)/d' "$work/namegated.conf"
	printf 'listen = { "0.0.0.0:1153", "[::]:1153" }\ncontrol = "%s"\nstore = "%s"\nrecord = "%s"\n' \
		"$work/control2" "$work/store2" "$work/records2"
	printf 'table = "second"\ninterfaces = { "sb2" }\n'
} >"$work/second.conf"
"$gate_programs/namegated" -c "$work/second.conf" >"$work/second.log" 2>&1 &
second=$!
second() { "$build/namegate" "$@" --control "$work/control2"; }
until_true 20 second status || live_die "the second gate does not answer" "$work/second.log"
second sandbox add box2 --interface sb2 --source 10.77.2.2 --policy "$work/box1.list" --masquerade >/dev/null
is "another gate on the host serves its own" "NOERROR 44.0.0.1 open" "$(ask 2 www.allowed.example) $(reach 2 44.0.0.1)"
kill "$second"
wait "$second"
until_true 5 eval '! nft list table inet second-guard'
second teardown --table second >/dev/null 2>&1

# The warden is stopped, so that what is seen is the kernel without the gate's table.
warden=$(pid_of warden)
kill -STOP "$warden"
ip rule add pref 100 iif sb1 lookup main
nft flush ruleset
fails "a flush takes the gate's table" standing
succeeds "and leaves that one" held
send
is "nothing of a sandbox comes to a service of the host, nor to the world" "0 0" "$(got) $(closed)"
unlike "and no flow of it is kept" 'src=10.77.1.2.*dport=(7777|1053)|src=fd77:1::2.*dport=(7777|1053)' "$(conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null)"
like "it is counted" 'counter packets [1-9]' "$(nft list chain inet namegate-guard tohost)"
like "also on its way to the world" 'counter packets [1-9]' "$(nft list chain inet namegate-guard through)"
python3 "$here/peer.py" connect 10.77.1.1 7777 >/dev/null
is "the host reaches its own" 1 "$(got)"
python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.9", 4567))'
like "and its flows are tracked" 'dport=4567' "$(conntrack -L 2>/dev/null)"
ip rule del pref 100
is "one that everybody else reaches is not open to a sandbox" timeout "$(reach 1 10.77.1.1)"
succeeds "though it is to others" host_opens
meanwhile asks box 1 python3 "$work/meanwhile.py" asks 10.77.1.1 53
asks=$!
meanwhile comes in_net python3 "$work/meanwhile.py" comes 10.77.1.2 5000
comes=$!
succeeds "somebody outside reaches a sandbox" until_true 5 grep -q asked "$work/talks"
until_true 5 grep -q tried "$work/asks"
kill -CONT "$warden"
succeeds "the table comes back" until_true 5 standing
: >"$work/back"
wait "$asks" "$comes"
is "questions that began meanwhile are the gate's" "the gate" "$(tail -1 "$work/asks")"
is "to who came meanwhile nothing is sent" silence "$(cat "$work/comes")"
is "and serves" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

kill -9 "$warden"
until_true 10 another warden "$warden"
succeeds "the next warden holds it again" until_true 10 held
kill -9 "$gate_pid" # the warden hears of that, and may be there for a moment
wait "$gate_pid" 2>/dev/null
start_gate
succeeds "so does that of another life" until_true 10 held
nft flush ruleset
succeeds "which builds the table anew" until_true 5 standing
kill "$gate_pid"
wait "$gate_pid"
only() { [ "$(nft list tables)" = "table inet namegate" ]; }
succeeds "it goes with the last of them" until_true 5 only
gate teardown >/dev/null
force owner # as before Linux 5.12
start_gate
succeeds "where none can be owned there is none" only
tap_done
