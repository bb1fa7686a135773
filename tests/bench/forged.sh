#!/usr/bin/env bash
# What it costs to count forged packets to their sandbox and to log some of them: packets a second
# that one core sends into the gate's table, and into the same table with one counter for all.
#
#     forged.sh ROUNDS [PACKETS]     {"counted": [...], "alone": [...]}
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/../live/lib.sh"
live_enter "$@"
rounds=${1:-3} packets=${2:-500000}
{ make_net && make_box 1; } || live_die "the network cannot be made"
start_gate
gate sandbox add box1 --interface sb1 --source 10.77.1.2 --allow allowed.example >/dev/null
nft list table inet namegate | sed '/^\tflags .*owner/d; /^\t# progname/d' >"$work/counted.nft"
awk '/^\tchain forged \{/ { print; print "\t\tcounter drop"; skip = 1; next }
	/^\t\}/ { skip = 0 } !skip' "$work/counted.nft" >"$work/alone.nft"
kill "$gate_pid"
wait "$gate_pid"
gate teardown >/dev/null
mac=$(ip -j link show sb1 | jq -r '.[0].address')
for ((i = 0; i < rounds; i++)); do
	for table in counted alone; do
		nft flush ruleset
		nft -f "$work/$table.nft" || live_die "the table cannot be loaded"
		box 1 "$build/tests/bench/forged" eth0 "$mac" "$packets" >>"$work/$table" ||
			live_die "the frames cannot be sent"
	done
done
jq -n --slurpfile counted "$work/counted" --slurpfile alone "$work/alone" '{$counted, $alone}' -c
