#!/usr/bin/env bash
# More leases than are read at a start: until the worker has said all, everything stands and nothing
# new opens; then what nobody has ordered is gone with its flows, and no packet saw the state between.
# shellcheck disable=SC2119  # tell and friends take their words from the line
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/driver.sh"
many=30000
start_driver

elements() { nft list set inet namegate "$1" 2>/dev/null | grep -o '10\.77\.1\.2 \. [0-9.]*'; }

hold() { # NAME ADDRESS: a connection that stays, until $work/end is there; then: does it still go?
	box 1 bash -c 'exec 3<>"/dev/tcp/$0/80" || exit
		echo first >&3; read -r -t 5 -u 3 line && printf "%s " "$line"
		for i in $(seq 12000); do [ -e "$1" ] && break; sleep 0.1; done
		echo second >&3 2>/dev/null; read -r -t 10 -u 3 line && printf "%s" "$line" || printf cut' \
		"$2" "$work/end" >"$work/held.$1" 2>/dev/null &
	holders="$holders $!"
	until_true 5 grep -q first "$work/held.$1"
}

lives() { # the warden dies and comes back
	tell kill 9
	tell start "$warden"
	tell table namegate "sb*" 5353 100000 100000 50
}

orders() { # what the worker knows, but for the last of the many
	tell lease 1 44.0.0.1 600000
	tell lease 1 44.0.0.7 600000 6 80
	tell lease 1 2001:db8:80::1 600000
	tell fill 1 44.16.0.0 $((many - 1)) 3600000
}

{ make_net && make_box 1 && make_box 2; } || live_die "the network cannot be made"
start_web
sources=10.77.1.2,fd77:1::2
last=44.16.$(((many - 1) / 256)).$(((many - 1) % 256))
holders=

like "it starts" '^ok' "$(tell start "$warden")"
is "with many leases, and static rules" "ok ok ok $many confirmed, 0 refused" \
	"$(tell table namegate "sb*" 5353 100000 100000 50) $(
		tell add 1 sb1 enforce masq $sources - 44.5.0.1,44.5.0.2) $(tell worker) $(
		tell fill 1 44.16.0.0 $many 3600000 | sed 's/ in .*//')"
is "of other kinds as well" "ok ok ok ok ok ok" "$(tell lease 1 44.0.0.1 600000) $(
	tell lease 1 44.0.0.2 600000) $(tell lease 1 44.0.0.4 600000) $(
	tell lease 1 44.0.0.7 600000 6 80) $(tell lease 1 2001:db8:80::1 600000) $(
	tell lease 1 2001:db8:80::2 600000)"
hold explained 44.0.0.1
hold unexplained 44.0.0.2
hold unexplained6 2001:db8:80::2
hold port 44.0.0.7
hold_ended() { # as often as this machine is too slow for it
	tell lease 1 44.0.0.8 3000 | grep -q ok && hold ended 44.0.0.8
}
until_true 10 hold_ended
is "one of which ends soon" "first " "$(cat "$work/held.ended")"
hold static 44.5.0.1
until_true 8 bash -c '! nft get element inet namegate allow4 "{ 10.77.1.2 . 44.0.0.8 }"' 2>/dev/null

cat >"$work/probe.py" <<'END'
import os, socket, sys, time
tried = {}
failed = []
while not os.path.exists("/run/live/end"):
    for at in sys.argv[1:]:
        tried[at] = tried.get(at, 0) + 1
        try:
            socket.create_connection((at, 80), 3).close()
        except OSError as error:
            failed.append(f"{at} {error}")
    time.sleep(0.002)
print(f"{len(failed)} refused", "of many" if min(tried.values()) > 100 else f"of {tried}", *failed[:3])
END
box 1 python3 "$work/probe.py" 44.0.0.1 44.0.0.7 2001:db8:80::1 44.5.0.1 44.16.1.1 >"$work/probe" 2>&1 &
holders="$holders $!"

