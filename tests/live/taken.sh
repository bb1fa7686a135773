#!/usr/bin/env bash
# What a worker that was taken over says to main moves nothing of another's sandboxes, and keeps no
# administrator waiting.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
[ -x "$build/tests/live/worker_taken" ] || skip_all "$build/tests/live/worker_taken is not built"
in_userns && skip_all "without the right to steer there is one worker"
usual_stage
for n in 3 4; do make_box "$n" || live_die "box$n cannot be made"; done
gate_programs=$work/programs
mkdir "$gate_programs"
cp "$build/tests/live/worker_taken" "$gate_programs/namegated"
cp "$build/namegate-warden" "$gate_programs/"
printf '?*.allowed.example\n' >"$work/global.list"
echo "policies = { \"$work/global.list\" }" >"$work/extra.conf"
forced_prepare() { :; } # the warden is as it is
# shellcheck disable=SC2034  # start_gate reads it
gate_workers=2
export NAMEGATE_TAKEN=77
start_gate
list=$(allow all.list .allowed.example)
for n in 1 2 3 4; do add_box "$n" "$list" >/dev/null; done
a=1
for n in 2 3 4; do [ "$(worker_of $n)" = "$(worker_of 1)" ] || b=$n; done

# Two names under one number: an administrator means one of them, and gets neither.
ask "$a" www.allowed.example >/dev/null
succeeds "what waits at one of the workers is approved by its number" gate approve 77
is "and answered" "NOERROR 44.0.0.1" "$(ask "$a" www.allowed.example)"
ask "$a" mixed.allowed.example >/dev/null
ask "$b" alias.allowed.example >/dev/null
is "two say that a name waits under one number" "77 77" "$(gate pending --json | jq -r '[.pending[].id] | join(" ")')"
for verb in "approve --scope global" approve refuse; do
	# shellcheck disable=SC2086  # a verb and its options
	like "namegate $verb decides nothing then, and says why" 'two names wait under 77' "$(gate ${verb%% *} 77 ${verb#"${verb%% *}"} 2>&1)"
done
is "no more is approved than was" "www.allowed.example" "$(gate approvals --json | jq -r '[.approvals[].name] | join(" ")')"
is "and both names are denied" "NXDOMAIN ede=15 NXDOMAIN ede=15" "$(ask "$a" mixed.allowed.example) $(ask "$b" alias.allowed.example)"

# Nor is anything decided while one does not answer, who may know that number, too.
hung=$(pid_of worker "$b")
kill -STOP "$hung"
like "what another may know by that number is not decided without it" 'does not answer' "$(gate approve 77 2>&1)"
kill -CONT "$hung"
kill -TERM "$gate_pid"
wait "$gate_pid"

# More rows than main takes from all.
gate_workers=2 NAMEGATE_TAKEN=flood70000 start_gate
for n in 1 2 3 4; do
	if [ "$(worker_of $n)" = 1 ]; then a=$n; else b=$n; fi # the first is asked first
done
ask "$a" flood.allowed.example >/dev/null
ask "$b" beside.allowed.example >/dev/null
gate pending >/dev/null
beside() { gate pending --json | jq -r '.pending[] | select(.name == "beside.allowed.example").id'; }
number=$(beside)
like "what waits at another worker is shown beside them" '^[0-9]+$' "$number"
succeeds "and approved" gate approve "${number:-0}"
kill -TERM "$gate_pid"
wait "$gate_pid"

# One name is shown, and another one waits under its number when it is approved.
gate_workers=1 NAMEGATE_TAKEN=swap start_gate
ask 1 mixed.allowed.example >/dev/null
number=$(gate pending --json | jq -r '.pending[] | select(.name == "mixed.allowed.example").id')
for verb in "approve --scope global" refuse; do
	# shellcheck disable=SC2086  # a verb and its options
	like "namegate $verb decides nothing when another name waits than was shown" 'is not what namegate pending has shown' \
		"$(gate ${verb%% *} "$number" ${verb#"${verb%% *}"} 2>&1)"
done
is "and no name of its choice is approved" "www.allowed.example beside.allowed.example" "$(gate approvals --json | jq -r '[.approvals[].name] | join(" ")')"
kill -TERM "$gate_pid"
wait "$gate_pid"

# The same, after more numbers were shown than main remembers; another administrator looks meanwhile.
gate_workers=1 NAMEGATE_TAKEN=flood9000 start_gate
ask "$a" flood.allowed.example >/dev/null
number=$(gate pending --json | jq -r '.pending[] | select(.name == "flood.allowed.example").id')
is "another name is shown under a number after many others" what.allowed.example \
	"$(gate pending --json | jq -r --argjson id "$number" '.pending[] | select(.id == $id).name')"
like "what may have been forgotten of it is not decided, and nobody is accused" 'had under [0-9]+ is not remembered' "$(gate approve --scope global "$number" 2>&1)"
is "and again no name of its choice is approved" "www.allowed.example beside.allowed.example" "$(gate approvals --json | jq -r '[.approvals[].name] | join(" ")')"
kill -TERM "$gate_pid"
wait "$gate_pid"

# Rows without end, each soon enough.
gate_workers=1 NAMEGATE_TAKEN=drip start_gate
succeeds "status is told beside a worker that does not come to an end" timeout $((60 * LIVE_SLOW)) "$build/namegate" status --control "$work/control"
tap_done
