#!/usr/bin/env bash
# The offline verbs from the outside: what check and explain print, and with which exit code.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

cat >gate.conf <<'END'
policies = {"never.list"}
ancestor-answer = nodata
forward "." { servers = {"192.0.2.53"} }
forward "corp.internal" {
	servers = {"198.51.100.53", "[2001:db8::53]:5353"}
}
sandbox "ci" {
	sources = {"10.1.0.2"}
	policies = {"ci.list", "rpz.zone"}
}
sandbox "off" {
	sources = {"10.1.0.3"}
	policies = {"ci.list"}
	mode = lockdown
}
END
echo '!*.evil.example' >never.list
cat >ci.list <<'END'
pypi.org   # the index
*.github.com
.debian.org
build.corp.internal
good.evil.example
END
cat >rpz.zone <<'END'
$TTL 300
$ORIGIN rpz.example.
@ SOA localhost. root.localhost. 1 2 3 4 5
@ NS localhost.
quiet.example CNAME *.
END
printf 'ok.example\nhttps://example.com/x\n*cdn.example\n' >bad.list

is "check: a good configuration and its policies" "never.list:1:1: note: *.evil.example does not cover evil.example itself (add evil.example if it is meant as well) [lint-apex]
ci.list:2:1: note: *.github.com does not cover github.com itself (add github.com if it is meant as well) [lint-apex]
ci.list:5:1: warning: good.evil.example has no effect: never.list:1:1 of a wider scope denies it (remove it, or change the denial) [lint-dead]
gate.conf: 2 sandboxes
never.list: 1 rules
ci.list: 6 rules
rpz.zone: 1 rules
ci: at most 745472 octets a day by names below 2 wildcards, 10000 questions a second, 4096 leases
off: at most 0 octets a day by names below 0 wildcards, 0 questions a second, 0 leases
0 errors, 1 warnings" "$(run 0 check -c gate.conf)"
is "check: a bad list, at its places" "bad.list:2:1: error: https://example.com/x is a URL; a name policy knows neither schemes nor paths (to name the whole host, write example.com) [list-url]
bad.list:3:1: error: *cdn.example has an asterisk that is not the whole first label (list the names one by one, or write *.example for all below it) [list-wildcard]
2 errors, 0 warnings" "$(run 1 check bad.list)"
like "check: a file that is not there is unusable" '^none\.list: error: No such file' "$(run 2 check none.list)"
unlike "check: with exit code 2" 'exit [0-9]' "$(run 2 check none.list)"
sed 's/policies = {"never/polices = {"never/' gate.conf >typo.conf
is "check: a misspelt key" 'typo.conf:1:1: error: no such option '\''polices'\'' (did you mean policies?) [conf-syntax]
1 errors, 0 warnings' "$(run 1 check typo.conf)"
if command -v jq >/dev/null; then
	is "check --json: one object" '[["list-url","bad.list",2,1],["list-wildcard","bad.list",3,1]]' \
		"$(run 1 check --json bad.list | jq -c '[.findings[] | [.code, .path, .line, .column]]')"
	is "check --json: on one line" 1 "$(run 1 check --json bad.list | wc -l)"
	is "explain --json: what programs need" '["pypi.org","A","allow","ci.list:1","sandbox",".",["192.0.2.53:53"]]' \
		"$(run 0 explain --json -c gate.conf ci PyPI.org. |
			jq -c '[.name, .type, .verdict, .rule, .scope, .route.zone, .route.servers]')"
	is "explain --json: unusable files say why" 'list-url' \
		"$(run 2 explain --json -p bad.list x y.example | jq -r '.findings[0].code')"
else
	skip "--json" "jq is not installed"
fi

like "explain: the longest zone routes" '^route    zone corp\.internal by 198\.51\.100\.53:53, \[2001:db8::53\]:5353$' \
	"$(run 0 explain -c gate.conf ci build.corp.internal AAAA)"
like "explain: the apex of a wildcard" '^note     ci\.list:2 has \*\.github\.com, which does not cover github\.com itself' \
	"$(run 1 explain -c gate.conf ci github.com)"
like "explain: below a name that stands alone" '^note     ci\.list:1 has pypi\.org, which covers that name alone' \
	"$(run 1 explain -c gate.conf ci evil.pypi.org)"
like "explain: default deny says so" '^why      no rule: default deny$' "$(run 1 explain -c gate.conf ci evil.test)"
like "explain: a denial in a wider scope wins" '^rule     never\.list:1:1 \(global scope\): \*\.evil\.example$' \
	"$(run 1 explain -c gate.conf ci good.evil.example)"
like "explain: NODATA of an RPZ rule" '^answer   NOERROR without data$' "$(run 1 explain -c gate.conf ci quiet.example)"
like "explain: an ancestor of an allowed name" '^answer   NOERROR without data$' "$(run 1 explain -c gate.conf ci com)"
like "explain: nothing above or below" '^answer   NXDOMAIN$' "$(run 1 explain -c gate.conf ci net)"
like "explain: lockdown" '^why      sandbox off is in lockdown' "$(run 1 explain -c gate.conf off pypi.org)"
like "explain: another type is not forwarded" '^note     only questions for A and AAAA' \
	"$(run 0 explain -c gate.conf ci pypi.org TXT)"
like "explain: a list instead of a configuration" '^rule     ci\.list:3:1 \(sandbox scope\): \*\.debian\.org$' \
	"$(run 0 explain --policy ci.list anyone deb.debian.org)"
like "explain: no such sandbox" 'has no sandbox nobody' "$(run 2 explain -c gate.conf nobody a.example)"
like "explain: no such type" 'no such TYPE' "$(run 2 explain -c gate.conf ci a.example NOPE)"
like "explain: not a name" 'not a domain name' "$(run 2 explain -c gate.conf ci a..example)"
for question in "-c gate.conf nobody a.example" "-c gate.conf ci a.example NOPE" "-c gate.conf ci"; do
	# shellcheck disable=SC2086
	unlike "explain $question: exit code 2" 'exit [0-9]' "$(run 2 explain $question)"
done
unlike "no verb: exit code 2" 'exit [0-9]' "$(run 2)"
unlike "an unknown verb: exit code 2" 'exit [0-9]' "$(run 2 frobnicate)"
like "help names the verbs" '^  explain ' "$(run 0 --help)"
tap_done
