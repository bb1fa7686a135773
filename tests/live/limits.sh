#!/usr/bin/env bash
# What limits refuse is counted exactly: what two sandboxes are told at once by UDP, TCP and their Unix
# sockets is what the row of each has, in status and in the record.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
mkdir -p "$work/dns"
zone limits.example < <(awk 'BEGIN { for (n = 1; n <= 250; n++) print "a" n, "3600 IN A 44.5.0." n }')
usual_stage
ip -n net addr add 192.0.2.54/24 dev eth0
ip -n net addr add 192.0.2.55/24 dev eth0
in_net python3 "$here/limits.py" keep 192.0.2.54 "$work/go.ci" 192.0.2.55 "$work/go.lab" >"$work/keep.log" 2>&1 &
until_true 10 grep -q ready "$work/keep.log"
# shellcheck disable=SC2046,SC2034 # they are words, and conf has the list
list=$(allow both.list .late.example '*.other.example' '?.asked.example' $(seq -f 'a%.0f.limits.example' 1 250))
declare -A box=([ci]=1 [lab]=2)
octets=64 # a minute, below each wildcard
patience=10000
conf() { # LINE of limits...
	cat >"$work/extra.conf" <<CONF
limits {
$(printf '\t%s\n' "$@")
}
forward "ci.late.example" {
	servers = {"192.0.2.54"}
	timeout = $patience
}
forward "lab.late.example" {
	servers = {"192.0.2.55"}
	timeout = $patience
}
$(for name in ci lab; do
		cat <<BOX
sandbox "$name" {
	sources = {"10.77.${box[$name]}.2", "fd77:${box[$name]}::2"}
	interface = "sb${box[$name]}"
	policies = {"$list"}
	socket = "$work/dns/$name.dns"
	budget = $octets
}
BOX
	done)
CONF
}
row() { gate status "$1" --json | jq -c '.limits[0] | del(.sandbox) | map_values(select(. > 0))'; }
count() { row "$1" | jq ".$2 // 0"; } # SANDBOX LIMIT
at() { # SANDBOX WAY
	[ "$2" = unix ] && echo "$work/dns/$1.dns" || echo "10.77.${box[$1]}.1"
}
asks() { # SANDBOX WAY PATTERN FIRST LAST [KEPT]
	rm -f "$work/go.$1"
	box "${box[$1]}" timeout 100 python3 "$here/limits.py" ask "$2" "$(at "$1" "$2")" "${@:3:3}" \
		${6:+"$6" "$work/go.$1"}
}
# Both ask at the same time, lab more than ci; what each was told is in $work/told.NAME.
both() { # WAY PATTERN FIRST N [KEPT]: @ of PATTERN is the sandbox
	local name pids=()
	for name in ci lab; do
		asks "$name" "$1" "${2/@/$name}" "$3" $(($3 + $4 - 1 + ${box[$name]} * 7)) "${@:5}" >"$work/told.$name" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
}
told() { grep -o "$2=[0-9]*" "$work/told.$1" | cut -d= -f2; }
too_much() { # WHAT LIMIT TOLD PATTERN N [KEPT]: TOLD is what limits.py calls it
	local way first=1 before
	for way in udp tcp unix; do
		before=("$(count ci "$2")" "$(count lab "$2")")
		both "$way" "$4" "$first" "${@:5}"
		if [ "$(told ci "$3")" -gt 0 ] && [ "$(told lab "$3")" -gt 0 ]; then
			is "$1, $way: as many as were told, of each" "$(told ci "$3") $(told lab "$3")" \
				"$(($(count ci "$2") - before[0])) $(($(count lab "$2") - before[1]))"
		else
			not_ok "$1, $way: as many as were told, of each" "$(head -n 20 "$work"/told.*)"
		fi
		first=$((first + $5 + 14))
	done
}
again() { # LINE of limits...: by a reload, which keeps what was counted
	conf "$@"
	gate_conf >"$work/namegated.conf"
	gate reload >/dev/null || tap_note "$(tail -n 5 "$work/namegated.log")"
}

conf 'pending-sandbox = 4'
start_gate
is "nothing was refused yet" "{} {} null" "$(row ci) $(row lab) $(gate status --json | jq -c '.limits[0]')"
too_much "questions under way" pending refused 'n%d.@.late.example' 20 4
is "four of each were not" "{\"pending\":$((3 * 27 - 12))} {\"pending\":$((3 * 34 - 12))}" "$(row ci) $(row lab)"
again 'leases-sandbox = 5'
too_much "octets of names" budget denied '%059d.other.example' 40
for name in ci lab; do # they are promised for an hour: no room is left, and nothing gives way
	asks $name tcp 'a%d.limits.example' 201 205 >/dev/null
done
too_much "addresses" leases refused 'a%d.limits.example' 3
again 'queries-sandbox = 20'
too_much "questions a second" rate refused 'n%d.denied.example' 300
again 'tcp-clients-sandbox = 3'
for way in udp tcp unix; do
	both $way "$way%d.asked.example" 1 30
done
is "names to be approved: all but 64 of each" "$((3 * 37 - 64)) $((3 * 44 - 64))" "$(count ci waiting) $(count lab waiting)"

for way in tcp unix; do
	count=$(count ci closed)
	is "of eight idle connections by $way three live" "00000111" "$(box 1 python3 "$here/tcp.py" queue "$(at ci $way)" 8 3)"
	is "five gave way" 5 $(($(count ci closed) - count))
	rm -f "$work/go.lab"
	count=$(count lab connections)
	is "of ten with questions under way by $way seven are refused" "refused=7" \
		"$(box 2 python3 "$here/limits.py" crowd "$(at lab $way)" "$way%d.lab.late.example" 10 "$work/go.lab")"
	is "seven are counted" 7 $(($(count lab connections) - count))
done
is "of others none" "0 0" "$(count lab closed) $(count ci connections)"

shown() { # SANDBOX: by status, in one line
	gate status "$1" | awk 'NR > 1 && $2 { printf "%s%s %s", n++ ? " " : "", $1, $2 }'
}
recorded() { # SANDBOX: by its last record
	records "select(.event == \"limits\" and .sandbox == \"$1\") | del(.time, .event, .sandbox, .mode) |
		to_entries | map(\"\(.key) \(.value)\") | join(\" \")" | tail -n 1
}
same() { [ "$(recorded ci) / $(recorded lab)" = "$(shown ci) / $(shown lab)" ]; }
until_true 10 same
is "status and record have the same sums" "$(shown ci) / $(shown lab)" "$(recorded ci) / $(recorded lab)"
is "and a line of status each" "ci: $(shown ci) / lab: $(shown lab)" \
	"$(gate status | sed -n '/^limited/,/^ *lab:/s/^[a-z]* *//p' | paste -sd / | sed 's|/| / |')"
like "of a sandbox that there is not it says so" 'there is no sandbox "nobody"' "$(gate status nobody 2>&1)"

# ---- places to ask from: few, by the descriptors that there are ----

kill "$gate_pid"
wait "$gate_pid"
# shellcheck disable=SC2034 # conf has them
octets='"off"' patience=3000
conf 'pending-sandbox = 1000'
ulimit -n 700
start_gate
too_much "places to ask from" upstream failed '%d.@.late.example' 300 160
tap_done
