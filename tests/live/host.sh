#!/usr/bin/env bash
# Processes of the host itself as sandboxes, by their user and by their cgroup: what they look up opens
# for them alone, whatever server they ask; nothing else of them comes out, and nobody else is touched.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
in_userns && skip_all "another user's processes need root"
live_needs tcpdump setpriv
PATH=/usr/sbin:/usr/bin:/sbin:/bin # what other users can run too
usual_stage
cp "$here/peer.py" "$here/host.py" "$work/"
chmod 755 "$work" "$work"/*.py
list=$(allow box.list .allowed.example)
none=$(allow none.list .nobody.example)
count=20
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range

as() { # UID COMMAND...
	setpriv --reuid "$1" --regid "$1" --clear-groups -- "${@:2}"
}
raw_as() { # the same with the right to raw sockets
	setpriv --reuid "$1" --regid "$1" --clear-groups --inh-caps +net_raw --ambient-caps +net_raw -- "${@:2}"
}
joins() { # COMMAND-PREFIX... ADDRESS: "open" when it can
	"${@:1:$#-1}" /usr/bin/python3 "$work/peer.py" connect "${!#}" 80 2>&1
}
looks_up() { # COMMAND-PREFIX... with dig's arguments after --
	local prefix=()
	while [ "$1" != -- ]; do
		prefix+=("$1")
		shift
	done
	shift
	"${prefix[@]}" dig +tries=1 +time=3 "$@" | awk '
		/status:/ { sub(/,$/, "", $6); printf "%s", $6 }
		/timed out|unexpected source|communications error/ { bad = 1 }
		/^[^;]/ && NF >= 5 && $4 != "SOA" { printf " %s", $5 }
		END { print bad ? " bad" : "" }'
}
has() { jq -es --arg s "$1" --arg e "$2" 'any(.[]; .sandbox == $s and .event == $e)' "$work/records"; }

# ---- by user ----
cat >"$work/extra.conf" <<END
lease-min = 300
sandbox "agent" {
	uid = "4242"
	policies = {"$list"}
}
END
start_gate
python3 "$work/host.py" local &
until_true 10 python3 "$work/peer.py" connect 127.0.0.1 9000

capture "$work/shut.pcap" net eth0 '(dst net 44.0.0.0/8 or dst net 2001:db8:80::/48)'
is "nothing is open that was not looked up" "refused refused" "$(joins as 4242 44.0.0.1) $(joins as 4242 2001:db8:80::1)"
for trick in udp ping raw options proto253; do
	raw_as 4242 /usr/bin/python3 "$work/host.py" send 44.0.0.1 $count $trick
done
for trick in udp ping proto253; do
	raw_as 4242 /usr/bin/python3 "$work/host.py" send 2001:db8:80::1 $count $trick
done
is "nor by Multipath TCP" "refused" "$(as 4242 /usr/bin/python3 "$work/host.py" mptcp 44.0.0.1 80 | sed s/none/refused/)"
is "no packet came out" 0 "$(captured "$work/shut.pcap")"
is "nobody else is touched" "open open" "$(joins as 4243 44.0.0.1) $(joins env 44.0.0.1)"

for server in 192.0.2.2 127.0.0.53 192.0.2.53 ::1 2001:db8::2; do
	is "asked of $server, a name is answered from there" "NOERROR 44.0.0.1 NXDOMAIN" \
		"$(looks_up as 4242 -- "@$server" www.allowed.example) $(looks_up as 4242 -- +tcp "@$server" www.other.example)"
done
is "the other family" "NOERROR 2001:db8:80::1" "$(looks_up as 4242 -- @192.0.2.2 www.allowed.example AAAA)"
is "what was looked up is open" "open open" "$(joins as 4242 44.0.0.1) $(joins as 4242 2001:db8:80::1)"
capture "$work/open.pcap" net eth0 'dst host 44.0.0.1 and udp port 8080'
raw_as 4242 /usr/bin/python3 "$work/host.py" send 44.0.0.1 $count udp
is "to UDP too" "$count" "$(captured "$work/open.pcap" "$count")"
capture "$work/tricks.pcap" net eth0 '(dst host 44.0.0.1 or dst host 2001:db8:80::1)'
for trick in ping options proto253; do
	raw_as 4242 /usr/bin/python3 "$work/host.py" send 44.0.0.1 $count $trick
done
for trick in ping proto253; do
	raw_as 4242 /usr/bin/python3 "$work/host.py" send 2001:db8:80::1 $count $trick
done
is "and to nothing else" 0 "$(captured "$work/tricks.pcap")"
is "encrypted DNS is not" "refused" "$(as 4242 /usr/bin/python3 "$work/peer.py" connect 44.0.0.1 853)"
for address in 127.0.0.1 ::1 192.0.2.1 2001:db8::1; do
	is "the host's services are not: $address" "refused" "$(as 4242 /usr/bin/python3 "$work/peer.py" connect $address 9000)"
done
is "whoever opened a socket is who it is of" "refused open" \
	"$(python3 "$work/host.py" handed 4242 44.0.0.2 80) $(python3 "$work/host.py" handed 4243 44.0.0.2 80)"
is "nobody asks under a token that is not his" "" \
	"$(as 4243 dig +short +tries=1 +time=1 -p 1053 -b "$(gate sandbox list --json | jq -r '.sandboxes[0].sources[0]')" @127.0.0.1 www.allowed.example | grep -v '^;')"
until_true 5 has agent blocked
is "what was refused is on record under its name" "44.0.0.1" \
	"$(records 'select(.event == "blocked" and .sandbox == "agent" and .port == 80) | .addrs[0]' | grep -m 1 -F 44.0.0.1)"

gate sandbox add other --uid 4243 --policy "$none" >/dev/null
is "registered at run time, another user is held too" "refused NXDOMAIN" \
	"$(joins as 4243 44.0.0.1) $(looks_up as 4243 -- @192.0.2.2 www.allowed.example)"
like "one user is one sandbox" 'this user' "$(gate sandbox add again --uid 4243 2>&1)"
like "root is none" 'root cannot be a sandbox' "$(gate sandbox add root --uid 0 2>&1)"
like "nor the gate's own users" "namegated's own" "$(gate sandbox add own --uid namegate 2>&1)"
like "nor who is not there" 'there is no user' "$(gate sandbox add gone --uid no-such-user 2>&1)"
like "nor two ways at once" 'one thing alone' "$(gate sandbox add two --uid 4244 --source 10.9.9.9 2>&1)"

# Flows from one local port: who began one is who it is of, to the walls and to the gate.
from() { as "$1" /usr/bin/python3 "$work/host.py" from "${@:2}"; }
id_of() { gate sandbox list --json | jq --arg name "$1" '.sandboxes[] | select(.name == $name) | .id'; }
if [ $(($(id_of other) % 2)) = 1 ]; then
	gate sandbox remove other >/dev/null
	gate sandbox add other --uid 4243 --policy "$none" >/dev/null
fi
gate sandbox add third --uid 4244 --policy "$list" >/dev/null
asked_as() { as "$1" dig +tries=1 +time=3 -b "$2" @192.0.2.2 "$3" 2>&1 | awk '/status:/ { print $6 }'; }
is "of two ids one has all bits of the other" "$(id_of third)" $(($(id_of other) | $(id_of third)))
is "the other one looks up" "NOERROR 44.0.0.1" "$(looks_up as 4244 -- @192.0.2.2 www.allowed.example)"
is "and its own asks are its own" "NOERROR, NXDOMAIN," "$(asked_as 4244 0.0.0.0#6666 www.allowed.example) $(asked_as 4243 0.0.0.0#6667 www.allowed.example)"
is "nobody else asks in its flow" "" "$(asked_as 4243 0.0.0.0#6666 two.allowed.example)"
is "nor in IPv6" "NOERROR, " "$(as 4244 dig +tries=1 +time=3 -b ::#6668 @2001:db8::2 www.allowed.example | awk '/status:/ { print $6 }') $(as 4243 dig +tries=1 +time=1 -b ::#6668 @2001:db8::2 www.allowed.example 2>&1 | awk '/status:/ { print $6 }')"
capture "$work/shared.pcap" net eth0 'udp and dst host 44.0.0.1 and port 8080'
is "a flow that one began is refused to another" "sent refused sent" "$(from 4244 5555 44.0.0.1 8080) $(from 4243 5555 44.0.0.1 8080) $(from 4244 5555 44.0.0.1 8080)"
is "and only the one's packets came out" 4 "$(captured "$work/shared.pcap" 4)"
from 4250 5353 44.0.0.1 53 >/dev/null
from 4250 5353 2001:db8:80::1 53 >/dev/null
capture "$work/late.pcap" net eth0 'udp and (dst host 44.0.0.1 or dst host 2001:db8:80::1) and port 53'
gate sandbox add late --uid 4250 --policy "$none" >/dev/null
is "what stood to port 53 before the sandbox did is refused" "refused refused" "$(from 4250 5353 44.0.0.1 53) $(from 4250 5353 2001:db8:80::1 53)"
is "and nothing of it came out" 0 "$(captured "$work/late.pcap")"
is "its new ones are asked of the gate" "NXDOMAIN" "$(looks_up as 4250 -- @44.0.0.1 www.allowed.example)"
token=$(gate sandbox list --json | jq -r '.sandboxes[] | select(.name == "third") | .sources[1]')
ip -n net -6 addr add "${token%/*}/128" dev lo
is "a token that comes in from outside is nobody's" " " \
	"$(in_net dig +short +tries=1 +time=1 -p 1053 -b "${token%/*}" @2001:db8::1 www.allowed.example AAAA | grep -v '^;') $(in_net dig +tcp +short +tries=1 +time=1 -p 1053 -b "${token%/*}" @2001:db8::1 www.allowed.example AAAA | grep -v '^;')"
ip -n net -6 addr del "${token%/*}/128" dev lo
gate sandbox remove third >/dev/null
gate sandbox remove late >/dev/null
gate sandbox remove other >/dev/null
is "removed, its processes are ordinary ones again" "open" "$(joins as 4243 44.0.0.1)"

# ---- over deaths and changes ----
hold_as() { # COMMAND-PREFIX... FILE
	"${@:1:$#-1}" /usr/bin/python3 "$work/peer.py" hold 44.0.0.1 60 >"${!#}" 2>&1 &
	held=$!
	until_true 5 grep -q up "${!#}"
}
hold_as as 4242 "$work/held.agent"
hold_as env "$work/held.root"
old=$(pid_of warden)
kill -9 "$old"
is "the warden's death opens nothing" "refused open" "$(joins as 4242 44.0.0.2) $(joins as 4242 44.0.0.1)"
until_true 10 another warden "$old"
kill -9 "$gate_pid"
is "nor does the end of all" "refused open" "$(joins as 4242 44.0.0.2) $(joins as 4242 44.0.0.1)"
sleep 0.5
start_gate
is "a restart adopts it" "refused open" "$(joins as 4242 44.0.0.2) $(joins as 4242 44.0.0.1)"
is "no flow was cut" "up up" "$(cat "$work/held.agent") $(cat "$work/held.root")"
nft flush ruleset 2>/dev/null # refused where the table is owned, repaired where it is not
as_before() { [ "$(joins as 4242 44.0.0.2) $(joins as 4242 44.0.0.1)" = "refused open" ]; }
succeeds "another program's flush does not last" until_true 5 as_before
gate sandbox mode agent observe >/dev/null
is "observed, it is let through and reported" "open" "$(joins as 4242 44.0.0.2)"
succeeds "which the record says" until_true 5 \
	jq -es 'any(.[]; .sandbox == "agent" and .observed and .addrs[0] == "44.0.0.2")' "$work/records"
gate sandbox mode agent enforce >/dev/null
is "enforced again, it is not" "refused" "$(joins as 4242 44.0.0.2)"
before=$(date +%s.%N)
echo .nobody.example >"$list"
gate reload >/dev/null
after=$(date +%s.%N)
until_true 5 grep -q cut "$work/held.agent"
succeeds "a rule that goes cuts its flow within a second" cut_within "$before" agent "$after"
is "and nobody else's to the same address" "up" "$(cat "$work/held.root")"
is "a new one fails" "refused" "$(joins as 4242 44.0.0.1)"

# ---- a user who has other uids ----
cp /etc/subuid "$work/subuid" 2>/dev/null || : >"$work/subuid"
echo 4247:200000:65536 >>"$work/subuid"
if [ -e /etc/subuid ] && mount --bind "$work/subuid" /etc/subuid; then
	gate sandbox add mapped --uid 4247 --policy "$none" >/dev/null
	like "that a user has other uids is warned of" 'sandbox mapped: /etc/subuid gives user 4247 other uids.*tell the sandbox by its cgroup' "$(cat "$work/namegated.log")"
	gate sandbox remove mapped >/dev/null
	printf 'sandbox "mapped" {\n\tuid = "4247"\n\tpolicies = {"%s"}\n}\n' "$none" >"$work/mapped.conf"
	like "and by -t, at its line" 'mapped.conf:1:.*warning.*/etc/subuid' "$("$build/namegated" -t -c "$work/mapped.conf" 2>&1)"
