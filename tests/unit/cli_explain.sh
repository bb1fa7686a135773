#!/usr/bin/env bash
# `namegate explain` from the outside: each rule and its fate, what is sent and opened, in numbers.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"
cli_needs jq

cat >gate.conf <<'END'
policies = {"never.list", "zone:watch"}
lease-min = 60
forward "." { servers = {"192.0.2.53"} }
forward "corp.internal" {
	servers = {"198.51.100.53", "[2001:db8::53]:5353"}
	private = {"10.9.0.0/16"}
}
zone "watch" { file = "watch.zone" override = disabled }
group "build" { policies = {"group.list"} private = {"10.6.0.0/16"} }
sandbox "ci" {
	sources = {"10.1.0.2"}
	group = "build"
	policies = {"ci.list", "rpz.zone"}
}
sandbox "wide" {
	sources = {"10.2.0.0/24"}
	policies = {"rpz.zone", "ci.list"}
}
sandbox "watched" {
	sources = {"10.3.0.1"}
	mode = observe
}
END
echo '!*.evil.example' >never.list
printf '?ask.example\npypi.org:443\n' >group.list
cat >ci.list <<'END'
pypi.org   # the index
*.github.com
.debian.org
build.corp.internal
good.evil.example
bücher.example:443,8443 lease-max=20s private=10.7.0.0/16
*.example
10.20.0.0/16:5432
mail.example types=MX,A cname=strict
ask.example
END
zone='$TTL 300
@ SOA localhost. root.localhost. 1 2 3 4 5
@ NS localhost.'
printf '$ORIGIN watch.example.\n%s\npypi.org CNAME .\n' "$zone" >watch.zone
cat >rpz.zone <<END
\$ORIGIN rpz.example.
$zone
quiet.example CNAME *.
24.0.2.0.192.rpz-ip CNAME .
32.7.0.2.10.rpz-client-ip CNAME rpz-drop.
own.example A 192.0.2.80
tcp.example CNAME rpz-tcp-only.
END
cat >world.zone <<'END'
$TTL 30
pypi.org. A 151.101.0.223
pypi.org. A 10.0.0.5
a.github.com. CNAME dual.fastly.probe.
dual.fastly.probe. A 151.101.0.223
c.debian.org. CNAME x.corp.internal.
x.corp.internal. A 10.9.0.4
build.corp.internal. A 10.9.0.3
one.own.probe. CNAME walled.cdn.probe.
walled.cdn.probe. CNAME never.evil.example.
two.own.probe. CNAME moved.cdn.probe.
moved.cdn.probe.fastly.probe. A 151.101.0.224
three.own.probe. A 198.51.100.7
xn--bcher-kva.example. A 10.7.0.9
END

run() { # EXPECTED-EXIT ARGUMENT...: what it printed, and the exit code when it is another
	local expected=$1 code=0 out
	shift
	out=$("$namegate" explain "$@" 2>&1) || code=$?
	[ "$code" -eq "$expected" ] || out="$out
exit $code, not $expected"
	printf '%s\n' "$out"
}
ci() { run "$1" -c gate.conf ci "${@:2}"; }
json() { # EXPECTED-EXIT FILTER ARGUMENT...
	run "$1" --json -c gate.conf "${@:3}" | jq -c "$2"
}

left_out="left out what only a running gate knows: names approved or refused, and a mode set since; see --control"
is "an allowed name, in full" "sandbox  ci
mode     enforce
name     pypi.org, written PyPI.org.
type     A
client   10.1.0.2
verdict  allow
answer   from upstream
rule     group.list:2:1 (group scope): pypi.org
why      the rule pypi.org allows it
open     the aliases and addresses of the answer are judged as well
rules    in the order in which they are heard
  global    watch.zone:5:1  pypi.org  deny      its zone is disabled: it only leaves a record
  group     group.list:2:1  pypi.org  allow     decides
  sandbox   ci.list:1:1     pypi.org  allow     group.list:2 of the group scope says the same, and the bounds of both count
