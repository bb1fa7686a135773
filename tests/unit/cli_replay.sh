#!/usr/bin/env bash
# `namegate replay` from the outside: what it prints, with which exit code, and what it refuses.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"
cli_needs python3 jq

cat >gate.conf <<'END'
forward "." { servers = {"192.0.2.53"} }
sandbox "ci" { sources = {"10.77.1.1"} policies = {"ci.list"} }
sandbox "dev" { sources = {"10.77.1.2", "10.77.1.3"} policies = {"dev.list"} }
END
printf '*.bench.probe\n' >dev.list
printf '*.bench.probe\n!host1.zone1.bench.probe\n' >ci.list
python3 "$top/tests/bench/capture.py" --megabytes 2 --names 20 --sandboxes 3 small.pcap

run() { # OPTION...: standard output and error in $out, exit code in $code
	out=$("$namegate" replay "$@" 2>&1)
	code=$?
}
exits() { # WHAT CODE
	is "$1" "$2" "$code"
}

run --help
exits "help is no error" 0
like "help tells of the exit codes" 'Exit codes: 0 nothing would be worse' "$out"

run -c gate.conf small.pcap
exits "a name in use would be denied" 1
like "the table names it, with its rule" 'host1\.zone1\.bench\.probe +.*ci\.list:2: the rule denies it' "$out"
like "its destination would be closed" '44\.0\.1\.[0-9]:443/tcp \(host1\.zone1\.bench\.probe\)' "$out"
like "each sandbox has its part" '^sandbox dev: ' "$out"
like "nothing changes for the other" '^  nothing would be worse' "$out"
like "it says what was read" '^read: [0-9]+ octets, [0-9]+ packets' "$out"
run --json -c gate.conf small.pcap
exits "the same for programs" 1
is "one object, by sandbox" "ci dev" "$(jq -r '[.sandboxes[].sandbox] | join(" ")' <<<"$out")"
is "with the finding" "host1.zone1.bench.probe ci.list:2 true" \
	"$(jq -r '.sandboxes[0].denied[0] | "\(.name) \(.rule) \(.worse)"' <<<"$out" | sed "s|$work/||")"
whole=$(jq -c '.sandboxes' <<<"$out")

# ---- other ways in ----

python3 - small.pcap small.pcapng <<'END'
import struct, sys
octets = open(sys.argv[1], "rb").read()
def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size
with open(sys.argv[2], "wb") as out:
    out.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
    out.write(block(1, struct.pack("<HHI", 1, 0, 0)))
    at = 24
    while at < len(octets):
        seconds, us, kept, sent = struct.unpack_from("<IIII", octets, at)
        stamp = seconds * 1000000 + us
        out.write(block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xffffffff, kept, sent)
                        + octets[at + 16:at + 16 + kept]))
        at += 16 + kept
END
is "pcapng says the same" "$whole" "$("$namegate" replay --json -c gate.conf small.pcapng | jq -c .sandboxes)"
is "standard input says the same" "$whole" "$("$namegate" replay --json -c gate.conf - <small.pcap | jq -c .sandboxes)"
is "a pipe says the same" "$whole" "$("$namegate" replay --json -c gate.conf - < <(cat small.pcapng) | jq -c .sandboxes)"
python3 - small.pcap <<'END'
octets = open("small.pcap", "rb").read()
at, cut = 24, 0
while at < len(octets) / 2:
    at += 16 + int.from_bytes(octets[at + 8:at + 12], "little")
open("first.pcap", "wb").write(octets[:at])
open("second.pcap", "wb").write(octets[:24] + octets[at:])
END
is "a capture in two files is one" "$whole" \
	"$("$namegate" replay --json -c gate.conf first.pcap second.pcap | jq -c .sandboxes)"

run -c gate.conf --sandbox dev small.pcap
exits "all of it for one sandbox that allows it" 0
unlike "and nobody else" '^sandbox ci' "$out"
run --policy ci.list small.pcap
exits "a list alone" 1
like "judges all as one" '^sandbox sandbox: ' "$out"
sed 's/10\.77\.1/10.88.1/g' gate.conf >moved.conf
run -c moved.conf --map 10.77.1.1=dev small.pcap
exits "an address of elsewhere can be mapped" 0
like "the others are counted" 'of no sandbox of the draft: 10\.77\.1\.[23] 10\.77\.1\.[23]$' "$out"

cat >records <<'END'
{"time":"2026-01-02T03:04:05.000001Z","event":"decision","sandbox":"ci","client":"10.77.1.1","name":"host1.zone1.bench.probe","type":"A","verdict":"allow","rcode":"NOERROR","addrs":["44.0.1.1"],"ttl":60}
{"time":"2026-01-02T03:04:06.000001Z","event":"decision","sandbox":"ci","client":"10.77.1.1","name":"host2.zone2.bench.probe","type":"A","verdict":"deny","rcode":"NXDOMAIN","ede":15}
{"time":"2026-01-02T03:04:06.000001Z","event":"suppressed","sandbox":"ci","count":7}
nonsense
END
run -c gate.conf records
exits "records are judged" 1
like "what they denied would be allowed" '1  host2\.zone2\.bench\.probe' "$out"
like "what the gate left out is told" '^left out: 7 records that namegated left out' "$out"
like "lines that are no records are told" '^left out: 1 broken packets, frames and lines' "$out"
jq -c '{MESSAGE: tostring, _PID: "1"}' records >journal 2>/dev/null
run -c gate.conf journal
exits "so are they inside the journal" 1
head -n 1 records >one.record
printf 'host1.zone1.bench.probe\n' >good.list
run --policy good.list one.record
exits "a draft that keeps everything" 0

