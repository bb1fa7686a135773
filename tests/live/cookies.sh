#!/usr/bin/env bash
# DNS cookies with servers as they are, three that do cookies in their own ways and one that does all wrong.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs named knotd nsd tcpdump python3
make_net || live_die "the network cannot be made"
make_box 1 || live_die "box1 cannot be made"
for host in {60..69}; do ip -n net addr add "192.0.2.$host/24" dev eth0; done
ip addr add 192.0.2.200/24 dev net0
cd "$work" || exit 1

# ---- servers ----

names() { # ZONE: ten of them
	for n in $(seq 10); do echo "n$n 60 IN A 44.2.0.$n"; done | zone "$1"
}
names named.example
names knot.example
names nsd.example

serve_named() { # SECRET
	cat >named.conf <<END
options {
	directory "$work"; pid-file none; session-keyfile none; listen-on { 192.0.2.60; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no; querylog yes; managed-keys-directory "$work";
	answer-cookie yes; cookie-secret "$1"; require-server-cookie yes;
};
controls { };
zone "named.example" { type primary; file "zones/named.example.zone"; };
END
	nsenter --net=/run/netns/net -- named -g -c named.conf >>named.log 2>&1 &
	named_pid=$!
	until_true 20 in_net dig +tries=1 +time=1 @192.0.2.60 named.example SOA || live_die "named does not answer" named.log
}
serve_named 00112233445566778899aabbccddeeff
mkdir knot
cat >knot.conf <<END
server:
  rundir: "$work/knot"
  listen: 192.0.2.61@53
log:
  - target: stderr
    any: warning
database:
  storage: "$work/knot"
mod-cookies:
  - id: strict
    badcookie-slip: 1
template:
  - id: default
    storage: "$work/zones"
    global-module: mod-cookies/strict
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: knot.example
    file: knot.example.zone
END
nsenter --net=/run/netns/net -- knotd -c knot.conf >knot.log 2>&1 &
until_true 20 in_net dig +tries=1 +time=1 @192.0.2.61 knot.example SOA || live_die "knotd does not answer" knot.log
start_nsd
# The same server with cookies, on an address of its own.
sed -e 's/192.0.2.53/192.0.2.62/' -e 's/^server:/server:\n answer-cookie: yes\n cookie-secret: 000102030405060708090a0b0c0d0e0f/' nsd.conf >nsd62.conf
nsenter --net=/run/netns/net -- nsd -d -c nsd62.conf >nsd62.log 2>&1 &
until_true 20 in_net dig +tries=1 +time=1 @192.0.2.62 nsd.example SOA || live_die "nsd does not answer" nsd62.log
nsenter --net=/run/netns/net -- python3 "$here/cookies.py" 192.0.2.{63..69} >odd.log 2>&1 &
for host in {63..69}; do
	until_true 20 in_net dig +tries=1 +time=1 "@192.0.2.$host" www.up.example || live_die "an odd server does not answer" odd.log
done

odd=(good liar forger choke deaf deafened old)
{
	echo 'forward "named.example" { servers = {"192.0.2.60"} }'
	echo 'forward "knot.example" { servers = {"192.0.2.61"} }'
	echo 'forward "nsd.example" { servers = {"192.0.2.62"} }'
	# What one zone learns of a server another knows, so each has its own. The deaf ones cost two time-outs.
	for i in "${!odd[@]}"; do
		echo "forward \"${odd[i]}.example\" { servers = {\"192.0.2.$((63 + i))\"} timeout = $([[ ${odd[i]} = deaf* ]] && echo 1000 || echo 5000) }"
	done
} >extra.conf
in_net tcpdump -i eth0 -n -U -w "$work/tcp.pcap" 'tcp port 53 and host (192.0.2.60 or 192.0.2.61 or 192.0.2.62)' >tcpdump.log 2>&1 &
dump=$!
until_true 20 grep -q listening tcpdump.log
start_gate
below=("${odd[@]/#/*.}")
add_box 1 "$(allow box1.list '*.named.example' '*.knot.example' '*.nsd.example' "${below[@]/%/.example}")" >/dev/null

# ---- those that do cookies ----

several() { # ZONE FROM TO: distinct answers, counted
	local n
	for n in $(seq "$2" "$3"); do [ "$(ask 1 "n$n.$1")" = "NOERROR 44.2.0.$n" ] && echo right; done | grep -c right
}
# named marks a question with a cookie of its own K when that is wrong, or missing, and V when it is valid.
marked() { grep -ciE "query: n[0-9]+\.named\.example IN A [+]E[(]0[)]$1" named.log; }
is "named, which wants its own cookie, answers" 5 "$(several named.example 1 5)"
is "it was asked once without its cookie" 1 "$(marked K)"
is "and then with it" 5 "$(marked V)"
kill "$named_pid" && wait "$named_pid" 2>/dev/null
serve_named ffeeddccbbaa99887766554433221100
is "with another secret it answers as well" 5 "$(several named.example 6 10)"
is "it was asked once with the cookie of before" 2 "$(marked K)"
is "and then with that of now" 10 "$(marked V)"
is "knotd, which wants its own for each answer, answers" 10 "$(several knot.example 1 10)"
is "nsd answers" 5 "$(several nsd.example 1 5)"

# ---- the one that does not ----

asked() { # KIND TRANSPORT [EDNS [COOKIE]]: how often so far
	grep -cE "^$1 $2 [^ ]+ ${3:-[a-z]+} ${4:-[^ ]+}\$" odd.log
}
ours='[0-9a-f]{16}' theirs='[0-9a-f]{48}'
is "a cookie that is given back" "NOERROR 44.0.0.1" "$(ask 1 a.good.example)"
is "and the server's along with it" "NOERROR 44.0.0.1" "$(ask 1 b.good.example)"
is "first without the server's, then with it" "1 1" "$(asked good udp edns "$ours") $(asked good udp edns "$theirs")"
is "an answer with another cookie is not believed" "NOERROR 44.0.0.1" "$(ask 1 a.liar.example)"
is "TCP is asked, without a cookie" 1 "$(asked liar tcp edns -)"
is "from then on at once" "NOERROR 44.0.0.1 1 2" "$(ask 1 b.liar.example) $(asked liar udp) $(asked liar tcp)"
is "one that had sent cookies" "NOERROR 44.0.0.1" "$(ask 1 a.forger.example)"
is "is not believed without" "NOERROR 44.0.0.1" "$(ask 1 b.forger.example)"
is "but by TCP" "2 1" "$(asked forger udp edns) $(asked forger tcp)"
like "the log says so" 'answers by UDP without the cookie' "$(cat namegated.log)"
is "one that refuses cookies answers" "NOERROR 44.0.0.1" "$(ask 1 a.choke.example)"
is "and is asked without" "NOERROR 44.0.0.1 1 2" "$(ask 1 b.choke.example) $(asked choke udp edns "$ours") $(asked choke udp edns -)"
is "one that does not hear them answers" "NOERROR 44.0.0.1" "$(ask 1 a.deaf.example)"
is "and is asked without" "NOERROR 44.0.0.1 2" "$(ask 1 b.deaf.example) $(asked deaf udp edns "$ours")"
is "one that had sent cookies and does not hear them any more answers" "NOERROR 44.0.0.1 NOERROR 44.0.0.1 NOERROR 44.0.0.1" \
	"$(ask 1 a.deafened.example) $(ask 1 b.deafened.example) $(ask 1 c.deafened.example)"
is "it was asked with its cookie again" 2 "$(asked deafened udp edns "$theirs")"
is "never without by UDP, but by TCP, and then at once" "0 3" "$(asked deafened udp edns -) $(ask 1 d.deafened.example >/dev/null; asked deafened tcp edns -)"
is "one without EDNS answers" "NOERROR 44.0.0.1" "$(ask 1 a.old.example)"
is "and is asked without" "NOERROR 44.0.0.1 2 2" "$(ask 1 b.old.example) $(asked old udp edns) $(asked old udp plain -)"

# ---- what is told of them ----

shown() { # ZONE KEY
	gate status --json | jq -r --arg z "$1" --arg k "$2" '.upstreams[] | select(.zone == $z) | .[$k]'
}
is "status counts the cookies of each" "2 0 1" "$(shown good.example cookies) $(shown choke.example cookies) $(shown forger.example cookies)"
is "and what came without" "1 1 0" "$(shown liar.example cookies_lost) $(shown forger.example cookies_lost) $(shown good.example cookies_lost)"
is "and what went by TCP" "2 1 0" "$(shown liar.example over_tcp) $(shown forger.example over_tcp) $(shown good.example over_tcp)"
is "and how they are" "udp good" "$(shown good.example transport) $(shown good.example state)"
like "in words for people" '^(upstream)? +good\.example 192\.0\.2\.63:53 udp: good, .*asked 2, answered 2, cookies 2$' "$(gate status | grep good.example)"

# From another address of ours nothing tells that it is us.
ip route add 192.0.2.63/32 dev net0 src 192.0.2.200
is "asked from another address" "NOERROR 44.0.0.1" "$(ask 1 c.good.example)"
last() { awk -v kind=good '$1 == kind' odd.log | tail -n "$1" | head -n 1; }
like "it is sent a cookie alone" "^good udp 192.0.2.200 edns $ours\$" "$(last 1)"
unlike "and not that of the other address" "$(last 2 | awk '{ print substr($5, 1, 16) }')" "$(last 1)"

kill "$dump" && wait "$dump" 2>/dev/null
is "those that do cookies were asked by UDP alone" 0 "$(tcpdump -n -r tcp.pcap 2>/dev/null | wc -l)"
tap_done
