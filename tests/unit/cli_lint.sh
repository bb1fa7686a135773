#!/usr/bin/env bash
# The lint from the outside: a tree with one of each finding, the three formats, the exit codes; and
# that the table of codes in the manual page says what the program says.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

cat >gate.conf <<'END'
policies = {"never.list"}
forward "." { servers = {"192.0.2.53"} }
sandbox "team" {
	sources = {"10.1.0.2"}
	policies = {"team.list", "own list.list"}
}
sandbox "same" {
	sources = {"10.1.0.3"}
	policies = {"team.list", "own list.list"}
}
sandbox "none" { sources = {"10.1.0.4"} }
sandbox "off" {
	sources = {"10.1.0.5"}
	mode = lockdown
}
END
printf '!ads.example\n!bad.mixed.example\n!.gone.example\n' >never.list
cat >team.list <<'END'
.github.com
api.github.com
*.github.io
*.co.uk
*.mixed.example   # without mixed.example
ads.example
*.gone.example
gone.example
xn--pple-43d.com
xn--80ak6aa92e.com
apple.com
.core.windows.net
END
printf '!apple.com\n.github.com\nssh.github.com\n' >'own list.list'
echo clean.example >clean.list

is "a tree with each finding" 'team.list:9:1: warning: xn--pple-43d.com has letters of several scripts in one label, and may look like another name; it is xn--pple-43d.com (compare it with the name that was meant) [list-mixed-script]
team.list:2:1: note: api.github.com is said already by the wildcard at team.list:1:1 (remove it) [lint-superfluous]
team.list:3:1: warning: *.github.io allows what any customer of that provider puts there (name the account, bucket or site that is needed) [lint-shared-hosting]
team.list:4:1: warning: *.co.uk allows every domain that anybody registers there (name the domains that are needed) [lint-public-suffix]
team.list:5:1: note: *.mixed.example does not cover mixed.example itself (add mixed.example if it is meant as well) [lint-apex]
team.list:9:1: warning: xn--pple-43d.com looks like apple.com, of which team.list:11 speaks (compare it with the service'\''s own documents, and keep the right one) [lint-look-alike]
team.list:10:1: warning: xn--80ak6aa92e.com looks like apple.com, of which team.list:11 speaks (compare it with the service'\''s own documents, and keep the right one) [lint-look-alike]
team.list:12:1: warning: *.core.windows.net allows what any customer of that provider puts there (name the account, bucket or site that is needed) [lint-shared-hosting]
own list.list:3:1: note: ssh.github.com is said already by the wildcard at own list.list:2:1 (remove it) [lint-superfluous]
own list.list:1:1: warning: apple.com never speaks: team.list:11:1 of an earlier source decides first (list this source first, or remove the rule) [lint-shadowed]
own list.list:2:1: note: github.com is said already by the earlier source, at team.list:1:1 (remove one of the two) [lint-duplicate]
own list.list:3:1: note: ssh.github.com is said already by the earlier source, at team.list:1:1 (remove one of the two) [lint-superfluous]
team.list:5:1: note: 1 rules of wider scopes deny names below *.mixed.example, one of them never.list:2 [lint-dead-below]
team.list:6:1: warning: ads.example has no effect: never.list:1:1 of a wider scope denies it (remove it, or change the denial) [lint-dead]
team.list:7:1: warning: *.gone.example has no effect: never.list:3:1 of a wider scope denies it (remove it, or change the denial) [lint-dead]
team.list:8:1: warning: gone.example has no effect: never.list:3:1 of a wider scope denies it (remove it, or change the denial) [lint-dead]
gate.conf:11:1: warning: sandbox none has no rule that allows anything (add a policy, or write mode = lockdown if that is meant) [lint-no-policy]
gate.conf: 4 sandboxes
never.list: 4 rules
team.list: 14 rules
own list.list: 4 rules
team: at most 1863680 octets a day by names below 5 wildcards, 10000 questions a second, 4096 leases
same: at most 1863680 octets a day by names below 5 wildcards, 10000 questions a second, 4096 leases
none: at most 0 octets a day by names below 0 wildcards, 10000 questions a second, 4096 leases
off: at most 0 octets a day by names below 0 wildcards, 0 questions a second, 0 leases
0 errors, 11 warnings' "$(run 0 check gate.conf)"
is "a source with nothing to say of" "clean.list: 1 rules
0 errors, 0 warnings" "$(run 0 check --werror clean.list)"
like "--werror: warnings in the exit code" '^0 errors, 11 warnings$' "$(run 1 check --werror gate.conf)"
unlike "--werror: exit code 1" 'exit [0-9]' "$(run 1 check --werror gate.conf)"
echo '*.apex.example' >note.list
unlike "--werror: notes are no warnings" 'exit [0-9]' "$(run 0 check --werror note.list)"
like "an unknown format" 'human, json or sarif' "$(run 2 check --format xml clean.list)"
is "--json has the ceilings" "[\"team\",5,1863680,true,10000,4096] 4" \
	"$(run 0 check --json gate.conf | jq -rc '(.ceilings[0] | [.sandbox, .wildcards, .octets_a_day, .budget, .queries_a_second, .leases] | tojson) + " \(.ceilings | length)"')"
