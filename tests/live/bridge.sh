#!/usr/bin/env bash
# Sandboxes on the ports of one bridge: two micro VMs behind taps and a container behind veth. Each is
# served by its own policy; none reaches another, nor is taken for another, whatever it sends, with
# the isolation of the ports and without it, and whether the machine filters bridges or not.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs tcpdump bridge
[ -c /dev/net/tun ] || skip_all "there is no /dev/net/tun, so no taps"
# shellcheck source=tests/live/bridge_stage.sh
. "$here/bridge_stage.sh"
usual_stage
bridge_stage
list=$(allow box.list .allowed.example)
cat >"$work/extra.conf" <<END
interfaces = {"sb*", "br0"}
lease-min = 300
sandbox "vm1" {
	sources = {"10.77.9.11", "fd77:9::11"}
	interface = "tap1"
	bridge = "br0"
	policies = {"$list"}
	masquerade = true
}
END

# ---- what is tried ----
# Each frame of linktricks.py, against a neighbour and, in its name, against open addresses. What comes
# out is counted where it would: at the two neighbours, on the far side, in a service of the host.
python3 "$here/peer.py" sink 9999 >"$work/sink" 2>&1 &
until_true 10 grep -q ready "$work/sink"
count=5
send_all() { # SENDER VICTIM WHICH [COMMAND...]: until that is true, or what is on its way has had time to come
	vm "$2" forget >/dev/null
	: >"$work/sink"
	capture_start vm3 eth0 "$work/vm3.pcap" 'not ether src 02:77:09:00:00:13'
	capture_start net eth0 "$work/far.pcap" 'not port 53'
	sent=$(tricks "$1" "$3" $count "$2")
	if [ $# -gt 3 ]; then until_true 5 "${@:4}"; else sleep 1; fi
	capture_end
}

# Without the gate they work: else their absence would say nothing.
is "before the gate: the micro VMs reach their router" "answered answered answered answered" \
	"$(vm 1 ping 10.77.9.1) $(vm 1 ping fd77:9::1) $(vm 2 ping 10.77.9.1) $(vm 2 ping fd77:9::1)"
missing() { # WHERE: tricks of standard input of which not all came there
	while read -r name; do
		case $1 in
		vm2) [ "$(vm 2 count "trick ${name%-*}.")" -ge $count ] || echo "$name" ;;
		vm3) [ "$(grep -aoF "trick $name." "$work/vm3.pcap" | wc -l)" -ge 1 ] || echo "$name" ;;
		far) [ "$(grep -aoF "trick $name." "$work/far.pcap" | wc -l)" = $count ] || echo "$name" ;;
		sink) grep -qF "trick $name." "$work/sink" || echo "$name" ;;
		esac
	done
}
to_one() { python3 "$here/linktricks.py" list | grep -- '-one$' | missing vm2; }
to_all() { printf '%s\n' advert advert-own solicit arp-request reserved00-4 | missing vm3; }
outward() { printf '%s\n' spoof4 spoof6 whole4 whole6 spoof-syn priority-out | missing far; }
none_missing() { [ -z "$(to_one; to_all; outward)" ]; }
send_all 1 2 "but listeners" none_missing
is "before the gate: frames to a neighbour come there" "" "$(to_one)"
is "before the gate: those to all come to the container" "" "$(to_all)"
is "before the gate: forged packets go out" "" "$(outward)"
is "before the gate: frames to reserved addresses come into the host by the port" "" \
	"$(printf 'reserved%s\n' 00-4 02-4 03-4 0d-4 0e-4 0f-4 0e-6 0f-6 | missing sink)"
is "before the gate: the host takes the sender for its neighbour" "$(mac_of 1)" "$(lladdr 2 4)"
ip neigh flush dev br0

start_gate
add_vm 2 tap2 "$list"
add_vm 3 veth3 "$list"
like "the list tells the bridge" 'tap2 on br0' "$(gate sandbox list)"
is "as JSON" "tap1 br0" "$(gate sandbox list --json | jq -r '.sandboxes[] | select(.name == "vm1") | .interface + " " + .bridge')"
is "the ports are isolated and learn nothing" "true false,true false,true false" \
	"$(fences tap1),$(fences tap2),$(fences veth3)"

# ---- what is allowed ----
for vm in 1 2 3; do
	is "vm$vm: an allowed name" "NOERROR 44.0.0.1 NOERROR 2001:db8:80::1" \
		"$(vm $vm ask www.allowed.example) $(vm $vm ask www.allowed.example AAAA)"
	is "vm$vm: its addresses are open" "open open" "$(vm $vm connect 44.0.0.1) $(vm $vm connect 2001:db8:80::1)"
	is "vm$vm: another name is not there" NXDOMAIN "$(vm $vm ask www.other.example)"
	is "vm$vm: another address is refused" "refused refused" "$(vm $vm connect 44.9.9.9) $(vm $vm connect 2001:db8:80::99)"
