#!/usr/bin/env bash
# Servers as they are: by TCP many questions on one connection, by TLS only who proves who they are,
# and a dead zone that costs the others nothing.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs unbound openssl tcpdump
make_net || live_die "the network cannot be made"
make_box 1 || live_die "box1 cannot be made"
for host in 60 61 62 63 64 65 66 67; do ip -n net addr add "192.0.2.$host/24" dev eth0; done
ip addr add 192.0.2.200/24 dev net0

# ---- certificates: an authority of our own, and what may be wrong with those that it gives ----

cd "$work" || exit 1
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout "$1.key" -out "$1.pem" \
		-subj "/CN=$1" >/dev/null 2>&1
}
certificate() { # FILE NAME AUTHORITY [option of x509...]
	local file=$1 name=$2 by=$3
	shift 3
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$file.key" -out "$file.csr" \
		-subj "/CN=$name" >/dev/null 2>&1
	openssl x509 -req -in "$file.csr" -CA "$by.pem" -CAkey "$by.key" -CAcreateserial -out "$file.pem" \
		-extfile <(printf 'subjectAltName=DNS:%s\n' "$name") "$@" >/dev/null 2>&1
}
pin() { # FILE
	openssl x509 -in "$1.pem" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
		openssl base64
}
authority root
authority stranger
certificate good dns.example root -days 30
certificate unknown dns.example stranger -days 30
certificate old dns.example root -days -1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout self.key -out self.pem \
	-subj "/CN=whoever" >/dev/null 2>&1

# ---- servers ----

# unbound answers for the zone itself, in the clear on 53 and by TLS on 853.
serve() { # HOST CERTIFICATE ZONE [more of its configuration]
	cat >"unbound.$1.conf" <<END
$(unbound_server)
 verbosity: 1
 extended-statistics: yes
 interface: 192.0.2.$1@53
 interface: 192.0.2.$1@853
 tls-port: 853
 tls-service-key: "$work/$2.key"
 tls-service-pem: "$work/$2.pem"
 access-control: 0.0.0.0/0 allow
 local-zone: "$3" static
 local-data: "www.$3 60 IN A 44.0.0.1"
$(for n in $(seq 200); do echo " local-data: \"n$n.$3 60 IN A 44.2.0.$n\""; done)
${4:-}
remote-control:
 control-enable: yes
 control-use-cert: no
 control-interface: $work/unbound.$1.ctl
END
	nsenter --net=/run/netns/net -- unbound -d -c "unbound.$1.conf" >"unbound.$1.log" 2>&1 &
	until_true 20 in_net dig +tries=1 +time=1 "@192.0.2.$1" "www.$3" || live_die "unbound does not answer" "unbound.$1.log"
	udp[$1]=$(stat_of "$1" total.num.queries)
}
udp=() # questions that each server was asked here
stat_of() { # HOST COUNTER
	in_net unbound-control -c "$work/unbound.$1.conf" stats_noreset | awk -F= -v k="$2" '$1 == k { print $2 }'
}
serve 60 good tcp.example ' local-data: "www.half.example 60 IN A 44.0.0.9"
 local-data: "www.host.example 1 IN A 44.0.0.8"'
serve 61 good right.example
serve 62 good wrong.example
serve 63 old old.example
serve 64 unknown unknown.example
serve 65 self pinned.example
serve 66 good source.example
# A server that takes no connection and says nothing: its packets end in a hole.
ip -n net addr add 192.0.2.68/24 dev eth0
in_net nft -f - <<'END'
table inet hole { chain in { type filter hook input priority 0; ip daddr 192.0.2.68 drop; }; }
END

cat >"$work/extra.conf" <<END
tls-trust = "$work/root.pem"
forward "tcp.example" { servers = {"tcp://192.0.2.60"} }
forward "right.example" { servers = {"tls://192.0.2.61#dns.example"} timeout = 3000 }
forward "wrong.example" { servers = {"tls://192.0.2.62#other.example"} }
forward "old.example" { servers = {"tls://192.0.2.63#dns.example"} }
forward "unknown.example" { servers = {"tls://192.0.2.64#dns.example"} }
forward "pinned.example" { servers = {"tls://192.0.2.65"} pin-sha256 = {"$(pin self)"} timeout = 3000 }
forward "unpinned.example" { servers = {"tls://192.0.2.61#dns.example"} pin-sha256 = {"$(pin self)"} }
forward "clear.example" { servers = {"tls://192.0.2.61:53#dns.example"} timeout = 300 }
forward "host.example" { resolv-conf = "$work/host.resolv" }
forward "source.example" { servers = {"192.0.2.66"} source = {"192.0.2.200"} }
forward "dead.example" { servers = {"192.0.2.68"} timeout = 500 }
forward "half.example" { servers = {"192.0.2.68", "192.0.2.60"} timeout = 500 }
END
# What leaves in the clear for the servers that are to be asked by TLS is seen here.
capture "$work/clear.pcap" net eth0 'port 53 and host (192.0.2.61 or 192.0.2.62 or 192.0.2.63 or 192.0.2.64 or 192.0.2.65)'
echo '# the network is not up yet' >"$work/host.resolv"
start_gate
add_box 1 "$(allow box1.list '*.tcp.example' '*.right.example' '*.wrong.example' '*.old.example' '*.unknown.example' \
	'*.pinned.example' '*.unpinned.example' '*.clear.example' '*.source.example' '*.host.example' '*.dead.example' '*.half.example')" >/dev/null

# ---- TCP ----

