#!/usr/bin/env bash
# One truth, for sequences drawn at random: each is played to a daemon with a real kernel, and what came of
# it (replies, questions to the upstream, elements and their times) is held against `namegate test`.
# See one_truth/README.md: ONE_TRUTH_SEED repeats a run.
. "$(dirname "$0")/lib.sh"
live_enter "$@"

# All sandboxes live behind one link, on addresses that the namespace takes as its own.
make_boxes() {
	ip netns add boxes && ip link add sb1 type veth peer name eth0 netns boxes || return
	ip addr add 10.76.0.1/24 dev sb1 && ip addr add fd76::1/64 dev sb1 nodad
	ip link set sb1 up
	ip -n boxes link set lo up
	ip -n boxes addr add 10.76.0.2/24 dev eth0
	ip -n boxes addr add fd76::2/64 dev eth0 nodad
	ip -n boxes link set eth0 up
	ip -n boxes route add default via 10.76.0.1
	ip -n boxes -6 route add default via fd76::1
	ip -n boxes route add local 10.77.0.0/16 dev lo
	ip -n boxes -6 route add local fd77::/64 dev lo
	ip route add 10.77.0.0/16 via 10.76.0.2 dev sb1
	ip -6 route add fd77::/64 via fd76::2 dev sb1
	# Their router's own address belongs to no sandbox, so the gate would not even tell it where it is.
	ip -6 neigh replace fd76::2 lladdr "$(ip -n boxes -j link show eth0 | jq -r '.[0].address')" dev sb1 nud permanent
	ip -n boxes -6 neigh replace fd76::1 lladdr "$(ip -j link show sb1 | jq -r '.[0].address')" dev eth0 nud permanent
}

make_net || live_die "the network cannot be made"
ip -n net addr add 192.0.2.54/24 dev eth0
make_boxes || live_die "the sandboxes cannot be made"
ulimit -n "$(ulimit -H -n)"
# Two runs at once must not take each other's scenes away.
root=${ONE_TRUTH_FOLDER:-$build/tests/live/one_truth}
mkdir -p "$root" && folder=$(mktemp -d "$root/XXXXXX") || live_die "no folder can be made in $root"
trap 'rmdir "$folder" 2>/dev/null' EXIT
play() { # VERB [option...]
	ONE_TRUTH_BUILD=$build ONE_TRUTH_WORK=$work timeout 900 python3 "$here/one_truth/main.py" "$@" --folder "$folder" 2>&1
}
verdict() { # WHAT LOG: its notes, then ok unless it failed
	grep '^#' "$2"
	if [ "$3" -eq 0 ]; then ok "$1"; else not_ok "$1" "$(grep -v '^#' "$2")"; fi
}

play run --sequences "${ONE_TRUTH_SEQUENCES:-2000}" >"$work/run.log"
verdict "the daemon and the offline mode do the same in every sequence" "$work/run.log" $?
# The kernel still holds what the first daemon opened: these sequences have addresses of their own.
play plant --first 6000 >"$work/plant.log"
verdict "a difference that is put in is found and made small" "$work/plant.log" $?
tap_done
