#!/usr/bin/env bash
# Silence: for a name that the policy does not allow no packet leaves, whatever the type.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
start_gate
add_box 1 "$(allow box1.list allowed.example www.allowed.example)" >/dev/null

# Everything that reaches the internet's side from the gate, at any port.
in_net nft -f - <<'END'
table inet watch {
	counter seen { }
	chain input {
		type filter hook input priority 0
		iif eth0 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept
		iif eth0 counter name seen
	}
}
END
packets() { in_net nft -j list counter inet watch seen | jq '.nftables[] | .counter? // empty | .packets'; }

before=$(packets)
like "an allowed name is answered" '^NOERROR 44\.0\.0\.1$' "$(ask 1 www.allowed.example)"
after=$(packets)
if [ "$after" -gt "$before" ]; then
	ok "and its question is seen upstream"
else
	not_ok "and its question is seen upstream" "counted $before before and $after after"
fi

still() { # nothing is on its way any more
	before=$(packets)
	sleep 1
	[ "$(packets)" = "$before" ]
}
until_true 10 still
wrong=
for type in A AAAA TXT NULL MX SRV CNAME NS SOA PTR HTTPS SVCB ANY DNSKEY DS CAA TYPE65280; do
	for name in other.example www.other.example a.b.c.d.other.example sub.www.allowed.example \
		wwwallowed.example example .; do
		got=$(ask 1 "$name" "$type")
		case $got in
		'NXDOMAIN ede=15') ;;
		*) wrong="$wrong$name $type: $got
" ;;
		esac
	done
done
is "denied names get NXDOMAIN with EDE 15, whatever the type" "" "$wrong"
wrong=
for type in TXT NULL MX SRV NS SOA PTR ANY CAA TYPE65280; do
	got=$(ask 1 www.allowed.example "$type")
	case $got in
	'NOERROR ede=15') ;;
	*) wrong="$wrong$type: $got
" ;;
	esac
done
is "types that are not allowed get no data with EDE 15" "" "$wrong"
is "over TCP as well" "NXDOMAIN ede=15" "$(ask 1 www.other.example A +tcp)"
is "a box that is not registered gets no answer at all" "TIMEOUT" "$(ask 2 www.other.example A +time=1)"
is "not one packet left for any of them" "$before" "$(packets)"
tap_done
