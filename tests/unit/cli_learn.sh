#!/usr/bin/env bash
# `namegate learn` from the outside: what it proposes from captures and records, that the gate takes it and
# lets the same traffic pass, and what it refuses.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"
cli_needs python3 jq

run() { # OPTION...: standard output and error in $out, exit code in $code
	out=$("$namegate" learn "$@" 2>&1)
	code=$?
}
exits() { # WHAT CODE
	is "$1" "$2" "$code"
}
entries() { # FILE: what a list says, without its comments
	sed -e 's/[ \t]*#.*//' -e '/^$/d' "$1"
}
stands() { # WHAT LIST CAPTURE...: the gate takes the list, and lets pass what was recorded
	local what=$1 list=$2
	shift 2
	succeeds "$what: the gate takes it, without a warning" "$namegate" check --werror "$list"
	succeeds "$what: nothing that was recorded would be worse" "$namegate" replay --policy "$list" "$@"
}

run --help
exits "help is no error" 0
like "help tells of the exit codes" 'Exit codes: 0 there is a proposal, 1 there is nothing' "$out"

# ---- captures ----

python3 "$top/tests/bench/capture.py" --megabytes 2 --names 20 --sandboxes 3 small.pcap
run -o wild.list small.pcap
exits "a capture gives a proposal" 0
is "one wildcard, with the one port" '*.bench.probe:443' "$(entries wild.list)"
like "its evidence is beside it" '^\*\.bench\.probe:443  # 18 names: host1\.zone1\.bench\.probe, .* and 15 more; [0-9]+ answers, 2023-11-14T22:13:2[0-9]Z' "$(cat wild.list)"
like "with who, and how often to which port" '10\.77\.1\.1.*; 443/tcp 130 times$' "$(cat wild.list)"
stands "a wildcard" wild.list small.pcap
run --wildcard 0 -o names.list small.pcap
is "without wildcards, each name" 18 "$(entries names.list | grep -c '^host[0-9]*\.zone[0-9]*\.bench\.probe:443$')"
stands "each name" names.list small.pcap
run --wildcard 19 -o names.list --force small.pcap
is "a threshold above their number makes none" 18 "$(entries names.list | wc -l)"
python3 "$top/tests/bench/capture.py" --dns --megabytes 0.1 --names 20 --sandboxes 3 dns.pcap
run --wildcard 0 -o dns.list dns.pcap
is "without connections there are no ports" 0 "$(entries dns.list | grep -c :)"
like "and that is said" '; no connection is known, so all ports$' "$(cat dns.list)"
stands "look-ups alone" dns.list dns.pcap
run --ports strict dns.pcap
exits "strict leaves out what nobody connected to" 1
like "in a section of its own" '^# Not proposed: resolved but never connected to \(20\)' "$out"
unlike "and nothing is proposed" '^[^#]' "$(grep -v '^namegate' <<<"$out")"
"$namegate" learn - <small.pcap >piped.list
is "standard input says the same" "$(entries wild.list)" "$(entries piped.list)"

# ---- records ----

