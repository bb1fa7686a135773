#!/usr/bin/env bash
# A name that rotates: 500 answers of eight fresh addresses each, which live five seconds and would be
# held for minutes. Each address is usable as long as it was promised, the sandbox never holds more
# than it may, what gives way is the oldest that nobody is promised, and what is established goes on.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
answers=500 most=2000
awk -v n=$answers 'BEGIN { for (i = 0; i < n; i++) for (j = 0; j < 8; j++)
	printf "n%d 5 IN A 44.8.%d.%d\n", i, (i * 8 + j) / 256, (i * 8 + j) % 256 }' |
	{ mkdir -p "$work/zones" && zone rotate.example; }
usual_stage
printf '%s\n' 'lease-min = 600' 'grace = 1' "limits { leases-sandbox = $most" 'records-per-second = 10000 }' >"$work/extra.conf"
start_gate
add_box 1 "$(allow box1.list .rotate.example .allowed.example)" >/dev/null
add_box 2 "$(allow box2.list .allowed.example)" >/dev/null

counter() { gate status --json | jq ".counters.$1"; }
elements() { table_elements allow4 | grep -c "^10.77.$1.2 "; }

is "the neighbour has an address" "NOERROR 44.0.0.2 open" "$(ask 2 short.allowed.example) $(reach 2 44.0.0.2)"
is "a first name opens" "NOERROR 44.0.0.2" "$(ask 1 short.allowed.example)"
hold 1 44.0.0.2 60
before=$(awk '/VmRSS/ { print $2 }' "/proc/$(pid_of worker)/status")

# Each answer: one address is used at once, another just before its TTL is over.
cat >"$work/rotate.py" <<'END'
import heapq, os, socket, sys, time
sys.path.insert(0, sys.argv[1])
import peer
count, pace = int(sys.argv[2]), float(sys.argv[3])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(5)
sock.connect(("10.77.1.1", 53))
later, tally = [], {}

def use(address, when, until=float("inf")):
    result = peer.outcome(address, 80)
    if result != "open" and time.monotonic() > until: # the machine let it wait beyond what was promised
        result = "missed"
    tally[(when, result)] = tally.get((when, result), 0) + 1

def use_late():
    until, address = heapq.heappop(later)
    use(address, "late", until)

due = time.monotonic()
for i in range(count):
    while (wait := due - time.monotonic()) > 0:
        if later and later[0][0] - 0.2 <= time.monotonic():
            use_late()
        else:
            time.sleep(min(wait, 0.005))
    due = max(due, time.monotonic() - pace) + pace # what was held up is not made up for: nobody asks faster
    sock.send(peer.query("n%d.rotate.example" % i, 1, i))
    asked = time.monotonic()
    rcode, ttl, found = peer.parse(sock.recv(4096))[-3:]
    if rcode or len(found) != 8:
        tally[("answer", rcode)] = tally.get(("answer", rcode), 0) + 1
        continue
    use(found[0], "once")
    heapq.heappush(later, (asked + ttl, found[7]))
while later:
    time.sleep(max(0, later[0][0] - 0.2 - time.monotonic()))
    use_late()
print(" ".join("%s=%s:%d" % (*key, n) for key, n in sorted(tally.items())))
END
box 1 python3 "$work/rotate.py" "$here" "$answers" 0.03 >"$work/rotated" 2>&1 &
rotating=$!
peak=0
while kill -0 "$rotating" 2>/dev/null; do
	seen=$(elements 1)
	[ "$seen" -le "$peak" ] || peak=$seen
	sleep 0.5
done
wait "$rotating"
missed=$(sed -n 's/.*late=missed:\([0-9]*\).*/\1/p' "$work/rotated")
is "each of $answers answers is whole, and its addresses usable at once and to their end" \
	"late=open:$((answers - ${missed:-0})) once=open:$answers" "$(sed 's/late=missed:[0-9]* //' "$work/rotated")"
succeeds "of which nearly all were tried in time" [ "${missed:-0}" -lt $((answers / 5)) ]
is "the kernel holds $most of its elements and never held more" "$most $most" "$(elements 1) $peak"
is "the gate counts what gave way, all it opened but what stands" $((1 + answers * 8 - most)) "$(counter evicted)"
is "and refused nothing" "0 0" "$(counter over_quota) $(counter leases_refused)"
recorded() { [ "$(records 'select(.event == "evicted") | .addrs[]' | sort -u | wc -l)" = "$(counter evicted)" ]; }
succeeds "each is on record" until_true 5 recorded
is "oldest first: the first answers are gone" 0 "$(table_elements allow4 | grep -cE '^10.77.1.2 44\.8\.[0-6]\.')"
is "and the last stand" "$most" \
	"$(table_elements allow4 | awk -v first=$((answers * 8 - most)) '$1 == "10.77.1.2" {
		split($2, o, "."); n += o[2] == 8 && o[3] * 256 + o[4] >= first } END { print n }')"
is "a new connection to what gave way is refused" "refused" "$(reach 1 44.8.0.0)"
is "the first name's gave way too" 0 "$(table_elements allow4 | grep -c '^10.77.1.2 44.0.0.2$')"
is "but what it let through goes on" "up" "$(cat "$work/held.44.0.0.2")"
is "asked again it opens again" "NOERROR 44.0.0.2 open" "$(ask 1 short.allowed.example) $(reach 1 44.0.0.2)"
is "the neighbour keeps its own" "open" "$(reach 2 44.0.0.2)"
after=$(awk '/VmRSS/ { print $2 }' "/proc/$(pid_of worker)/status")
if ldd "$build/namegated" | grep -q libasan; then
	skip "the worker's memory is bounded" "AddressSanitizer keeps what was freed, to see it used"
elif [ $((after - before)) -le 16384 ]; then
	ok "the worker's memory is bounded"
else
	not_ok "the worker's memory is bounded" "grew from $before to $after kB"
fi
tap_note "peak $peak elements; the worker's memory $before, then $after kB"

"$build/namegate" who-opened --store "$work/store" --json 44.8.0.0 >"$work/who" 2>&1
like "and the history says why" '"evicted"' "$(cat "$work/who")"
tap_done
