#!/usr/bin/env bash
# The gate beside its sandbox in one network namespace, and the table taken away: nothing leaves the
# namespace by any interface, also by one that came later; when the table is back, all is as it was.
# Teardown takes the filters off, and the place for them where nobody else has one.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
live_needs tc
in_userns && skip_all "a user namespace may not load what drops packets"
rounds=15
PATH=/usr/sbin:/usr/bin:/sbin:/bin
ip link add early0 type veth peer name early1 && ip link set early0 up
tc qdisc add dev early0 ingress # ahead of all others; no way out can be filtered there
usual_stage
list=$(allow pod.list .allowed.example)
cat >"$work/flood.py" <<'END'
"""Floods what is closed by sockets of each kind until /run/live/enough is there; prints how much."""
import os, socket, struct, time
closed = [("44.9.0.%d" % n, port) for n in range(1, 60) for port in (9, 53)]
closed6 = [("2001:db8:80:9::%x" % n, port) for n in range(1, 60) for port in (9, 53)]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
tried = 0
while not os.path.exists("/run/live/enough"):
    for sock, targets in ((udp, closed), (udp6, closed6), (raw, closed[:20])):
        for target in targets:
            try:
                sock.sendto(b"x" * 20, target)
            except OSError:
                pass
            tried += 1
    for target in closed[:4] + closed6[:4]:
        sock = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex(target)
        sock.close()
        tried += 1
    time.sleep(0.005)
print("tried=%d" % tried)
END
count_closed
arrived() { in_net nft -j list table inet count | jq '[.nftables[].counter? // empty | .packets] | add'; }
reaches() { python3 "$here/peer.py" connect "$1" "${2:-80}"; }
sends() { python3 "$here/host.py" from 0 "$1" 7777; }
look_up() { dig +short +tries=1 +time=2 @192.0.2.53 www.allowed.example; }
standing() { nft -j list set inet namegate allow4 2>/dev/null | grep -q '"44.0.0.1"'; }
works() { [ "$(reaches 44.0.0.1)" = open ]; }
filters() { tc filter show dev "$1" egress | grep -c namegate; }
captured() { # on the far side of the second interface
	ip netns exec side nft -j list counter inet count came | jq '[.nftables[].counter? // empty | .packets] | add'
}
ip netns add side
ip netns exec side nft -f - <<'END'
table inet count {
	counter came { }
	chain in { type filter hook prerouting priority -300; ip daddr 44.8.0.0/16 counter name came; }
}
END
second_link() {
	ip link add late0 type veth peer name late1 netns side && ip addr add 192.0.3.1/24 dev late0 &&
		ip link set late0 up && ip -n side link set late1 up && ip -n side addr add 192.0.3.2/24 dev late1 &&
		ip route add 44.8.0.0/16 via 192.0.3.2
}

LIVE_LACKS=owner
export LIVE_LACKS
start_gate
is "without a sidecar no interface has a filter" 0 "$(filters net0)"
gate sandbox add pod --sidecar --policy "$list" >/dev/null
is "with one each has, but loopback" "1 1 0" "$(filters net0) $(filters sb1) $(filters lo)"
is "but where an ingress qdisc stands, whose way in gets none" 0 "$(tc filter show dev early0 ingress | grep -c namegate)"
like "and that is told, with what to do" 'what leaves by interface early0 .*tc qdisc del dev early0 ingress' "$(cat "$work/namegated.log")"
tc qdisc del dev early0 ingress
succeeds "it has one when that is done" until_true 5 eval '[ "$(filters early0)" = 1 ]'
second_link
succeeds "one that comes later has one" until_true 5 eval '[ "$(filters late0)" = 1 ]'
is "a name opens its address" "44.0.0.1 open" "$(look_up) $(reaches 44.0.0.1)"
tc filter del dev net0 egress
succeeds "a filter that is taken away is put back" until_true 5 eval '[ "$(filters net0)" = 1 ]'

rounds_of() { # WHAT COMMAND...
	local what=$1 before
	shift
	before=$(arrived)
	rm -f "$work/enough"
	python3 "$work/flood.py" >"$work/flood" 2>&1 &
	flooder=$!
	for _ in $(seq $rounds); do
		"$@"
		until_true 5 standing
	done
	: >"$work/enough"
	wait "$flooder"
	is "$what: nothing arrived" "$before" "$(arrived)"
	succeeds "$what: then it works again" until_true 10 works
	succeeds "$what: and is served" until_true 10 eval '[ "$(look_up)" = 44.0.0.1 ]'
	tap_note "$what: $(cat "$work/flood")"
}
rounds_of "delete table" nft delete table inet namegate
rounds_of "flush ruleset" nft flush ruleset

kill -STOP "$gate_pid"
kill -9 "$(pid_of warden)"
nft flush ruleset
before=$(arrived)
for to in 44.0.0.1 44.9.0.1 44.8.0.1 2001:db8:80:9::1; do sends "$to" >/dev/null; done
is "no warden: nothing leaves by any interface" "$before 0" "$(arrived) $(captured)"
is "not to a leased address either" timeout "$(reaches 44.0.0.1)"
is "containers still meet on the loopback interface" refused "$(reaches 127.0.0.1 9)"
# shellcheck disable=SC2046
kill -9 $(cat "/proc/$gate_pid/task/"*/children) "$gate_pid" 2>/dev/null
wait "$gate_pid" 2>/dev/null
sends 44.9.0.1 >/dev/null
is "all dead: it is held" "$before" "$(arrived)"
start_gate
succeeds "a restart serves it again" until_true 10 eval '[ "$(look_up)" = 44.0.0.1 ] && works'
is "by one filter each" "1 1" "$(filters net0) $(filters late0)"
gate sandbox remove pod >/dev/null
succeeds "removed, the filters are off" until_true 5 eval '[ "$(filters net0) $(filters late0)" = "0 0" ]'
is "and it is nobody's" "open" "$(reaches 44.0.0.2)"
gate sandbox add pod --sidecar --policy "$list" >/dev/null
until_true 5 eval '[ "$(filters net0)" = 1 ]'
kill "$gate_pid"
wait "$gate_pid"
tc filter add dev late0 ingress pref 7 protocol ip matchall action pass 2>/dev/null ||
	tc filter add dev late0 ingress pref 7 protocol ip u32 match u32 0 0 2>/dev/null || others=none
gate teardown >/dev/null
is "teardown leaves nothing on an interface of ours" "0 0" "$(tc qdisc show dev net0 | grep -c clsact) $(tc qdisc show dev sb1 | grep -c clsact)"
if [ -z "${others:-}" ]; then
	is "and to others what is theirs" "1 0" "$(tc qdisc show dev late0 | grep -c clsact) $(filters late0)"
else
	skip "and to others what is theirs" "this kernel has no filter that could be another's"
fi
tap_done