route    zone . by 192.0.2.53:53
sends    pypi.org A, and a question for each alias whose target the answer leaves out: at most 17
types    A AAAA
aliases  the rule covers them; one that leads into another forward zone needs a rule of its own
filter   never 0.0.0.0/8 100.100.100.200/32 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 224.0.0.0/3
         unless opened 10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15
         never the addresses of this host, of upstream servers, of other sandboxes
opened   10.6.0.0/16 by group build (gate.conf:9)
lease    at least 60 s, and 30 s of grace; TTLs at most 3600 s
         an answer with TTL 30 is handed out as 30 and its lease stands 60 + 30 s
         an answer with TTL 300 is handed out as 300 and its lease stands 301 + 30 s
         an answer with TTL 86400 is handed out as 3600 and its lease stands 3601 + 30 s
         while a flow to the address lasts, new ones may begin for up to 3600 s more
ports    all
kernel   set allow4, key saddr . daddr: 10.1.0.2 . each address; times out 30 s after the lease
$left_out" \
	"$(ci 0 PyPI.org.)"
is "a denied name, in full" "sandbox  ci
mode     enforce
name     good.evil.example
type     A
client   10.1.0.2
verdict  deny
answer   NXDOMAIN
rule     never.list:1:1 (global scope): *.evil.example
why      the rule *.evil.example denies it
rules    in the order in which they are heard
  global    never.list:1:1  *.evil.example     deny      decides
  sandbox   ci.list:5:1     good.evil.example  allow     overruled: never.list:1 of the global scope denies it
  sandbox   ci.list:7:1     *.example          allow     ci.list:5 speaks: the exact name comes before wildcards
sends    nothing
$left_out" "$(ci 1 good.evil.example)"
unlike "of policies alone nothing is left out" "^left out" "$(run 0 -p ci.list box pypi.org)"
is "--json: so that programs see it" null "$(json 0 .running ci pypi.org)"

like "Unicode becomes A-labels" '^name     xn--bcher-kva\.example, written BÜcher\.example$' "$(ci 0 BÜcher.example)"
like "a rule's lease-max, in numbers" 'TTL 300 is handed out as 20 and its lease stands 21 \+ 30 s' "$(ci 0 bücher.example)"
like "a rule's ports" '^ports    tcp/443 tcp/8443$' "$(ci 0 bücher.example)"
like "ports are part of the key" '^kernel   set allow4p, key saddr \. daddr \. proto \. dport: 10\.1\.0\.2 ' "$(ci 0 bücher.example)"
like "who opens a private prefix: a rule" '^         10\.7\.0\.0/16 by rule ci\.list:6$' "$(ci 0 bücher.example)"
like "who opens a private prefix: a forward zone" '^         10\.9\.0\.0/16 by forward corp\.internal \(gate\.conf:4\)$' "$(ci 0 build.corp.internal)"
like "the longest zone routes" '^route    zone corp\.internal by 198\.51\.100\.53:53, \[2001:db8::53\]:5353$' "$(ci 0 build.corp.internal)"
like "no source of that family" '^kernel   nothing: the sandbox has no source address of that family$' "$(ci 0 pypi.org AAAA)"
like "strict aliases" '^aliases  every target needs a rule of its own$' "$(ci 0 mail.example)"
like "the rule's types" '^types    MX A$' "$(ci 0 mail.example)"
like "an address may be open by then: its name is the answer" \
	'^note     while the sandbox has 198\.51\.100\.7 open, the answer is the name that opened it$' \
	"$(ci 1 7.100.51.198.in-addr.arpa PTR)"
