#!/usr/bin/env bash
# The form of what resolvers answer: 34 questions (compliance.py) to the gate, for a name that the sandbox
# may ask for and for one that it may not, and to other resolvers with the same zone.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
make_net || live_die "the network cannot be made"
make_box 1 || live_die "box1 cannot be made"

# Nobody here checks signatures, and so these are none; but the keys are as long as real ones, and with their
# signature longer than 512 octets.
octets() { # N [FIRST]: so many in base64, and those before them
	{ printf '%b' "${2:-}" && head -c "$1" /dev/zero; } | base64 -w 0
}
signature() { # TYPE
	echo "@ 60 IN RRSIG $1 8 2 60 20400101000000 20200101000000 1 signed.example. $(octets 256)"
}
zone signed.example <<END_ZONE
@ 60 IN DNSKEY 256 3 8 $(octets 256 '\\03\\01\\0\\01\\0177')
@ 60 IN DNSKEY 257 3 8 $(octets 256 '\\03\\01\\0\\01\\0277')
$(signature SOA)
$(signature NS)
$(signature DNSKEY)
END_ZONE
start_nsd
start_gate
add_box 1 "$(allow box1.list 'signed.example types=A,SOA,DNSKEY,TYPE666')" >/dev/null

questions() { # WHO [COMMAND...] -- ADDRESS PORT NAME KIND: their lines are in $seen, and how many are good in $good
	local who=$1 before=()
	shift
	while [ "$1" != -- ]; do
		before+=("$1")
		shift
	done
	shift
	seen=$("${before[@]}" python3 "$here/compliance.py" "$@" 2>&1)
	good=$(printf '%s\n' "$seen" | sed -n 's/^\([0-9]*\) of 34$/\1/p')
	tap_note "$who: ${good:-none} of 34"
	tap_note "$(printf '%s\n' "$seen" | grep -v '^ok\|of 34$' | head -n 6)"
}

# 33 by design: there is no key that the gate shares with anybody, so it takes signatures of requests for
# what they are to it, records to be ignored, and signs nothing.
only_the_signature() { # WHAT
	if [ "${good:-0}" -eq 33 ] && printf '%s\n' "$seen" | grep -q '^fault signed .*: no TSIG$'; then
		ok "$1"
	else
		not_ok "$1" "${good:-none} of 34"
	fi
}

questions "namegate, a permitted zone" box 1 -- 10.77.1.1 53 signed.example zone
only_the_signature "of 34 answers about a permitted name 33 are as the RFCs have them"
ours=${good:-0}
questions "namegate, a denied name" box 1 -- 10.77.1.1 53 other.example nothing
only_the_signature "of 34 about a denied one 33 are"
[ "${good:-0}" -ge "$ours" ] || ours=${good:-0}
questions "namegate, a permitted zone over IPv6" box 1 -- fd77:1::1 53 signed.example zone
only_the_signature "and of 34 over IPv6"

# What asks can also find fault: a name server of its own zones is not what a resolver should be.
questions "nsd, as if it were a resolver" in_net -- 192.0.2.53 53 signed.example zone
succeeds "a server that is no resolver is found out" [ "${good:-34}" -lt 10 ]

# ---- the others ----

compare() { # WHO PORT
	until_true 20 dig +tries=1 +time=1 @127.0.0.1 -p "$2" signed.example SOA || live_die "$1 does not answer" "$work/$1.log"
	questions "$1" -- 127.0.0.1 "$2" signed.example zone
	succeeds "$1 does no better" [ "${good:-34}" -le "$ours" ]
}

if command -v unbound >/dev/null; then
	cat >"$work/unbound.conf" <<END_CONF
server:
  interface: 127.0.0.1
  port: 5301
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  do-ip6: no
forward-zone:
  name: "."
  forward-addr: 192.0.2.53
remote-control:
  control-enable: no
END_CONF
	unbound -d -c "$work/unbound.conf" >"$work/unbound.log" 2>&1 &
	compare unbound 5301
else
	skip "unbound does no better" "unbound is not installed"
fi
# It hands the answers of its own server on as they are, so it gets a resolver.
if command -v dnsmasq >/dev/null && command -v unbound >/dev/null; then
	dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root --log-facility=- \
		--bind-interfaces --listen-address=127.0.0.1 --port=5302 --server=127.0.0.1#5301 >"$work/dnsmasq.log" 2>&1 &
	compare dnsmasq 5302
else
	skip "dnsmasq does no better" "dnsmasq or unbound is not installed"
fi
tap_done