is "--json is --format json" "$(run 0 check --json gate.conf)" "$(run 0 check --format json gate.conf)"

cat >mixed.zone <<'END'
$TTL 300
$ORIGIN rpz.example.
@ SOA localhost. root.localhost. 1 2 3 4 5
@ NS localhost.
xn--pple-43d.com CNAME rpz-passthru.
END
like "mixed scripts in a zone" '^mixed\.zone:5:1: warning: .*\[lint-mixed-script\]$' "$(run 0 check mixed.zone)"

cat >forwarder.zone <<'END'
$TTL 300
$ORIGIN rpz.example.
@ SOA localhost. root.localhost. 1 2 3 4 5
@ NS localhost.
ns.evil.example.rpz-nsdname CNAME .
32.1.2.0.192.rpz-nsip CNAME .
a.example CNAME rpz-nonsense.
b.example CNAME rpz-passthru.
END
is "what a forwarder cannot honour, and no action" '5 rpz-nsdname
6 rpz-nsip
7 rpz-unknown' "$(run 0 check forwarder.zone | sed -n 's/^forwarder\.zone:\([0-9]*\):.*warning: .*\[\(.*\)\]$/\1 \2/p')"

# ---- what a configuration adds: modes, zones, presets, included lists ----

cat >more.conf <<'END'
policies = {"zone:never", "zone:quiet"}
forward "." { servers = {"192.0.2.53"} }
zone "never" { file = "zones.zone" }
zone "quiet" { file = "quiet.zone" override = disabled }
sandbox "seen" {
	sources = {"10.1.0.2"}
	policies = {"outer.list", "preset:tiny"}
	mode = observe
}
sandbox "kept" {
	sources = {"10.1.0.3"}
	policies = {"outer.list", "preset:tiny"}
}
END
mkdir -p shipped
echo '*.shipped.example' >shipped/tiny.list
printf '@include inner.list\nouter.example\n?asked.example\n' >outer.list
printf 'inner.example\nquiet.example\n' >inner.list
for zone in zones:inner quiet:quiet; do
	sed '5,$d' forwarder.zone >"${zone%:*}.zone"
	echo "${zone#*:}.example CNAME ." >>"${zone%:*}.zone"