unlike "a part of one never is" 'while the sandbox has' "$(ci 1 100.51.198.in-addr.arpa PTR)"
unlike "nor is it asked for by another type" 'while the sandbox has' "$(ci 1 7.100.51.198.in-addr.arpa TXT)"
like "another type sends nothing" '^sends    nothing$' "$(ci 0 pypi.org TXT)"
like "to ask is denied until it is approved" '^why      the rule ask\.example says to ask' "$(ci 1 ask.example)"
like "an ask overrules an allow" 'ci\.list:10:1 +ask\.example +allow +overruled: group\.list:1 of the group scope says to ask$' "$(ci 1 ask.example)"
like "the source listed first" 'rpz\.zone:5:1 +quiet\.example +no data +ci\.list:7 speaks: its source is listed first$' "$(ci 0 quiet.example)"
printf 'a.example until=2999-12-31\n' >until.list
like "a rule's end" ' decides; it ends 3000-01-01T00:00Z$' "$(run 0 -p until.list any a.example)"
printf '*.example\n*.b.example\n' >labels.list
like "more labels" 'labels\.list:1:1 +\*\.example +allow +labels\.list:2 speaks: it has more labels$' \
	"$(run 0 -p labels.list any a.b.example)"
like "local data" "^answer   the rule's own records$" "$(run 0 -c gate.conf --client 10.2.0.1 wide own.example)"
printf '%s\nown.example CNAME garden.probe.\n' "$zone" | sed 's/^@ SOA/$ORIGIN g.probe.\n&/' >garden.zone
like "local data that leads on" '^sends    nothing for own\.example, and a question for the target' "$(run 0 -p garden.zone any own.example)"
like "TCP only" '^answer   from upstream, over TCP only$' "$(run 0 -c gate.conf --client 10.2.0.1 wide tcp.example)"
like "which client asks is said to be missing" '^client   not known' "$(run 0 -c gate.conf wide pypi.org)"
like "a client trigger decides" '^rule     rpz\.zone:7:1 \(sandbox scope\): client 10\.2\.0\.7/32$' "$(run 1 -c gate.conf --client 10.2.0.7 wide pypi.org)"
like "and comes before a name's source" 'ci\.list:1:1 +pypi\.org +allow +rpz\.zone:7 speaks: its source is listed first' \
	"$(run 1 -c gate.conf --client 10.2.0.7 wide pypi.org)"
like "a range of sources is one key each" 'the asking client of 10\.2\.0\.0/24 \. each address' "$(run 0 -c gate.conf wide pypi.org)"
printf 'sandbox "shut" { sources = {"10.4.0.1"} mode = lockdown policies = {"ci.list"} }\n' >shut.conf
is "nothing is open in lockdown" '["deny",false,[]]' "$(run 1 --json -c shut.conf shut bücher.example | jq -c '[.verdict, .allowed, .ports]')"
like "an observed sandbox is answered" '^answer   from upstream$' "$(run 1 -c gate.conf watched no.probe)"
like "and told to be so" 'default deny; the sandbox is only observed' "$(run 1 -c gate.conf watched no.probe)"

is "--json: the fates" '[["watch.zone",5,"disabled",null],["group.list",2,"decides",null],["ci.list",1,"joins",1]]' \
	"$(json 0 '[.candidates[] | [.path, .line, .outcome, .by]]' ci pypi.org)"
is "--json: a denial has all members as well" '[false,null,[],false,0,[],null]' \
	"$(json 1 '[.allowed, .route, .kernel, .sends.asks, .sends.questions_max, .ports, .answers]' ci evil.probe)"
is "--json: what a flow may add" 3600 "$(json 0 '.lease.flow_lease_s' ci pypi.org)"
is "--json: TTL and lease" '[30,30,90]' "$(json 0 '[.lease.examples[] | select(.ttl_s == 30) | .ttl_s, .handed_out_s, .stands_s]' ci pypi.org)"
is "--json: who opens what" '[["10.6.0.0/16","group","build","gate.conf:9"],["10.7.0.0/16","rule",null,"ci.list:6"]]' \
	"$(json 0 '[.filter.opened[] | [.prefix, .by, .name, .place]]' ci bücher.example)"
is "--json: on one line" 1 "$(run 0 --json -c gate.conf ci pypi.org | wc -l)"

# ---- through to the addresses ----

answers() { run "$1" -c gate.conf --answers world.zone ci "${@:2}"; }
is "--answers: what is asked, said and opened" "asked    pypi.org A of zone .: NOERROR
reply    NOERROR: disabled policy watch.zone:5 would have denied it
         pypi.org 30 A 151.101.0.223
