#!/usr/bin/env bash
# While an established flow to an address lasts, new flows may begin: of that sandbox, to that address
# and port, in steps, up to a ceiling; and revocation takes all of it at once.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/extra.conf" <<'END'
lease-min = 4
ttl-max = 8
grace = 1
flow-lease = 24
END
start_gate # a lease lasts 10 s (TTL, a second for the commit, grace), and is kept for 2 s at a time

# A wildcard socket would answer under another address than it was asked at.
cat >"$work/echo.py" <<'END'
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("44.2.0.5", 8090))
while True:
    sock.sendto(*sock.recvfrom(64))
END
in_net python3 "$work/echo.py" &

# Connections kept busy, all of them by one process: PROTO/ADDRESS... until stop.ADDRESS is there.
cat >"$work/hold.py" <<'END'
import os, socket, sys, threading, time

def hold(word):
    proto, address = word.split("/")
    path = "/run/live/held." + address
    kind, port = (socket.SOCK_STREAM, 80) if proto == "tcp" else (socket.SOCK_DGRAM, 8090)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as sock:
        sock.settimeout(2)
        last, stall = time.time(), 0.0
        try:
            sock.connect((address, port))
            while not os.path.exists("/run/live/stop." + address):
                sock.send(b"line\n")
                if not sock.recv(64):
                    raise OSError
                stall, last = max(stall, time.time() - last - 0.02), time.time()
                if not os.path.exists(path):
                    open(path, "w").write("up")
                time.sleep(0.02)
        except OSError:
            open(path, "w").write("cut %.3f %.3f\n" % (last, stall))

for word in sys.argv[1:]:
    threading.Thread(target=hold, args=(word,)).start()
END
holds() { # BOX PROTO/ADDRESS...
	local n=$1 one
	shift
	box "$n" python3 "$work/hold.py" "$@" &
	for one in "$@"; do until_true 5 test -e "$work/held.${one#*/}"; done
}
at() { printf '44.2.0.%s' "$1"; }
look_up() { ask "$1" "n$2.many.example" "${3:-A}" >/dev/null; }
reaches() { # BOX N...: how each goes
	local n=$1 one
	shift
	for one in "$@"; do reach "$n" "$(at "$one")"; done | paste -sd' '
}
kept() { gate status --json | jq -e ".counters.leases_kept >= $1"; }

add_box 1 "$(allow box1.list '*.many.example' 'n6.many.example:80' 'n8.many.example lease-max=8s')" >/dev/null
gate sandbox add box2 --interface sb2 --source 10.77.2.0/24 --masquerade --policy "$(allow box2.list '*.many.example')" >/dev/null
for n in 1 2 3 5 6 7 8; do look_up 1 $n & looks="${looks:-} $!"; done
look_up 1 4 AAAA & looks="$looks $!"
for n in 1 9; do look_up 2 $n & looks="$looks $!"; done
# shellcheck disable=SC2086  # one word a process
wait $looks
start=$SECONDS
holds 1 "tcp/$(at 1)" "tcp/$(at 2)" tcp/2001:db8:80:2::4 "udp/$(at 5)" "tcp/$(at 6)" "tcp/$(at 7)" "tcp/$(at 8)"
holds 2 "tcp/$(at 9)"
is "before its end each is open" "open open open" "$(reaches 1 3 8 6)"

# ---- beyond the end ----

succeeds "seven leases are kept" until_true 10 kept 7
succeeds "one without a flow ends" until_true 10 sh -c "! nft list set inet namegate allow4 | grep -q '10.77.1.2 . $(at 3)'"
is "the others are open to new flows: of TCP, of UDP, with a port" "open open open open" "$(reaches 1 1 2 5 6)"
is "of IPv6" "open" "$(reach 1 2001:db8:80:2::4)"
is "not the one without a flow, nor the one whose rule bounds its time" "refused refused" "$(reaches 1 3 8)"
is "where a rule names a port, no other one" "refused" "$(reach 1 "$(at 6)" 8081)"
is "another sandbox that looked it up gains nothing" "refused open" "$(reaches 2 1 9)"
like "the list of leases says so" 'kept open by a flow +n1\.many\.example' "$(gate leases box1)"
like "and the record" '44\.2\.0\.1' "$(records 'select(.event == "lease-kept") | .addrs[]?')"

# ---- the flow ends ----

: >"$work/stop.$(at 2)"
ended=$(date +%s%N)
succeeds "when its flow has ended the lease ends" until_true 8 sh -c "! nft list set inet namegate allow4 | grep -q '10.77.1.2 . $(at 2)'"
took=$((($(date +%s%N) - ended) / 1000000))
succeeds "with the step it was given" test "$took" -lt 7000 # of what, without an end, would be 24 seconds
is "and new flows are refused" "refused open" "$(reaches 1 2 1)"

# ---- revocation, lockdown, death ----

moment=$(date +%s.%N)
printf '%s\n' '*.many.example' 'n6.many.example:80' '!n7.many.example' >"$work/box1.list"
gate reload >/dev/null
done=$(date +%s.%N)
succeeds "a rule that goes takes what a flow kept" until_true 3 sh -c "! nft list set inet namegate allow4 | grep -q '10.77.1.2 . $(at 7)'"
succeeds "and cuts the flow" until_true 5 grep -q cut "$work/held.$(at 7)"
succeeds "within a second" cut_within "$moment" "$(at 7)" "$done"
is "others go on" "refused open" "$(reaches 1 7 1)"
moment=$(date +%s.%N)
gate sandbox mode box2 lockdown >/dev/null
done=$(date +%s.%N)
succeeds "lockdown cuts it as well" until_true 5 grep -q cut "$work/held.$(at 9)"
succeeds "within a second, too" cut_within "$moment" "$(at 9)" "$done"
is "and lets nothing new begin" "refused" "$(reach 2 "$(at 9)")"

kill -9 "$(pid_of worker)"
succeeds "a worker that dies is replaced" until_true 10 sh -c "$build/namegate leases --control $work/control --json | grep -q '$(at 1)'"
is "and finds what flows keep" "open" "$(reach 1 "$(at 1)")"
kill -9 "$(pid_of warden)"
succeeds "so does the warden" until_true 10 gate leases box1
sleep 2
is "which goes on keeping it" "open" "$(reach 1 "$(at 1)")"

# ---- the ceiling ----

succeeds "at the ceiling it ends all the same" until_true 30 sh -c "! nft list set inet namegate allow4 | grep -q '10.77.1.2 . $(at 1)'"
is "no later than it may, in spite of the restarts" "yes" "$([ $((SECONDS - start)) -le 42 ] && echo yes || echo $((SECONDS - start)) s)"
is "new flows are refused" "refused" "$(reach 1 "$(at 1)")"
is "and the flow itself goes on" "up" "$(cat "$work/held.$(at 1)")"
succeeds "which is counted" sh -c "$build/namegate status --control $work/control --json | jq -e '.counters.kept_to_ceiling >= 1'"

# ---- without ----

sed -i '/^flow-lease/d; 1i flow-lease = 0' "$work/namegated.conf"
gate reload >/dev/null
look_up 1 1
is "switched off: a look-up opens it" "open" "$(reach 1 "$(at 1)")"
succeeds "and it ends" until_true 9 sh -c "! nft list set inet namegate allow4 | grep -q '10.77.1.2 . $(at 1)'"
is "whatever uses it" "refused up" "$(reach 1 "$(at 1)") $(cat "$work/held.$(at 1)")"
[ -z "${SHOWLOG:-}" ] || cat "$work/namegated.log" >&2
tap_done
