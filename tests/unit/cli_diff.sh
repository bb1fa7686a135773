#!/usr/bin/env bash
# What namegate diff says of two policies, from files and from revisions of a real repository.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

differ() { # EXPECTED-EXIT ARGUMENT...
	local expected=$1
	shift
	run "$expected" diff "$@"
}

like "what is in no file is said to be left out" 'left out: approvals' "$(differ 0 --help)"

# ---- lists ----

cat >old.list <<'END'
pypi.org
github.com:443
.debian.org
!popcon.debian.org
10.20.0.0/17:5432
10.20.128.0/17:5432
gone.example
later.example until=2999-01-01
END
cat >new.list <<'END'
pypi.org types=A,AAAA,HTTPS
github.com:443,80
?ask.example
.debian.org
10.20.0.0/16:5432
10.30.0.0/24 until=2999-01-01
*.evil.example lease-max=5m
later.example
END
is "two lists: all that changed, what opens first" "old        old.list
new        new.list
widens     5 names, 1 rule, 1 address
narrows    1 name
judged     15 names, 1 sandbox

  + static address: none -> 10.30.0.0/24 until 2999-01-02T00:00Z  new.list:6
  + github.com                        allow tcp/443 -> allow tcp/443,tcp/80  old.list:2 (sandbox) -> new.list:2 (sandbox)
  + ask.example                       deny (no rule) -> ask all ports  no rule -> new.list:3 (sandbox)
  + *.evil.example                    deny (no rule) -> allow all ports lease-max 300 s  no rule -> new.list:7 (sandbox)
  + popcon.debian.org                 deny -> allow all ports  old.list:4 (sandbox) -> new.list:4 (sandbox)
  + pypi.org                          allow all ports -> allow all ports types A,AAAA,HTTPS  old.list:1 (sandbox) -> new.list:1 (sandbox)
  - gone.example                      allow all ports -> deny (no rule)  old.list:7 (sandbox) -> no rule
  rules
    changed  github.com: allow tcp/443 by old.list:2 (sandbox) -> allow tcp/443,tcp/80 by new.list:2 (sandbox)
    added    ask.example: ask all ports by new.list:3 (sandbox)
    added    *.evil.example: allow all ports lease-max 300 s by new.list:7 (sandbox)
    removed  gone.example: allow all ports by old.list:7 (sandbox)
  + changed  later.example: allow all ports until 2999-01-02T00:00:00Z by old.list:8 (sandbox) -> allow all ports by new.list:8 (sandbox)
    removed  popcon.debian.org: deny by old.list:4 (sandbox)
    changed  pypi.org: allow all ports by old.list:1 (sandbox) -> allow all ports types A,AAAA,HTTPS by new.list:1 (sandbox)" \
	"$(differ 0 old.list new.list)"
is "the same file twice: no change" "old        old.list
new        old.list
no change  both decide alike
judged     0 names, 1 sandbox" "$(differ 0 --fail-on any old.list old.list)"
printf '# moved\n.debian.org\n!popcon.debian.org\npypi.org\n' >a.list
printf '!popcon.debian.org\n.debian.org\n*.cdn.debian.org\npypi.org\n' >b.list
is "a rule that changes nothing is told and is no change" "no change  both decide alike
judged     11 names, 1 sandbox

  rules
    added    *.cdn.debian.org: allow all ports by b.list:3 (sandbox)" "$(differ 0 --fail-on widen a.list b.list | tail -n +3)"
unlike "but it is a difference to --fail-on any" 'exit' "$(differ 1 --fail-on any a.list b.list)"
unlike "--fail-on widen" 'exit' "$(differ 1 --fail-on widen old.list new.list)"
unlike "--fail-on narrow" 'exit' "$(differ 1 --fail-on narrow old.list new.list)"
printf 'pypi.org\n' >less.list
unlike "--fail-on widen lets what narrows pass" 'exit' "$(differ 0 --fail-on widen a.list less.list)"

printf '# asked for\nPyPI.org\ngone.example  # was there\n_x.test\n' >names
like "--names: those names" '^judged     3 names' "$(differ 0 --names names old.list new.list)"
unlike "--names: and no others" 'evil\.example  ' "$(differ 0 --names names old.list new.list)"
like "--names: the owners of a list" '^judged     11 names' "$(differ 0 --names new.list old.list new.list)"
printf 'pypi.org\n  a..b\n' >bad
is "--names: a bad line, at its place" "bad:2:3: error: this is no domain name (write one domain name a line, or give a list or zone that namegate check accepts) [diff-name]" \
	"$(differ 2 --names bad old.list new.list)"
