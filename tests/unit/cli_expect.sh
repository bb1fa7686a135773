#!/usr/bin/env bash
# namegate test with expectation files from the outside: what holds, what does not, what cannot be
# used, where it says so, and in which form.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"
cp -r "$top/tests/expect/." "$work" || exit 1
chmod -R u+w "$work"
base='config namegate.conf
answers fixtures/world.zone
sandbox ci
'

play() { # WHAT STATUS REGEX TEXT: the whole expectation file
	local said status
	printf '%s' "$4" >it.expect
	said=$("$namegate" test it.expect 2>&1)
	status=$?
	is "$1: exit status" "$2" "$status"
	like "$1: says where and what" "$3" "$said"
}
fact() { # WHAT REGEX FACT: it stands in line 4, and does not hold
	play "$1" 1 "^it\\.expect:4:$2" "$base$3
"
}

play 'facts that hold' 0 'facts: 3, failed 0' "${base}allow files.pypi.org
deny evil.example
no-reach 169.254.169.254
"

# What is expected, what is, and the rule that decided.
fact 'an allow of what a wider scope denies' \
	'7: ci: allow www\.evil\.example: expected allow, but it is deny: never\.list:2:1, global scope$' \
	'allow www.evil.example'
fact 'an allow of what no rule names' '7: .*but it is deny: no rule names it$' 'allow pypi.org'
fact 'a deny of what is allowed' '19: .*is allow: ci\.list:1:1, sandbox scope$' \
	'deny   pypi.org   files.pypi.org'
fact 'an ask of what is denied' '5: .*expected ask, but it is deny' 'ask evil.example'
fact 'a deny of what waits' '6: .*expected deny, but it is ask: ci\.list:3:1' 'deny a.later.example'
fact 'a rule of the group' '6: .*build\.list:1:1, group scope$' 'deny debian.org'

# Wildcards are probed at their border and at every rule below.
fact 'a wildcard with a hole' \
	'7: .*every name below github\.com, but gist\.github\.com is deny: never\.list:3:1' \
	'allow *.github.com:443'
fact 'a wildcard that is not there' \
	'7: .*but a name below pypi\.org that no rule spells is deny: no rule names it' \
	'allow *.pypi.org'
fact 'a wildcard whose own name is denied' '7: .*but github\.com is deny: no rule' 'allow .github.com'
fact 'a wildcard deny with a name that is allowed' \
	'6: .*but files\.pypi\.org is allow: ci\.list:1:1' 'deny *.pypi.org'
fact 'a wildcard deny over a wildcard' '6: .*names? .*github\.com.* is allow: ci\.list:2:1' \
	'deny *.com'
fact 'a wildcard deny of everything' '6: .*below \., but ' 'deny *'

# Ports.
fact 'an allow at another port' \
	'7: .*is not open at tcp/22, where it is open only at tcp/443: ci\.list:2:1' \
	'allow api.github.com:22'
fact 'an allow at one port too many' '7: .*not open at udp/443' 'allow api.github.com:443,443/udp'
fact 'a deny at a port that is open' '6: .*is allow at tcp/80' 'deny debian.org:22,80'

# What a packet would meet.
fact 'a reach of a denied name' '7: .*gets no address for it:$' 'reach evil.example'
fact 'a reach of a name that upstream has not' '7: ci: reach ghost\.debian\.org:' \
	'reach ghost.debian.org'
fact 'a reach at another port' \
	'7: .*10\.1\.0\.5 is not open: no lease and no static rule' \
	'reach db.corp.internal tcp/22'
fact 'a reach of an address that nothing opened yet' \
	'7: .*151\.101\.0\.223 is not open: no lease' 'reach 151.101.0.223'
fact 'a reach of a range that is opened in part' '7: .*not all of it is open: no static rule' \
	'reach 10.8.0.0/15'
fact 'a no-reach of a name that is allowed' \
	'10: .*151\.101\.0\.223 is open at any port by the name files\.pypi\.org \(ci\.list:1\), for another 90 s' \
	'no-reach files.pypi.org'
play 'a denied name on an address that another one opens' 1 \
	'^it\.expect:6:10: ci: no-reach cdn-neighbour\.example: .*by the name files' \
	"${base}no-reach cdn-neighbour.example
reach files.pypi.org
no-reach cdn-neighbour.example
"
fact 'a no-reach of a prefix that a static rule opens' \
	'10: .*10\.9\.0\.0 is open at tcp/5432 by the static rule ci\.list:7:1' 'no-reach 10.0.0.0/8'
fact 'a no-reach of a prefix into which a name leads that nobody asked for' \
	'10: .*151\.101\.0\.223 is open at any port by the name files\.pypi\.org' \
	'no-reach 151.101.0.0/16'
fact 'a no-reach of a prefix into which a wildcard of the world leads' \
	'10: .*140\.82\.112\.3 is open at tcp/443' 'no-reach 140.82.0.0/16'
fact 'a no-reach of a name that the answers do not know' '10: .*this shows nothing' \
	'no-reach ghost.debian.org'