record() { # NAME TYPE VERDICT REST: one decision, of sandbox ci or as REST says
	printf '{"time":"2026-01-02T03:04:%02d.000001Z","event":"decision","sandbox":"%s","client":"10.77.1.1","name":"%s","type":"%s","verdict":"%s"%s}\n' \
		$((n++ % 60)) "${box:-ci}" "$1" "$2" "$3" "${4:-}"
}
ok=',"rcode":"NOERROR","observed":true,"addrs":["192.0.2.9"],"ttl":60'
n=0
{
	for name in a b c d e; do record "$name.pkg.example.com" A deny "$ok"; done
	record pkg.example.com A deny "$ok"
	for name in a b c d e; do record "$name.spied.example.net" A deny "$ok"; done
	record evil.spied.example.net A deny ',"rule":"ban.list:7"'"$ok"
	for name in a b c d e; do record "$name.github.io" A deny "$ok"; done
	for name in a b c d e; do record "$name.co.uk" A deny "$ok"; done
	for name in a b c d e; do record "$name.blob.core.windows.net" A deny "$ok"; done
	record pypi.org A allow "$ok"
	record pypi.org HTTPS allow ',"rcode":"NOERROR"'
	record mail.example.org MX allow ',"rcode":"NOERROR"'
	record refused.example.org A deny ',"rcode":"NXDOMAIN","ede":15'
	record missing.example.org A allow ',"rcode":"NXDOMAIN"'
	record broken.example.org A allow ',"rcode":"SERVFAIL","ede":22'
	record db.example.org A allow "$ok"
	printf '{"time":"2026-01-02T03:05:00.000001Z","event":"rebind","sandbox":"ci","client":"10.77.1.1","name":"db.example.org","type":"A","addrs":["10.20.0.7"]}\n'
	printf '{"time":"2026-01-02T03:05:00.000001Z","event":"blocked","sandbox":"ci","client":"10.77.1.1","proto":6,"port":25,"count":3,"addrs":["198.51.100.9"]}\n'
	box=dev record only-dev.example.org A allow "$ok"
	box=dev record pypi.org A allow "$ok"
} >records
run -o records.list records
exits "records give a proposal" 0
is "the fewest lines that cross no ban" "$(printf '%s\n' {a,b,c,d,e}.blob.core.windows.net {a,b,c,d,e}.github.io \
	.pkg.example.com {a,b,c,d,e}.spied.example.net db.example.org 'mail.example.org types=MX' \
	only-dev.example.org 'pypi.org types=A,AAAA,HTTPS' {a,b,c,d,e}.co.uk | sort)" "$(entries records.list | sort)"
succeeds "the gate takes it" "$namegate" check --werror records.list
grep -v -e evil -e refused -e missing -e broken records >used.records
stands "records" records.list used.records
text=$(cat records.list)
like "what a rule denied is told, with the rule" '^#   evil\.spied\.example\.net  answered 1, .*ban\.list:7$' "$text"
like "what was denied is told" '^# Not proposed: denied, and never answered \(1\)' "$text"
like "what is not there is told" '^#   missing\.example\.org  empty 1' "$text"
like "what failed is told" '^#   broken\.example\.org  failed 1' "$text"
like "private addresses are for a person to allow" '^#   its answers held private addresses.*add private=10\.20\.0\.7$' "$text"
like "destinations without a name are told" '^#   198\.51\.100\.9:25  ci; 3 packets did not pass' "$text"
like "who is told" '^pypi\.org types=A,AAAA,HTTPS  # 3 answers, .*; ci, dev; ' "$text"
run --sandbox dev records
is "of one sandbox alone" "only-dev.example.org pypi.org" "$(entries <(echo "$out") | xargs)"
run --split records
exits "a section for each sandbox" 0
like "has its heading" '^# ==== sandbox dev ====' "$out"
like "and does not say twice what the file has" '^#=pypi\.org ' "$out"
"$namegate" learn --split records >split.list
succeeds "sections are one good list" "$namegate" check --werror split.list

# ---- what is allowed already ----

