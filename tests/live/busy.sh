#!/usr/bin/env bash
# Another program commits to netfilter all the time, as container hosts do. The gate's table is built
# all the same, is not taken for changed, and addresses open.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/writer.py" <<'END'
import subprocess
nft = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
while nft.poll() is None:
    nft.stdin.write("add table inet busy\ndelete table inet busy\n")
END
writers=()
for n in 1 2 3; do
	python3 "$work/writer.py" 2>"$work/writer$n.log" &
	writers+=($!)
done
nft monitor ruleset >"$work/monitored" 2>/dev/null &
monitor=$!
many() { [ "$(wc -l <"$work/monitored")" -gt 10 ]; }
succeeds "somebody else is busy" until_true 10 many
kill "$monitor"

for round in 1 2 3 4 5; do
	start_gate
	add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
	is "round $round: an address opens" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"
	sleep 1.5 # the gate looks at its rules meanwhile
	gate sandbox remove box1 >/dev/null
	kill "$gate_pid"
	wait "$gate_pid"
	gate teardown >/dev/null 2>&1 || "$build/namegate-warden" --teardown namegate
done
kill "${writers[@]}"
unlike "the table was built each time, and once" 'could not be built|anew|repair|changed' "$(cat "$work/namegated.log")"
tap_done
