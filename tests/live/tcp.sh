#!/usr/bin/env bash
# DNS over TCP (RFC 7766) with clients as they should be, and as they should not.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
mkdir -p "$work"
cat >"$work/extra.conf" <<'CONF'
limits {
	tcp-clients = 10
	tcp-clients-sandbox = 6
}
forward "late.example" {
	servers = {"192.0.2.54"}
	timeout = 5000
}
CONF
usual_stage
ip -n net addr add 192.0.2.54/24 dev eth0
in_net python3 "$here/tcp.py" late 192.0.2.54 3 >"$work/late.log" 2>&1 &
until_true 10 grep -q ready "$work/late.log"
start_gate
add_box 1 "$(allow box1.list .allowed.example .late.example)" >/dev/null
add_box 2 "$(allow box2.list .allowed.example .late.example)" >/dev/null
client() { # BOX ACTION...
	local n=$1 action=$2
	shift 2
	box "$n" python3 "$here/tcp.py" "$action" "10.77.$n.1" "$@" 2>&1
}

# ---- as they should be ----

client 1 pipeline late.example other.example 64 >"$work/pipeline"
grep '^#' "$work/pipeline"
is "64 questions in one segment: all answered, nobody waits for the late ones" "whole overtook" \
	"$(grep -v '^#' "$work/pipeline")"
is "three messages a segment, one message in many" "[1, 2, 3, 4]" "$(client 1 cut www.allowed.example)"
is "a client that has said its end gets its answer, then ours" "0 44.0.0.9 closed" \
	"$(client 1 half a.late.example)"
like "a client that asks is told how long it may be idle" '; TCP.KEEPALIVE: 10\.0 secs' \
	"$(box 1 dig +tries=1 +tcp +keepalive www.allowed.example)"
unlike "one that does not ask is not" 'KEEPALIVE' "$(box 1 dig +tries=1 +tcp www.allowed.example)"
unlike "nor is one over UDP" 'KEEPALIVE' "$(box 1 dig +tries=1 +keepalive www.allowed.example)"
is "what is opened over TCP is open" "open" "$(reach 1 44.0.0.1)"

# ---- as they should not be: the slow ones all at once, for they take their time ----

# From the cache, where no question waits: else the deaf one's would take all that its sandbox may have.
ask 1 big.allowed.example A +tcp >/dev/null
client 1 idle >"$work/idle" &
slow=$!
client 1 dribble >"$work/dribble" &
slow="$slow $!"
client 1 deaf big.allowed.example >"$work/deaf" &
slow="$slow $!"
sleep 1
is "beside them another question is answered" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example A +tcp)"
is "and the neighbour's" "NOERROR 44.0.0.1" "$(ask 2 www.allowed.example A +tcp)"
is "what is no message ends it, and takes no answer along" "0 44.0.0.9 closed" \
	"$(client 1 end b.late.example)"
# shellcheck disable=SC2086  # a list of numbers
wait $slow
like "an idle connection is closed after ten seconds" '^closed (9|1[0-9])\.' "$(cat "$work/idle")"
like "a dribble is cut after five, though an octet comes each second" '^(closed|reset) ([5-9]|1[0-9])\.' \
	"$(cat "$work/dribble")"
like "a client that reads nothing is not read, and cut" '^cut after [0-9]+ questions' "$(cat "$work/deaf")"

# ---- too many ----

is "of connections that wait for a place of their sandbox, the longest idle give way" "00111111" \
	"$(client 1 queue 8 6)"
client 1 crowd 'c%d.late.example' www.other.example 6 >"$work/crowd" &
crowd=$!
until_true 5 grep -q 'under way' "$work/crowd"
is "with six under way in one sandbox, the neighbour has its place" "NOERROR 44.0.0.1" \
	"$(ask 2 www.allowed.example A +tcp)"
wait "$crowd"
like "nobody gives way with a question under way: the next one is refused" \
	'^the next one: (closed|reset)' "$(cat "$work/crowd")"
like "and the six are answered" 'answered 6' "$(cat "$work/crowd")"
is "a storm of resets" "done" "$(client 1 resets 300)"
is "leaves a gate that answers" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example A +tcp)"
is "and the same worker" 1 "$(grep -c 'serving' "$work/namegated.log")"
tap_done