done
is "DNS of another server is the gate's too" "NOERROR 44.0.0.2" "$(vm 1 ask short.allowed.example A 44.7.7.7)"
is "what one has opened is not open to its neighbour" "open refused" "$(vm 1 connect 44.0.0.2) $(vm 2 connect 44.0.0.2)"
is "a neighbour is refused" "refused refused" "$(vm 1 connect 10.77.9.12) $(vm 1 connect fd77:9::12)"

# ---- and nothing of it works ----
attack() { # WHAT SENDER
	local what=$1 sender=$2 victim=2 name
	[ "$sender" = 2 ] && victim=1
	send_all "$sender" "$victim" all
	is "$what: all tricks are sent" "$(python3 "$here/linktricks.py" list | wc -l)" "$sent"
	is "$what: nothing comes to the other micro VM" 0 "$(vm "$victim" count "trick ")"
	is "$what: nor to a container" 0 "$(grep -ac 'trick ' "$work/vm3.pcap")"
	is "$what: nor to the far side, under whatever address" 0 "$(grep -ac 'trick ' "$work/far.pcap")"
	is "$what: nor into a service of the host" 0 "$(grep -c 'trick ' "$work/sink")"
	for name in 4 6; do
		is "$what: the host knows the victim of IPv$name by its own address" "$(mac_of "$victim")" "$(lladdr "$victim" $name)"
	done
	is "$what: the victim is served as ever" "NOERROR 44.0.0.1 open open" \
		"$(vm "$victim" ask www.allowed.example) $(vm "$victim" connect 44.0.0.1) $(vm "$victim" connect 2001:db8:80::1)"
}
attack "isolated" 1
is "the drops are counted by port" "true" "$(nft -j list set bridge namegate stray | jq '[.nftables[] | .set? // empty | .elem[] | .elem | select(.val == "tap1") | .counter.packets] | add >= 300')"

dropped() { # PORT: its frames, by the rule that drops them
	nft -j list set bridge namegate stray | jq --arg p "$1" '[.nftables[] | .set? // empty | .elem[]? | .elem | select(.val == $p) | .counter.packets] | add // 0'
}
told() { gate sandbox list --json | jq --arg b "$1" '.sandboxes[] | select(.name == $b) | .forged'; }
same() { [ "$(told vm1)" = "$(dropped tap1)" ] && [ "$(told vm2)" = "$(dropped tap2)" ]; }
succeeds "and by sandbox, to the frame" until_true 5 same
framed() { records 'select(.event == "blocked" and .sandbox == "vm1" and .why == "bridge-frame") | .count' | awk '{ n += $1 } END { print n + 0 }'; }
succeeds "as the record comes to" until_true 10 eval '[ "$(framed)" = "$(told vm1)" ]'
like "blocked tells which sandbox it was, and of what kind" 'vm1: .*[0-9]+ forged.*a frame that a port of a bridge may not send' "$(gate blocked vm1 | tr '\n' ' ')"
unlike "and no other" 'a frame that a port' "$(gate blocked vm2)"
old=$(pid_of warden)
kill -9 "$old"
another() { [ -n "$(pid_of warden)" ] && [ "$(pid_of warden)" != "$old" ] && [ "$(vm 2 ask www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
until_true 10 another
succeeds "another warden goes on from there" until_true 5 same

# The isolation is taken away: it comes back by itself, and meanwhile the rules hold. The warden is
# stopped for that.
bridge link set dev tap2 isolated off learning on
succeeds "isolation that was taken away comes back" until_true 5 fenced tap2
like "and that is told" 'port tap2 of bridge br0 had lost its isolation' "$(cat "$work/namegated.log")"
kill -STOP "$(pid_of warden)"
for port in tap1 tap2 veth3; do
	bridge link set dev "$port" isolated off
done
attack "not isolated" 2
kill -CONT "$(pid_of warden)"
succeeds "isolation comes back when the warden looks again" until_true 5 eval 'fenced tap1 && fenced tap2 && fenced veth3'

# The machine hands bridged packets to its IP filters as well, or it does not.
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
	was=$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)
	for name in arptables iptables ip6tables; do
		echo $((1 - was)) >"/proc/sys/net/bridge/bridge-nf-call-$name"
	done
	attack "bridge-nf-call $((1 - was))" 1
	is "bridge-nf-call $((1 - was)): what is allowed passes" "NOERROR 44.0.0.2 open NXDOMAIN refused" \
		"$(vm 1 ask short.allowed.example A 44.7.7.7) $(vm 1 connect 44.0.0.2) $(vm 1 ask x.other.example) $(vm 1 connect 44.9.9.9)"
else
	tap_note "bridge-nf-call: this kernel has no br_netfilter, so bridged packets meet no IP filter"
fi

# What was tried last, without the gate again: the host's solicitations go to the false querier alone.
kill "$gate_pid" && wait "$gate_pid"
gate teardown >/dev/null 2>&1
tricks 1 listeners-link 1 2 >/dev/null
ip neigh flush dev br0
is "after the gate: a false query for listeners shuts the neighbour out" timeout "$(vm 2 ping fd77:9::1)"
is "no table is left" "" "$(nft list tables)"
tap_done