done
NAMEGATE_ZONES=$work/shipped
export NAMEGATE_ZONES
is "what a configuration adds" 'preset:tiny:1:1: note: *.shipped.example does not cover shipped.example itself (add shipped.example if it is meant as well) [lint-apex]
inner.list:1:1: warning: inner.example has no effect: zones.zone:5:1 of a wider scope denies it (remove it, or change the denial) [lint-dead]
more.conf:5:1: warning: sandbox seen is only observed: 1 rules that deny and 1 that ask do not hold (write mode = enforce if they are to hold) [lint-observe]
more.conf: 2 sandboxes
zone:never: 1 rules
zone:quiet: 1 rules
outer.list: 4 rules
preset:tiny: 1 rules
seen: at most 216000000000 octets a day by names below 2 wildcards (no budget), 10000 questions a second, 4096 leases
kept: at most 372736 octets a day by names below 1 wildcards, 10000 questions a second, 4096 leases
0 errors, 2 warnings' "$(run 0 check more.conf)"
unset NAMEGATE_ZONES
for zone in zones quiet; do
	cat >"$zone.conf" <<END
policies = {"zone:one"}
forward "." { servers = {"192.0.2.53"} }
zone "one" { file = "$zone.zone" }
sandbox "s" { sources = {"10.1.0.2"} policies = {"inner.list"} }
END
done
is "a zone's name means another file in another configuration" 'inner.list:1 by zones.zone:5
inner.list:2 by quiet.zone:5' "$(run 0 check zones.conf quiet.conf | sed -n 's/^\(inner\.list:[0-9]*\):.*effect: \([^:]*:[0-9]*\):.*/\1 by \2/p')"

# ---- what ships ----