play 'a lease that is still there' 1 '^it\.expect:5:20: ci: no-reach .*for another 1 s' \
	"${base}reach files.pypi.org
after 89s no-reach files.pypi.org
"

# Observed, and locked down.
play 'a no-reach in observe' 1 'is open: the sandbox is only observed' "${base/ci/watched}no-reach 203.0.113.7
"
play 'an allow in lockdown' 1 'it is deny: the sandbox is in lockdown' "${base/ci/shut}allow files.pypi.org
"

# Local data of an RPZ zone opens addresses without any upstream.
play 'a no-reach into local data' 1 'is open at any port by the name page\.example' \
	'policies = policy.zone
answers fixtures/world.zone
no-reach 203.0.113.0/24
'
cat >moved.zone <<'END'
$TTL 60
old.example.     DNAME new.example.
www.new.example. A 192.0.2.9
END
echo '*.old.example' >moved.list
play 'a no-reach into what a DNAME moves' 1 'by the name www\.old\.example' 'policies moved.list
answers moved.zone
no-reach 192.0.2.0/24
'

# What cannot be used ends the file, with its place and exit status 2.
bad() { # WHAT REGEX TEXT
	play "$1" 2 "^it\\.expect:$2" "$3
"
}
bad 'no orders to a terminal' '1:1: \?\[31mb' $'\e[31mb x'
is "a caret stands below its word, whatever is before it" '    deny bücher.example <x>
                        ^' "$(printf 'policies ci.list\ndeny bücher.example <x>\n' >it.expect; "$namegate" test it.expect 2>&1 | sed -n 2,3p)"
bad 'no policy' '1:1: no policy is named yet' 'allow a.example'
bad 'no sandbox among several' '2:1: no sandbox is named yet.*ci, watched, shut' 'config namegate.conf
allow a.example'
bad 'an unknown sandbox' '2:9: there is no such sandbox; the configuration has ci' 'config namegate.conf
sandbox cj'
bad 'a second sandbox of policies alone' '3:9: policies make one sandbox' 'policies ci.list
sandbox a
sandbox b'
bad 'a configuration that is not there' '1:8: the configuration cannot be used:' 'config none.conf
sandbox ci'
bad 'a policy that does not compile' '1:10: the policies cannot be used:' 'policies fixtures/world.zone
allow a.example'
bad 'answers that are not there' '2:9: the answers cannot be used:' 'config namegate.conf
answers none.zone'
bad 'answers that contradict themselves' '1:9: the answers cannot be used:' 'answers twice.zone'
printf 'a.example. 5 CNAME b.example.\na.example. 5 A 192.0.2.1\n' >twice.zone
bad 'answers that contradict themselves, with their place' '1:9: the answers cannot' 'answers twice.zone'
like 'and it names the record' 'twice\.zone:2:1: error: a name with a CNAME' \
	"$("$namegate" test it.expect 2>&1)"
bad 'a reach without answers' '3:7: nothing says what upstream answers' 'config namegate.conf
sandbox ci
reach files.pypi.org'
bad 'a public no-reach without answers' '3:10: nothing says what names lead to' 'config namegate.conf
sandbox ci
no-reach 203.0.113.0/24'
play 'a private no-reach without answers' 0 'failed 0' 'config namegate.conf
sandbox ci
no-reach 172.16.0.0/12 192.168.1.1 169.254.169.254 fd00::/9
'
bad 'a private prefix that is opened, without answers' '3:10: nothing says' 'config namegate.conf
sandbox ci
no-reach 10.1.2.0/24'
bad 'an unknown word' '1:1: allows begins no line' 'allows a.example'
bad 'a fact without a name' '4:1: deny says nothing' "${base}deny"
bad 'a URL' '4:7: https://a\.example/ is a URL' "${base}allow https://a.example/"
bad 'an address with a verdict' '4:6: an address has no verdict' "${base}deny 192.0.2.1"
bad 'a mark' '4:7: !a\.example has a mark' "${base}allow !a.example"
bad 'a wildcard to be reached' '4:7: \*\.github\.com is many names' "${base}reach *.github.com"
bad 'an asterisk inside' '4:7: a\*\.example has an asterisk' "${base}allow a*.example"
bad 'a port that is none' '4:22: tcp/x is no port' "${base}reach files.pypi.org tcp/x"
bad 'a prefix with bits behind it' '4:10: 10\.0\.0\.1/8 has' "${base}no-reach 10.0.0.1/8"
bad 'ports in the middle' '4:15: ports stand at the end' "${base}reach tcp/443 a.example"
bad 'ports alone' '4:1: a name or an address is missing' "${base}reach tcp/443"
bad 'ports of what waits' '4:5: a name that waits' "${base}ask a.later.example:443"
bad 'no time' '4:7: a time is missing' "${base}after noon reach a.example"
bad 'no fact behind a time' '4:10: sandbox is no fact' "${base}after 5m sandbox ci"
bad 'a clock that is none' '4:7: clock takes a time' "${base}clock yesterday"
bad 'a quote without an end' '1:8: the quote is not closed' 'config "namegate.conf'
play 'a file that tests nothing' 2 '^it\.expect:.* tests nothing' "$base"
play 'an empty file' 2 '^it\.expect: the file is empty' ''
like 'a file that is not there' '^none\.expect: No such file' "$("$namegate" test none.expect 2>&1)"

