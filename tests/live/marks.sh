#!/usr/bin/env bash
# Marks of forward zones: routing by them leads to the zone's own server by UDP, TCP and TLS; a reload changes
# them; and where the kernel does not set them nothing leaves.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs unbound openssl tcpdump setpriv
in_userns && skip_all "programs of cgroups need CAP_BPF of the machine"
findmnt -n -t cgroup2 >/dev/null || skip_all "no cgroup2 hierarchy is mounted"
make_net || live_die "the network cannot be made"
make_box 1 || live_die "box1 cannot be made"

# Two networks with the same addresses in each; which one it is only the mark says, and without one they are where
# all else is, where nobody answers.
cd "$work" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout self.key -out self.pem \
	-subj "/CN=whoever" >/dev/null 2>&1
pin=$(openssl x509 -in self.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64)
behind() { # N MARK: a network behind vpnN
	ip netns add "vpn$1" && ip link add "vpn$1" type veth peer name eth0 netns "vpn$1" || live_die "vpn$1 cannot be made"
	ip addr add "10.88.$1.1/24" dev "vpn$1" && ip addr add "fd88:$1::1/64" dev "vpn$1" nodad && ip link set "vpn$1" up
	ip -n "vpn$1" link set lo up
	ip -n "vpn$1" addr add "10.88.$1.2/24" dev eth0
	ip -n "vpn$1" addr add "fd88:$1::2/64" dev eth0 nodad
	ip -n "vpn$1" link set eth0 up
	for host in 198.51.100.53/32 2001:db8:53::53/128; do ip -n "vpn$1" addr add "$host" dev lo; done
	ip rule add fwmark "$2" lookup "10$1" && ip -6 rule add fwmark "$2" lookup "10$1"
	ip route add 198.51.100.0/24 via "10.88.$1.2" table "10$1"
	ip -6 route add 2001:db8:53::/64 via "fd88:$1::2" table "10$1"
	cat >"unbound.$1.conf" <<END
$(unbound_server)
 interface: 198.51.100.53@53
 interface: 198.51.100.53@853
 interface: 2001:db8:53::53@53
 tls-port: 853
 tls-service-key: "$work/self.key"
 tls-service-pem: "$work/self.pem"
 access-control: 0.0.0.0/0 allow
 access-control: ::/0 allow
 local-zone: "example" redirect
 local-data: "example 60 IN A 44.7.0.$1"
END
	nsenter --net="/run/netns/vpn$1" -- unbound -d -c "unbound.$1.conf" >"unbound.$1.log" 2>&1 &
	until_true 20 nsenter --net="/run/netns/vpn$1" -- dig +tries=1 +time=1 @198.51.100.53 www.example ||
		live_die "unbound does not answer" "unbound.$1.log"
}
behind 1 0x10
behind 2 0x20
capture "$work/leaked.pcap" net eth0 'host 198.51.100.53 or host 2001:db8:53::53'

conf() { # MARK
	cat <<END
forward "." { servers = {"192.0.2.53"} }
forward "udp.example" { servers = {"198.51.100.53"} $1 timeout = 3000 }
forward "six.example" { servers = {"[2001:db8:53::53]"} $1 timeout = 3000 }
forward "tcp.example" { servers = {"tcp://198.51.100.53"} $1 timeout = 3000 }
forward "tls.example" { servers = {"tls://198.51.100.53"} pin-sha256 = {"$pin"} $1 timeout = 3000 }
END
}
conf 'mark = 0x10' >"$work/extra.conf"
list=$(allow names.list .udp.example .six.example .tcp.example .tls.example)
start_gate
add_box 1 "$list" >/dev/null

told() { # NAME: the answer; the next one where the kernel's word for an address came too late
	local said=TIMEOUT tries
	for ((tries = 0; tries < 20; tries++)); do
		said=$(ask 1 "$1")
		case $said in "SERVFAIL ede=14" | TIMEOUT*) continue ;; esac
		break
	done
	echo "$said"
}
each() { # WHAT ANSWER PREFIX
	local way
	for way in udp six tcp tls; do is "$1 ($way)" "$2" "$(told "$3.$way.example")"; done
}
each "marked packets have a way of their own" "NOERROR 44.7.0.1" first

conf 'mark = 32' >"$work/extra.conf"
gate_conf >"$work/namegated.conf"
succeeds "a reload changes the mark" gate reload
each "the same servers are others now, and nothing of before counts" "NOERROR 44.7.0.2" first
each "for new names as well" "NOERROR 44.7.0.2" second
like "the configuration in force says it" 'mark = 0x20' "$("$build/namegated" -t -c "$work/namegated.conf")"

# ---- what cannot be ----

conf '' | sed '2s/timeout/mark = 0x30 timeout/' >"$work/extra.conf"
gate_conf >"$work/namegated.conf"
like "one server has one mark" 'namegated.conf:[0-9]*:[0-9]*: error.*198.51.100.53.*mark' "$("$build/namegated" -t -c "$work/namegated.conf" 2>&1)"
fails "and a reload of it is refused" gate reload
is "what stood stands" "NOERROR 44.7.0.2" "$(told third.udp.example)"
is "nothing has left without its mark" 0 "$(came "$work/leaked.pcap")"

# ---- a gate that may hang no program ----

conf 'mark = 0x10' >"$work/extra.conf"
kill "$gate_pid" && wait "$gate_pid"
gate_conf >"$work/namegated.conf"
setpriv --bounding-set -bpf,-sys_admin --inh-caps -bpf,-sys_admin \
	"$build/namegated" -c "$work/namegated.conf" >>"$work/namegated.log" 2>&1 &
gate_pid=$!
until_true 20 gate status || live_die "namegated does not answer"
like "it says so" 'marks of forward zones cannot be set' "$(cat "$work/namegated.log")"
each "and nothing is asked without the mark" "SERVFAIL ede=23" fourth
like "the answer says why" 'does not set the mark' "$(box 1 dig +tries=1 www.udp.example | grep EDE)"
is "nothing has left" 0 "$(captured "$work/leaked.pcap")"
conf '' >"$work/extra.conf"
gate_conf >"$work/namegated.conf"
capture "$work/plain.pcap" net eth0 'host 198.51.100.53 or host 2001:db8:53::53'
succeeds "without the setting" gate reload
like "all is asked by the way that all else takes" '^SERVFAIL' "$(ask 1 fifth.udp.example +time=20)"
[ "$(captured "$work/plain.pcap" 1)" -ge 1 ]
is "which the capture has seen" 0 "$?"
tap_done
