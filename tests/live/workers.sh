#!/usr/bin/env bash
# Several workers: each sandbox meets the same one whichever way it asks, its numbers are exact, nobody
# notices the death of another's worker, and restarts with more workers or fewer lose nothing.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
for n in 3 4; do make_box "$n" || live_die "box$n cannot be made"; done
stop() {
	kill -TERM "$gate_pid"
	wait "$gate_pid"
}

# Without the setting there are as many as processors.
read -r one two < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0))[:2])')
counted() { gate status --json | jq -r '"\(.workers | length)\(if has("one_worker_because") then " for want of rights" else "" end)"'; }
resident() { # KiB, what is shared only once
	local pid
	for pid in "$gate_pid" $(cat "/proc/$gate_pid/task/"*/children); do cat "/proc/$pid/smaps_rollup"; done |
		awk '$1 == "Pss:" { n += $2 } END { print n }'
}
cpus=$(taskset -p $$ | sed 's/.*: //')
gate_workers=
taskset -cp "$one" $$ >/dev/null
start_gate
is "on one processor there is one worker" "1" "$(counted)"
unlike "which is nothing to warn of" 'one worker instead' "$(cat "$work/namegated.log")"
stop
if [ -n "$two" ]; then
	taskset -cp "$one,$two" $$ >/dev/null
	start_gate
	is "on two there are two, where the kernel lets us" "$(in_userns && echo 1 for want of rights || echo 2)" "$(counted)"
	kib=$(resident)
	succeeds "idle, all processes together take no more than 32 MiB ($kib KiB)" [ "$kib" -le 32768 ]
	like "-t says how many there will be" '^workers = 2$' "$("$build/namegated" -t -c "$work/namegated.conf" 2>"$work/said")"
	is "and for root, that there will be one after all" "$(in_userns && echo 1 || echo 0)" "$(grep -c 'cannot be shared out between workers here' "$work/said")"
	stop
else
	skip "on two there are two, where the kernel lets us" "this machine has one processor"
fi
taskset -p "$cpus" $$ >/dev/null

if in_userns; then # nobody takes programs there
	gate_workers=2 start_gate
	like "without the right to steer there is one worker, and it is said" 'one worker instead of 2' "$(cat "$work/namegated.log")"
	is "status says it, too" "1 true" "$(gate status --json | jq -r '"\(.workers | length) \(has("one_worker_because"))"')"
	tap_done
	exit
fi
gate_workers=2
start_gate
list=$(allow all.list .allowed.example '*.many.example')
for n in 1 2 3 4; do
	ip -n "box$n" addr add "10.77.$n.3/24" dev eth0
	add_box "$n" "$list" --source "10.77.$n.3" >/dev/null
done

pid_at() { gate status --json | jq -r ".workers[$1 - 1].pid"; }
up() { [ "$(gate status --json | jq -r '.ready')" = true ]; }
queries() { gate status --json | jq -r '[.workers[].queries] | join(" ")'; }
told() { gate leases --json | jq -r '.leases[] | "\(.sandbox) \(.name) \(.address)"' | sort; }
elements() { { table_elements allow4; table_elements allow6; } | sort; }

# Two sandboxes of different workers; which they are follows from their names.
a=1
for n in 2 3 4; do [ "$(worker_of $n)" = "$(worker_of 1)" ] || b=$n; done
is "there are two workers" "2 2" "$(gate status --json | jq -r '"\(.workers | length) \([.workers[].pid] | unique | length)"')"
is "and the sandboxes are shared out" "4" "$(gate status --json | jq '[.workers[].sandboxes] | add')"
is "to both of them" "1 2" "$(printf '%s\n' "$(worker_of "$a")" "$(worker_of "$b")" | sort | paste -sd ' ')"
for w in 1 2; do
	is "worker $w is confined" "0000000000000000 2 $(id -u namegate)" \
		"$(awk '{ of[$1] = $2 } END { print of["CapEff:"], of["Seccomp:"], of["Uid:"] }' "/proc/$(pid_at $w)/status")"
done