else
	skip "that a user has other uids is warned of" "there is no /etc/subuid to put a line into"
fi

# ---- by cgroup ----
root=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5 }' /proc/self/mountinfo | head -n 1)
name=namegate-test-$RANDOM$RANDOM
if [ -z "$root" ] || ! mkdir "$root/$name" 2>/dev/null; then
	skip "sandboxes by cgroup" "no cgroup2 hierarchy can be written here"
	tap_done
	exit
fi
clean() { # the deepest first
	kill "$held" 2>/dev/null
	find "$root/$name" -depth -type d -exec rmdir {} + 2>/dev/null
}
trap clean EXIT
mkdir -p "$root/$name/job/step" "$root/$name/free"
job=$root/$name/job
in_cgroup() { /usr/bin/python3 "$work/host.py" within "$@"; }
echo .allowed.example >"$list"
gate reload >/dev/null
succeeds "a cgroup is registered" gate sandbox add job --cgroup "/$name/job" --policy "$list"
is "what runs in it and below it is held" "refused refused" \
	"$(joins in_cgroup "$job" 44.0.0.1) $(joins in_cgroup "$job/step" 2001:db8:80::1)"
is "what runs beside it is not" "open" "$(joins in_cgroup "$root/$name/free" 44.0.0.1)"
is "a name opens its addresses" "NOERROR 44.0.0.1 NOERROR 2001:db8:80::1 open open" \
	"$(looks_up in_cgroup "$job/step" -- @192.0.2.2 www.allowed.example) $(looks_up in_cgroup "$job" -- @::1 www.allowed.example AAAA) $(joins in_cgroup "$job" 44.0.0.1) $(joins in_cgroup "$job/step" 2001:db8:80::1)"
