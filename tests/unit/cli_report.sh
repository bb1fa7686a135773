#!/usr/bin/env bash
# namegate report: one page of what was read and run, in two formats, and nothing in it that the
# policy's author could make the reader's program take for markup. And who-opened's command line.
# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"
report() { "$build/namegate" report "$@"; }
exit_of() {
	"$@" >"$work/out" 2>"$work/err"
	echo $?
}

mkdir tests
cat >namegate.conf <<'END'
policies = {"deny.list"}
forward "." { servers = {"192.0.2.53"} }
sandbox "ci" {
	sources = {"10.77.1.2"}
	policies = {"ci.list"}
}
sandbox "ci-twin" {
	sources = {"10.77.1.3"}
	policies = {"ci.list"}
}
sandbox "odd" {
	sources = {"10.77.1.4"}
	policies = {"own <img src=x> & 'q' | `b`.list", "odd.zone"}
}
END
echo '!secret.allowed.example' >deny.list
cat >ci.list <<'END'
good.example:443
*.allowed.example
secret.allowed.example
10.20.0.0/16:5432
?asked.example:8443
END
printf 'only.example\n*.%s.example\n' "$(printf 'a%.0s' $(seq 63))" >"own <img src=x> & 'q' | \`b\`.list"
cat >odd.zone <<'END'
$ORIGIN policy.
@ 60 IN SOA ns. host. 1 60 60 60 60
@ 60 IN NS ns.
\<script\>alert\(1\)\</script\>.example 60 IN CNAME rpz-passthru.
*.\034onload=x\032\039\124\096.example 60 IN CNAME rpz-passthru.
\255\027\010.example 60 IN CNAME rpz-passthru.
END
cat >tests/holds.expect <<'END'
# <b>bold</b> & [link](javascript:alert(1)) | cell
config ../namegate.conf
sandbox ci
allow good.example:443
deny secret.allowed.example evil.example
no-reach 169.254.169.254
after 5m deny evil.example
policies ../ci.list
deny evil.example
END
cat >tests/fails.expect <<'END'
# one that does not hold
config ../namegate.conf
sandbox ci
deny good.example
END

# ---- what is in it ----

is "it is written" "0" "$(exit_of report -c namegate.conf --tests tests/holds.expect)"
cp out page.md
like "it counts sandboxes" '^\| sandboxes \| 3 \| namegate\.conf \|$' "$(cat page.md)"
like "it says that nothing was asked of a store" 'No store was read' "$(cat page.md)"
like "sandboxes that are alike stand together" '^### ci, ci-twin$' "$(cat page.md)"
like "a name with its ports and rule" '^\| good\.example \| 443/tcp \| A, AAAA \| ci\.list:1 \|$' "$(cat page.md)"
unlike "what a wider scope denies is not reachable" '^\| secret\.allowed\.example \| all' "$(cat page.md)"
like "an assertion has its evidence" '^\| ci: deny secret\.allowed\.example \| passed \| tests/holds\.expect:5 \|$' "$(cat page.md)"
like "and so has one on addresses" '^\| ci: no-reach 169\.254\.169\.254 \| passed \| tests/holds\.expect:6 \|$' "$(cat page.md)"
like "of a later moment it says so" '\| tests/holds\.expect:7, when 300 s have passed \|$' "$(cat page.md)"
like "of another policy it says so" '\| tests/holds\.expect:9, when 300 s have passed, of another policy: .*ci\.list \|$' "$(cat page.md)"
like "what is to be approved has its ports" '^\| asked\.example \| 8443/tcp \| A, AAAA \| ci\.list:5 \|$' "$(cat page.md)"
like "a private range says what opens a part of it" '^\| 10\.0\.0\.0/8 .*10\.20\.0\.0/16 static for ci, ci-twin \|$' "$(cat page.md)"
like "a closed one that nothing does" '^\| 169\.254\.0\.0/16 \| no setting opens it \| nothing \|$' "$(cat page.md)"
# 255 octets less 17 of allowed.example, less 4 lengths of labels; and less 73 of the long one, less 3
like "a wildcard's ceiling is what the name leaves" '\.allowed\.example \| 234 \| 256 \| 4096 \| ci\.list:2 \|$' "$(cat page.md)"
like "a long owner leaves less" 'a{63}\.example \| 179 \| 256 \| 4096' "$(cat page.md)"
like "the budget is explained" 'Octets a minute are the budget' "$(cat page.md)"

is "a failed test is an exit code, and the page is there" "1" \
	"$(exit_of report -c namegate.conf --tests tests)"
like "with what does not hold" '^\| tests/fails\.expect:4 \| ci: deny good\.example \| FAILED ' "$(cat out)"
like "and the counts" '2 files, 1 passed, 1 failed, 0 unusable' "$(cat out)"

seq -f 'n%g.example' 1 1500 >>ci.list
report -c namegate.conf >long.md
like "long lists are folded and counted" '<summary>1481 more allowed by name</summary>' "$(cat long.md)"
like "and end somewhere" '^501 more allowed by name are counted and not shown\.$' "$(cat long.md)"

# ---- rules about clients ----

rpz='$ORIGIN clients.
@ 60 IN SOA ns. host. 1 60 60 60 60
@ 60 IN NS ns.
named.example CNAME rpz-passthru.'
printf '%s\n32.2.0.0.10.rpz-client-ip CNAME rpz-passthru.\n32.3.0.0.10.rpz-client-ip CNAME .\n' "$rpz" >clients.zone
echo 'named.example:443' >named.list
for n in 2 3 4; do
	printf 'sandbox "s%s" { sources = {"10.0.0.%s"} group = "g" policies = {"clients.zone"} }\n' $n $n