burst() { # ZONE FROM TO: that many questions at once
	local n
	for n in $(seq "$2" "$3"); do ask 1 "n$n.$1" & done | sort | uniq -c | awk '{ print $2 }' | sort | uniq -c
}
is "by TCP" "NOERROR 44.0.0.1" "$(ask 1 www.tcp.example)"
like "sixty questions at once" '60 NOERROR' "$(burst tcp.example 1 60)"
# One that the machine kept waiting for too long is asked again.
by() { # HOST COUNTER COUNT: so many at least, and none in the clear by UDP but what serve() asked
	[ "$(stat_of "$1" "$2")" -ge "$3" ] && [ "$(stat_of "$1" num.query.tcp)" = $(($(stat_of "$1" total.num.queries) - ${udp[$1]})) ]
}
succeeds "all of them by TCP, none by UDP" by 60 num.query.tcp 61
sockets() { in_net ss -Htn state established "( sport = :$1 )" src "192.0.2.$2" | wc -l; }
few() { [ "$(sockets "$1" "$2")" -ge 1 ] && [ "$(sockets "$1" "$2")" -le 4 ]; }
succeeds "and on a few connections" few 53 60

# ---- TLS ----

is "by TLS, with the right name" "NOERROR 44.0.0.1" "$(ask 1 www.right.example)"
like "forty questions on that connection" '40 NOERROR' "$(burst right.example 1 40)"
succeeds "the server counts them all as TLS" by 61 num.query.tls 41
refused() { # WHAT ZONE WORDS
	is "$1: nothing is answered" "SERVFAIL ede=23" "$(ask 1 "www.$2")"
	is "$1: nothing was asked" "0" "$(stat_of "$3" num.query.tls)"
	like "$1: the log says why" "$4" "$(grep -c "$4" "$work/namegated.log") $(cat "$work/namegated.log")"
}
refused "another name" wrong.example 62 'hostname mismatch'
refused "an old certificate" old.example 63 'certificate has expired'
refused "an authority that nobody trusts" unknown.example 64 'unable to get local issuer certificate'
is "a key of our own, pinned" "NOERROR 44.0.0.1" "$(ask 1 www.pinned.example)"
is "a trusted name with another key" "SERVFAIL ede=23" "$(ask 1 www.unpinned.example)"
like "is told by its key" 'none of those of pin-sha256' "$(cat "$work/namegated.log")"
like "a server that speaks no TLS gets no question" '^SERVFAIL' "$(ask 1 www.clear.example)"

# The server ends: a new one is asked as soon as it is there, and the session is taken up again.

in_net unbound-control -c "$work/unbound.61.conf" reload >/dev/null
anew() { [ "$(ask 1 n77.right.example)" = "NOERROR 44.2.0.77" ]; }
succeeds "after the server began anew" until_true 5 anew

# A connection that is idle is closed, and the next one resumes.
gone() { [ "$(sockets 853 65)" = 0 ]; }
until_true 20 gone
ask 1 n5.pinned.example >/dev/null
resumed() { [ "$(stat_of 65 num.query.tls.resume)" -ge 1 ]; }
succeeds "a session of before is resumed" resumed

captured "$work/clear.pcap" >/dev/null
# The server without TLS listens on port 53; what it got must hold no name.
is "no name left in the clear" "0" "$(tcpdump -r "$work/clear.pcap" -A 2>/dev/null | grep -ciE 'right|wrong|unknown.?example|pinned|clear.?example')"

# ---- where questions come from ----

capture "$work/source.pcap" net eth0 'udp port 53 and dst host 192.0.2.66'
is "from the address that the zone says" "NOERROR 44.0.0.1" "$(ask 1 www.source.example)"
captured "$work/source.pcap" 1 >/dev/null
is "and no other" "192.0.2.200" "$(tcpdump -n -r "$work/source.pcap" 2>/dev/null |
	awk '{ sub(/\.[0-9]+$/, "", $3); print $3 }' | sort -u)"

# ---- the host's own servers ----

is "a resolv.conf without servers: nobody is asked" "SERVFAIL ede=22" "$(ask 1 www.host.example)"
like "the log says so" 'names no server' "$(cat "$work/namegated.log")"
answered() { [ "$(ask 1 www.host.example)" = "$1" ]; }
echo 'nameserver 192.0.2.60' >"$work/host.next" && mv "$work/host.next" "$work/host.resolv"
succeeds "once it names one, that is asked" until_true 10 answered "NOERROR 44.0.0.8"
echo '# down again' >"$work/host.resolv"
succeeds "and not any more when it does not" until_true 10 answered "SERVFAIL ede=22"

# ---- dead servers ----

is "a dead zone fails" "SERVFAIL ede=22" "$(ask 1 www.dead.example A +time=9)"
known() { [ "$(ask 1 www.dead.example A +time=1)" = "SERVFAIL ede=13" ]; } # for a second; for two, for four when it fails again
succeeds "and is not waited for again at once" until_true 5 known
is "where one of two is dead, the other answers" "NOERROR 44.0.0.9" "$(ask 1 www.half.example A +time=4)"
flood() { # names of the dead zone, and nobody waits for them
	box 1 python3 -c '
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(400):
    name = b"".join(bytes([len(l)]) + l for l in (b"d%d" % n, b"dead", b"example"))
    sock.sendto(bytes([n >> 8, n & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + name + b"\0\0\1\0\1", ("10.77.1.1", 53))'
}
beside() { flood; [ "$(ask 1 n111.tcp.example A +time=2)" = "NOERROR 44.2.0.111" ]; }
succeeds "while it is asked, others are served" until_true 3 beside
tap_done