is "not by Multipath TCP to others" "refused" "$(in_cgroup "$job" python3 "$work/host.py" mptcp 44.0.0.2 80 | sed s/none/refused/)"
is "a socket is of the cgroup it was opened in" "open" "$(python3 "$work/host.py" keep "$job" 44.0.0.2 80)"
capture "$work/cgroup.pcap" net eth0 'dst host 44.0.0.2'
for trick in udp ping raw options proto253; do
	in_cgroup "$job/step" python3 "$work/host.py" send 44.0.0.2 $count $trick
done
is "root in it gets no packet out either" 0 "$(captured "$work/cgroup.pcap")"
gate sandbox add step --cgroup "/$name/job/step" --policy "$none" >/dev/null
is "of two cgroups the deeper one has its say" "refused NXDOMAIN open" \
	"$(joins in_cgroup "$job/step" 44.0.0.1) $(looks_up in_cgroup "$job/step" -- @192.0.2.2 www.allowed.example) $(joins in_cgroup "$job" 44.0.0.1)"
is "a cgroup before a user" "open" "$(joins in_cgroup "$job" setpriv --reuid 4242 --clear-groups 44.0.0.1)"
like "one that is not there is refused" 'there is no cgroup.*make it first' "$(gate sandbox add gone --cgroup "/$name/none" 2>&1)"
like "one cgroup is one sandbox" 'cgroup; remove it first' "$(gate sandbox add again --cgroup "/$name/job" 2>&1)"
like "a path that climbs is refused" 'plain form' "$(gate sandbox add up --cgroup "/$name/../$name/job" 2>&1)"
kill -9 "$(pid_of main)"
is "all dead, it is held" "refused open" "$(joins in_cgroup "$job/step" 44.0.0.1) $(joins in_cgroup "$job" 44.0.0.1)"
sleep 0.5
start_gate
is "restarted, it is held" "refused open" "$(joins in_cgroup "$job/step" 44.0.0.1) $(joins in_cgroup "$job" 44.0.0.1)"
rmdir "$job/step"
succeeds "a cgroup that goes takes its sandbox along" until_true 5 \
	jq -es 'any(.[]; .event == "sandbox-gone" and .sandbox == "step")' "$work/records"
mkdir "$job/step"
until_true 5 eval '! gate sandbox list | grep -q ^step'
is "made again, it is another, and of the one above" "open" "$(joins in_cgroup "$job/step" 44.0.0.1)"

# ---- the rules about all this ----
is "everything that stands can be listed" 0 "$(
	nft list ruleset 2>&1 >/dev/null | wc -l
)"
gate sandbox remove job >/dev/null
sed -i '/^sandbox/,/^}/d' "$work/extra.conf" && gate_conf >"$work/namegated.conf"
gate reload >/dev/null
rules_of_theirs() {
	for chain in host_out host_judge host_dns host_leak host_ask host_in; do nft list chain inet namegate $chain; done | grep -c 'ct \|meta \|dport\|saddr'
}
until_true 5 eval '[ "$(rules_of_theirs)" = 0 ]'
is "without such a sandbox no rule of theirs is left" 0 "$(rules_of_theirs)"
tap_done
