#!/usr/bin/env bash
# Servers of a sandbox's or a group's own: each sees what its server says, whatever the others' servers say of the
# same name; over reloads and a restart too. Questions are counted by the kernel at each server.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs unbound nft
zone corp.example </dev/null
usual_stage
for n in 3 4 5; do make_box "$n" || live_die "box$n cannot be made"; done
for host in 61 62 63 64 65; do ip -n net addr add "192.0.2.$host/24" dev eth0; done

# Server 192.0.2.6N says of every name of corp.example that it is 44.6.N.1, and more where a test says so.
serve() { # N [ZONE OF ITS OWN RECORDS]
	cat >"$work/unbound.$1.conf" <<END
$(unbound_server)
 interface: 192.0.2.6$1@53
 access-control: 0.0.0.0/0 allow
 local-zone: "corp.example" redirect
 local-data: "corp.example 3600 IN A 44.6.$1.1"
 local-zone: "trap.corp.example" static
 local-data: "trap.corp.example 3600 IN CNAME www.allowed.example"
 local-zone: "allowed.example" redirect
 local-data: "allowed.example 3600 IN A 44.6.$1.9"
remote-control:
 control-enable: no
END
	nsenter --net=/run/netns/net -- unbound -d -c "$work/unbound.$1.conf" >"$work/unbound.$1.log" 2>&1 &
	until_true 20 in_net dig +tries=1 +time=1 "@192.0.2.6$1" corp.example ||
		live_die "unbound does not answer" "$work/unbound.$1.log"
}
for n in 1 2 3 4 5; do serve "$n"; done
in_net nft -f - <<'END'
table inet count {
	chain in {
		type filter hook input priority 0
		ip daddr 192.0.2.61 udp dport 53 counter comment "1"
		ip daddr 192.0.2.62 udp dport 53 counter comment "2"
		ip daddr 192.0.2.63 udp dport 53 counter comment "3"
		ip daddr 192.0.2.64 udp dport 53 counter comment "4"
		ip daddr 192.0.2.65 udp dport 53 counter comment "5"
	}
}
END
asked() { # N: packets that its server had
	in_net nft -j list chain inet count in |
		jq --arg n "$1" '.nftables[] | .rule? // empty | select(.comment == $n) | .expr[] | .counter? // empty | .packets'
}

# The answer; on a machine so busy that the kernel's word for an address comes too late, the next one.
told() { # BOX NAME
	local said=TIMEOUT tries
	for ((tries = 0; tries < 20; tries++)); do
		said=$(ask "$@")
		case $said in "SERVFAIL ede=14" | TIMEOUT*) continue ;; esac
		break
	done
	echo "$said"
}

list=$(allow names.list .corp.example .allowed.example)
conf() { # SERVER OF BOX1'S OWN ZONE [ITS ZONE]
	cat <<END
policies = {"$list"}
forward "." { servers = {"192.0.2.53"} }
group "a" { forward "corp.example" { servers = {"192.0.2.63"} timeout = 5000 } }
group "b" { forward "corp.example" { servers = {"192.0.2.64"} timeout = 5000 } }
sandbox "box1" { interface = sb1 sources = {"10.77.1.2", "fd77:1::2"} masquerade = true
	${1:+forward "${2:-corp.example}" { servers = {"192.0.2.6$1"\} timeout = 5000 \}}
}
sandbox "box2" { interface = sb2 sources = {"10.77.2.2", "fd77:2::2"} masquerade = true group = a
	forward "corp.example" { servers = {"192.0.2.62"} timeout = 5000 }
}
sandbox "box3" { interface = sb3 sources = {"10.77.3.2", "fd77:3::2"} masquerade = true group = a }
sandbox "box4" { interface = sb4 sources = {"10.77.4.2", "fd77:4::2"} masquerade = true group = b }
END
}
conf 1 >"$work/extra.conf"
start_gate
stands() { [ "$(gate sandbox list --json | jq '[.sandboxes[] | select(.state == "serving")] | length')" = "$1" ]; }
until_true 20 stands 4 || live_die "the sandboxes do not stand"

# ---- one name, an answer for each ----

for n in 1 2 3 4; do
	is "box$n sees what its own server says" "NOERROR 44.6.$n.1" "$(told "$n" db.corp.example)"
	is "and reaches it" "open" "$(reach "$n" "44.6.$n.1")"
	is "and that server alone was asked, once" "1" "$(asked "$n")"