like "--names: a file that is not there" '^none: error: No such file' "$(differ 2 --names none old.list new.list)"
like "--store: a store that is not there" 'diff-store' "$(differ 2 --store "$work/none" old.list new.list)"
unlike "a side that is not there: exit 2" 'exit' "$(differ 2 old.list none.list)"
unlike "a side with errors: exit 2" 'exit' "$(differ 2 old.list <(echo x))"
unlike "a list against a configuration: exit 2" 'exit' "$(differ 2 old.list none.conf)"
unlike "one side alone: exit 2" 'exit' "$(differ 2 old.list)"
unlike "no such format: exit 2" 'exit' "$(differ 2 --format html old.list new.list)"

# ---- zones ----

zone() { # FILE, and records on standard input
	{ printf '$TTL 60\n$ORIGIN rpz.example.\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n' && cat; } >"$1"
}
zone old.zone <<'END'
bad.example CNAME .
ok.example CNAME rpz-passthru.
nod.example CNAME .
END
zone new.zone <<'END'
bad.example CNAME .
ok.example CNAME rpz-tcp-only.
nod.example CNAME *.
32.1.0.0.10.rpz-client-ip CNAME rpz-passthru.
END
zones=$(differ 0 old.zone new.zone)
like "a zone: a client that may do all widens" '^  \+ client 10\.0\.0\.1/32: no rule -> allow by new\.zone:8 ' "$zones"
like "a zone: over TCP alone narrows" '^  - ok\.example .* allow all ports -> allow \(over TCP\) all ports ' "$zones"
like "a zone: another denial is neither" '^  ~ nod\.example .* deny -> deny \(no data\) ' "$zones"

# ---- configurations ----

conf() { # MODE-OF-CI PRIVATE
	cat <<END
policies = {"never.list"}
lease-min = $3
forward "." { servers = {"192.0.2.53"} }
forward "corp.internal" { servers = {"198.51.100.$4"} private = {"$2"} }
zone "deny" { file = "deny.zone" override = ${5:-given} }
group "build" { policies = {"build.list"} }
sandbox "ci" { sources = {"10.1.0.2"} interface = "sb1" group = "build" policies = {"zone:deny", "ci.list"} mode = $1 }
END
	for n in 1 2 3; do
		echo "sandbox \"job-$n\" { sources = {\"10.2.0.$n\"} interface = \"sb2$n\" policies = {\"ci.list\"} }"
	done
}
zone deny.zone <<'END'
evil.example CNAME .
END
echo '!*.never.example' >never.list
echo 'deb.example' >build.list
printf 'pypi.org\n.evil.example\nmoved.example\n' >ci.list
conf enforce 10.0.0.0/16 60 53 >old.conf
conf observe 10.0.0.0/8 120 54 disabled >new.conf
echo 'sandbox "added" { sources = {"10.3.0.1"} interface = "sb3" policies = {"ci.list"} }' >>new.conf
sed -i '/job-3/d' new.conf
said=$(differ 1 --fail-on widen old.conf new.conf)
like "a mode that watches instead of enforcing widens" '^  \+ mode: enforce -> observe$' "$said"
like "a private range that grows widens" '^  \+ private range of zone corp\.internal: none -> 10\.0\.0\.0/8$' "$said"
like "addresses that stay open for longer widen" '^  \+ lease-min: 60 s -> 120 s$' "$said"
like "another server is neither" '^  ~ servers of zone corp\.internal: 198\.51\.100\.53:53 -> 198\.51\.100\.54:53$' "$said"
like "a zone that only records denies no more" '^  \+ evil\.example .* deny -> allow all ports  deny\.zone:5 \(sandbox\) -> ci\.list:2 \(sandbox\)$' "$said"
like "a sandbox that is added" '^  \+ sandbox: none -> enforce  new\.conf:10$' "$said"
like "a sandbox that is removed" '^  - sandbox: enforce -> none  old\.conf:10$' "$said"
like "what it could reach is counted" '^  - pypi\.org .* allow all ports -> deny \(closed\)  ci\.list:1 \(sandbox\) -> closed$' "$said"
unlike "sandboxes without a difference are left out" 'job-1' "$said"
like "--sandbox: only that one" '^judged .* 1 sandbox$' "$(differ 0 --sandbox job-1 old.conf new.conf)"
like "--sandbox: none of that name" '^new\.conf: error: neither side has a sandbox nobody' "$(differ 2 --sandbox nobody old.conf new.conf)"
conf enforce 10.0.0.0/16 60 53 >same.conf
printf 'extra.example:443\n' >>ci.list
sed 's/ci\.list/more.list/' same.conf >more.conf
{ cat ci.list && echo 'more.example'; } >more.list
like "sandboxes with the same differences are told of once" '^sandboxes job-1, job-2, job-3$' "$(differ 0 same.conf more.conf)"
printf '# nobody is denied\n' >empty.list
sed 's/never\.list/empty.list/' same.conf >unguarded.conf
like "a denial in a wider scope that goes widens, though nothing else allows it" \
	'^  \+ \*\.never\.example .* deny -> deny \(no rule\)  never\.list:1 \(global\) -> no rule$' "$(differ 1 --fail-on widen same.conf unguarded.conf)"
