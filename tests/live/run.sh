#!/usr/bin/env bash
# namegate-run: one command in a sandbox of its own; its status, its signals, its traces.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
if in_userns; then skip_all "namegate-run is root's tool"; fi
live_needs curl setpriv flock
usual_stage
echo 0 >/proc/sys/net/ipv4/ip_forward # what the machine had before
export NAMEGATE_BUILD=$build
run() { "$top/contrib/namegate-run" "$@"; }
traces() { # what a run may leave behind
	ip -o link | grep -c ': sb[a-z0-9]\{6\}'
	find /run/netns -name 'ngrun-*' | wc -l
	find /run/namegate-run -mindepth 1 -maxdepth 1 ! -name lock 2>/dev/null | wc -l
	nft list tables | grep -c ngrun
	pgrep -f 'ngrun|namegate-run/' | wc -l
	{ ip -4 rule; ip -6 rule; } | grep -c 'iif sb'
	cat /proc/sys/net/ipv4/ip_forward
}
clean=$(printf '0\n0\n0\n0\n0\n0\n0')

is "an allowed name is fetched" "open" \
	"$(run --allow www.allowed.example -- python3 "$here/peer.py" connect www.allowed.example 80 2>"$work/err")"
tap_note "$(cat "$work/err")"
is "nothing is left" "$clean" "$(traces)"
run --allow www.allowed.example -- getent hosts www.other.example
is "another name is not found, and that is the exit status" 2 $?
run --allow www.allowed.example -- sh -c 'exit 37'
is "the exit status is the command's" 37 $?
run --allow www.allowed.example -- sh -c 'kill -KILL $$'
is "a signal's is 128 and its number" 137 $?
is "a literal address is refused" "refused" "$(run --allow www.allowed.example -- python3 "$here/peer.py" connect 44.9.9.9 80)"
is "no CAP_NET_ADMIN, no CAP_NET_RAW" 0 \
	"$(run -- awk '$1 == "CapBnd:" || $1 == "CapEff:" { print $2 }' /proc/self/status |
		while read -r bits; do echo $((16#$bits >> 12 & 3)); done | sort -u)"
echo "allowed.example" >"$work/policy.list"
is "a policy file" "open" "$(run --policy "$work/policy.list" -- python3 "$here/peer.py" connect allowed.example 80)"
is "standard input arrives" "hello" "$(echo hello | run -- cat)"
fails "a bad name is turned down before anything runs" run --allow 'https://example.com/' -- touch "$work/ran"
fails "so nothing ran" test -e "$work/ran"

# Signals pass through; the command's own handler decides.
"$top/contrib/namegate-run" -- sh -c 'trap "exit 9" TERM; touch /run/live/ready; while :; do sleep 0.1; done' &
runner=$!
until_true 20 test -e "$work/ready"
kill -TERM "$runner"
wait "$runner"
is "TERM reaches the command" 9 $?
is "nothing is left after it" "$clean" "$(traces)"

# Killed without a chance to clean up: the guard does.
rm -f "$work/ready"
"$top/contrib/namegate-run" -- sh -c 'touch /run/live/ready; sleep 1000' &
runner=$!
until_true 20 test -e "$work/ready"
kill -KILL "$runner"
wait "$runner" 2>/dev/null
tidy() { [ "$(traces)" = "$clean" ]; }
if until_true 20 tidy; then
	ok "killed, it still leaves nothing"
else
	not_ok "killed, it still leaves nothing" "$(traces)"
fi

# Without its table nothing passes either: main is stopped, the warden dies, somebody flushes.
cat >"$work/probe" <<'END'
python3 "$1" connect www.allowed.example 80
touch /run/live/ready
until [ -e /run/live/flushed ]; do sleep 0.1; done
python3 "$1" connect 44.0.0.1 80
END
rm -f "$work/ready"
"$top/contrib/namegate-run" --allow www.allowed.example -- sh "$work/probe" "$here/peer.py" >"$work/probed" 2>&1 &
runner=$!
until_true 20 test -e "$work/ready"
gate_pid=$(pgrep -f 'namegated -c /run/namegate-run/' | head -n 1)
kill -STOP "$gate_pid"
kill -9 "$(pid_of warden)"
sleep 0.2
nft flush ruleset
: >"$work/flushed"
wait "$runner"
kill -CONT "$gate_pid" 2>/dev/null
like "without a table nothing passes" '^open (unreachable|timeout)' "$(tr '\n' ' ' <"$work/probed")"
until_true 20 tidy

# Several at once, and with a gate that runs already.
for n in 1 2 3; do
	run --allow "n$n.many.example" -- python3 "$here/peer.py" connect "n$n.many.example" 80 >"$work/many$n" 2>&1 &
	runners[n]=$!
done
wait "${runners[@]}"
is "three at once" "open open open" "$(cat "$work"/many[123] | tr '\n' ' ' | sed 's/ $//')"
succeeds "nothing is left of them" until_true 10 tidy
start_gate
is "with a running gate" "open" \
	"$(run --control "$work/control" --allow www.allowed.example -- python3 "$here/peer.py" connect www.allowed.example 80)"
is "which forgets it afterwards" "" "$(gate sandbox list | grep ngrun)"
tap_done
