#!/usr/bin/env bash
# The gate beside its sandbox in one network namespace: all that leaves it is the sandbox's, but for the
# worker's own; the loopback interface is the sandbox's, and nobody comes in from outside.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
in_userns && skip_all "the worker needs a user of its own, and only root can give it one"
live_needs tcpdump
PATH=/usr/sbin:/usr/bin:/sbin:/bin
usual_stage
list=$(allow pod.list .allowed.example)
start_gate
python3 "$here/host.py" local &
until_true 10 python3 "$here/peer.py" connect 127.0.0.1 9000
joins() { python3 "$here/peer.py" connect "$1" "${2:-80}"; }
look_up() { dig +short +tries=1 +time=3 "$@" | tr '\n' ' '; }

is "before it is registered, all is open" "open" "$(joins 44.0.0.1)"
succeeds "the namespace is registered" gate sandbox add pod --sidecar --policy "$list"
like "one is all there can be" 'this user or cgroup' "$(gate sandbox add again --sidecar 2>&1)"
capture "$work/shut.pcap" net eth0 '(dst net 44.0.0.0/8 or dst net 2001:db8:80::/48)'
is "nothing is open that was not looked up" "refused refused" "$(joins 44.0.0.1) $(joins 2001:db8:80::1)"
for trick in udp raw options proto253; do
	python3 "$here/host.py" send 44.0.0.1 20 $trick
done
is "and no packet came out, root's as little" 0 "$(captured "$work/shut.pcap")"
for server in 192.0.2.53 127.0.0.53 ::1; do
	is "asked of $server, a name is answered from there" "44.0.0.1 2001:db8:80::1  " \
		"$(look_up "@$server" www.allowed.example)$(look_up "@$server" www.allowed.example AAAA) $(look_up +tcp "@$server" www.other.example)"
done
is "and its addresses are open" "open open refused" "$(joins 44.0.0.1) $(joins 2001:db8:80::1) $(joins 44.0.0.2)"
nft -f - <<'END'
table ip docker {
	chain out {
		type nat hook output priority -100;
		ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:9000
	}
}
END
is "Docker's own resolver is not asked, on whatever port" "44.0.0.1  refused refused" \
	"$(look_up @127.0.0.11 www.allowed.example) $(python3 "$here/host.py" from 0 127.0.0.11 9000) $(joins 127.0.0.11 9000)"
is "nor by a flow that it has answered" "refused" "$(python3 "$here/host.py" from 5353 127.0.0.11 9000)"
ip -6 neigh flush dev net0
ip neigh flush dev net0
is "neighbours are found again" "open open" "$(joins 44.0.0.1) $(joins 2001:db8:80::1)"
is "containers meet on the loopback interface" "open open open" "$(joins 127.0.0.1 9000) $(joins ::1 9000) $(joins 192.0.2.1 9000)"
is "nobody comes in from outside" "timeout timeout" \
	"$(in_net python3 "$here/peer.py" connect 192.0.2.1 9000) $(in_net python3 "$here/peer.py" connect 2001:db8::1 9000)"
kill -9 "$gate_pid"
is "all dead, it is held" "open refused" "$(joins 44.0.0.1) $(joins 44.0.0.2)"
sleep 0.5
start_gate
is "restarted, it is held" "open refused" "$(joins 44.0.0.1) $(joins 44.0.0.2)"
is "and served" "44.0.0.3 44.0.0.4 " "$(dig +short +tries=1 +time=3 @192.0.2.53 two.allowed.example | sort | tr '\n' ' ')"
gate sandbox remove pod >/dev/null
is "removed, it is nobody's" "open" "$(joins 44.0.0.2)"
tap_done