head -c 1000000 small.pcap >cut.pcap
run --policy dev.list cut.pcap
exits "a capture that breaks off is no reason to refuse it" 0
like "but it is told" 'cut\.pcap.*warning: the rest of it cannot be read: truncated' "$out"

# ---- what cannot be used ----

run -c gate.conf missing.pcap
exits "a capture that is not there" 2
like "says so" 'missing\.pcap: error: it cannot be opened: No such file' "$out"
run -c gate.conf gate.conf
exits "a file that is no capture" 2
like "says what would be one" 'give pcap, pcapng, dnstap, namegated.s records' "$out"
gzip -c small.pcap >small.pcap.gz
run -c gate.conf small.pcap.gz
exits "a packed one" 2
like "says how to unpack it" 'zcat small\.pcap\.gz \| namegate' "$out"
run -c moved.conf small.pcap
exits "traffic of no sandbox is no good result" 2
like "says whose it is and what to do" '10\.77\.1\.[123].*--map ADDRESS=SANDBOX' "$out"
run -c gate.conf --sandbox nobody small.pcap
exits "an unknown sandbox" 2
like "is said" 'no sandbox nobody' "$out"
run -c gate.conf --map 10.0.0.1=nobody small.pcap
exits "an address mapped to nobody" 2
run -c gate.conf --map 10.0.0.1 small.pcap
exits "a map without a sandbox" 2
like "is shown how" 'write it as 172\.17\.0\.2=ci' "$out"
run -c gate.conf --map 10.77.1.1x=ci small.pcap
exits "a map without an address" 2
run --policy ci.list -c gate.conf small.pcap
exits "two drafts" 2
run -c gate.conf
exits "no capture" 2
run -c gate.conf --port 0 small.pcap
exits "no port" 2
# ---- names with times, and limits ----

printf '*\n' >all.list
run --limits --policy all.list "$top/contrib/installs.names"
exits "the names of real installs are within all limits" 0
like "all of them are read" '1747 questions and 0 answers for 65 names' "$out"
like "and what they come to is told" 'at most 12 of 10000 questions in a second' "$out"
like "of the budget as well" 'at most 1413 of 4096 octets of the budget of names, below \.' "$out"
like "nothing would be refused" 'nothing would be worse' "$out"
run --policy all.list "$top/contrib/installs.names"
unlike "nobody asked for limits" 'budget' "$out"

# 50 octets a minute hold 800: a name of 60 and its dot cost 61, so the 14th is too much.
cat >small.conf <<'END'
forward "." { servers = {"192.0.2.53"} }
limits { queries-sandbox = 20 }
sandbox "ci" { sources = {"10.77.1.1"} policies = {"all.list"} budget = 50 }
sandbox "dev" { sources = {"10.77.1.2"} policies = {"all.list"} }
END
label=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
{
	echo "[ci]"
	for i in $(seq 100 119); do echo "0.$i $label$i"; done
} >tunnel.names
run --limits --json -c small.conf tunnel.names
exits "what is over its budget counts against the draft" 1
is "exactly what does not fit" "800 793 7 0 . 7" "$(jq -r '.sandboxes[0] | .limits as $l |
	"\($l.store) \($l.out_most) \($l.over_budget) \($l.over_rate) \($l.below) \(.worse)"' <<<"$out")"
is "and nothing of a neighbour" "0 0" "$(jq -r '.sandboxes[1].limits | "\(.out_most) \(.over_budget)"' <<<"$out")"
printf '[dev]\n0-0.039/0.001 a.example A\n' >burst.names
run --limits -c small.conf burst.names
exits "what is over its quota too" 1
like "and is counted" 'at most 40 of 20 questions in a second; (19|20) would be refused' "$out"
printf '[dev]\n0-2/0.1 a.example A\n[ci]\n0 b.example AAAA,HTTPS\n0 c.example\n' >two.names
run --limits --json -c small.conf two.names
is "sections are sandboxes" "ci 3 dev 21" "$(jq -r '[.sandboxes[] | "\(.sandbox) \(.questions)"] | join(" ")' <<<"$out")"
for line in "x b.example" "0" "0 a..b" "0 a.example NOTYPE" "0-5 a.example" "5-0/1 a.example" "0-5/0 a.example" \
	"0-99999/0.000001 a.example" "[]" "[ci" "99999999999 a.example" "0 a.example A more"; do
	printf '[ci]\n%s\n' "$line" >wrong.names
	run -c small.conf wrong.names
	exits "no names: $line" 2
	like "is told with its place" '^wrong\.names:2:1: error' "$out"
done
printf '[nobody]\n0 a.example\n' >nobody.names
run -c small.conf nobody.names
exits "names of no sandbox are no good result" 2
run -c small.conf --sandbox dev nobody.names
exits "unless they are said to be somebody's" 0

echo 'bad name' >bad.list
run --policy bad.list small.pcap
exits "a draft that does not compile" 2
like "has its place" 'bad\.list:1:[0-9]+: error' "$out"
run --json --policy bad.list small.pcap
is "for programs too" "bad.list 1" "$(jq -r '.findings[0] | "\(.path) \(.line)"' <<<"$out")"
tap_done
