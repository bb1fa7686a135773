#!/usr/bin/env bash
# What upstreams said is kept, flushed by name, zone or all, asked again ahead of its end while in use, and
# shown beyond its end where that is set. Questions to the upstream are counted by the kernel there.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs nft
usual_stage
cat >"$work/extra.conf" <<'END'
serve-stale = 1h
lease-min = 3
grace = 2
END
count_upstream
asking() { # BOX NAME...: the answer, and "asked" or "known"
	local before
	before=$(upstream_packets)
	ask "$@" | tr '\n' ' '
	[ "$(upstream_packets)" -gt "$before" ] && echo asked || echo known
}
# shellcheck disable=SC2034  # start_gate reads it
gate_workers=1 # what one sandbox was told the other is told from the same cache, and flushes are counted
start_gate
list=$(allow box1.list .allowed.example)
add_box 1 "$list" >/dev/null
add_box 2 "$list" >/dev/null

is "a name is asked upstream once" "NOERROR 44.0.0.1 asked" "$(asking 1 www.allowed.example)"
is "and known from then on" "NOERROR 44.0.0.1 known" "$(asking 1 www.allowed.example)"
is "to every sandbox that may have it" "NOERROR 44.0.0.1 known" "$(asking 2 www.allowed.example)"

# ---- flush ----

is "a name that nobody asked for flushes nothing" "0 forgotten" "$(gate flush two.allowed.example)"
is "a name is flushed by itself, in any case" "1 forgotten" "$(gate flush WWW.Allowed.Example.)"
is "and asked for anew" "NOERROR 44.0.0.1 asked" "$(asking 1 www.allowed.example)"
ask 1 two.allowed.example >/dev/null
is "the name of a zone is not the zone" "0 forgotten" "$(gate flush allowed.example)"
is "a zone is flushed with all below it" "2" "$(gate flush --json --zone allowed.example | jq .flushed)"
is "and is asked for anew" "NOERROR 44.0.0.3 44.0.0.4 asked" "$(asking 1 two.allowed.example)"
is "what an alias led through goes with its target" "NOERROR www.allowed.example. 44.0.0.1" "$(ask 1 alias.allowed.example)"
is "though the target itself was never asked for" "1 forgotten" "$(gate flush www.allowed.example)"
is "all is flushed at once" "1 forgotten" "$(gate flush --all)"
is "what is open stays open" "open" "$(reach 1 44.0.0.3)"
gate flush 'a..b' >/dev/null 2>"$work/said"
is "what is no name is refused" "1" "$?"
like "with its reason" 'a\.\.b.* is not a name' "$(cat "$work/said")"
gate flush >/dev/null 2>&1
is "and a flush of nothing" "2" "$?"
gate flush --all www.allowed.example >/dev/null 2>&1
is "or of all and one" "2" "$?"

# ---- over a restart ----

is "a name is known" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
first=$(box 1 dig +noall +answer www.allowed.example | awk '{ print $2 }')
kill -TERM "$gate_pid"
wait "$gate_pid"
sleep 1.1
start_gate
answers() { [ "$(ask 1 www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
before=$(upstream_packets)
succeeds "the next life answers" until_true 20 answers
is "without asking for it" "$before" "$(upstream_packets)"
second=$(box 1 dig +noall +answer www.allowed.example | awk '{ print $2 }')
succeeds "the time between has run off its TTL ($first, $second)" [ "$second" -lt "$first" ]
gate flush --all >/dev/null
kill -KILL "$(pid_of worker)"
succeeds "after a kill it answers again" until_true 20 answers
[ "$(upstream_packets)" -gt "$before" ]
is "and what was flushed has not come back" "0" "$?"

# ---- ahead of the end ----

ahead() { gate status --json | jq .counters.prefetched; }
in_use() {
	ask 1 www.allowed.example >/dev/null
	[ "$(ahead)" -gt 0 ]
}
gate flush --all >/dev/null
sed -i '1i ttl-max = 10' "$work/namegated.conf" # its last tenth is a second
gate reload >/dev/null
succeeds "a name in use is asked for before its end" until_true 60 in_use

# ---- beyond the end ----

sed -i 1d "$work/namegated.conf"
gate reload >/dev/null
is "an answer ends soon" "NOERROR 44.0.0.2" "$(ask 1 short.allowed.example)"
kill "$nsd_pid"
wait "$nsd_pid" 2>/dev/null
stale() { [ "$(ask 1 short.allowed.example)" = "NOERROR ede=3 44.0.0.2" ]; }
succeeds "and serves on when no server is there, marked as stale" until_true 40 stale
is "its address is open" "open" "$(reach 1 44.0.0.2)"
like "for 30 seconds and no more" '^short\.allowed\.example\. (30|2[0-9]) ' \
	"$(box 1 dig +noall +answer short.allowed.example | tr -s '\t' ' ')"
like "what was never known fails" '^SERVFAIL ' "$(ask 1 two.allowed.example)"
echo '*.other.example' >"$list"
gate reload >/dev/null
is "a stale answer is judged by the policy of the moment" "NXDOMAIN ede=15" "$(ask 1 short.allowed.example)"
tap_done