done >clients.conf
echo 'group "g" { policies = {"named.list"} }' >>clients.conf
report -c clients.conf >clients.md
of() { sed -n "/^### $1\$/,/^##/p" clients.md; }
like "who may have any name by its address is told" '^Every name that no rule below speaks of is ALLOWED, by the rule about the client 10\.0\.0\.2/32 at clients\.zone:5\.$' "$(of s2)"
like "and has no ceiling" 'rule about clients at clients\.zone:5 allows every name' "$(of s2)"
unlike "nor a promise of names alone" 'names alone' "$(of s2)"
like "who may have none is told" 'is denied, by the rule about the client 10\.0\.0\.3/32' "$(of s3)"
unlike "and no name is listed as its" '^\| named\.example' "$(of s3)"
like "the ports are those of both scopes" '^\| named\.example \| all \| A, AAAA \| named\.list:1 \|$' "$(of s2)"
like "another is not meant by either" '^\| named\.example \| all' "$(of s4)"
unlike "and not told of them" 'the rule about the client' "$(of s4)"

# ---- that nothing gets out of its place ----

cat >check.py <<'END'
"""Is the page well-formed, self-contained, and made of the report's own tags and nothing else?"""
import html.parser
import sys

OWN = {"html", "head", "meta", "style", "title", "body", "h1", "h2", "h3", "p", "table", "tr", "th",
       "td", "details", "summary"}
VOID = {"meta"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.faults = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in OWN:
            self.faults.append(f"strange tag {tag}")
        for name, _ in attrs:
            if name not in ("lang", "charset", "http-equiv", "content"):
                self.faults.append(f"strange attribute {name} of {tag}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"stray end of {tag}")

    def handle_comment(self, data):
        self.faults.append("a comment")

    def handle_data(self, data):
        self.text.append(data)


raw = open(sys.argv[1], "rb").read()
page = Page()
page.feed(raw.decode("utf-8"))
page.close()
page.faults += [f"{tag} is not ended" for tag in page.open]
if any(c < 32 and c != 10 for c in raw):
    page.faults.append("control characters")
text = "".join(page.text)
page.faults += [f"does not show: {wanted}" for wanted in sys.argv[2:] if wanted not in text]
print("\n".join(page.faults) or "well-formed")
END
is "the HTML page is made of its own tags alone, and shows hostile names as they are" "well-formed" \
	"$(report -c namegate.conf --tests tests/holds.expect --format html -o page.html && python3 check.py page.html \
		'<script>alert' 'onload=x' "own <img src=x> & 'q' | \`b\`.list:1" \
		'<b>bold</b> & [link](javascript:alert(1)) | cell')"
unlike "it loads nothing from elsewhere" 'src=|href=|url\(|@import' "$(grep -o '<[^>]*>' page.html)"
like "and says so to the browser" "default-src 'none'" "$(cat page.html)"
unlike "Markdown has no tags of others" '<(script|img|b)[ >]' "$(cat page.md)"
unlike "and no links" '\]\(' "$(cat page.md)"
like "a bar in a name is no cell" 'own &#60;img src=x&#62; &#38; .q. &#124; &#96;b&#96;\.list \| 2 \|' "$(cat page.md)"
printf '\377\376\033[31m\n' | tr -d '\n' >"$work/octets"
cp ci.list "$(cat "$work/octets").list"
printf 'sandbox "x" { sources = {"10.77.1.9"} policies = {"%s.list"} }\nforward "." { servers = {"192.0.2.53"} }\n' \
	"$(cat "$work/octets")" >octets.conf
if report -c octets.conf --format html -o octets.html 2>"$work/err"; then
	is "octets that are no text do not reach the page" "well-formed" "$(python3 check.py octets.html)"
else
	like "octets that are no text do not reach the page" 'octets\.conf:1' "$(cat "$work/err")"
fi

# ---- what cannot be used ----

is "a configuration that is not there" "2" "$(exit_of report -c none.conf)"
is "a test that is not there" "2" "$(exit_of report -c namegate.conf --tests none.expect)"
is "a store that is not there" "2" "$(exit_of report -c namegate.conf --store "$work/none")"
like "says what and why" 'none/main is not there' "$(cat err)"
is "a date that is none" "2" "$(exit_of report -c namegate.conf --since 2026-02-30)"
is "a format that is none" "2" "$(exit_of report -c namegate.conf --format pdf)"
is "a file that cannot be written" "2" "$(exit_of report -c namegate.conf -o /nonexistent/page)"
echo before >kept.html
is "a page that cannot be made leaves what was there" "2 before" \
	"$(exit_of report -c none.conf -o kept.html) $(cat kept.html)"

is "who-opened: an address that is none" "2" "$(exit_of "$build/namegate" who-opened good.example)"
is "who-opened: what is none orders nothing of a terminal" 'namegate who-opened: "?[31mx" is no address' \
	"$("$build/namegate" who-opened $'\e[31mx' 2>&1 | sed 's/;.*//')"
is "report: nor does a path that cannot be written" 'namegate report: none/?[31mx cannot be written' \
	"$(report -c namegate.conf -o $'none/\e[31mx' 2>&1 | sed 's/:[^:]*$//')"
is "who-opened: a port that is none" "2" "$(exit_of "$build/namegate" who-opened 192.0.2.1 65536)"
is "who-opened: a time that is none" "2" "$(exit_of "$build/namegate" who-opened --at yesterday 192.0.2.1)"
is "who-opened: a store that is not there" "2" \
	"$(exit_of "$build/namegate" who-opened --store "$work/none" 192.0.2.1)"
tap_done