# ---- one restart ----

left=$(element_left allow4 10.77.1.2 44.16.1.1)
lives >/dev/null
like "many are adopted without being read" 'adopted with more than 2[0-9]* leases' "$(cat "$work/warden.log")"
is "before anything is registered all stands" "open open open open open" "$(reach 1 44.0.0.1) $(
	reach 1 44.0.0.2) $(reach 1 "$last") $(reach 1 44.5.0.2) $(reach 1 2001:db8:80::2)"
is "and nothing else" "refused" "$(reach 1 44.0.0.9)"
is "the sandbox comes back, with one static rule less" "ok ok" \
	"$(tell add 1 sb1 enforce masq $sources - 44.5.0.1) $(tell worker)"
tell revoke 1 44.0.0.4 >/dev/null
is "a lease is ordered" "ok" "$(tell lease 1 44.0.0.1 600000)"
is "one that is revoked before it was known is gone" "refused" "$(reach 1 44.0.0.4)"
like "the others are ordered" '^29999 confirmed, 0 refused' "$(orders | tail -n 1)"
is "a new one as well" "refused ok open" "$(reach 1 44.0.0.10) $(tell lease 1 44.0.0.10 60000) $(
	reach 1 44.0.0.10)"
is "what was not ordered still stands" "open open open" \
	"$(reach 1 44.0.0.2) $(reach 1 "$last") $(reach 1 2001:db8:80::2)"
is "then the worker has said all" "sent" "$(tell claimed)"
succeeds "and what nobody explains is closed" until_true 10 grep -q 'whatever else stood is closed' "$work/warden.log"
is "packets find it closed" "refused refused refused refused" "$(reach 1 44.0.0.2) $(
	reach 1 "$last") $(reach 1 2001:db8:80::2) $(reach 1 44.5.0.2)"
is "and all else open" "open open open open open open" "$(reach 1 44.0.0.1) $(reach 1 44.0.0.7) $(
	reach 1 2001:db8:80::1) $(reach 1 44.5.0.1) $(reach 1 44.16.1.1) $(reach 1 44.0.0.10)"
is "the sets hold exactly that" "$((many - 1 + 3))" "$(elements allow4b | sort -u | wc -l)"
fails "and those before them are gone" nft list set inet namegate allow4
now=$(element_left allow4b 10.77.1.2 44.16.1.1)
is "with the ends that were ordered" "yes" "$([ "$now" -ge $((left - 60)) ] && [ "$now" -le 3640 ] && echo yes)"
permanent() { nft get element inet namegate "$1" '{ 10.77.1.2 . 44.5.0.1 }' | grep -q '44\.5\.0\.1 *}'; }
succeeds "a static rule's has none" permanent allow4b
is "leases go on" "ok open" "$(tell lease 1 44.0.0.11 60000) $(reach 1 44.0.0.11)"
tell revoke 1 44.0.0.11 >/dev/null
is "and are revoked" "ok refused" "$(tell lease 1 44.0.0.12 1500) $(reach 1 44.0.0.11)"
succeeds "and end" until_true 5 bash -c \
	'! nft get element inet namegate allow4b "{ 10.77.1.2 . 44.0.0.12 }" 2>/dev/null'

# ---- restarts within a restart ----

tell lease 1 44.0.0.13 600000 >/dev/null
lives >/dev/null
is "again, and a worker that dies in the middle" "ok ok ok" "$(
	tell add 1 sb1 enforce masq $sources - 44.5.0.1) $(tell worker) $(tell lease 1 44.0.0.14 600000)"
is "leaves all as it stood" "ok open open open" "$(tell worker) $(reach 1 44.0.0.13) $(reach 1 44.0.0.14) $(
	reach 1 44.16.1.1)"