printf 'pypi.org\n.evil.example\nextra.example:443\n' >ci2.list
printf 'deb.example\nmoved.example\n' >build2.list
sed 's/ci\.list/ci2.list/; s/"build\.list/"build2.list/' same.conf >moved.conf
like "a rule that moves to another scope" \
	'^    moved    moved\.example: allow all ports by ci\.list:3 \(sandbox\) -> allow all ports by build2\.list:2 \(group\)$' "$(differ 0 --sandbox ci same.conf moved.conf)"
sed 's/enforce/lockdown/' same.conf >locked.conf
like "lockdown narrows" '^  - deb\.example .* -> deny \(closed\) ' "$(differ 1 --fail-on narrow same.conf locked.conf)"

# ---- formats ----

markdown=$(differ 0 --format markdown old.list new.list)
is "markdown: the first line says it all" "### namegate: widens: 5 names, 1 rule, 1 address; narrows: 1 name" "$(head -n 1 <<<"$markdown")"
like "markdown: what widens is a table" '^\| widens \| `\*\.evil\.example` \| `deny \(no rule\)` \| ' "$markdown"
like "markdown: the rest is folded" '^<details><summary>rules: 7</summary>$' "$markdown"
zone evil.zone <<'END'
a|b`c<img\032src=x>.example CNAME rpz-passthru.
END
unlike "markdown: a name is never markup" '<img|`c<|a\|b' "$(differ 0 --format markdown old.zone evil.zone)"
like "markdown: but it can be read" '<code>a&#124;b&#96;c&#60;img' "$(differ 0 --format markdown old.zone evil.zone)"
for ((i = 0; i < 150; i++)); do echo "n$i.example"; done >many.list
like "markdown: long tables end" '^and 50 more; ' "$(differ 0 --format markdown less.list many.list)"
if command -v jq >/dev/null; then
	is "json: one object with the counts" '[5,1,1,1,15]' \
		"$(differ 0 --json old.list new.list | jq -c '[.widens.names, .widens.rules, .widens.addresses, .narrows.names, .judged]')"
	is "json: a name with both verdicts and rules" '["github.com",["widens"],"allow",["tcp/443"],"old.list",2,["tcp/443","tcp/80"]]' \
		"$(differ 0 --json old.list new.list | jq -c '.groups[0].names[0] | [.name, .sense, .old.verdict, .old.ports, .old.rule.path, .old.rule.line, .new.ports]')"
	is "json: rules" '["changed","later.example","2999-01-02T00:00:00Z",null]' \
		"$(differ 0 --json old.list new.list | jq -c '.groups[0].rules[] | select(.owner == "later.example") | [.fate, .owner, .old.until, .new.until]')"
	is "json: sandboxes" '[["job-1","job-2","job-3"]]' "$(differ 0 --json same.conf more.conf | jq -c '[.groups[] | select(.sandboxes | length > 1) | .sandboxes]')"
	is "json: nothing to tell" '[[],[]]' "$(differ 0 --json old.list old.list | jq -c '[.sense, .groups]')"
	is "json: what is unusable says why" 'file-read' "$(differ 2 --json old.list none.list | jq -r '.findings[0].code')"
	is "json: on one line" 1 "$(differ 0 --json old.conf new.conf | wc -l)"
else
	skip "--json" "jq is not installed"
fi

# ---- revisions ----

if ! command -v git >/dev/null; then
	skip "revisions" "git is not installed"
	tap_done
	exit
