#!/usr/bin/env bash
# Ways round, packet by packet: to an address that is open, and to one that is not, go packets of
# every protocol, header and source that could carry data past the rules. What comes out on the far
# side is captured and counted; nothing but plain TCP and UDP of the sandbox's own may.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs tcpdump
usual_stage
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
add_box 2 "$(allow box2.list .allowed.example)" >/dev/null
count=20 # of each, as tricks.py sends them
is "the addresses are open" "NOERROR 44.0.0.1 NOERROR 2001:db8:80::1" \
	"$(ask 1 www.allowed.example) $(ask 1 www.allowed.example AAAA)"

is "and open to ordinary programs" "open open" "$(reach 1 44.0.0.1) $(reach 1 2001:db8:80::1)"

# Where the wire to the internet ends; the echo service's replies and the gate's own traffic apart.
far_side() { # FILE
	capture "$1" net eth0 '(dst net 44.0.0.0/8 or dst net 2001:db8:80::/48) and not port 53'
}
arrived() { # FILE TRICK: how many packets with its text came out
	grep -aoF "trick $2." "$1" | wc -l
}
send() { # BOX TO4 TO6
	box "$1" python3 "$here/tricks.py" "$(ip -j link show "sb$1" | jq -r ".[0].address")" "10.77.$1.2" "fd77:$1::2" "$2" "$3"
}

far_side "$work/open.pcap"
send 1 44.0.0.1 2001:db8:80::1
all_came() { for trick in udp4 udp6 fragments4 fragments6 atom6; do [ "$(arrived "$work/open.pcap" $trick)" -ge $count ] || return; done; }
until_true 5 all_came
captured "$work/open.pcap" >/dev/null
# A fragment that is the whole packet is one packet (RFC 6946).
for trick in udp4 udp6 fragments4 fragments6 atom6; do
	is "to an open address: $trick passes, all of them" "$count" "$(arrived "$work/open.pcap" "$trick")"
done
for trick in $(python3 "$here/tricks.py" list); do
	case $trick in udp? | fragments? | atom6) continue ;; esac
	is "to an open address: $trick does not pass" 0 "$(arrived "$work/open.pcap" "$trick")"
done
is "nor what they carry inside" "0 0" "$(arrived "$work/open.pcap" inner4) $(arrived "$work/open.pcap" inner6)"

far_side "$work/shut.pcap"
send 1 44.0.9.9 2001:db8:80::99
captured "$work/shut.pcap" >/dev/null
for trick in $(python3 "$here/tricks.py" list); do
	is "to a closed address: $trick does not pass" 0 "$(arrived "$work/shut.pcap" "$trick")"
done

# A neighbour is an address like any other: never opened by being there.
capture "$work/neighbour.pcap" box2 eth0 'ip or ip6'
send 1 10.77.2.2 fd77:2::2
captured "$work/neighbour.pcap" >/dev/null
is "to a neighbour: nothing passes" 0 "$(grep -ac 'trick ' "$work/neighbour.pcap")"

# Observed sandboxes let unleased packets through, but no forged ones and no extension headers.
gate sandbox mode box1 observe >/dev/null
far_side "$work/observe.pcap"
send 1 44.0.9.9 2001:db8:80::99
observed() { [ "$(arrived "$work/observe.pcap" udp4)" -ge "$count" ]; }
until_true 5 observed
captured "$work/observe.pcap" >/dev/null
is "observed: a plain packet passes" "$count" "$(arrived "$work/observe.pcap" udp4)"
for trick in spoof4 spoof6 route4 route6 segment6 hops6 ah6; do
	is "observed: $trick does not" 0 "$(arrived "$work/observe.pcap" "$trick")"
done
tap_done
