#!/usr/bin/env bash
# What a sandbox may tell by asking: a tunnel of names is stopped at the budget, seen from the upstream's
# side; what it was told leads to the record; AAAA off; a worker that died brings no new store.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
# shellcheck disable=SC2034 # of lib.sh
budget=64 # 1024 octets at once
start_gate
add_box 1 "$(allow box1.list '*.other.example' www.allowed.example)" --no-aaaa >/dev/null
add_box 2 "$(allow box2.list '*.other.example')" --budget off >/dev/null
is "the list of sandboxes has both" "box1 64 false box2 off true" \
	"$(gate sandbox list --json | jq -r '.sandboxes | sort_by(.name)[] | "\(.name) \(.budget) \(.aaaa)"' | paste -sd' ')"

# Questions that reach the zone's server.
in_net nft -f - <<'END'
table inet watch {
	counter seen { }
	chain input {
		type filter hook input priority 0
		iif eth0 udp dport 53 counter name seen
	}
}
END
packets() { in_net nft -j list counter inet watch seen | jq '.nftables[] | .counter? // empty | .packets'; }
tunnel() { # BOX FROM COUNT: names of 60 octets, each with something new in it
	seq "$2" $(($2 + $3 - 1)) | awk '{ printf "%059d.other.example A\n", $1 }' >"$work/names"
	box "$1" dig +tries=1 +time=6 -f "$work/names" 2>&1 | awk '
		/status:/ { sub(/,$/, "", $6); n[$6]++; if ($6 == "NOERROR") open++ }
		/EDE: 15.*but budget: new names below it have used up 64 octets a minute/ { told++ }
		END { print open + n["NXDOMAIN"] - told, told + 0 }'
}

before=$(packets)
read -r passed told < <(tunnel 1 1000 60)
after=$(packets)
# 1024 octets are 17 names of 60, and a slow machine earns another one or two meanwhile.
if [ "$passed" -ge 17 ] && [ "$passed" -le 22 ] && [ $((passed + told)) = 60 ]; then
	ok "of 60 new names as many leave as the budget has octets for, the others are told why"
else
	not_ok "of 60 new names as many leave as the budget has octets for, the others are told why" "$passed left, $told told"
fi
if [ $((after - before)) -ge 17 ] && [ $((after - before)) -le 44 ]; then
	ok "the zone's server hears of no more"
else
	not_ok "the zone's server hears of no more" "$((after - before)) packets"
fi
is "a name that the rule spells out is not its affair" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
is "nor is another sandbox" "60 0" "$(tunnel 2 2000 60)"
is "the record says it once" "1 other.example" \
	"$(records 'select(.event == "budget") | .name' | sort | uniq -c | awk '{ print $1, $2 }')"
is "and it is counted" "$told" "$(gate status --json | jq .counters.over_budget)"

event=$(box 1 dig +tries=1 "$(printf '%059d' 9).other.example" | sed -n 's/.*; event \([0-9A-Z]\{26\}\).*/\1/p')
recorded() { grep -q "$event" "$work/records"; }
until_true 10 recorded || :
is "what the client was told leads to the record, with its rule" "deny 15 box1.list:1" \
	"$(records "select(.id == \"$event\") | \"\(.verdict) \(.ede) \(.rule | split(\"/\") | last)\"")"
is "no two events have one id" "" "$(records '.id // empty' | sort | uniq -d)"
is "where AAAA is off it has no data" "NOERROR ede=15" "$(ask 1 www.allowed.example AAAA)"

answers() { [ "$(ask 1 www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
kill -9 "$(pid_of worker)"
until_true 20 answers
read -r passed told < <(tunnel 1 3000 20)
if [ "$passed" -le 4 ] && [ $((passed + told)) = 20 ]; then
	ok "a worker that died has brought no more than a minute's worth"
else
	not_ok "a worker that died has brought no more than a minute's worth" "$passed left, $told told"
fi

# A tunnel that brings worker and gate down on its way leaves no more behind than one that does not.
restart() { # worker | gate | orderly
	case $1 in
	worker) kill -9 "$(pid_of worker)" ;;
	gate) kill -9 "$gate_pid" && wait "$gate_pid" ;;
	orderly) kill "$gate_pid" && wait "$gate_pid" ;;
	esac 2>/dev/null
	[ "$1" = worker ] || start_gate
	until_true 20 answers
}
through() { # RESTART...: names that left in 8 floods, with those restarts between; then the seconds it took
	local sum=0 number=5000 begun=$SECONDS kind
	for kind in none "$@" none; do
		[ "$kind" = none ] || restart "$kind"
		number=$((number + 1000))
		read -r passed told < <(tunnel 3 "$number" 25)
		sum=$((sum + passed))
	done
	echo "$sum $((SECONDS - begun))"
}
make_box 3 || live_die "box3 cannot be made"
add_box 3 "$work/box1.list" >/dev/null
read -r sum took < <(through worker gate worker orderly gate)
# What 1024 octets and those that have come back meanwhile are enough for.
most=$(((1024 + 64 * (took + 1) / 60) / 60 + 1))
if [ "$sum" -ge 12 ] && [ "$sum" -le "$most" ]; then
	ok "across five restarts as many names leave as across none"
else
	not_ok "across five restarts as many names leave as across none" "$sum in $took s, at most $most"
fi
gate sandbox remove box3 >/dev/null
add_box 3 "$work/box1.list" >/dev/null
read -r passed told < <(tunnel 3 90000 25)
if [ "$passed" -le 2 ] && [ $((passed + told)) = 25 ]; then
	ok "nor does registering it again bring any"
else
	not_ok "nor does registering it again bring any" "$passed left, $told told"
fi
tap_done