printf 'mail.example.org types=MX\ndb.example.org\n' >base.list
run --baseline preset:pypi --baseline base.list records
like "a preset leaves out what it allows, and is counted" '^# Left out: 1 name that preset:pypi allows already$' "$out"
like "so is a list" '^# Left out: 2 names that base\.list allows already$' "$out"
unlike "they are not proposed" '^(pypi|mail|db)\.' "$out"
printf '!db.example.org\n?only-dev.example.org\nmail.example.org\n' >base.list
run --baseline base.list records
like "what a baseline denies or asks about is not proposed" '^# Not proposed: the baseline does not allow it \(2\)' "$out"
like "with the place" '^#   db\.example\.org .*base\.list:1' "$out"
like "what it allows too little of is" '^mail\.example\.org types=MX ' "$out"
cat >gate.conf <<'END'
forward "." { servers = {"192.0.2.53"} }
sandbox "ci" { sources = {"10.77.1.1"} policies = {"ci.list"} mode = "observe" }
sandbox "dev" { sources = {"10.77.1.2", "10.77.1.3"} policies = {"dev.list"} }
END
printf '*.bench.probe\npypi.org\n' >ci.list
printf 'only-dev.example.org\n' >dev.list
run -c gate.conf --sandbox ci records
exits "a sandbox's own policy is a baseline" 0
like "and is counted" "1 name that the sandbox's own policy allows already" "$out"
unlike "the other sandbox is left out" '^only-dev' "$out"
run -c gate.conf records
like "with all sandboxes each has its own" '^pypi\.org types=A,AAAA,HTTPS .*ci, dev' "$out"
unlike "and is told nothing that it has" '^only-dev' "$out"
run -c gate.conf --sandbox ci small.pcap
exits "all is allowed already" 1
like "which is said" 'there is nothing to propose' "$out"
run -c gate.conf --split small.pcap
exits "sources tell sandboxes apart" 0
like "the other has something" '^\*\.bench\.probe:443  # .*; dev; ' "$out"

# ---- hostile ----

python3 - >hostile.records <<'END'
import json
names = [r"*.evil.example", "1.2.3.4", r"a\010b.example", r"c\035.example", "xn--pple-43d.com", r"d\.e.example",
         "@include", r"f\027[31m.example", "good.example.org", "0x7f.1", r"g\"'`$(x).example"]
for name in names:
    print(json.dumps({"time": "2026-01-02T03:04:05.000001Z", "event": "decision",
                      "sandbox": "ci\nsneaked.example\n\x1b[31m", "client": "10.77.1.1", "name": name,
                      "type": "A", "verdict": "allow", "rcode": "NOERROR", "addrs": ["192.0.2.1"], "ttl": 60}))
print(json.dumps({"time": "2026-01-02T03:04:05.000001Z", "event": "decision", "sandbox": "ci", "client": "10.77.1.1",
                  "name": "ruled.example", "type": "A", "verdict": "deny", "rule": "x\nsneaked.example\n#:1",
                  "rcode": "NOERROR"}))
END
cp hostile.records $'name\nsneaked.example'
"$namegate" learn -o hostile.list $'name\nsneaked.example' 2>/dev/null
is "hostile names stay in comments" "good.example.org" "$(entries hostile.list)"
is "and every octet is printable" "" "$(LC_ALL=C tr -d '\n -~' <hostile.list)"
is "no line begins where a name wants it to" "" "$(grep '^[ \t]*sneaked' hostile.list)"
succeeds "the gate takes the list" "$namegate" check --werror hostile.list
like "what cannot be written is told" '^# Not proposed: no host list can hold this name' "$(cat hostile.list)"
like "so is what looks like another" '^#   xn--pple-43d\.com .*mixes letters|^#   xn--pple-43d\.com .*several scripts' "$(cat hostile.list)"

# ---- where it goes ----

run -o wild.list small.pcap
exits "what is there stays there" 2
like "and how to replace it is said" 'wild\.list is there already; .*--force' "$out"
ln -s wild.list link.list
run -o link.list --force small.pcap
exits "with force it is replaced" 0
is "the link, not what it leads to" "no" "$([ -L link.list ] && echo yes || echo no)"
is "as one step, nothing is left beside" "" "$(find . -name '*.list.*')"
is "others may read it as they may any file" "$(umask 022; : >plain; stat -c %a plain)" "$(umask 022; "$namegate" learn -o mode.list small.pcap 2>/dev/null; stat -c %a mode.list)"
run -o missing/x.list small.pcap
exits "a place that is not there" 2
like "is said" 'missing/x\.list is not written: No such file' "$out"
run -o none.list --baseline wild.list small.pcap
exits "nothing to propose is no file" 1
is "none is made" "no" "$([ -e none.list ] && echo yes || echo no)"
run --json small.pcap
is "for programs" '*.bench.probe:443 18 443 130' \
	"$(jq -r '.lists[0].lines[0] | "\(.line) \(.names | length) \(.evidence.ports[0].port) \(.evidence.ports[0].flows)"' <<<"$out")"
