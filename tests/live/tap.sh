#!/usr/bin/env bash
# A micro VM behind a routed tap, and what the life of the gate's processes does to those on a bridge:
# deaths, a flushed rule set, registrations that cannot be.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs bridge
[ -c /dev/net/tun ] || skip_all "there is no /dev/net/tun, so no taps"
# shellcheck source=tests/live/bridge_stage.sh
. "$here/bridge_stage.sh"
usual_stage
bridge_stage
make_tap tap8
ip addr add 10.77.8.1/24 dev tap8 && ip addr add fd77:8::1/64 dev tap8 nodad
start_nic 8 tap8 10.77.8.2/10.77.8.1 fd77:8::2/fd77:8::1
list=$(allow box.list .allowed.example)
printf 'interfaces = {"sb*", "tap8", "br0"}\nlease-min = 300\n' >"$work/extra.conf"
start_gate
gate sandbox add vm8 --interface tap8 --source 10.77.8.2 --source fd77:8::2 --policy "$list" --masquerade >/dev/null
served() { # NUMBER
	[ "$(vm "$1" ask www.allowed.example) $(vm "$1" connect 44.0.0.1)" = "NOERROR 44.0.0.1 open" ]
}
succeeds "routed: an allowed name is open" served 8
is "routed: in IPv6 too" "NOERROR 2001:db8:80::1 open" "$(vm 8 ask www.allowed.example AAAA) $(vm 8 connect 2001:db8:80::1)"
is "routed: other names and addresses are not" "NXDOMAIN refused" "$(vm 8 ask www.other.example) $(vm 8 connect 44.9.9.9)"

# ---- registrations that cannot be ----
ip tuntap add tap9 mode tap
like "no port of the bridge: refused, and how to make it one" 'ip link set tap9 master br0' \
	"$(gate sandbox add vm9 --interface tap9 --bridge br0 --source 10.77.9.19 --policy "$list" 2>&1)"
ip link add br7 type bridge
like "a bridge that nothing guards: refused" 'matches none' \
	"$(gate sandbox add vm9 --interface tap9 --bridge br7 --source 10.77.9.19 --policy "$list" 2>&1)"

# ---- life ----
add_vm 1 tap1 "$list" >/dev/null
add_vm 2 tap2 "$list" >/dev/null
fails "all of the bridge is not for one sandbox" gate sandbox add all --interface br0 --source 10.77.9.99 --policy "$list"
succeeds "on the bridge: served" served 1
old=$(pid_of warden)
kill -9 "$old"
succeeds "the warden dead: what is open stays open" test "$(vm 1 connect 44.0.0.1)" = open
another() { [ -n "$(pid_of warden)" ] && [ "$(pid_of warden)" != "$old" ] && gate status; }
succeeds "another one serves" until_true 10 another
succeeds "as before" until_true 10 served 1
vm 2 forget >/dev/null
tricks 1 all 2 2 >/dev/null
is "and still nothing comes to a neighbour" 0 "$(vm 2 count "trick ")"
kill -STOP "$gate_pid"
kill -9 "$(pid_of warden)"
sleep 0.2
nft flush ruleset
vm 2 forget >/dev/null
tricks 1 udp4-one 5 2 >/dev/null
is "without the tables the isolation of the ports holds" 0 "$(vm 2 count "trick ")"
kill -CONT "$gate_pid"
both() { nft list table inet namegate && nft list table bridge namegate; }
succeeds "both tables come back" until_true 10 both
succeeds "and serve" until_true 10 served 1
gate sandbox remove vm1 >/dev/null
is "removed, it reaches nothing" timeout "$(vm 1 connect 44.0.0.1)"
tap_done