# One sandbox, one worker: both families, both transports, every address of it.
met() { # BOX QUERIES COMMAND...: by how many the worker's own count and the other's have grown
	local n=$1 mine before after
	shift
	mine=$(worker_of "$n")
	before=$(queries)
	"$@" >/dev/null
	after=$(queries)
	echo "$before $after" | awk -v m="$mine" '{ d[1] = $3 - $1; d[2] = $4 - $2; print d[m], d[3 - m] }'
}
twelve() { # BOX [dig's options]
	local n=$1 i
	shift
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do box "$n" dig +tries=1 +time=20 "$@" "n$i.many.example"; done
}
for n in "$a" "$b"; do
	is "box$n over UDP" "12 0" "$(met "$n" twelve "$n")"
	is "over TCP" "12 0" "$(met "$n" twelve "$n" +tcp)"
	is "over IPv6" "12 0" "$(met "$n" twelve "$n" "@fd77:$n::1")"
	is "over IPv6 and TCP" "12 0" "$(met "$n" twelve "$n" +tcp "@fd77:$n::1")"
	is "from its other address" "12 0" "$(met "$n" twelve "$n" -b "10.77.$n.3")"
	is "and over TCP from there" "12 0" "$(met "$n" twelve "$n" +tcp -b "10.77.$n.3")"
done
ip -n "box$a" addr add "10.77.$a.9/24" dev eth0
is "a source that is nobody's gets no answer of anybody's" "TIMEOUT" \
	"$(ask "$a" www.allowed.example -b "10.77.$a.9" +time=2)"

# Floods from several at once: every question is counted, and where it belongs.
before=$(queries)
for n in 1 2 3 4; do
	nsenter --net="/run/netns/box$n" python3 "$here/workers.py" flood "10.77.$n.1" www.allowed.example 2000 >"$work/flood.$n" &
	floods[n]=$!
done
wait "${floods[@]}"
is "each of four floods is answered in full" "0:2000 0:2000 0:2000 0:2000" "$(cat "$work"/flood.? | paste -sd ' ')"
is "each question is counted once, by the sandbox's worker" \
	"$(for n in 1 2 3 4; do worker_of $n; done | awk '{ n[$1] += 2000 } END { print n[1], n[2] }')" \
	"$(echo "$before $(queries)" | awk '{ print $3 - $1, $4 - $2 }')"

# One hangs: what is known without it is told, and who it is.
took() { # COMMAND...: milliseconds, in $took
	local from
	from=$(date +%s%3N)
	"$@" >"$work/out" 2>"$work/said"
	took=$(($(date +%s%3N) - from))
}
soon() { [ "$took" -lt $((3000 * LIVE_SLOW)) ]; } # beside one that is waited for until it is ended, 30 s later
mine=$(worker_of "$a")
hung=$(pid_at "$mine")
ask "$b" www.allowed.example >/dev/null
kill -STOP "$hung"
took gate status
succeeds "beside a worker that hangs status is there in $took ms" soon
like "and says who does not answer" "^namegate: the worker $mine does not answer; what it alone knows is left out\$" "$(cat "$work/said")"
like "it is shown as such" "^worker $mine +late, pid $hung," "$(cat "$work/out")"
took gate status --json
succeeds "and again, in $took ms" soon
is "the other's numbers are there" "true null" "$(jq -r --argjson m "$mine" '"\(.counters.queries > 0 and .counters.queries == .workers[2 - $m].queries) \(.workers[$m - 1].queries)"' "$work/out")"
took gate status "box$a"
like "of its own sandbox what limits refused is not made up" "sandbox +the worker does not answer" "$(cat "$work/out")"
took gate sandbox list
succeeds "sandboxes are listed in $took ms" soon
is "all of them" "4" "$(grep -c '^box' "$work/out")"
is "leases of the other's are told" "box$b" "$(gate leases "box$b" --json | jq -r '.leases[].sandbox' | sort -u)"
took gate leases "box$a"
like "of its own it is said why not" "the worker $mine, which knows that, does not answer" "$(cat "$work/said")"
is "and the other answers" "NOERROR 44.0.0.1" "$(ask "$b" www.allowed.example)"
is "it was not ended for all that" "$hung" "$(pid_at "$mine")"
kill -CONT "$hung"
whole() { gate status --json | jq -e '.warning == null and all(.workers[]; .state == "up" and .queries != null)'; }
succeeds "when it goes on status is whole" until_true 20 whole
is "and it is who it was" "$hung" "$(pid_at "$mine")"

