#!/usr/bin/env bash
# Static egress addresses: a sandbox leaves with the address that its configuration or its group says,
# in both families, so that a firewall further on can trust it; over reloads, deaths and restarts.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs tcpdump
usual_stage
ip addr add 192.0.2.10/24 dev net0
ip addr add 192.0.2.11/24 dev net0
ip addr add 2001:db8::10/64 dev net0 nodad preferred_lft 0 # so that nothing takes it untold
list=$(allow box.list .allowed.example)
configure() { # SNAT of box1, of its group
	cat >"$work/extra.conf" <<END
lease-min = 300
group "build" {
	snat = {$2}
}
sandbox "box1" {
	sources = {"10.77.1.2", "fd77:1::2"}
	interface = "sb1"
	group = "build"
	masquerade = true
	policies = {"$list"}
	snat = {$1}
}
END
	gate_conf >"$work/namegated.conf"
}
configure '"192.0.2.10"' '"192.0.2.11", "2001:db8::10"'
start_gate
add_box 2 "$list" >/dev/null

seen_from() { # BOX ADDRESS: who the far side sees
	in_net timeout 10 tcpdump -i eth0 -n -c 1 "dst host $2 and tcp port 80" >"$work/seen" 2>"$work/seen.log" &
	local pid=$!
	until_true 5 grep -q 'listening on' "$work/seen.log"
	[ "$(reach "$1" "$2")" = open ] || echo "shut"
	wait "$pid"
	sed -n 's/.* IP6\? \(.*\)\.[0-9]* > .*/\1/p' "$work/seen"
}
ask 1 www.allowed.example >/dev/null
ask 1 www.allowed.example AAAA >/dev/null
ask 2 www.allowed.example >/dev/null
is "a sandbox leaves with its own address" "192.0.2.10" "$(seen_from 1 44.0.0.1)"
is "and with its group's of the other family" "2001:db8::10" "$(seen_from 1 2001:db8:80::1)"
is "another with the host's" "192.0.2.1" "$(seen_from 2 44.0.0.1)"
is "the list of sandboxes says so" "192.0.2.10 2001:db8::10" \
	"$(gate sandbox list --json | jq -r '.sandboxes[] | select(.name == "box1") | .snat | join(" ")')"

old=$(pid_of warden)
kill -9 "$old"
until_true 10 another warden "$old"
until_true 10 gate status
is "it stays when the warden dies" "192.0.2.10" "$(seen_from 1 44.0.0.1)"

configure '"192.0.2.11"' ''
gate reload >/dev/null
is "a reload moves it" "192.0.2.11" "$(seen_from 1 44.0.0.1)"
is "and lets the other family go back to the host's" "2001:db8::1" "$(seen_from 1 2001:db8:80::1)"

kill "$gate_pid"
wait "$gate_pid"
is "it stays while nobody serves" "192.0.2.11" "$(seen_from 1 44.0.0.1)"
configure '"192.0.2.10"' ''
start_gate
is "a start with another address moves it" "192.0.2.10" "$(seen_from 1 44.0.0.1)"
configure '' ''
gate reload >/dev/null
is "without one it is the host's again" "192.0.2.1" "$(seen_from 1 44.0.0.1)"
is "no element is left behind" "" "$(nft -j list map inet namegate snat4 | jq -r '.nftables[] | .map? // empty | .elem // empty')"

gate sandbox remove box2 >/dev/null
gate sandbox add box2 --interface sb2 --source 10.77.2.2 --policy "$list" --snat 192.0.2.11 >/dev/null
ask 2 www.allowed.example >/dev/null
is "registered at run time" "192.0.2.11" "$(seen_from 2 44.0.0.1)"
gate sandbox remove box2 >/dev/null
gate sandbox add box2 --interface sb2 --source 10.77.2.0/24 --policy "$list" --snat 192.0.2.10 >/dev/null
ask 2 www.allowed.example >/dev/null
is "with a whole network behind it" "192.0.2.10" "$(seen_from 2 44.0.0.1)"
for wrong in 192.0.2.0/24 127.0.0.1 '192.0.2.1 --snat 192.0.2.2'; do
	# shellcheck disable=SC2086
	like "refused: --snat $wrong" 'snat' "$(gate sandbox add box3 --interface sb2 --source 10.77.3.2 --allow x.example --snat $wrong 2>&1)"
done
tap_done
