#!/usr/bin/env bash
# The gate's routing rule beside those of other programs: rules that say no preference stand in the
# order that they have on a host without a gate, the kernel's own stays alone at 0, what an earlier
# life left at 0 goes and nothing else, and teardown leaves nothing.
# shellcheck disable=SC2154  # lib.sh sets what is used here
. "$(dirname "$0")/lib.sh"
live_enter "$@"
! in_userns || skip_all "a user namespace may not load what marks packets"
usual_stage

rules() { # -4|-6: all, in their order, without their numbers
	ip "$1" rule | sed 's/^[0-9]*:[[:space:]]*//; s/[[:space:]]*$//'
}
first() { # -4|-6: what stands at 0
	ip "$1" rule | sed -n 's/^0:[[:space:]]*//p'
}
both() { # COMMAND...: in either family
	"$@" -4 && "$@" -6
}
tunnel() { # add|del: what wg-quick does, in its order
	for family in -4 -6; do
		ip $family rule "$1" not fwmark 51820 table 51820
		ip $family rule "$1" table main suppress_prefixlength 0
	done
}
untouched=$(both rules)
tunnel add
alone=$(both rules)
tunnel del
is "what was added is gone" "$untouched" "$(both rules)"

# What an earlier life had ahead of the kernel's own, and others' that look like it.
for family in -4 -6; do
	icmp=icmp
	[ $family = -4 ] || icmp=ipv6-icmp
	mine="pref 0 fwmark 0x6a7f/0xfffffffd protocol 106"
	# shellcheck disable=SC2086
	{
		ip $family rule add $mine ipproto udp dport 53 lookup local
		ip $family rule add $mine ipproto tcp dport 53 lookup local
		ip $family rule add $mine ipproto $icmp lookup local
		ip $family rule add $mine prohibit
		ip $family rule add $mine ipproto udp dport 54 lookup local
		ip $family rule add pref 0 fwmark 0x6a7f/0xfffffffd protocol 107 prohibit
		ip $family rule add pref 10000 fwmark 0x6a7f/0xfffffffd protocol 106 iif lo prohibit
	}
done
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
cleaned() {
	for family in -4 -6; do
		[ "$(ip $family rule | grep -c '^0:.*proto 106')" = 1 ] &&
			ip $family rule | grep -q '^0:.*dport 54.*proto 106' &&
			ip $family rule | grep -q '^0:.*prohibit proto 107' || return 1
	done
}
succeeds "a start takes the rules of an earlier life, and no other's" until_true 3 cleaned
for family in -4 -6; do
	ip $family rule del pref 0 ipproto udp dport 54
	ip $family rule del pref 0 protocol 107
	ip $family rule del pref 10000 iif lo
done
is "the kernel's own is alone at 0" "from all lookup local
from all lookup local" "$(both first)"
ours() { # -4|-6: their places
	ip "$1" rule | sed -n 's/^\([0-9]*\):.*6a7f.* prohibit.*/\1/p'
}
is "and one rule of the gate's follows in each family" "10000 10000" "$(both ours | paste -sd ' ')"

tunnel add
is "rules without a preference stand as on a host without a gate" "$alone" "$(both rules | grep -v 6a7f)"
is "the kernel's own is still alone at 0" "from all lookup local
from all lookup local" "$(both first)"
is "the host reaches the world through them" open "$(python3 "$here/peer.py" connect 203.0.113.1 80)"
ask 1 www.allowed.example >/dev/null
is "and the sandbox what is open to it" open "$(reach 1 44.0.0.1)"
is "and nothing else" refused "$(reach 1 44.9.0.1)"
tunnel del

kill "$gate_pid"
wait "$gate_pid"
gate teardown >/dev/null
is "teardown leaves the rules as they were" "$untouched" "$(both rules)"
tap_done
