#!/usr/bin/env bash
# What is blocked is attributed to its sandbox: counted by the kernel to the packet, whatever the
# limits of logs and records, through deaths, reloads and repairs; and told with the name, the reason
# and what would open it.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/ports.list" <<'END'
www.allowed.example:443,8443
short.allowed.example
two.allowed.example:443/udp
END
printf 'lease-min = 2\ngrace = 1\n' >"$work/extra.conf"
start_gate
add_box 1 "$work/ports.list" >/dev/null
add_box 2 "$(allow box2.list .allowed.example)" >/dev/null
sleep 1.5 # what interfaces say when they come up

mac() { ip -j link show "sb$1" | jq -r '.[0].address'; }
# So many packets of a kind that nothing lets through, as fast as it goes (flood.py).
flood() { # BOX KIND COUNT
	box "$1" python3 "$here/flood.py" "$2" "$3" "$(mac "$1")"
}
numbers() { # BOX: refused, observed, forged
	gate sandbox list --json | jq -r --arg b "box$1" '.sandboxes[] | select(.name == $b) | "\(.refused) \(.observed) \(.forged)"'
}
number() { numbers "$1" | cut -d ' ' -f "$2"; }
records_of() { # KEY of numbers: how many packets of box1 the records come to
	records "select(.event == \"blocked\" and .sandbox == \"box1\" and
		((.why | IN(\"spoofed-source\", \"ip-options\", \"extension-header\", \"fragment\")) == ($1 == 3))) | .count" |
		awk '{ n += $1 } END { print n + 0 }'
}
recorded() { # KEY COUNT: when they are that many, and a little later
	until_true 15 eval "[ \"\$(records_of $1)\" -ge $2 ]"
	sleep 1.5
	records_of "$1"
}

# ---- exact, whatever the limits ----

flood 1 udp4 100000
is "refused packets are counted by the kernel, all of them" 100000 "$(number 1 1)"
flood 1 udp6 20000
is "in IPv6 as well" 120000 "$(number 1 1)"
quiet=$(number 1 3)
flood 1 forged4 100000
is "forged packets are counted by the interface" $((quiet + 100000)) "$(number 1 3)"
flood 1 forged6 20000
is "in IPv6 as well" $((quiet + 120000)) "$(number 1 3)"
flood 1 options4 1000
is "and packets with options" $((quiet + 121000)) "$(number 1 3)"
is "none of them is the neighbour's" "0 0" "$(number 2 1) $(number 2 2)"
is "the sum over sandboxes is what status says" \
	"$(gate sandbox list --json | jq '[.sandboxes[] | .refused + .forged] | add')" \
	"$(gate status --json | jq '.packets.refused + .packets.forged')"
unlike "no set has an element for a source that was invented" '"11\.[0-9.]+"' "$(nft -j list table inet namegate)"
is "nft can list all of that" 0 "$(nft list ruleset >/dev/null 2>&1; echo $?)"
is "records come to the same, limited as they are" 120000 "$(recorded 1 120000)"
is "those of forged packets as well" $((quiet + 121000)) "$(recorded 3 $((quiet + 121000)))"
like "in far fewer lines" '^[0-9]{1,4}$' "$(records 'select(.event == "blocked" and .sandbox == "box1") | 1' | wc -l)"

# A flood of forged sources hides no neighbour.
flood 1 forged4 60000 &
flooding=$!
reach 2 44.9.9.9 >/dev/null
wait "$flooding"
seen() { records 'select(.event == "blocked" and .sandbox == "box2" and .addrs[0] == "44.9.9.9") | 1' | grep -q 1; }
succeeds "a neighbour's refused packet is reported beside a flood" until_true 5 seen

# ---- through deaths ----

known() { [ "$(number 1 1)" != null ]; }
kill -9 "$(pid_of warden)"
flood 1 udp4 5000
until_true 15 known
is "packets while no warden runs are counted" 125000 "$(number 1 1)"
is "and recorded when it is back" 125000 "$(recorded 1 125000)"
kill -9 "$(pid_of worker)"
until_true 15 eval '[ "$(ask 2 www.allowed.example)" = "NOERROR 44.0.0.1" ]'
is "the death of the worker changes no number" 125000 "$(number 1 1)"
gate reload >/dev/null
is "nor does a reload" 125000 "$(number 1 1)"
kill -9 "$gate_pid"
wait "$gate_pid" 2>/dev/null
flood 1 udp4 700
start_gate
until_true 15 eval '[ "$(number 1 1)" = 125700 ]'
is "nor that of all of them, with packets meanwhile" 125700 "$(number 1 1)"
is "which are recorded afterwards" 125700 "$(recorded 1 125700)"
if nft delete table inet namegate 2>/dev/null; then
	until_true 10 nft list table inet namegate
	is "a table that was taken away begins again where it was" 125700 "$(number 1 1)"
	flood 1 udp4 300
	is "and counts on" 126000 "$(number 1 1)"
else
	ok "a table that was taken away begins again where it was # SKIP the kernel lets nobody else take this one"
fi

# ---- why, and what to do ----

reason() { # BOX ADDRESS [PORT]: word, name and text of the last record about it
	records "select(.event == \"blocked\" and .sandbox == \"box$1\" and .addrs[0] == \"$2\"${3:+ and .port == $3}) | \"\\(.why): \\(.name // \"\"): \\(.reason)\"" | tail -n 1
}
explained() {
	until_true 5 eval "[ -n \"\$(reason $*)\" ]"
	reason "$@"
}
udp() { # BOX ADDRESS PORT
	box "$1" python3 -c 'import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
try:
    sock.sendto(b"x", (sys.argv[1], int(sys.argv[2])))
except OSError:
    pass' "$2" "$3"
}

reach 1 44.7.7.7 443 >/dev/null
like "never resolved" '^unresolved: : never resolved by a permitted name.*allow 44\.7\.7\.7:443 in a list' "$(explained 1 44.7.7.7)"
reach 1 2001:db8:80::77 >/dev/null
like "in IPv6, as a list would have it" 'allow \[2001:db8:80::77\]:80 in a list' "$(explained 1 2001:db8:80::77)"
is "a name is resolved" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
reach 1 44.0.0.1 80 >/dev/null
like "port not in rule: the name, its ports, what to write where" \
	'^port: www\.allowed\.example: www\.allowed\.example is open on port (443, 8443|8443, 443) only; allow www\.allowed\.example:80 in .*/ports\.list$' \
	"$(explained 1 44.0.0.1 80)"
is "the record names the rule" "$work/ports.list:1" \
	"$(records 'select(.event == "blocked" and .port == 80 and .addrs[0] == "44.0.0.1" and .sandbox == "box1") | .rule' | tail -n 1)"
like "a name for UDP" 'NOERROR 44\.0\.0\.' "$(ask 1 two.allowed.example)"
udp 1 44.0.0.3 500
like "ports of UDP are told as a list has them" 'is open on port 443/udp only; allow two\.allowed\.example:500/udp in' "$(explained 1 44.0.0.3 500)"
is "a short name" "NOERROR 44.0.0.2" "$(ask 1 short.allowed.example)"
sleep 6
reach 1 44.0.0.2 >/dev/null
like "lease ended: the name, and when" '^lease-ended: short\.allowed\.example: the lease of short\.allowed\.example ended [0-9]+ s ago: it must be resolved again' "$(explained 1 44.0.0.2)"
reach 1 169.254.169.254 >/dev/null
like "never-open address" '^never-open: : an address that is never opened' "$(explained 1 169.254.169.254)"
reach 1 10.99.0.1 >/dev/null
like "private range" '^never-open: : a private range .*"private"' "$(explained 1 10.99.0.1)"
reach 1 44.0.0.1 853 >/dev/null
like "private DNS" '^private-dns: : encrypted DNS' "$(explained 1 44.0.0.1 853)"
udp 1 10.77.1.1 161
like "a service of the host" "^host-service: : an address of the gate's host" "$(explained 1 10.77.1.1 161)"
box 1 python3 -c 'import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
try:
    sock.sendto(b"0123456789abcdef", ("44.6.6.6", 0))
except OSError:
    pass'
like "a protocol that no lease opens" '^protocol: : a protocol that no lease opens' "$(explained 1 44.6.6.6)"
word() { # is it the word of a record since the last call?
	until_true 5 eval "records 'select(.sandbox == \"box1\") | .why' | tail -n +$from | grep -qx '$1'" && echo "$1"
	from=$(records 'select(.sandbox == "box1") | .why' | wc -l)
}
from=$(records 'select(.sandbox == "box1") | .why' | wc -l)
for kind in forged4=spoofed-source options4=ip-options hops6=extension-header fragment6=extension-header stray4=no-connection; do
	flood 1 "${kind%=*}" 3
	is "${kind%=*} is told as ${kind#*=}" "${kind#*=}" "$(word "${kind#*=}")"
done
gate sandbox mode box1 lockdown >/dev/null
reach 1 44.7.7.8 >/dev/null
like "lockdown" '^lockdown: .*in lockdown' "$(explained 1 44.7.7.8)"
gate sandbox mode box1 observe >/dev/null
observed=$(number 1 2)
udp 1 44.7.7.9 999
like "observed, told as it would have been refused" '^unresolved:' "$(explained 1 44.7.7.9)"
is "and counted apart" $((observed + 1)) "$(number 1 2)"
gate sandbox mode box1 enforce >/dev/null

# ---- the places that are tried most ----

for n in 1 2 3 2; do reach 2 "44.5.0.$n" >/dev/null; done
listed() { gate blocked box2 --json | jq -e '.sandboxes[0].places | map(select(.address == "44.5.0.2" and .packets >= 2)) | length == 1'; }
succeeds "each place is told" until_true 5 listed
text=$(gate blocked box2)
like "blocked tells how often, where to, why, and what to do" '[0-9]+ refused, [0-9]+ forged, [0-9]+ observed
  [0-9]+  44\.5\.0\.2 80/tcp  last 20[^ ]*Z
      never resolved by a permitted name: look it up by one, or allow 44\.5\.0\.2:80 in a list' "$text"
like "and what that rests on" 'places from [0-9]+ packets seen one by one since the worker.s start; [0-9]+ more were only counted' "$text"
unlike "one sandbox is told nothing of another's" '44\.8\.8\.8' "$text"
like "all of them are told without a name" 'box1: .*box2: ' "$(gate blocked | tr '\n' ' ')"
is "sixteen places at most" yes "$(gate blocked box1 --json | jq -r 'if (.sandboxes[0].places | length) <= 16 then "yes" else "no" end')"
is "an unknown sandbox is refused" 1 "$(gate blocked nobody >/dev/null 2>&1; echo $?)"
like "the table of sandboxes has the sum" 'BLOCKED' "$(gate sandbox list)"
like "and status a line" 'packets +[0-9]+ refused, [0-9]+ forged' "$(gate status)"

# ---- records at their limit ----

everything() { # packets of box1 in records, with those of the ones that were left out
	records 'select(.sandbox == "box1") | if .event == "blocked" then .count elif .event == "suppressed" then .packets // 0 else 0 end' |
		awk '{ n += $1 } END { print n + 0 }'
}
printf 'limits { records-per-second = 5 }\n' >>"$work/extra.conf"
gate_conf >"$work/namegated.conf"
gate reload >/dev/null
sleep 2
before=$(everything)
flood 1 udp4 3000
is "records that are left out are told with the packets they stood for" $((before + 3000)) "$(
	until_true 15 eval '[ "$(everything)" -ge $((before + 3000)) ]'
	sleep 1.5
	everything)"
like "and some are" '"event":"suppressed","sandbox":"box1","count":[0-9]+,"packets":[0-9]+' "$(tail -n 200 "$work/records")"

# ---- an interface that is not one sandbox's ----

gate sandbox add third --interface sb1 --source 10.77.1.3 --allow allowed.example >/dev/null
nobodys=$(gate status --json | jq .packets.forged_of_nobody) ones=$(number 1 3)
flood 1 forged4 500
is "what is forged on a shared interface is nobody's" "$((nobodys + 500)) $ones" \
	"$(gate status --json | jq .packets.forged_of_nobody) $(number 1 3)"
gate sandbox remove third >/dev/null
flood 1 forged4 500
is "and the only one's when it is alone again" "$((nobodys + 500)) $((ones + 500))" \
	"$(gate status --json | jq .packets.forged_of_nobody) $(number 1 3)"

# ---- a sandbox of many addresses ----

gate sandbox remove box2 >/dev/null
gate sandbox add box2 --interface sb2 --source 10.77.2.0/24 --source fd77:2::/64 --allow allowed.example >/dev/null
is "a sandbox that comes again begins at nothing" "0 0 0" "$(numbers 2)"
flood 2 udp4 2000
flood 2 udp6 500
is "a wide source is counted as one" 2500 "$(number 2 1)"
kill -9 "$(pid_of warden)"
until_true 15 eval '[ "$(ask 2 allowed.example)" != "SERVFAIL ede=14" ]'
flood 2 udp4 300
is "and goes on after a restart" 2800 "$(number 2 1)"
gate sandbox remove box1 >/dev/null
is "a sandbox that goes takes its counters along" 1 "$(nft list counters table inet namegate | grep -c ' refused-')"
tap_done