for list in "$top"/zones/*.list; do
	"$namegate" check "$list" || echo "exit $?"
done 2>&1 | grep -E 'exit |error:|warning: .*\[lint-' >shipped.txt
is "the presets that ship give no warning of the lint" "" "$(cat shipped.txt)"

# ---- ends ----

printf 'old.example until=2020-01-31\nsoon.example until=%s\nlater.example until=%s\nsoon.test until=%s\n' \
	"$(date -u -d '+2 days' +%F)" "$(date -u -d '+20 days' +%F)" "$(date -u -d '+1 day' +%F)" >until.list
is "rules that ended, and those that end soon" '1 list-expired
2 lint-until-soon
4 lint-until-soon' "$(run 0 check until.list | sed -n 's/^until\.list:\([0-9]*\):.*\[\(.*\)\]$/\1 \2/p')"

# ---- aliases ----

cat >strict.list <<'END'
build.example cname=strict
loose.example
ok.example cname=strict
cdn.example
END
cat >answers.zone <<'END'
; <<>> DiG 9.18 <<>> build.example
Build.example.	300	IN	CNAME	a.cdn.test.
a.cdn.test.	60	IN	CNAME	b.cdn.test.
b.cdn.test.	60	IN	A	192.0.2.1
loose.example.	300	IN	CNAME	elsewhere.test.
ok.example.	300	IN	CNAME	cdn.example.
END
cat >answers.json <<'END'
{"time":"2026-11-21T00:00:00.000000Z","event":"decision","sandbox":"s","name":"build.example","type":"A","verdict":"deny","reason":"blocked (allowed by policy s.list:1, but alias without a rule for x.cdn.test)"}

{"time":"2026-11-21T00:00:01.000000Z","event":"decision","sandbox":"s","name":"loose.example","type":"A","verdict":"allow"}
END
is "aliases in zone text" "strict.list:1:1: warning: build.example is allowed with cname=strict, but its alias target a.cdn.test has no rule (allow a.cdn.test too, or take cname=strict away) [lint-alias]
strict.list:1:1: warning: build.example is allowed with cname=strict, but its alias target b.cdn.test has no rule (allow b.cdn.test too, or take cname=strict away) [lint-alias]
answers.zone: 4 aliases
strict.list: 4 rules
0 errors, 2 warnings" "$(run 0 check --answers answers.zone strict.list)"
is "aliases in records" "strict.list:1:1: warning: build.example is allowed with cname=strict, but its alias target x.cdn.test has no rule (allow x.cdn.test too, or take cname=strict away) [lint-alias]
answers.json: 1 aliases
strict.list: 4 rules
0 errors, 1 warnings" "$(run 0 check --answers answers.json strict.list)"
cat >strict.conf <<'END'
policies = {"deny.list"}
forward "." { servers = {"192.0.2.53"} }
sandbox "ci" {
	sources = {"10.1.0.2"}
	policies = {"strict.list"}
}
END
echo '!cdn.example' >deny.list
like "aliases of a sandbox, that a wider scope denies" '^strict\.list:3:1: warning: sandbox ci: ok\.example is allowed with cname=strict, but its alias target cdn\.example is denied by deny\.list:1 .*\[lint-alias\]$' \
	"$(run 0 check --answers answers.zone strict.conf)"
printf '{"event":"decision"}\nnonsense\n' >bad.json
like "a record that is none" '^bad\.json:2:1: error: .*\[answers-record\]$' "$(run 1 check --answers bad.json clean.list)"
like "answers that are not there" '^none\.json: error: ' "$(run 2 check --answers none.json clean.list)"

# ---- SARIF ----

cat >sarif.py <<'END'
import json, re, sys
log = json.load(sys.stdin)
assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
assert set(log) <= {"$schema", "version", "runs", "properties"}
(run,) = log["runs"]
driver = run["tool"]["driver"]
assert driver["name"] == "namegate" and driver["version"]
assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
ids = [rule["id"] for rule in driver["rules"]]
assert len(ids) == len(set(ids))
for rule in driver["rules"]:
    for key in ("shortDescription", "fullDescription", "help"):
        assert rule[key]["text"].strip(), (rule["id"], key)
    assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
(invocation,) = run["invocations"]
assert isinstance(invocation["executionSuccessful"], bool)
for result in run["results"]:
    assert ids[result["ruleIndex"]] == result["ruleId"]
    assert result["level"] in ("error", "warning", "note")
    assert result["message"]["text"].strip()
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    assert re.fullmatch(r"([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", physical["artifactLocation"]["uri"])
    region = physical.get("region")
    if region is not None:
        assert region["startLine"] >= 1 and region.get("startColumn", 1) >= 1
print(invocation["exitCode"], len(run["results"]),
      sorted({r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}))
if len(sys.argv) > 1:
    print(*sorted(i for i in ids if i.startswith("lint-")), sep="\n")
END
if command -v python3 >/dev/null; then
	is "SARIF of the tree" "0 17 ['gate.conf', 'own%20list.list', 'team.list']" \
		"$(run 0 check --format sarif gate.conf | python3 sarif.py 2>&1)"
	is "SARIF says its exit code" "1 17 ['gate.conf', 'own%20list.list', 'team.list']" \
		"$(run 1 check --werror --format sarif gate.conf | python3 sarif.py 2>&1)"
	is "SARIF without findings" "0 0 []" "$(run 0 check --format sarif clean.list | python3 sarif.py 2>&1)"
	printf 'https://x.example/\n' >url.list
	is "SARIF of a list that is refused" "1 1 ['url.list']" \
		"$(run 1 check --format sarif url.list | python3 sarif.py 2>&1)"
	is "SARIF of a file that is not there" "2 1 ['none.list']" \
		"$(run 2 check --format sarif none.list | python3 sarif.py 2>&1)"
	sed -n 's/^\.It Cm \(lint-[a-z-]*\) .*/\1/p' "$top/man/namegate-check.1" | sort >man.codes
	is "the manual page has every code" "$(run 0 check --format sarif clean.list | python3 sarif.py codes | tail -n +2)" \
		"$(cat man.codes)"
	"$namegate" check --format sarif clean.list | python3 -c '
import json, sys
for rule in json.load(sys.stdin)["runs"][0]["tool"]["driver"]["rules"]:
    print(rule["id"], rule["defaultConfiguration"]["level"])' | sort >program.levels
	sed -n 's/^\.It Cm \(lint-[a-z-]*\) Ta \([a-z]*\) .*/\1 \2/p' "$top/man/namegate-check.1" | sort >man.levels
	is "and their severities" "$(cat program.levels)" "$(cat man.levels)"
else
	skip "SARIF" "python3 is not installed"
fi
tap_done
