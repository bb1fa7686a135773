#!/usr/bin/env bash
# `namegate convert` from the outside: a list as a zone and back, and what neither can carry.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

cat >both.list <<'END'
a.example
*.b.example
!c.b.example
d.example:80,443,443/udp
*.e.example:8443
!*.f.example
*
END
cat >both.zone <<'END'
$TTL 300
$ORIGIN rpz.namegate.
@ SOA localhost. root.localhost. 1 3600 600 86400 300
@ NS localhost.
a.example CNAME rpz-passthru.
*.b.example CNAME rpz-passthru.
c.b.example CNAME .
d.example CNAME rpz-passthru.
_80._tcp.d.example CNAME rpz-passthru.
_443._tcp.d.example CNAME rpz-passthru.
_443._udp.d.example CNAME rpz-passthru.
*.e.example CNAME rpz-passthru.
_8443._tcp.*.e.example CNAME rpz-passthru.
*.f.example CNAME .
* CNAME rpz-passthru.
END
is "a list becomes a zone" "$(cat both.zone)" "$("$namegate" convert both.list --to rpz 2>/dev/null)"
is "and the zone the same list" "$(cat both.list)" \
	"$("$namegate" convert --to list both.zone 2>/dev/null)"

cat >more.list <<'END'
ok.example
?ask.example
types.example types=TXT
192.0.2.7:443
short.example until=2999-12-31
END
is "what a zone cannot say is named with its place" 'more.list:5:1: error: a zone has no until=, so the rule has no end there (give the zone an end by other means) [convert-left-out]
more.list:2:1: error: a zone cannot ask, and is left out (keep it in a source of the form that has it) [convert-left-out]
more.list:3:1: error: a zone has no options, and is left out (keep it in a source of the form that has it) [convert-left-out]
more.list:4:1: error: a zone opens no addresses, and is left out (keep it in a source of the form that has it) [convert-left-out]' \
	"$(run 1 convert more.list --to rpz | grep more.list)"

cat >more.zone <<'END'
$TTL 300
$ORIGIN rpz.
@ SOA localhost. root. 1 2 3 4 5
@ NS localhost.
ok.example CNAME rpz-passthru.
drop.example CNAME rpz-drop.
data.example A 192.0.2.1
24.0.2.0.192.rpz-ip CNAME .
END
is "what a list cannot say is named with its place" 'more.zone:6:1: error: a list has no words for this action, and is left out (keep it in a source of the form that has it) [convert-left-out]
more.zone:7:1: error: a list has no words for this action, and is left out (keep it in a source of the form that has it) [convert-left-out]
more.zone:8:1: error: a list has no rules about clients and answers, and is left out (keep it in a source of the form that has it) [convert-left-out]
ok.example' "$(run 1 convert more.zone --to list | sort)"

is "a list is not converted to a list" \
	'both.list: error: this is a list already (ask for the other form) [convert-form]' \
	"$(run 2 convert both.list --to list)"
is "a bad list is not converted" 'bad.list:1:1: error: x.example/y has a path; a name policy sees the host name only (to name the whole host, write x.example) [list-path]' \
	"$(echo x.example/y >bad.list; run 2 convert bad.list --to rpz)"
is "without --to nothing is done" 'namegate convert: say --to rpz or --to list; see namegate convert --help' \
	"$(run 2 convert both.list)"
tap_done