is "with what is not proposed, and why" "barred ban.list:7" \
	"$("$namegate" learn --json records | jq -r '.lists[0].not_proposed[] | select(.name == "evil.spied.example.net") | "\(.why) \(.rule)"')"

# ---- what cannot be used ----

run
exits "no capture" 2
run missing.pcap
exits "a capture that is not there" 2
run gate.conf
exits "a file that is no capture" 2
run --json gate.conf
is "for programs too" "traffic-format" "$(jq -r '.findings[0].code' <<<"$out")"
echo 'bad name' >bad.list
run --baseline bad.list small.pcap
exits "a baseline that does not compile" 2
like "has its place" 'bad\.list:1:[0-9]+: error' "$out"
run --sandbox nobody small.pcap
exits "a sandbox that is not in it" 2
like "says who is" 'only of 10\.77\.1\.[123]' "$out"
run -c gate.conf --sandbox nobody small.pcap
exits "a sandbox that the configuration has not" 2
run --wildcard many small.pcap
exits "no number" 2
run --ports all small.pcap
exits "no such word for ports" 2
run --review small.pcap </dev/null
exits "nobody to ask" 2
like "is said" '--review needs a terminal' "$out"

# ---- with a person ----

cat >person.py <<'END'
"""Plays a person at a terminal: argv[1] is what is typed, word by word; the rest is the command."""
import os
import pty
import sys

words, shown = sys.argv[1].split(), b""
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
prompts = 0
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    shown += got
    while shown.count(b"or help? ") > prompts:
        prompts += 1
        word = words.pop(0) if words else "\x04"
        os.write(fd, word.encode() if word == "\x04" else word.encode() + b"\n")
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n").replace(b"\r\x1b[K", b""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
person() { # WORDS OPTION...: what the terminal showed in $out, exit code in $code
	local words=$1
	shift
	out=$(timeout 60 python3 person.py "$words" "$namegate" learn --review --force -o said.list "$@")
	code=$?
}
printf '%s\n' "$(record a.x.example.com A allow "$ok")" "$(record b.x.example.com A allow "$ok")" \
	"$(record c.example.com A allow "$ok")" "$(record d.example.org A allow "$ok")" >few.records
person "take take skip t" few.records
exits "a person goes through it" 0
is "what was taken is written" "a.x.example.com c.example.com d.example.org" "$(entries said.list | sort | xargs)"
like "what was not is marked" '^#-b\.x\.example\.com ' "$(cat said.list)"
person "take widen take s" few.records
is "a line can be widened" "*.x.example.com c.example.com" "$(entries said.list | sort | xargs)"
person "t w w take s" few.records
is "and again" "*.example.com" "$(entries said.list)"
person "t w w w take s" few.records
like "but not onto a public suffix" 'no wildcard may stand above it' "$out"
is "which changes nothing" "*.example.com" "$(entries said.list)"
person "w n s take quit" few.records
is "it can be narrowed, and ended early" "a.x.example.com" "$(entries said.list)"
person "ports take" --wildcard 5 small.pcap
is "its ports can be left open" "*.bench.probe" "$(entries said.list)"
person "p p what take" small.pcap
is "and be put back" "*.bench.probe:443" "$(entries said.list)"
like "help is there for who asks otherwise" 'w, widen +a wildcard one step above' "$out"
person "s s s s" few.records
exits "when nothing is taken there is no proposal" 1
rm -f said.list
person "take" few.records
exits "the end of the input leaves all as it is" 2
is "nothing is written" "no" "$([ -e said.list ] && echo yes || echo no)"
person "take" hostile.records
is "no name moves the terminal's cursor" "" "$(LC_ALL=C tr -d '\n\t -~' <<<"$out")"
tap_done