# What came before a fault still counts, and the rest is not looked at.
play 'a fault behind a failure' 2 'facts: 1, failed 1' "${base}deny files.pypi.org
nonsense
deny files.pypi.org
"

# Carets, and names with blanks.
mkdir 'a folder' && cp ci.list 'a folder/my list'
printf 'policies = "a folder/my list"\n\tdeny\tfiles.pypi.org\n' >it.expect
is 'the line and a caret under the word' "it.expect:2:7: sandbox: deny files.pypi.org: expected deny, but it is allow: a folder/my list:1:1, sandbox scope
    	deny	files.pypi.org
    	    	^" "$("$namegate" test it.expect 2>&1 >/dev/null)"
printf 'policies="a folder/my list"\nallow files.pypi.org\n' >it.expect
fails 'a quote opens only where a word begins' "$namegate" test it.expect
printf 'policies=ci.list\nallow files.pypi.org\n' >it.expect
succeeds 'no blank is needed about the equals sign' "$namegate" test it.expect

# Folders, formats, exit status.
mkdir -p tree/deep && cp ci.list tree/deep/
printf '# good one\npolicies ci.list\nallow files.pypi.org\ndeny a.example\n' >tree/deep/good.expect
printf '# bad & <one>\npolicies ci.list\nallow files.pypi.org\nallow a.example\n' >tree/deep/bad.expect
cp "$top/tests/scene/empty-policy.scene" tree/
echo 'nothing of ours' >tree/notes.txt
out=$("$namegate" test tree 2>/dev/null)
is 'a folder: exit status' 1 $?
is 'a folder means all that is below it' \
	'files: 3, passed 2, failed 1, unusable 0; facts: 4, failed 1' "$out"
is 'tap: in the order of names' '1..3
not ok 1 - bad & <one>
ok 2 - good one
ok 3' "$("$namegate" test --format tap tree | grep -v '^#' | sed 's/^\(ok 3\) .*/\1/')"
like 'tap: diagnostics are comments' '^# tree/deep/bad\.expect:4:7: sandbox: allow a\.example: expected' \
	"$("$namegate" test --format tap tree)"
json=$("$namegate" test --format json tree)
is 'json: exit status' 1 $?
is 'json: what did not hold' 'failed 2 1 0 tree/deep/bad.expect expectations 4 7 sandbox: allow a.example' \
	"$(printf '%s' "$json" | jq -r '[.outcome, .passed, .failed, .unusable, (.files[0] | .path, .kind,
		(.findings[0] | .line, .column, .claim))] | join(" ")')"
is 'json: nothing is found in what holds' '0 2 0' \
	"$(printf '%s' "$json" | jq -r '[(.files[1] | (.findings | length), .facts, .failed)] | join(" ")')"
xml=$("$namegate" test --format junit tree)
is 'junit: exit status' 1 $?
is 'junit: is XML, a test case a fact or scene' '5 1 0' "$(printf '%s' "$xml" | python3 -c '
import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.read())
print(len(root.findall(".//testcase")), len(root.findall(".//failure")), len(root.findall(".//error")))')"
like 'junit: the message is in it' 'failure message="expected allow, but it is deny: no rule names it"' "$xml"
printf 'policies ci.list\nallow \xff\x01.example\n' >it.expect
succeeds 'junit: stays XML whatever the text' python3 -c '
import subprocess, sys, xml.etree.ElementTree as tree
said = subprocess.run([sys.argv[1], "test", "--format", "junit", "it.expect"], stdout=subprocess.PIPE).stdout
assert len(tree.fromstring(said).findall(".//error")) == 1' "$namegate"
succeeds 'json: stays JSON whatever the text' sh -c \
	"'$namegate' test --json it.expect | jq -e '.files[0].findings[0].line == 2'"
mkdir bare
like 'a folder without tests is a mistake' 'bare: there is no \*\.scene' "$("$namegate" test bare 2>&1)"
fails 'and an error' "$namegate" test bare
fails 'an unknown format is refused' "$namegate" test --format xml tree
out=$("$namegate" test tree/deep/good.expect "$top/tests/scene/empty-policy.scene")
is 'files and scenes together' 'files: 2, passed 2, failed 0, unusable 0; facts: 2, failed 0' "$out"

# The wall time of `until`: the rule ends, its lease is cut, and not a moment before.
play 'a rule that ends' 1 '^it\.expect:8:19: ci: reach 198\.51\.100\.77: ' "${base}clock 2026-12-31T23:59Z
reach lent.example
after 59s reach 198.51.100.77
deny pypi.org
after 1s    reach 198.51.100.77
"
tap_done
