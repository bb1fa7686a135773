#!/usr/bin/env bash
# Where the gate's table cannot outlive its owner (before Linux 6.9), a second one keeps flows tracked
# and translated while somebody takes the first away: it is the warden's, comes with each new one, and
# goes with the last.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
live_needs conntrack
usual_stage
export LIVE_LACKS=persist
start_gate
held() { nft list table inet namegate-tracking 2>/dev/null | grep -q 'flags owner'; }
nft 'add table inet owned { flags owner; }' 2>/dev/null || skip_all "this kernel has no owned tables"
succeeds "the warden has it" held
standing() { nft list chain inet namegate judge >/dev/null 2>&1; }
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
ask 1 www.allowed.example >/dev/null
is "a leased address is open" open "$(reach 1 44.0.0.1)"
fails "nobody else takes it away" nft delete table inet namegate-tracking

# The warden is stopped, so that what is seen is the kernel without the gate's table.
warden=$(pid_of warden)
kill -STOP "$warden"
nft flush ruleset
fails "a flush takes the gate's table" standing
succeeds "and leaves that one" held
python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.9", 4567))'
like "flows are tracked" 'dport=4567' "$(conntrack -L 2>/dev/null)"
kill -CONT "$warden"
succeeds "the table comes back" until_true 5 standing

kill -9 "$warden"
until_true 10 another warden "$warden"
succeeds "the next warden holds it again" until_true 10 held
kill -9 "$gate_pid" # the warden hears of that, and may be there for a moment
wait "$gate_pid" 2>/dev/null
start_gate
succeeds "so does that of another life" until_true 10 held
nft flush ruleset
succeeds "which builds the table anew" until_true 5 standing
kill "$gate_pid"
wait "$gate_pid"
only() { [ "$(nft list tables)" = "table inet namegate" ]; }
succeeds "it goes with the last of them" until_true 5 only
gate teardown >/dev/null
force owner # as before Linux 5.12
start_gate
succeeds "where none can be owned there is none" only
tap_done