done
is "what is one sandbox's address is no other's" "refused" "$(reach 1 44.6.2.1)"
is "nor that of its group's server" "refused" "$(reach 2 44.6.3.1)"
for n in 1 2 3 4; do is "box$n sees the same again" "NOERROR 44.6.$n.1" "$(told "$n" db.corp.example)"; done
is "out of the cache" "1 1 1 1" "$(for n in 1 2 3 4; do asked "$n"; done | paste -sd ' ')"
gate sandbox add box5 --interface sb5 --source 10.77.5.2 --source fd77:5::2 --masquerade --group b >/dev/null
is "one that is registered has its group's" "NOERROR 44.6.4.1" "$(told 5 db.corp.example)"
is "and what that was told" "1" "$(asked 4)"

# Names of their own for each at once, so that questions for one name are under way at all servers together.
many() { # BOX
	local n
	for n in $(seq 20); do told "$1" "n$n.corp.example" & done | sort | uniq -c | awk '{ print $1, $2, $3 }'
}
for n in 1 2 3 4; do many "$n" >"$work/many.$n" & pids="${pids:-} $!"; done
# shellcheck disable=SC2086
wait $pids
for n in 1 2 3 4; do is "twenty names at once, each by its own (box$n)" "20 NOERROR 44.6.$n.1" "$(cat "$work/many.$n")"; done

whose() { gate status --json | jq -r '.upstreams[] | select(.zone == "corp.example") | .address + " " + (.sandbox // .group // "all")' | sort | paste -sd ' '; }
is "status says whose each server's zone is" "192.0.2.61 box1 192.0.2.62 box2 192.0.2.63 a 192.0.2.64 b" "$(whose)"

# ---- what a private server says of others' names ----

is "an alias out of the zone leads where all ask" "NOERROR www.allowed.example. 44.0.0.1" "$(told 1 trap.corp.example)"
is "and that name is what it is to others" "NOERROR 44.0.0.1" "$(told 2 www.allowed.example)"
is "what the private server says of it opens nothing" "refused" "$(reach 1 44.6.1.9)"

# ---- other servers, under way ----

put() { # CONF'S ARGUMENTS...
	conf "$@" >"$work/extra.conf"
	gate_conf >"$work/namegated.conf"
	gate reload >"$work/said" 2>&1 || cat "$work/said"
}
before="$(asked 2) $(asked 3) $(asked 4)"
put 5
is "another server from the reload on" "NOERROR 44.6.5.1" "$(told 1 db.corp.example)"
is "the others keep what they were told" "NOERROR 44.6.2.1 NOERROR 44.6.3.1" "$(told 2 db.corp.example) $(told 3 db.corp.example)"
put 1 .
is "a zone for all names has all of them" "NOERROR 44.6.1.9" "$(told 1 www.allowed.example)"
is "for it alone" "NOERROR 44.0.0.1" "$(told 2 www.allowed.example)"
put
is "and without one it asks where all do" "NXDOMAIN" "$(told 1 db.corp.example)"
put 1
is "back, nothing of before counts" "NOERROR 44.6.1.1" "$(told 1 db.corp.example)"
is "the others were not asked again for all that" "$before" "$(asked 2) $(asked 3) $(asked 4)"
is "a flush is of everybody's answers" "5 forgotten" "$(gate flush db.corp.example)"
for n in 1 2 3 4; do is "box$n asks anew" "NOERROR 44.6.$n.1" "$(told "$n" db.corp.example)"; done

# ---- over a restart ----

kill -TERM "$gate_pid"
wait "$gate_pid"
conf 5 >"$work/extra.conf"
before="$(asked 2) $(asked 3) $(asked 4)"
start_gate
answers() { [ "$(told "$1" db.corp.example)" = "NOERROR 44.6.$2.1" ]; }
succeeds "with another server than before, what was kept is not heard" until_true 20 answers 1 5
is "not even once" "" "$(jq -r 'select(.event == "decision" and .sandbox == "box1" and .name == "db.corp.example.") | .addresses[]?' \
	"$work/records" 2>/dev/null | tail -n 1 | grep -x '44\.6\.1\.1')"
for n in 2 3 4; do succeeds "box$n has its own of before" until_true 20 answers "$n" "$n"; done
is "without a question" "$before" "$(asked 2) $(asked 3) $(asked 4)"

# ---- looking ----

explain() { "$build/namegate" explain -c "$work/namegated.conf" "$1" db.corp.example 2>&1; }
like "it is shown which" 'route +zone corp.example of sandbox box1 by 192.0.2.65:53' "$(explain box1)"
like "and whose" 'route +zone corp.example of group a by 192.0.2.63:53' "$(explain box3)"
tap_done