removed  10.0.0.5
leases   151.101.0.223 all ports for 90 s, 30 of them grace: pypi.org by group.list:2" \
	"$(answers 0 pypi.org | sed -n '/^asked/,$p' | grep -v '^left out')"
like "--answers: rules of the chain are laid out" 'ci\.list:2 speaks|^  sandbox   ci\.list:2:1' "$(answers 0 a.github.com)"
like "--answers: an alias into a private zone" '^note     blocked .allowed by policy [^ ]*, but alias without a rule for x\.corp\.internal.$' "$(answers 1 c.debian.org)"
printf '*.own.probe\n' >own.list
cat >own.zone <<END
\$ORIGIN own.zone.example.
$zone
walled.cdn.probe A 192.0.2.81
moved.cdn.probe CNAME *.fastly.probe.
24.0.100.51.198.rpz-ip A 192.0.2.82
END
printf 'policies = {"own.zone"}\nforward "." { servers = {"192.0.2.53"} }\nsandbox "box" { sources = {"10.1.0.2"} policies = {"own.list"} }\n' >own.conf
own() { run 0 -c own.conf --answers world.zone box "$1" A; }
like "--answers: data for an alias target" "^answer   the rule's own records, once upstream has answered$" "$(own one.own.probe)"
is "--answers: they stand behind the alias, whatever is behind it" "reply    NOERROR
         one.own.probe 30 CNAME walled.cdn.probe
         walled.cdn.probe 300 A 192.0.2.81
leases   192.0.2.81 all ports for 331 s, 30 of them grace: one.own.probe by own.zone:5" \
	"$(own one.own.probe | sed -n '/^reply/,$p' | grep -v '^left out')"
is "--answers: the garden of an alias target" "reply    NOERROR
         two.own.probe 30 CNAME moved.cdn.probe
         moved.cdn.probe 300 CNAME moved.cdn.probe.fastly.probe
         moved.cdn.probe.fastly.probe 30 A 151.101.0.224
leases   151.101.0.224 all ports for 90 s, 30 of them grace: two.own.probe by own.zone:6" \
	"$(own two.own.probe | sed -n '/^reply/,$p' | grep -v '^left out')"
is "--answers: data for an answer's address" "rule     own.zone:7:1 (global scope): answer 198.51.100.0/24
reply    NOERROR
         three.own.probe 300 A 192.0.2.82
leases   192.0.2.82 all ports for 331 s, 30 of them grace: three.own.probe by own.zone:7" \
	"$(own three.own.probe | sed -n '/^rule /p; /^reply/,$p' | grep -v '^left out')"
like "--answers: a rule opens a private address" '^leases   10\.7\.0\.9 tcp/443 for 51 s' "$(answers 0 bücher.example)"
is "--answers --json" '["NOERROR",["10.0.0.5"],[["151.101.0.223",null,90,"group.list:2"]]]' \
	"$(run 0 --json -c gate.conf --answers world.zone ci pypi.org |
		jq -c '.answers | [.rcode, .removed, [.leases[] | [.address, .port, .stands_s, .rule]]]')"
echo 'pypi.org. A 1.2.3' >bad.zone
like "--answers: a bad line has its place" '^bad\.zone:1:' "$(run 2 -c gate.conf --answers bad.zone ci pypi.org)"
like "--answers: no such file" '^none\.zone: error: No such file' "$(run 2 -c gate.conf --answers none.zone ci pypi.org)"
like "--answers: no such sandbox" 'has no sandbox nobody' "$(run 2 -c gate.conf --answers world.zone nobody pypi.org)"

# ---- an address ----

like "an address: static" '^static   ci\.list:8:1 \(sandbox scope\): 10\.20\.0\.0/16 tcp/5432$' "$(ci 0 10.20.1.1)"
is "an address: open at a static rule's ports" 'verdict  is open at tcp/5432
why      static rules open it, at all times: 1; rules for names that could open it as well: 0' \
	"$(ci 0 10.20.1.1 | grep -E '^(verdict|why)')"
