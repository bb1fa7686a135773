#!/usr/bin/env bash
# The runner of scenes is a judge, so it is judged: it must fail what is wrong, refuse what cannot
# be played, and say where.
set -u
. "$(dirname "$0")/../tap.sh"
namegate=${abs_top_builddir:-.}/namegate
world='list web
  files.example
end
'
story="$world"'at 0 query box1 files.example A -> ask default
at 0 answer 198.51.100.7 ttl 30 -> lease box1 198.51.100.7 for 60s
'

play() { # WHAT STATUS REGEX SCENE
	local said status
	said=$(printf '%s' "$4" | "$namegate" test - 2>&1)
	status=$?
	is "$1: exit status" "$2" "$status"
	like "$1: says where and what" "$3" "$said"
}

play 'a scene that holds' 0 'passed 1' "$story"'at 0 committed -> reply 198.51.100.7 ttl 30
'
play 'another rcode' 1 '^-:4:36: expected this.*its rcode is nxdomain' \
	"$world"'at 0 query box1 evil.example A  -> reply refused ede 15
'
play 'an EDE that is not named' 1 'its EDE is 15' \
	"$world"'at 0 query box1 evil.example A -> reply nxdomain
'
play 'an action too few' 1 'nothing of the kind came' \
	"$world"'at 0 query box1 evil.example A -> reply nxdomain blocked ; ask default
'
play 'an action too many' 1 'was not expected: ask default files.example A' \
	"$world"'at 0 query box1 files.example A -> nothing
'
play 'an address too few' 1 '198.51.100.8 is not in it' \
	"$story"'at 0 committed -> reply 198.51.100.7 198.51.100.8
'
play 'another TTL' 1 'its TTL is 30' "$story"'at 0 committed -> reply 198.51.100.7 ttl 31
'
play 'another time of a lease' 1 'it is for 60s' \
	"$world"'at 0 query box1 files.example A -> ask default
at 0 answer 198.51.100.7 ttl 30 -> lease box1 198.51.100.7 for 61s
'
play 'a reply that waits for the kernel' 1 'nothing of the kind came' \
	"$story"'at 1ms -> reply 198.51.100.7
'
play 'an address that is not open yet' 1 'is not in the kernel' \
	"$story"'at 1ms -> open box1 198.51.100.7
'
play 'an address that is still open' 1 'is still in the kernel' \
	"$story"'at 0 committed -> reply 198.51.100.7
at 89s -> shut box1 198.51.100.7
'
play 'a lease that has not ended' 1 'nothing of the kind came' \
	"$story"'at 0 committed -> reply 198.51.100.7
at 89s -> closed box1 198.51.100.7
'
prompt="${world}setting grace 1s
setting lease-min 9s
kernel prompt
at 0 query box1 files.example A -> ask default
at 0 answer records
  files.example. 30 CNAME a.example.
  a.example. 5 A 198.51.100.7
end
"
whole='"files.example 30 CNAME a.example" "a.example 5 A 198.51.100.7"'
play 'a reply and a set in full' 0 'passed 1' "$prompt  -> reply answer $whole no-soa ; set box1 198.51.100.7 for 10s
"
play 'a record too few' 1 'it has the record .a.example 5 A 198.51.100.7. besides' \
	"$prompt  -> reply answer \"files.example 30 CNAME a.example\"
"
play 'a record too many' 1 'it has no record .b.example 5 A 198.51.100.7.' \
	"$prompt  -> reply answer $whole \"b.example 5 A 198.51.100.7\"
"
play 'an SOA too many' 1 'it carries an SOA' \
	"$world"'at 0 query box1 evil.example A -> reply nxdomain blocked no-soa
'
play 'a part of the EDE text is not all of it' 1 'its EDE text is .blocked by policy .not' \
	"$world"'at 0 query box1 evil.example A -> reply nxdomain blocked extra-text "blocked by policy"
'
play 'an element too few' 1 '198.51.100.7 until 10s stands, and is not named' \
	"$prompt  -> reply answer $whole ; set box1
"
play 'an element too many' 1 '198.51.100.7 tcp/443 does not stand' \
	"$prompt  -> reply answer $whole ; set box1 198.51.100.7 198.51.100.7 tcp/443
"
play 'an element with another end' 1 '198.51.100.7 until 10s has 10s left' \
	"$prompt  -> reply answer $whole ; set box1 198.51.100.7 for 12s within 1s
"
play 'an element of another client' 1 'stands, and is not named' \
	"$prompt  -> reply answer $whole ; set box1 198.51.100.7 client 10.0.0.9
"
play 'what was revoked a moment ago may be seen, within a time' 0 'passed 1' \
	"$prompt  -> reply answer $whole
at 1s mode box1 lockdown -> set box1
at 1500ms -> set box1 198.51.100.7 for 8s within 1s
"
play 'and not without, or later' 1 '^-:14:.*198.51.100.7 does not stand' \
	"$prompt  -> reply answer $whole
at 1s mode box1 lockdown -> set box1
at 2500ms -> set box1 198.51.100.7 for 8s within 1s
"
play 'a reply is named even of a prompt kernel' 1 'was not expected: reply' "$prompt  -> set box1 198.51.100.7
"
play 'changes that never take effect' 2 'never takes effect' "$world"'at 0 -> nothing
at 1s begin
'
play 'a question among changes' 2 '.apply. is missing' "$world"'at 1s begin
at 1s query box1 files.example A -> nothing
'
play 'changes that nobody began' 2 '.begin. is missing' "$world"'at 1s apply -> nothing
'
play 'an approval among changes' 2 'what is gathered' "$world"'at 1s begin
at 1s approve box1 files.example -> nothing
'
play 'what came is shown in words to copy' 1 '40ms reply nxdomain blocked' \
	"$world"'at 40ms query box1 evil.example A -> ask default
'
play 'an empty file' 2 'tests nothing' ''
play 'a scene without expectations' 2 'tests nothing' \
	"$world"'at 0
'
play 'an unknown word' 2 '^-:4:33: .bananas. means nothing' \
	"$world"'at 0 query box1 files.example A bananas -> ask default
'
play 'an unknown input' 2 '^-:1:6: .quarry. is nothing that can happen' 'at 0 quarry -> nothing
'
play 'an unknown clause' 2 'is nothing that can be expected' 'at 0 -> rejoice
'
play 'an unknown sandbox' 2 'there is no sandbox .box7.' 'at 0 query box7 a A -> nothing
'
play 'time that runs backwards' 2 'does not run backwards' 'at 2s -> nothing
at 1s -> nothing
'
play 'an answer to nothing' 2 'no such question is open' 'at 0 answer 198.51.100.7 -> nothing
'
play 'a confirmation of nothing' 2 'nothing of the kind is ordered' 'at 0 committed -> nothing
'
play 'a list without an end' 2 'has no line .end.' 'list web
  files.example
'
play 'a list that does not compile' 2 'cannot be used' 'list web
  https://files.example/
end
at 0 -> nothing
'
play 'a policy that is not there' 2 'cannot be opened' 'policy nowhere.list
at 0 -> nothing
'
play 'a clause without words' 2 'expected is missing' 'at 0 -> nothing ;
'
tap_done
