#!/usr/bin/env bash
# Twenty reloads under ten thousand queries a second: no query lost, every answer from one version
# of the policy; flows whose rule lives on live on, those of a removed rule are cut within a second.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
load=$build/tests/bench/load
[ -x "$load" ] || skip_all "tests/bench/load is not built"

# The load checks each answer's address, which it derives from the name (tests/bench/dns.c).
address=$(python3 - <<'END'
wire, h = b"\4load\4load\7example", 2166136261
for octet in wire:
    h = ((h ^ octet) * 16777619) & 0xffffffff
h = ((h ^ h >> 16) * 0x85ebca6b) & 0xffffffff
h = ((h ^ h >> 13) * 0xc2b2ae35) & 0xffffffff
h ^= h >> 16
a = (20 << 24) + ((h & 0x07ffffff) << 3)
print(".".join(str(a >> n & 255) for n in (24, 16, 8, 0)))
END
)
zone load.example <<END
load 300 IN A $address
END
usual_stage
# What waited for a machine that stood still comes at once, and is within what a sandbox may ask.
printf 'limits {\n\trecords-per-second = 1000000\n\tqueries-sandbox = 1000000\n}\n' >"$work/extra.conf"
rate=${RELOAD_RATE:-10000}
keep=$(printf 'load.load.example\nwww.allowed.example')
printf '%s\nshort.allowed.example\n' "$keep" >"$work/box1.list"
start_gate
add_box 1 "$work/box1.list" >/dev/null
version() { gate status --json | jq .policy_version; }

# Two flows: one's rule stays, the other's goes.
is "two names" "NOERROR 44.0.0.1 NOERROR 44.0.0.2" "$(ask 1 www.allowed.example) $(ask 1 short.allowed.example)"
hold 1 44.0.0.1 600
kept=$held
hold 1 44.0.0.2 600
gone=$held

first=$(version)
records_before=$(wc -l <"$work/records")
box 1 "$load" --to 10.77.1.1:53 --name load.load.example --addresses 1 --seconds 600 --rate "$rate" \
	--window 1024 --patience 20000 >"$work/load" 2>"$work/load.err" &
loader=$!
failed=0
sleep 1 # the version before the first reload is to be seen too
for n in $(seq 20); do
	printf '%s\nn%d.many.example\n' "$keep" "$n" >"$work/box1.list"
	[ "$n" -gt 1 ] || moment=$(date +%s.%N)
	gate reload >/dev/null || failed=$((failed + 1))
	[ "$n" -gt 1 ] || reloaded=$(date +%s.%N)
	sleep 0.35
done
sleep 0.5
kill "$(pgrep -P "$loader" || echo "$loader")"
wait "$loader"
loaded=$?
last=$(version)
is "twenty reloads" "0 20" "$failed $((last - first))"
if [ "$loaded" -eq 0 ]; then
	ok "no query of $(jq -r .sent "$work/load") is lost, no answer wrong"
else
	not_ok "no query is lost, no answer wrong" "$(cat "$work/load" "$work/load.err")"
fi
# A machine that has thirty others to serve has not the time for the whole rate.
like "at the rate that was meant, or a twentieth of it" '^true$' "$(jq --argjson r "$rate" '.sent / .seconds >= $r / 20' "$work/load")"
tap_note "$(jq '.sent / .seconds | floor' "$work/load") queries a second"

# The record, in the order of the answers: versions only go up, and every one is of a reload.
written() { tail -n "+$((records_before + 1))" "$work/records" | jq -c 'select(.event == "decision" and .name != null)'; }
settled() { [ "$(written | wc -l)" -ge "$(jq .sent "$work/load")" ]; }
until_true 10 settled
written | jq -n --argjson first "$first" --argjson last "$last" \
	'reduce inputs as $r ({at: 0, n: 0, back: 0, odd: 0, seen: {}};
		.n += 1 | .back += (if $r.version < .at then 1 else 0 end) | .at = $r.version |
		.odd += (if $r.version < $first or $r.version > $last then 1 else 0 end) |
		.seen[$r.version | tostring] = 1) | {n, back, odd, versions: (.seen | length)}' >"$work/versions"
is "each answer has one line in the record" "$(jq .sent "$work/load")" "$(jq .n "$work/versions")"
is "none goes back to an older version" 0 "$(jq .back "$work/versions")"
is "none has a version that never was" 0 "$(jq .odd "$work/versions")"
is "all the versions were in force" 21 "$(jq .versions "$work/versions")"

# The flows.
wait "$gone"
succeeds "the flow of the removed rule was cut within a second" cut_within "$moment" 44.0.0.2 "$reloaded"
is "the flow of the rule that stayed was not" "up" "$(cat "$work/held.44.0.0.1")"
kill "$kept"
is "nor did its lease end" "" "$(records 'select(.event == "revoked" and (.name | startswith("www.allowed"))) | .name')"
tap_done