tell kill 9 >/dev/null
stray=no
nft add set inet namegate allow6 '{ type ipv6_addr . ipv6_addr; flags timeout; }' 2>/dev/null &&
	nft add set inet namegate allow4 '{ type ipv4_addr . ipv4_addr; flags timeout; }' 2>/dev/null &&
	nft add element inet namegate allow4 '{ 10.77.1.2 . 44.0.0.15 timeout 1h }' && stray=yes
tell start "$warden" >/dev/null
is "a warden that dies in the middle as well" "ok open open open" "$(
	tell table namegate "sb*" 5353 100000 100000 50) $(reach 1 44.0.0.13) $(reach 1 44.0.0.14) $(
	reach 1 44.16.1.1)"
if [ $stray = yes ]; then
	is "a copy that it has left unfinished opens nothing" "refused" "$(reach 1 44.0.0.15)"
	fails "and is removed" nft list set inet namegate allow4
else
	skip "a copy that it has left unfinished opens nothing" "this kernel lets nobody write"
	skip "and is removed" "this kernel lets nobody write"
fi
is "the sandbox and the orders come once more" "ok ok $((many - 1)) confirmed, 0 refused" "$(
	tell add 1 sb1 enforce masq $sources - 44.5.0.1) $(tell worker) $(
	orders | tail -n 1 | sed 's/ in .*//')"
tell claimed >/dev/null
closed() { [ "$(grep -c 'whatever else stood is closed' "$work/warden.log")" -ge "$1" ]; }
succeeds "the worker says all" until_true 10 closed 2
is "and the rest is closed" "refused refused open open" "$(reach 1 44.0.0.13) $(reach 1 44.0.0.14) $(
	reach 1 44.16.1.1) $(reach 1 44.5.0.1)"
unlike "what was read of the second sets is known again" '[0-9]{2,} leases of an earlier life are closed' \
	"$(cat "$work/warden.log")"
is "in the first sets again" "$((many - 1 + 2))" "$(elements allow4 | sort -u | wc -l)"

# ---- what cannot wait ----

is "box2 has leases as well" "ok ok open" "$(tell add 2 sb2 enforce masq 10.77.2.2) $(
	tell lease 2 44.0.0.2 600000) $(reach 2 44.0.0.2)"
lives >/dev/null
is "it comes back locked down, and is" "open ok refused" "$(reach 2 44.0.0.2) $(
	tell add 2 sb2 lockdown masq 10.77.2.2) $(reach 2 44.0.0.2)"
is "and nobody else" "open open" "$(reach 1 44.16.1.1) $(reach 1 44.0.0.1)"
is "now the worker adds nothing" "ok ok sent" "$(
	tell add 1 sb1 enforce masq $sources - 44.5.0.1) $(tell worker) $(
	orders >/dev/null; tell claimed)"
is "and takes nothing away" "open open" "$(reach 1 44.16.1.1) $(reach 1 44.0.0.1)"

# ---- other shape ----

tell kill 9 >/dev/null
tell start "$warden" >/dev/null
is "sets of another size are made from what stands" "ok open open refused" "$(
	tell table namegate "sb*" 5353 90000 90000 50) $(reach 1 44.16.1.1) $(reach 1 44.0.0.1) $(reach 1 44.0.0.2)"

# ---- all along ----

: >"$work/end"
# shellcheck disable=SC2086  # one word a process
wait $holders
is "no explained address was ever refused" "0 refused of many" "$(cat "$work/probe")"
is "flows of what is explained went on" "first second/first second/first second" \
	"$(cat "$work/held.explained")/$(cat "$work/held.port")/$(cat "$work/held.static")"
is "and so did one whose lease had ended" "first second" "$(cat "$work/held.ended")"
is "those of what nobody explains were cut" "first cut/first cut" \
	"$(cat "$work/held.unexplained")/$(cat "$work/held.unexplained6")"
tell kill 15 >/dev/null
[ -z "${SHOWLOG:-}" ] || cat "$work/warden.log" >&2
tap_done
