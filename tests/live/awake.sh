#!/usr/bin/env bash
# busy-poll: while questions come, worker and warden hardly ever sleep, and answers are the same; once nothing comes
# they use no processor time. Timers, the control socket, a reload, a silent warden and the end are served as ever.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs chrt
load=$build/tests/bench/load
[ -x "$load" ] || skip_all "tests/bench/load is not built"
# Who is polled for and who asks run before all else: where others want the core nobody polls, and here they may.
chrt --fifo 1 true 2>/dev/null || skip_all "no real-time priority is to be had, and without one others may want the core all the time"
usual_stage
ip -n net addr add 192.0.2.54/24 dev eth0
in_net chrt --fifo 1 "$build/tests/bench/upstream" 192.0.2.54:53 1 4 >"$work/upstream.log" 2>&1 &
until_true 10 grep -q ready "$work/upstream.log"
list=$(allow box1.list '*.far.example' '.allowed.example')
# shellcheck disable=SC2034 # gate_conf has it
gate_workers=1
echo 0 >"$work/asked"
conf() { # WINDOW
	cat >"$work/extra.conf" <<END
busy-poll = $1
lease-min = 1s
grace = 1s
flow-lease = 0
forward "far.example" {
	servers = {"192.0.2.54"}
}
END
	gate_conf >"$work/namegated.conf"
}
first() { chrt --fifo -p 1 "$worker" && chrt --fifo -p 1 "$warden"; } # before all else
# How often the two went to sleep so far, and how many milliseconds they have used.
slept() { awk '/^voluntary_ctxt/ { n += $2 } END { print n }' "/proc/$worker/status" "/proc/$warden/status"; }
used() { awk '{ n += $1 } END { printf "%d", n / 1000000 }' "/proc/$worker/schedstat" "/proc/$warden/schedstat"; }
# New names, one after the other, with four addresses each, all right.
misses() { # COUNT [option of load...]
	local n=$1 first
	shift
	first=$(cat "$work/asked")
	echo $((first + n)) >"$work/asked"
	box 1 chrt --fifo 1 "$load" --to 10.77.1.1:53 --name 'n%.far.example' --first "$first" --addresses 4 --window 1 \
		--patience 20000 --count "$n" "$@" >"$work/load"
}
# How often they sleep for a hundred of these: each takes the worker three sleeps and the warden one, unless what is
# waited for comes even before.
sleeps() {
	local before
	before=$(slept)
	misses 100 || return
	echo $(($(slept) - before)) >"$work/sleeps"
}
sleeping() { sleeps && [ "$(cat "$work/sleeps")" -ge 100 ]; }
polling() { sleeps && [ "$(cat "$work/sleeps")" -le 20 ]; }
quiet() { # in a second without questions
	local before
	before=$(used)
	sleep 1
	[ $(($(used) - before)) -lt 50 ]
}
few() { [ "$(table_elements allow4 | wc -l)" -lt 10 ]; }
ended() { ! kill -0 "$gate_pid"; }

conf off
start_gate
add_box 1 "$list" >/dev/null
worker=$(pid_of worker) warden=$(pid_of warden)
succeeds "worker and warden run before all else" first
succeeds "without busy-poll they sleep each time that they wait" sleeping
tap_note "$(cat "$work/sleeps") sleeps in 100 misses"

conf 20ms
succeeds "a reload sets it" gate reload
succeeds "from then on they hardly ever sleep while questions come" until_true 20 polling
tap_note "$(cat "$work/sleeps") sleeps in 100 misses"
succeeds "when none come they use no time" until_true 5 quiet
succeeds "and look again when more come" until_true 20 polling

# Like any other: nobody is to have a core of this machine for seconds.
chrt --other -p 0 "$worker"
chrt --other -p 0 "$warden"
conf 1000ms
gate reload >/dev/null
misses 40 --rate 10 &
asking=$!
succeeds "while they look, leases end when it is time" until_true 20 few
succeeds "the control socket answers" gate status
is "others get their answers" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"
succeeds "and all is right" wait "$asking"
kill -STOP "$warden"
is "a warden that is silent is noticed" "SERVFAIL ede=14" "$(ask 1 two.allowed.example)"
kill -CONT "$warden"
back() { [ "$(ask 1 two.allowed.example)" = "NOERROR 44.0.0.3 44.0.0.4" ]; }
succeeds "and believed again when it speaks" until_true 10 back

conf off
gate reload >/dev/null
succeeds "a reload takes it away" sleeping
conf 1000ms
gate reload >/dev/null
succeeds "answers are right after that, too" misses 10
kill "$gate_pid"
succeeds "what looks ends when it is told to" until_true 5 ended
tap_done