fi
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
commit() {
	git add -A && git -c user.name=t -c user.email=t@t.example commit -q -m "$1"
}
mkdir -p repo/policy/sub repo/lists && cd repo || exit 1
git init -q -b main .
cat >policy/gate.conf <<'END'
policies = {"never.list"}
forward "." { servers = {"192.0.2.53"} }
zone "deny" { file = "sub/deny.zone" }
sandbox "ci" { sources = {"10.1.0.2"} policies = {"zone:deny", "../lists/ci.list"} }
END
echo '!*.never.example' >policy/never.list
cp ../deny.zone policy/sub/deny.zone
printf '@include more/common.list\npypi.org\n' >lists/ci.list
mkdir lists/more
printf '@include ../base.list\ngithub.com:443\n' >lists/more/common.list
echo 'base.example' >lists/base.list
ln -s ../lists/base.list policy/link.list
commit first && git tag v1
like "a revision against the same files" '^no change' "$(differ 0 --fail-on any v1:policy/gate.conf policy/gate.conf)"
echo 'new.example' >>lists/base.list
sed -i 's/evil/other/' policy/sub/deny.zone
rm policy/never.list && echo '# none' >policy/empty.list && sed -i 's/never\.list/empty.list/' policy/gate.conf
said=$(differ 1 --fail-on widen v1:policy/gate.conf policy/gate.conf)
like "what is included is read from that revision" '^  \+ new\.example .* no rule -> \.\./lists/more/\.\./base\.list:2 ' "$said"
like "and a zone's file" '^  \+ evil\.example .* sub/deny\.zone:5 \(sandbox\) -> no rule$' "$said"
like "and a file that is no longer there" '^  \+ \*\.never\.example .* never\.list:1 \(global\) -> no rule$' "$said"
git add lists
like "the index" '^  \+ new\.example ' "$(differ 0 v1:lists/ci.list :lists/ci.list)"
like "nothing but the index" '^no change' "$(differ 0 :lists/ci.list lists/ci.list)"
commit second
like "two revisions" '^  - new\.example ' "$(differ 0 HEAD:policy/gate.conf HEAD~1:policy/gate.conf)"
like "a link in a revision leads to its file" '^  \+ new\.example .* -> HEAD:policy/link\.list:2 ' "$(differ 0 v1:policy/link.list HEAD:policy/link.list)"
echo 'uncommitted.example' >>lists/base.list
unlike "nothing comes from the work tree" 'uncommitted' "$(differ 0 v1:policy/gate.conf HEAD:policy/gate.conf)"
absolute="$PWD/lists/base.list"
printf '@include %s\n' "$absolute" >lists/absolute.list && git checkout -q lists/base.list && commit third
echo 'later.example' >>lists/base.list
like "an absolute path in the work tree is the revision's" '^  \+ later\.example ' "$(differ 0 HEAD:lists/absolute.list lists/absolute.list)"
(
	cd lists || exit 1
	differ 0 HEAD:./base.list ./base.list
) >../below.txt
like "REV:./PATH is from where we are" '^  \+ later\.example ' "$(cat ../below.txt)"
like "a time in braces has colons of its own" '^judged ' "$(differ 0 'HEAD@{2100-01-01 10:00:00}:lists/ci.list' lists/ci.list)"

like "no such revision: git's words and ours" '^fatal: ' "$(differ 2 nope:lists/ci.list lists/ci.list)"
like "no such revision: with what to do" '^nope:lists/ci\.list: error: .* run it in the repository' "$(differ 2 nope:lists/ci.list lists/ci.list)"
like "no such file" '^HEAD:nope\.list: error: that revision has no such file: nope\.list ' "$(differ 2 HEAD:nope.list lists/ci.list)"
like "a folder" 'folder' "$(differ 2 HEAD:lists lists/ci.list)"
like "out of the repository" '^HEAD:\.\./x\.list: error: the path leads out of the repository' "$(differ 2 HEAD:../x.list lists/ci.list)"
like "a revision is no option of git" '^--output=pwned:x: error: no revision begins with a hyphen' "$(differ 2 -- --output=pwned:x lists/ci.list)"
[ ! -e pwned ] && ok "and nothing was written" || not_ok "and nothing was written"
unlike "each of them: exit 2" 'exit' "$(differ 2 HEAD:lists lists/ci.list)$(differ 2 HEAD:nope.list lists/ci.list)$(differ 2 nope:lists/ci.list lists/ci.list)"
echo 'colon.example' >'HEAD:colon.list'
like "./ before a name with a colon: a file" '^  \+ colon\.example ' "$(differ 0 lists/ci.list './HEAD:colon.list')"
printf '\n' >lists/blank.list && : >lists/void.list && commit blank
like "an empty file in a revision is refused" '^HEAD:lists/void\.list: error: the file is empty' "$(differ 2 HEAD:lists/void.list lists/ci.list)"
cd "$work" || exit 1
like "outside of a repository: git says so" 'not a git repository' "$(GIT_CEILING_DIRECTORIES=$work differ 2 HEAD:old.list old.list)"
git init -q --bare bare.git && git -C repo push -q "$work/bare.git" main
like "a bare repository will do" '^judged ' "$(cd bare.git && differ 0 main:lists/ci.list main~1:lists/ci.list)"

# ---- size ----

awk 'BEGIN { for (i = 0; i < 200000; i++) print (i % 10 ? "" : ".") "h" i ".z" i % 500 ".example" }' >big.list
{ sed '7d' big.list && echo 'news.example'; } >bigger.list
like "two hundred thousand rules" '^widens     1 name$' "$(timeout 60 "$namegate" diff big.list bigger.list)"
tap_done
