#!/usr/bin/env bash
# What tcpdump, kdig and the gate itself recorded is read back, and a draft is judged by it as the
# gate judged: UDP, TCP, fragments that a small link made, packets to closed addresses.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs tcpdump kdig
usual_stage
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null

# Captures in the background, from the moment they listen until their last packet is written.
captures=
capture() { # NAME INTERFACE
	tcpdump -U -n -i "$2" -w "$work/$1.pcap" 2>"$work/$1.log" &
	captures="$captures $!"
	until_true 10 grep -q 'listening on' "$work/$1.log" || live_die "tcpdump does not listen" "$work/$1.log"
}
capture box sb1
capture any any
capture net net0

ask 1 www.allowed.example >/dev/null
ask 1 big.allowed.example A +tcp >/dev/null
ask 1 www.other.example >/dev/null
reach 1 44.0.0.1 >/dev/null
reach 1 44.0.1.60 >/dev/null
reach 1 44.1.0.1 >/dev/null
# Straight from the name server, over a link for which its answer is too large.
in_net ip link set eth0 mtu 576
dig +tries=1 +time=5 +ignore +bufsize=1232 @192.0.2.53 big.allowed.example >"$work/fragmented" 2>&1
in_net ip link set eth0 mtu 1500
kdig -E "$work/kdig.dnstap" @192.0.2.53 www.allowed.example >/dev/null 2>&1
kdig -E "$work/kdig-tcp.dnstap" +tcp @192.0.2.53 www.other.example >/dev/null 2>&1
sleep 1
for pid in $captures; do
	kill -INT "$pid"
	wait "$pid"
done

replay() { # [OPTION...] CAPTURE: its JSON, with the exit code as a member
	local out code
	out=$("$build/namegate" replay --json "$@" 2>&1)
	code=$?
	jq -c --argjson code "$code" '. + {code: $code}' <<<"$out" 2>/dev/null || echo "$out"
}
seen() { # JSON FILTER
	jq -r "$2" <<<"$1" 2>&1
}
allow cut.list .other.example >/dev/null
allow none.list '# nothing' >/dev/null

same=$(replay --policy "$work/box1.list" "$work/box.pcap")
is "the policy of the day changes nothing" 0 "$(seen "$same" .code)"
is "what was denied stays denied" 1 "$(seen "$same" '.sandboxes[0].stay_denied')"
is "the packet to the closed address was of no use" "44.1.0.1 false" \
	"$(seen "$same" '.sandboxes[0].flows[] | "\(.address) \(.used)"')"
other=$(replay --policy "$work/cut.list" "$work/box.pcap")
is "another policy would cut what was used" 1 "$(seen "$other" .code)"
is "both names, over UDP and TCP, would be denied" "big.allowed.example www.allowed.example" \
	"$(seen "$other" '[.sandboxes[0].denied[].name] | sort | join(" ")')"
is "and both destinations closed" "44.0.0.1 44.0.1.60" \
	"$(seen "$other" '[.sandboxes[0].flows[] | select(.worse).address] | sort | join(" ")')"
is "the denied name would be allowed" "www.other.example" \
	"$(seen "$other" '.sandboxes[0].allowed[].name')"

any=$(replay --policy "$work/cut.list" "$work/any.pcap")
is "a capture of all interfaces shows the same names" "big.allowed.example www.allowed.example" \
	"$(seen "$any" '[.sandboxes[0].denied[].name] | unique | sort | join(" ")')"

records=$(replay --policy "$work/cut.list" "$work/records")
is "so do the gate's own records" "big.allowed.example www.allowed.example" \
	"$(seen "$records" '[.sandboxes[0].denied[].name] | sort | join(" ")')"
is "records say what was denied" "www.other.example" "$(seen "$records" '.sandboxes[0].allowed[].name')"

like "the answer came in fragments" 'ANSWER: 60' "$(cat "$work/fragmented")"
pieces=$(tcpdump -n -r "$work/net.pcap" 'ip[6:2] & 0x3fff != 0' 2>/dev/null | wc -l)
like "which are in the capture" '^[2-9]$' "$pieces"
net=$(replay --policy "$work/none.list" "$work/net.pcap")
is "and put together again: nothing is malformed or missing" "0 0 0" \
	"$(seen "$net" '.read | "\(.malformed) \(.unfinished) \(.broken)"')"
tcpdump -n -r "$work/net.pcap" -w "$work/plain.pcap" 'ip[6:2] & 0x3fff = 0' 2>/dev/null
less=$(replay --policy "$work/none.list" "$work/plain.pcap")
is "it is one answer more than without them" 1 \
	"$(($(seen "$net" .read.responses) - $(seen "$less" .read.responses)))"

tap=$(replay --policy "$work/cut.list" "$work/kdig.dnstap" "$work/kdig-tcp.dnstap")
is "dnstap as kdig writes it" "4 frames, denied: www.allowed.example" \
	"$(seen "$tap" '"\(.read.frames) frames, denied: \(.sandboxes[0].denied[].name)"')"
head -c 3000 "$work/box.pcap" >"$work/broken.pcap"
cut=$(replay --policy "$work/box1.list" "$work/broken.pcap")
is "a capture that breaks off is read as far as it goes" "1 traffic-cut" \
	"$(seen "$cut" '"\(.read.files_cut) \(.findings[].code)"')"
tap_done
