#!/usr/bin/env bash
# Integrate: no table of namegate's, but sets of an operator's own ruleset, filled before the reply.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
zone port.example <<'END'
www 60 IN A 44.0.0.1
end 60 IN A 44.0.0.8
END
kill "$nsd_pid" && wait "$nsd_pid" 2>/dev/null
start_nsd
list1=$(allow box1.list .allowed.example 'www.port.example:80' '*.many.example')
list2=$(allow box2.list www.allowed.example two.allowed.example short.allowed.example 44.0.0.77)

configure() { # SET...
	{
		echo 'limits { leases = 65536 }'
		printf 'integrate { sets = {%s} }\n' "$(printf '"%s", ' "$@" | sed 's/, $//')"
		printf 'sandbox "box%s" { sources = {"10.77.%s.2", "fd77:%s::2"} interface = "sb%s" policies = {"%s"} }\n' \
			1 1 1 1 "$list1" 2 2 2 2 "$list2"
	} >"$work/extra.conf"
	gate_conf >"$work/namegated.conf"
}
stop_gate() {
	kill "$gate_pid"
	wait "$gate_pid"
}
try_gate() { # it is to refuse; its last lines
	configure "$@"
	: >"$work/namegated.log"
	timeout 20 "$build/namegated" -c "$work/namegated.conf" >"$work/namegated.log" 2>&1
	echo "exit $?" >>"$work/namegated.log"
}
elements() { # FAMILY TABLE SET: keys, one a line
	nft -j list set "$@" 2>/dev/null | jq -r '.nftables[] | .set? // empty | .elem[]? |
		((objects | .elem.val) // .) | (.concat? // [.]) | map(tostring) | join(" ")' | sort
}
left() { # FAMILY TABLE SET KEY: seconds until the kernel drops that element
	nft -j list set "$1" "$2" "$3" | jq -r --arg k "$4" '.nftables[] | .set? // empty | .elem[]? | objects | .elem |
		select((.val.concat? // [.val]) | map(tostring) | join(" ") == $k) | .expires // "for good"'
}
leased() { # BOX NAME ADDRESS
	[ "$(ask "$1" "$2")" = "NOERROR $3" ]
}

# ---- sets that do not fit ----

refusal() { # WHAT SETUP SET EXPECTED: the whole line; then the printed command is run, and works
	local said command
	nft flush ruleset
	[ -z "$2" ] || nft "$2"
	try_gate "$3"
	said=$(sed -n 's/^namegate-warden: set //p' "$work/namegated.log")
	is "refused: $1" "$4" "$said"
	like "refused: $1: and namegated leaves with 1" '^exit 1$' "$(tail -n 1 "$work/namegated.log")"
	command=${said##*: }
	command=nft${said##*: nft}
	: >"$work/namegated.log"
	sh -c "$command" || not_ok "refused: $1: the printed line runs" "$command"
	start_gate
	is "refused: $1: with the printed line it is taken" "" "$(sed -n 's/^namegate-warden: set //p' "$work/namegated.log")"
	stop_gate
}
refusals() {
	fit='{ type ipv4_addr . ipv4_addr; flags timeout; size 65536; }'
	alone='{ type ipv4_addr; flags timeout; size 65536; }'
	anew='declare it anew, in your ruleset too, with'
	again="$anew: nft 'delete set inet filter s; add set inet filter s"
	refusal "no table" '' "inet filter allowed4" \
		"inet filter allowed4 does not fit: there is no such table; make it with: nft 'add table inet filter; add set inet filter allowed4 $fit'"
	refusal "no set" 'add table ip6 filter' "ip6 filter open" \
		"ip6 filter open does not fit: there is no such set; make it with: nft add set ip6 filter open '${fit//ipv4/ipv6}'"
	refusal "no time-outs" 'add table inet filter; add set inet filter s { type ipv4_addr; size 65536; }' "inet filter s" \
		"inet filter s does not fit: its elements can have no time-out; $again $alone'"
	refusal "intervals" 'add table inet filter; add set inet filter s { type ipv4_addr; flags interval, timeout; }' "inet filter s" \
		"inet filter s does not fit: it is a set of intervals, which is slow to write; $again $alone'"
	refusal "another key" 'add table inet filter; add set inet filter s { type ipv6_addr . inet_service; flags timeout; }' "inet filter s" \
		"inet filter s does not fit: its key is ipv6_addr . inet_service; a destination address is needed, alone or behind a source address, with or without . inet_proto . inet_service; $again ${fit//ipv4/ipv6}'"
	refusal "the other family's key" 'add table ip filter; add set ip filter s { type ipv6_addr; flags timeout; }' "ip filter s" \
		"ip filter s does not fit: its key is ipv6_addr, which a table of family ip never sees; $anew: nft 'delete set ip filter s; add set ip filter s $alone'"
	refusal "too small" 'add table inet filter; add set inet filter s { type ipv4_addr; flags timeout; size 100; }' "inet filter s" \
		"inet filter s does not fit: it takes 100 elements, and limits { leases } is 65536; $again $alone'"
	refusal "a map" 'add table inet filter; add map inet filter s { type ipv4_addr : mark; flags timeout; }' "inet filter s" \
		"inet filter s does not fit: it is a map, which gives each key a value; $again $alone'"
	nft flush ruleset
	nft 'add table inet filter; add set inet filter s { type ipv4_addr; flags constant, timeout; }' 2>/dev/null &&
		{ try_gate "inet filter s" && like "refused: constant" 'does not fit: it is constant; ' "$(cat "$work/namegated.log")"; }
	nft flush ruleset
	nft 'add table inet filter; add set inet filter s { type ipv4_addr; flags timeout; }; add set inet filter d { type ipv6_addr; timeout 1h; flags dynamic; }'
	try_gate "inet filter s" "inet filter t" "inet filter u"
	is "every set that does not fit is named, and nothing is filled" "inet filter t
inet filter u" "$(sed -n 's/^namegate-warden: set \(.*\) does not fit.*/\1/p' "$work/namegated.log")"

	# A table of a gate's own, which that gate's warden owns.
	nft flush ruleset
	: >"$work/extra.conf"
	mkdir -p "$work/other"
	sed "s|$work/|$work/other/|; 1i listen = {\"127.0.0.1:1054\"}" <(gate_conf) >"$work/other.conf"
	mkdir -p "$work/other/store"
	"$build/namegated" -c "$work/other.conf" >"$work/other.log" 2>&1 &
	other=$!
	if ! until_true 20 nft list set inet namegate allow4; then
		not_ok "another gate owns a table" "$(cat "$work/other.log")"
	elif nft add chain inet namegate anybody 2>/dev/null; then
		skip "refused: a table that another process owns" "this kernel lets no process own a table and outlive it"
	else
		try_gate "inet namegate allow4"
		like "refused: a table that another process owns" \
			"^namegate-warden: set inet namegate allow4 does not fit: its table is owned by another process \(netlink port [0-9]+\), and only that may write it; declare it in a table without an owner: nft 'add table inet allowed; add set inet allowed allow4 [{] type ipv4_addr [.] ipv4_addr; flags timeout; size 65536; [}]'$" \
			"$(cat "$work/namegated.log")"
		sh -c "nft$(sed -n 's/.*: nft//p' "$work/namegated.log")"
		configure "inet allowed allow4"
		start_gate
		succeeds "with the printed line it is taken" gate status
		stop_gate
	fi
	kill "$other" && wait "$other"
	"$build/namegate" teardown >"$work/teardown" 2>&1 || tap_note "$(cat "$work/teardown")"
}
[ -n "${LIVE_LACKS:-}" ] || refusals

# ---- the recipe: pairs, and pairs with ports ----

recipe=$top/contrib/nftables/operator.nft
shown() { awk -v kind="$1" '$0 == "```" { on = 0 } on; $0 == "```" kind { on = 1 }' "$top/README.md"; }
is "the README's settings are the recipe's" "$(shown integrate)" "$(sed -n 's/^#\t//p' "$recipe")"
counted() { # RULE: packets
	nft list table inet sandboxes | sed -n "s/.*$1 counter packets \([0-9]*\) .*/\1/p"
}
nft flush ruleset
nft -f "$recipe" || live_die "the recipe does not load"
rm -rf "$work/store"
configure x
{ shown integrate; grep ^sandbox "$work/extra.conf"; } >"$work/readme.conf"
mv "$work/readme.conf" "$work/extra.conf"
: >"$work/namegated.log"
start_gate
like "the log says what is the ruleset's" 'that ruleset decides what passes: namegate makes no table' "$(cat "$work/namegated.log")"
is "and so does status" "4 sets, 6 left" "$(gate status --json | jq -r '"\(.sets | length) sets, \(.left_to_ruleset | length) left"')"
like "what was blocked is not made up" 'counts none; the counters of the rules that do are in nft list ruleset' "$(gate blocked 2>&1)"
like "for people too" '^not guarded +DNS that is sent to other servers$' "$(gate status)"
is "without a look-up nothing is open" "refused" "$(reach 1 44.0.0.1)"
is "a name is answered" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
is "by the pair's element" "10.77.1.2 44.0.0.1" "$(elements inet sandboxes allowed4 | grep '^10.77.1')"
is "that the operator's rule passes" "open" "$(reach 1 44.0.0.1)"
is "by just that one packet" 1 "$(counted allowed4)"
is "its neighbour's packet is refused" "refused" "$(reach 2 44.0.0.1)"
box 1 ping -c 1 -W 1 44.0.0.1 >/dev/null 2>&1 && not_ok "ICMP is not opened by it" || ok "ICMP is not opened by it"
is "IPv6 alike" "NOERROR 2001:db8:80::1 open refused" \
	"$(ask 1 www.allowed.example AAAA) $(reach 1 2001:db8:80::1) $(reach 2 2001:db8:80::1)"
is "no other table was made" "table inet sandboxes" "$(nft list tables)"
is "a single static address stands for good" "10.77.2.2 44.0.0.77 for good open" \
	"$(elements inet sandboxes allowed4 | grep 77$) $(left inet sandboxes allowed4 "10.77.2.2 44.0.0.77") $(reach 2 44.0.0.77)"
is "a rule with ports goes where the key has them" "NOERROR 44.0.0.1 10.77.1.2 44.0.0.1 tcp 80" "$(ask 1 www.port.example) $(elements inet sandboxes allowed4p)"
is "never-open addresses are not leased" "NOERROR ede=15" "$(ask 1 meta.allowed.example)"
box 1 python3 "$here/peer.py" race 10.77.1.1 n%d.many.example 1 400 >"$work/race" 2>&1
tap_note "$(tail -n 3 "$work/race")"
before=$(counted allowed4)
like "400 look-ups, each connected to at once, and none refused" 'open=400' "$(tr '\n' ' ' <"$work/race")"
unlike "none refused" '(refused|closed|timeout)=' "$(cat "$work/race")"
[ "$before" -ge 401 ] && ok "each passed by its own element" || not_ok "each passed by its own element" "$before"

# ---- other hands ----

nft flush set inet sandboxes allowed4
succeeds "after a flush of the set the elements are back" until_true 2 \
	sh -c 'nft list set inet sandboxes allowed4 | grep -q "10.77.1.2 . 44.0.0.1 timeout"'
is "and what stands for good too" "for good" "$(left inet sandboxes allowed4 "10.77.2.2 44.0.0.77")"
like "the log says so" '40[0-9] elements of our sets were taken out by another program, and are put back' "$(cat "$work/namegated.log")"
nft 'delete element inet sandboxes allowed4 { 10.77.1.2 . 44.0.0.1 }'
succeeds "a single one as well" until_true 2 sh -c 'nft get element inet sandboxes allowed4 "{ 10.77.1.2 . 44.0.0.1 }"'
nft -f "$recipe"
succeeds "and after the whole ruleset was loaded anew" until_true 2 \
	sh -c 'nft list set inet sandboxes allowed4 | grep -q "10.77.1.2 . 44.0.0.1 timeout"'
is "it is open" "open" "$(reach 1 44.0.0.1)"

nft 'delete table inet sandboxes'
succeeds "without the sets nothing is answered" until_true 5 sh -c "[ \"\$(cat $work/namegated.log | grep -c 'does not fit')\" -ge 4 ]"
is "not even what was leased before" "SERVFAIL ede=14" "$(ask 1 www.allowed.example -p 1053)" # the redirect is gone as well
sleep 2
is "the log says it once, with the line" 1 \
	"$(grep -c "set inet sandboxes allowed4 does not fit: there is no such table; make it with: nft 'add table" "$work/namegated.log")"
fails "status says that it does not serve" gate status
nft -f "$recipe"
succeeds "when they are back it is answered" until_true 5 leased 1 www.allowed.example 44.0.0.1
is "and open" "open" "$(reach 1 44.0.0.1)"
succeeds "and status says so" until_true 5 gate status

nft 'flush ruleset; table inet sandboxes { set allowed4 { type ipv4_addr; flags timeout; }; set allowed6 { type ipv6_addr; flags timeout; }
	set allowed4p { type ipv4_addr . inet_proto . inet_service; flags timeout; }; set allowed6p { type ipv6_addr; flags timeout; }; }'
succeeds "sets of another type are taken as they are now" until_true 5 sh -c 'nft get element inet sandboxes allowed4 "{ 44.0.0.1 }"'
like "and the log says what none of them takes" 'takes IPv6 with ports: names whose rule bounds ports are answered with SERVFAIL; add one of type ipv6_addr [.] ipv6_addr [.] inet_proto [.] inet_service' \
	"$(cat "$work/namegated.log")"
nft -f "$recipe"
succeeds "and as they were, again" until_true 5 sh -c 'nft get element inet sandboxes allowed4 "{ 10.77.1.2 . 44.0.0.1 }"'
succeeds "and it serves" until_true 5 gate status

# ---- deaths ----

hold 1 44.0.0.1 60
n=1000
for victim in worker warden main; do
	seen=$(elements inet sandboxes allowed4 | head -n 200)
	kill -9 "$(pid_of "$victim")"
	if [ "$victim" = main ]; then
		wait "$gate_pid" 2>/dev/null
		is "main killed: what is open stays open, the rest closed" "open refused" "$(reach 1 44.0.0.1) $(reach 1 44.3.3.3)"
		start_gate
	fi
	is "$victim killed: what is open stays open, the rest closed" "open refused" "$(reach 1 44.0.0.1) $(reach 1 44.3.3.3)"
	n=$((n + 1))
	succeeds "$victim killed: another takes over" until_true 15 leased 1 "n$n.many.example" "44.2.$((n / 256)).$((n % 256))"
	sleep 0.5
	is "$victim killed: every element stands" "" "$(comm -23 <(echo "$seen") <(elements inet sandboxes allowed4))"
done
kill "$held" 2>/dev/null
wait "$held" 2>/dev/null
unlike "a connection lived through it" 'cut' "$(cat "$work/held.44.0.0.1")"

# ---- revocation, and an earlier life that nobody explains ----

ask 1 two.allowed.example >/dev/null
hold 1 44.0.0.3 30
nft 'add element inet sandboxes allowed4 { 10.77.1.2 . 44.9.9.9, 10.77.1.2 . 44.9.9.8 timeout 1h }'
sed -i '/^\.allowed/d' "$list1"
gate reload >/dev/null
revoked() { ! elements inet sandboxes allowed4 | grep -q '10.77.1.2 44.0.0.[13]$'; }
succeeds "a rule that goes takes its element along" until_true 2 revoked
succeeds "and the flow is cut" until_true 3 grep -q cut "$work/held.44.0.0.3"
is "what another rule justifies still is open" "open" "$(reach 1 44.0.0.1)"
stop_gate
rm -rf "$work/store"
start_gate
alone_left() { [ "$(elements inet sandboxes allowed4)" = "10.77.1.2 44.9.9.8
10.77.1.2 44.9.9.9
10.77.2.2 44.0.0.77" ]; }
succeeds "without the store ours go, and the operator's stay" until_true 10 alone_left
stop_gate

# ---- addresses alone, in tables of family ip and ip6 ----

nft flush ruleset
nft -f - <<'END'
table ip fw {
	set open { type ipv4_addr; flags timeout; }
	chain dns { type nat hook prerouting priority dstnat; iifname "sb*" udp dport 53 redirect to :1053; }
	chain through { type filter hook forward priority filter; ct state established,related accept
		iifname "sb*" ip daddr @open counter accept
		iifname "sb*" counter reject with tcp reset; }
	chain leave { type nat hook postrouting priority srcnat; oifname "net0" masquerade; }
}
table ip6 fw {
	set web { type ipv6_addr . inet_proto . inet_service; flags timeout; }
}
END
rm -rf "$work/store"
list1=$(allow box1.list .allowed.example .port.example 'www.many.example')
sed -i 's/^\.port/end.port.example:80\n&/; s/^\.port.*//' "$list1"
configure "ip fw open" "ip6 fw web"
sed -i '1i lease-min = 4\ngrace = 1' "$work/extra.conf"
: >"$work/namegated.log"
start_gate
nft add element ip fw open '{ 44.0.0.3 }'
nft add element ip fw open '{ 44.0.0.4 timeout 1h }'
is "a sandbox opens an address for itself" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"
is "and as the key has no source, for its neighbour" "open" "$(reach 2 44.0.0.1)"
ask 2 www.allowed.example >/dev/null
is "a name without ports has no set in the other family" "SERVFAIL ede=14" "$(ask 1 www.allowed.example AAAA)"
short() { elements ip fw open | grep -qx 44.0.0.2; } # TTL 2, held for 6 seconds
ask 1 short.allowed.example >/dev/null
begun=$SECONDS
sleep 4.5
ask 2 short.allowed.example >/dev/null
until [ $((SECONDS - begun)) -ge 7 ]; do sleep 0.2; done
succeeds "an address that two hold stands until the later end" short
unshort() { ! short; }
succeeds "and goes then" until_true 8 unshort
sed -i '/^\.allowed/d' "$list1"
gate reload >/dev/null
sleep 1
is "one loses its rule: the other still holds it" "44.0.0.1" "$(elements ip fw open | grep -x 44.0.0.1)"
sed -i '/^www.allowed/d' "$list2"
gate reload >/dev/null
unheld() { ! elements ip fw open | grep -qx 44.0.0.1; }
succeeds "when the last loses it, it goes" until_true 2 unheld
is "a permanent element is leased as it stands" "NOERROR 44.0.0.3 44.0.0.4" "$(ask 2 two.allowed.example | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/\(.*\) NOERROR /NOERROR \1/')"
is "a rule with ports has no set in that family" "SERVFAIL ede=14" "$(ask 1 end.port.example)"
like "and the record says which would do" 'no declared set has them; one of type ipv4_addr . ipv4_addr . inet_proto . inet_service would' \
	"$(records 'select(.name == "end.port.example") | .reason' | tail -n 1)"
stop_gate
is "teardown takes out ours and nothing else" "0 44.0.0.3 44.0.0.4" \
	"$("$build/namegate" teardown --set 'ip fw open' --set 'ip6 fw web' >"$work/teardown" 2>&1; echo $?) $(elements ip fw open | tr '\n' ' ' | sed 's/ $//')"
like "and says so" '^namegate-warden: [12] elements removed from set ip fw open$' "$(cat "$work/teardown")"

# ---- no room ----

nft 'flush ruleset; table inet small { set pairs { type ipv4_addr . ipv4_addr; flags timeout; size 50; }
	set single { type ipv4_addr; flags timeout; size 50; }; }'
rm -rf "$work/store"
list1=$(allow box1.list .allowed.example '*.many.example')
configure "inet small pairs" "inet small single"
sed -i 's/^limits.*/limits { leases = 50 leases-sandbox = 50 }/' "$work/extra.conf"
: >"$work/namegated.log"
start_gate
nft "add element inet small single { $(seq -f '44.8.0.%.0f' -s ', ' 1 47) }" # and the static one
at_gate() { ask 1 "$1" -p 1053; }
is "as long as there is room" "NOERROR 44.0.0.1 NOERROR 44.2.0.1" "$(at_gate www.allowed.example) $(at_gate n1.many.example)"
is "without room in one of two sets nothing is answered" "SERVFAIL ede=14" "$(at_gate n2.many.example)"
fails "and the other set does not have it either" nft get element inet small pairs '{ 10.77.1.2 . 44.2.0.2 }'
nft "flush set inet small single; add element inet small single { $(seq -f '44.8.1.%.0f' -s ', ' 1 50) }"
cannot() { grep -q 'do not take what they held' "$work/namegated.log"; }
succeeds "what cannot be put back is not vouched for" until_true 5 cannot
refused_now() { [ "$(at_gate www.allowed.example)" = "SERVFAIL ede=14" ]; }
succeeds "nor answered" until_true 5 refused_now
nft 'flush set inet small single'
served() { [ "$(at_gate www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
succeeds "until there is room" until_true 10 served
succeeds "and the element" nft get element inet small single '{ 44.0.0.1 }'
sed -i 's/leases = 50 /leases = 60 /' "$work/extra.conf"
gate_conf >"$work/namegated.conf"
gate reload >/dev/null
like "a reload that asks for more than fits is told so" \
	"set inet small pairs does not fit: it takes 50 elements, and limits [{] leases [}] is 60; " "$(cat "$work/namegated.log")"
like "and stays with what was" 'limits [{] leases [}] counts as 50 until the sets are large enough for 60' "$(cat "$work/namegated.log")"
succeeds "serving" served
nft 'flush ruleset'
like "a reload without the sets says so" 'the sets of integrate cannot be filled; the log says which and why' "$(gate reload 2>&1)"
stop_gate
echo 44.7.0.0/16 >>"$list1"
try_gate "inet small pairs"
like "a rule that opens a range is refused with its place" 'box1.list:3:1: .*would open a range, and the declared sets' "$(cat "$work/namegated.log")"
sed -i '$d' "$list1"
nft 'flush ruleset; table ip fw { set open { type ipv4_addr; flags timeout; }; }; table ip6 fw { }'

# ---- one family alone, after a life with a table ----

list1=$(allow box1.list .allowed.example)
: >"$work/extra.conf"
start_gate
stop_gate
configure "ip fw open"
start_gate
like "a table of an earlier life is told of" 'table "namegate" of an earlier life stands beside them and guards as it did; namegate teardown --force --table namegate removes it$' \
	"$(cat "$work/namegated.log")"
gate teardown --force --table namegate
is "and removed so" "table ip fw table ip6 fw" "$(nft list tables | tr '\n' ' ' | sed 's/ $//')"
is "a family without any set is empty, so that clients take the other" "NOERROR ede=15 NOERROR 44.0.0.1" \
	"$(ask 1 www.allowed.example AAAA -p 1053) $(at_gate www.allowed.example)"
for wrong in --masquerade '--snat 192.0.2.10' '--mode observe'; do
	# shellcheck disable=SC2086
	like "refused at run time: $wrong" 'cannot be had beside integrate: ' \
		"$(gate sandbox add box3 --source 10.77.3.2 --allow x.example $wrong 2>&1)"
done
like "and observing later" 'cannot be that beside integrate: ' "$(gate sandbox mode box1 observe 2>&1)"
tap_done