is "an address: open, and said so to programs" '[true,true]' "$(json 0 '[.may, .open]' ci 10.20.1.1)"
is "an address: a name may open it" '[true,false]' "$(json 0 '[.may, .open]' ci 192.0.2.9)"
like "an address: open for all that is only observed" '^verdict  is open$' "$(run 0 -c gate.conf watched 44.5.0.1)"
like "an address: of an upstream server, observed" '^verdict  is open$' "$(run 0 -c gate.conf watched 192.0.2.53)"
printf '44.5.0.1:853\n44.5.0.2\n44.5.0.3:80\n*\n' >static.list
like "an address: no static rule opens a port of encrypted DNS" '^verdict  may be opened$' "$(run 0 -p static.list x 44.5.0.1)"
like "an address: open at all ports" '^verdict  is open$' "$(run 0 -p static.list x 44.5.0.2)"
like "an address: names may open more" '^verdict  is open at tcp/80, may be opened at others$' "$(run 0 -p static.list x 44.5.0.3)"
like "an address: the rule that opens it" '^opened   10\.7\.0\.0/16 by rule ci\.list:6$' "$(ci 0 10.7.1.1)"
like "an address: only that rule" 'ci\.list:6:1  xn--bcher-kva\.example  allow tcp/443 tcp/8443$' "$(ci 0 10.7.1.1)"
is "an address: names of its forward zone alone" '[["10.9.0.0/16","forward"]] ["build.corp.internal"]' \
	"$(json 0 '[.opened[] | [.prefix, .by]], [.rules[].owner]' ci 10.9.1.1 | tr '\n' ' ' | sed 's/ $//')"
is "an address: never" '["never",false,[]]' "$(json 1 '[.reach, .may, .rules]' ci 169.254.169.254)"
is "an address: private and not opened" '["private",false]' "$(json 1 '[.reach, .may]' ci 10.50.0.1)"
is "an address: of an upstream server" '["an upstream server",false]' "$(json 1 '[.owner, .may]' ci 192.0.2.53)"
is "an address: of another sandbox" '["sandbox watched",false]' "$(json 1 '[.owner, .may]' ci 10.3.0.1)"
is "an address: rules about answers" '[[6,"answer 192.0.2.0/24","nxdomain"]]' \
	"$(json 0 '[.judged[] | [.line, .owner, .action]]' ci 192.0.2.9)"
is "an address: a zone listed first closes it, but to its own names" '["tcp.example"]' \
	"$(json 0 '[.rules[].owner]' wide 192.0.2.9)"
is "an address: its names" '[["pypi.org",true,"group.list:2"],["a.github.com",true,"ci.list:2"],["dual.fastly.probe",false,"blocked by policy (not on the allow list of sandbox ci)"]]' \
	"$(json 0 '[.names[] | [.name, .opens, .why]]' --answers world.zone ci 151.101.0.223)"

# ---- what cannot be used ----

like "a URL is no name" 'not a domain name: it is a URL' "$(ci 2 https://pypi.org/simple)"
for odd in pypi.org:443 10.0.0.0/8 fe80::1%eth0 pypi.org/simple; do
	like "$odd is no name" "not a domain name: it has a port, a path or the length" "$(ci 2 "$odd")"
done
is "what cannot be a name orders nothing of a terminal" 'namegate explain: a?[31m..b ' \
	"$(ci 2 $'a\e[31m..b' | grep -o '^.*\.\.b ')"
like "--client of somebody else" 'no source of that sandbox' "$(run 2 -c gate.conf --client 10.9.9.9 ci pypi.org)"
like "--client that is no address" '--client takes' "$(run 2 -c gate.conf --client x ci pypi.org)"
read -ra many < <(printf -- '-p ci.list %.0s' $(seq 17))
like "too many policies" 'has at most 16 sources' "$(run 2 "${many[@]}" x pypi.org)"
tap_done