# One worker dies, and the other's sandbox does not notice.
ask "$a" www.allowed.example >/dev/null
ask "$b" www.allowed.example >/dev/null
before=$(elements)
mine=$(pid_at "$(worker_of "$a")")
other=$(pid_at "$(worker_of "$b")")
rm -f "$work/enough"
nsenter --net="/run/netns/box$b" python3 "$here/workers.py" "10.77.$b.1" www.allowed.example 1 "$work/enough" >"$work/steady" &
steady=$!
kill -9 "$mine"
is "a question meanwhile waits and is answered" "NOERROR 44.0.0.1" "$(box "$a" dig +tries=1 +time=40 +short www.allowed.example | sed 's/^/NOERROR /')"
succeeds "all is ready again" until_true 20 up
: >"$work/enough"
wait "$steady"
like "the other's sandbox has lost nothing" '^[0-9]+ 0$' "$(cat "$work/steady")"
is "the other worker is who it was" "$other" "$(pid_at "$(worker_of "$b")")"
fails "and this one is another" [ "$mine" = "$(pid_at "$(worker_of "$a")")" ]
is "all elements stand" "$before" "$(elements)"
like "and their names are known" "^box$a www.allowed.example 44.0.0.1\$" "$(told)"
unlike "nothing was closed" 'of an earlier life are closed' "$(cat "$work/namegated.log")"

# What a sandbox is answered from is its worker's alone, and each is asked by administrators.
is "a flush reaches both" "true" "$(gate flush --all --json | jq '.flushed >= 2')"
is "narrowed, a list comes from the sandbox's worker" "box$b" "$(gate leases "box$b" --json | jq -r '.leases[].sandbox' | sort -u)"
is "sandboxes come and go with their worker" "box9 1" "$(gate sandbox add box9 --interface sb9 --source 10.77.99.9 --policy "$list" >/dev/null
	gate sandbox list --json | jq -r '.sandboxes[] | select(.name == "box9") | .name') $(gate sandbox remove box9 >/dev/null && echo 1)"
succeeds "a reload serves both" gate reload
is "both answer after it" "NOERROR 44.0.0.1 NOERROR 44.0.0.1" "$(ask "$a" www.allowed.example) $(ask "$b" www.allowed.example)"

# More workers, and fewer, with what was open then.
for n in 1 2 3 4; do twelve "$n" >/dev/null; done
leases=$(told)
before=$(elements)
for gate_workers in 3 1 2; do
	stop
	[ "$gate_workers" != 1 ] || echo "3 2" >"$work/store/workers" # a start with two has ended on its way
	start_gate
	succeeds "$gate_workers workers are ready" until_true 20 up
	is "so many there are" "$gate_workers" "$(gate status --json | jq '.workers | length')"
	is "they know every lease by its name" "$leases" "$(told)"
	is "the kernel has every element" "$before" "$(elements)"
	is "and each sandbox is answered" "NOERROR 44.0.0.1 NOERROR 44.0.0.1 NOERROR 44.0.0.1 NOERROR 44.0.0.1" \
		"$(for n in 1 2 3 4; do ask "$n" www.allowed.example; done | paste -sd ' ')"
	for n in 1 2 3 4; do echo "box$n $(worker_of $n)"; done >"$work/of"
	is "all of them are told of offline" "$(cut -d ' ' -f 1 <<<"$leases" | sort -u)" \
		"$("$build/namegate" who-opened --store "$work/store" --json 44.0.0.1 | jq -r '.rows[] | select(.state == "open") | .sandbox' | sort -u)"
done

# What one worker has made of its store takes nothing of the others' with it.
stop
who() { "$build/namegate" who-opened --store "$work/store" --json 44.0.0.1; }
theirs=$(for n in 1 2 3 4; do [ "$(awk "/^box$n /{ print \$2 }" "$work/of")" = 2 ] || echo "box$n"; done)
for file in "$work"/store/2/worker/store*; do
	case $file in *-lock) ;; *) head -c 8192 /dev/urandom >"$file" ;; esac
done
is "where one cannot be read, what others opened is told" "$theirs" "$(who 2>/dev/null | jq -r '.rows[] | select(.state == "open") | .sandbox' | sort -u)"
like "that something is missing is said" 'is missing here' "$(who 2>&1 >/dev/null)"
is "and not taken for an answer" "2 false" "$(who >/dev/null 2>&1; echo $?) $(who 2>/dev/null | jq .whole)"
unlike "nothing was closed in all of this" 'of an earlier life are closed' "$(cat "$work/namegated.log")"
tap_done
