#!/usr/bin/env bash
# DNS over TLS with servers as they are: knot-resolver, dnsdist, and nginx in front of nsd; and with one
# that treats its connections badly in every way that there is.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs kresd dnsdist nginx nsd openssl python3
nginx_stream=$(nginx -V 2>&1 | grep -o -- '--modules-path=[^ ]*' | cut -d= -f2)/ngx_stream_module.so
[ -e "$nginx_stream" ] || skip_all "nginx has no stream module (Debian package libnginx-mod-stream)"
make_net || live_die "the network cannot be made"
make_box 1 || live_die "box1 cannot be made"
for host in 60 61 62 63 64; do ip -n net addr add "192.0.2.$host/24" dev eth0; done
cd "$work" || exit 1

# ---- certificates ----

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout root.key -out root.pem \
	-subj "/CN=root" >/dev/null 2>&1
certificate() { # FILE NAME DAYS
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" >/dev/null 2>&1
	openssl x509 -req -in "$1.csr" -CA root.pem -CAkey root.key -CAcreateserial -out "$1.pem" -days "$3" \
		-extfile <(printf 'subjectAltName=DNS:%s\n' "$2") >/dev/null 2>&1
}
certificate good dns.example 30
certificate old dns.example -1
certificate other elsewhere.example 30
chmod 644 ./*.key

# ---- servers; nsd in the clear is behind all of them ----

kinds='kresd dnsdist nginx13 nginx12'
for kind in $kinds; do
	for n in $(seq 20); do echo "n$n 60 IN A 44.2.0.$n"; done | zone "$kind.example"
done
start_nsd

mkdir -p kresd && cat >kresd.conf <<END
net.listen('192.0.2.60', 853, { kind = 'tls' })
net.tls('$work/good.pem', '$work/good.key')
net.ipv6 = false
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('ta_sentinel')
trust_anchors.remove('.')
cache.size = 1 * MB
policy.add(policy.all(policy.FLAGS({'NO_CACHE'})))
policy.add(policy.all(policy.STUB('192.0.2.53')))
END
nsenter --net=/run/netns/net -- kresd -n -c "$work/kresd.conf" "$work/kresd" >kresd.log 2>&1 &
cat >dnsdist.conf <<END
setLocal('192.0.2.61:5300')
addTLSLocal('192.0.2.61:853', '$work/good.pem', '$work/good.key', { minTLSVersion = 'tls1.2' })
newServer({ address = '192.0.2.53', healthCheckMode = 'up' })
setACL('0.0.0.0/0')
END
nsenter --net=/run/netns/net -- dnsdist --supervised --disable-syslog -C dnsdist.conf >dnsdist.log 2>&1 &
mkdir -p nginx && cat >nginx.conf <<END
load_module $nginx_stream;
daemon off; pid $work/nginx/pid; error_log $work/nginx.log; worker_processes 1; user root;
events { worker_connections 64; }
stream {
	log_format tls '\$server_port \$ssl_protocol \$ssl_session_reused';
	access_log $work/nginx.tls tls;
	ssl_certificate $work/good.pem; ssl_certificate_key $work/good.key;
	ssl_session_cache shared:one:1m;
	server { listen 192.0.2.62:853 ssl; ssl_protocols TLSv1.3; proxy_pass 192.0.2.53:53; proxy_timeout 2s; }
	server { listen 192.0.2.62:854 ssl; ssl_protocols TLSv1.2; proxy_pass 192.0.2.53:53; proxy_timeout 2s; }
}
END
nsenter --net=/run/netns/net -- nginx -p nginx -c "$work/nginx.conf" >nginx.out 2>&1 &
nsenter --net=/run/netns/net -- python3 "$here/dot.py" 192.0.2.63 good old other >odd.log 2>&1 &
opens() { in_net python3 "$here/peer.py" connect "$1" "$2"; }
for place in '60 853' '61 853' '62 853' '62 854' '63 860'; do
	# shellcheck disable=SC2086  # two words
	set -- $place
	until_true 30 opens "192.0.2.$1" "$2" || live_die "192.0.2.$1 port $2 does not listen" \
		"$(case $1 in 60) echo kresd.log ;; 61) echo dnsdist.log ;; 62) echo nginx.log ;; *) echo odd.log ;; esac)"
done

odd=(idle once order half stall expired otherone)
{
	echo "tls-trust = \"$work/root.pem\""
	forward() { echo "forward \"$1.example\" { servers = {\"tls://192.0.2.$2#dns.example\"} timeout = ${3:-5000} }"; }
	forward kresd 60
	forward dnsdist 61
	forward nginx13 62
	forward nginx12 62:854
	for i in "${!odd[@]}"; do
		forward "${odd[$i]}" "63:$((860 + i))" "$([ "${odd[$i]}" = stall ] && echo 500)"
	done
} >extra.conf
start_gate
names=(kresd dnsdist nginx13 nginx12 "${odd[@]}")
names=("${names[@]/#/*.}")
add_box 1 "$(allow box1.list "${names[@]/%/.example}")" >/dev/null
shown() { # ZONE KEY
	gate status --json | jq -r --arg z "$1.example" --arg k "$2" '.upstreams[] | select(.zone == $z) | .[$k]'
}

# ---- those that do it well ----

several() { # ZONE FROM TO: right answers, asked at once
	local n
	for n in $(seq "$2" "$3"); do
		{ [ "$(ask 1 "n$n.$1.example")" = "NOERROR 44.2.0.$n" ] && echo right; } &
	done | grep -c right
}
for kind in $kinds; do
	is "$kind answers" "NOERROR 44.2.0.1" "$(ask 1 "n1.$kind.example")"
	is "$kind answers ten at once" 10 "$(several "$kind" 2 11)"
done
# Connections that nobody waits on are closed by us after ten seconds; nginx closes them sooner.
idle() { ! ss -Htn state established dst 192.0.2.0/24 dport = :853 or dport = :854 | grep -q .; }
succeeds "the connections are closed when nobody needs them" until_true 30 idle
for kind in $kinds; do
	is "$kind answers on the next connection" "NOERROR 44.2.0.12" "$(ask 1 "n12.$kind.example")"
	succeeds "and takes the session up again" test "$(shown "$kind" resumed)" -ge 1
done
told() { # PORT VERSION REUSED
	grep -qE "^$1 $2 $3\$" nginx.tls
}
succeeds "by TLS 1.3" until_true 20 told 853 TLSv1.3 r
succeeds "and by TLS 1.2" until_true 20 told 854 TLSv1.2 r

# ---- the one that does not ----

right() { is "$1" "NOERROR 44.0.0.1" "$(ask 1 "$2.example")"; }
right "one that closes when it has answered" a.once
right "is asked again" b.once
right "one that closes in the middle of an answer, once" a.half
is "is asked anew" 2 "$(shown half connected)"
right "one that closes idle connections at once" a.idle
right "is asked again" b.idle
crowd() { for n in 1 2 3 4; do ask 1 "c$n.order.example" & done | sort | uniq -c | awk '{ print $1, $2, $3 }'; }
is "one that answers the last first" "4 NOERROR 44.0.0.1" "$(crowd)"
like "one that stalls the handshake is not waited for longer than it may take" '^SERVFAIL' "$(ask 1 a.stall.example)"
refused() { # KIND WORDS
	is "nothing is answered by $1" "SERVFAIL ede=23" "$(ask 1 "a.$1.example")"
	is "which is counted" "untrusted" "$([ "$(shown "$1" untrusted)" -ge 1 ] && echo untrusted)"
	like "and told" "$2" "$(cat namegated.log)"
	is "and it was asked nothing" 0 "$(grep -c "^$1 " odd.log)"
}
refused expired 'certificate has expired'
refused otherone 'hostname mismatch'
tap_done
