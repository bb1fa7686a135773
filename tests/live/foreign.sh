#!/usr/bin/env bash
# The warden alone, with a driver in the place of main and of two workers: neither of them orders, closes or
# explains anything for a sandbox of the other's.
# shellcheck disable=SC2119  # tell takes its words from the line
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/driver.sh"
start_driver
{ make_net && make_box 1 && make_box 2; } || live_die "the network cannot be made"
start_web
has() { table_elements allow4 | grep -qx "$1 $2"; } # BOX-ADDRESS ADDRESS

started=$(tell start "$warden")
warden_pid=${started#ok }
like "it starts" '^ok [0-9]+$' "$started"
tell workers 2 >/dev/null
is "the table is for two workers" "ok" "$(tell table namegate "sb*" 5353 1000 100 50)"
is "a sandbox of the first" "ok" "$(tell add 1 sb1 enforce masq 10.77.1.2)"
tell of 2 >/dev/null
is "a sandbox of the second" "ok" "$(tell add 2 sb2 enforce masq 10.77.2.2)"
is "both workers come" "ok ok" "$(tell worker 1) $(tell worker 2)"

tell as 1 >/dev/null
is "the first opens for its own" "ok open" "$(tell lease 1 44.0.0.1 600000) $(reach 1 44.0.0.1)"
is "and not for the second's" "a privilege is missing refused" "$(tell lease 2 44.0.0.1 600000) $(reach 2 44.0.0.1)"
like "which is said" 'worker 1 gave an order for sandbox 2' "$(cat "$work/warden.log")"
tell as 2 >/dev/null
is "the second opens for its own" "ok open" "$(tell lease 2 44.0.0.2 600000) $(reach 2 44.0.0.2)"
is "and not for the first's" "a privilege is missing refused" "$(tell lease 1 44.0.0.2 600000) $(reach 1 44.0.0.2)"
tell revoke 1 44.0.0.1 >/dev/null
is "nor does it close anything there" "ok open" "$(tell lease 2 44.0.0.2 600000) $(reach 1 44.0.0.1)"
is "of its own it does" "sent ok" "$(tell revoke 2 44.0.0.2) $(tell lease 2 44.0.0.3 600000)"
fails "and the element is gone" has 10.77.2.2 44.0.0.2

# Closing may take a walk over all flows each time: others have their turn between.
tell as 1 >/dev/null
for i in 1 2 3 4; do tell lease 1 44.0.1.$i 600000 >/dev/null; done
nft monitor elements >"$work/elements" 2>&1 &
monitor=$!
heard() { tell lease 1 44.0.1.5 "$((600000 + RANDOM))" >/dev/null && grep -q '44\.0\.1\.5' "$work/elements"; }
succeeds "changes of the sets are seen" until_true 10 heard
kill -STOP "$warden_pid"
for i in 1 2 3 4; do tell revoke 1 44.0.1.$i >/dev/null; done
tell as 2 >/dev/null
tell order 2 44.0.1.9 600000 >/dev/null
kill -CONT "$warden_pid"
closed() { grep -q 'delete element.*44\.0\.1\.4' "$work/elements"; }
succeeds "four addresses of the first are closed" until_true 10 closed
is "and the second's was opened between" "1" "$(sed '/delete element.*44\.0\.1\.4/,$d' "$work/elements" | grep -c 'add element.*44\.0\.1\.9')"
kill "$monitor"
is "the second asks anew" "ok" "$(tell worker 2)"
tell lease 2 44.0.0.3 600000 >/dev/null
tell claimed >/dev/null

# Another life of one of them.
is "the second has another life" "ok" "$(tell worker 2)"
is "which explains nothing" "sent ok" "$(tell claimed) $(tell lease 2 44.0.0.4 600000)"
fails "so what it had is closed" has 10.77.2.2 44.0.0.3
succeeds "what the first has stands" has 10.77.1.2 44.0.0.1

# Another warden: what nobody owns any more stands until both have said all.
is "the warden ends" "signal 9" "$(tell kill 9)"
tell start "$warden" >/dev/null
is "another adopts the table" "ok" "$(tell table namegate "sb*" 5353 1000 100 50)"
tell of 1 >/dev/null
is "the sandbox of the first is there again" "ok" "$(tell add 1 sb1 enforce masq 10.77.1.2)"
is "both come" "ok ok" "$(tell worker 2) $(tell worker 1)"
is "the first explains what it has" "ok sent ok" "$(tell lease 1 44.0.0.1 600000) $(tell claimed) $(tell lease 1 44.0.0.1 600001)"
succeeds "what was the second's stands" has 10.77.2.2 44.0.0.4
tell as 2 >/dev/null
is "the second says that it knows of nothing" "sent" "$(tell claimed)"
gone() { ! has 10.77.2.2 44.0.0.4; }
succeeds "then it is closed" until_true 10 gone
succeeds "and what the first explained is not" has 10.77.1.2 44.0.0.1

# A worker that says again and again that this was all has the warden do nothing: it is told in time of the CPU.
tell kill 9 >/dev/null
pid=$(tell start "$warden" | cut -d ' ' -f 2)
spent() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
is "a table with room for many" "ok" "$(tell table namegate "sb*" 5353 200000 200000 50)"
is "the sandboxes are there, and a worker" "ok ok ok" "$(tell of 1 >/dev/null; tell add 1 sb1 enforce masq 10.77.1.2) $(tell of 2 >/dev/null; tell add 2 sb2 enforce masq 10.77.2.2) $(tell worker 1)"
before=$(spent)
like "it opens many addresses" '^100000 confirmed, 0 refused' "$(tell fill 1 44.16.0.0 100000 3600000)"
opening=$(($(spent) - before))
is "and says that this was all" "sent ok" "$(tell claimed) $(tell lease 1 44.0.0.1 3600000)"
before=$(spent)
is "and so 5000 times more" "sent ok" "$(tell claimed 5000) $(tell lease 1 44.0.0.1 3700000)"
repeating=$(($(spent) - before))
# A walk each time would cost forty times as much as opening them did, none at all a tenth of it.
succeeds "for which it walks over nothing ($repeating ticks, $opening to open them)" [ "$repeating" -lt $((4 * opening)) ]
tap_done
