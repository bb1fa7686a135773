#!/usr/bin/env bash
# From observing to enforcing: a sandbox without any rule is observed, what it did becomes a list, and
# under that list alone it can do the same and nothing else.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs tcpdump
usual_stage
start_gate
add_box 1 "$(allow box1.list '!www.other.example')" --mode observe >/dev/null

tcpdump -U -n -i sb1 -w "$work/box.pcap" 2>"$work/tcpdump.log" &
capture=$!
until_true 10 grep -q 'listening on' "$work/tcpdump.log" || live_die "tcpdump does not listen" "$work/tcpdump.log"
day() { # what the sandbox does, one result a line
	ask 1 www.allowed.example
	reach 1 44.0.0.1
	ask 1 two.allowed.example
	ask 1 alias.allowed.example
	ask 1 private.allowed.example
	ask 1 nothing.allowed.example
	ask 1 www.other.example
}
day >"$work/observed" 2>&1
reach 1 44.1.0.1 >/dev/null
sleep 1
kill -INT "$capture"
wait "$capture"
learn() { # OPTION...: its standard output
	"$build/namegate" learn --sandbox box1 --wildcard 0 "$@" 2>"$work/learn.err"
}
entries() {
	sed -e 's/[ \t]*#.*//' -e '/^$/d'
}

learn -o "$work/records.list" "$work/records"
is "records become a list" "alias.allowed.example two.allowed.example www.allowed.example" \
	"$(entries <"$work/records.list" | sort | xargs)"
text=$(cat "$work/records.list")
like "what the rule denied is not in it, although it was let pass" \
	'^#   www\.other\.example  answered [0-9]+, .*box1\.list:1$' "$text"
like "a private address is for a person to open" '^#   private\.allowed\.example private=10\.9\.9\.9  ' "$text"
# With the records beside it a capture is the sandbox's too, and says to which ports it went.
learn -o "$work/learnt.list" "$work/records" "$work/box.pcap"
like "a capture adds ports" '^www\.allowed\.example:80  # ' "$(cat "$work/learnt.list")"
succeeds "the gate takes it" "$build/namegate" check --werror "$work/learnt.list"

gate sandbox remove box1 >/dev/null
add_box 1 "$work/learnt.list" >/dev/null
day >"$work/enforced" 2>&1
is "under it the sandbox does the same" "$(head -n 4 "$work/observed")" "$(head -n 4 "$work/enforced")"
is "which was let pass before" "NOERROR 44.1.0.1" "$(tail -n 1 "$work/observed")"
is "but for what the rule denied" "NXDOMAIN ede=15" "$(tail -n 1 "$work/enforced")"
reach 1 44.0.0.1 81 >/dev/null
closed() {
	[ "$(records 'select(.event == "blocked" and .mode == "enforce") | "\(.addrs[0]) \(.port)"')" = "44.0.0.1 81" ]
}
succeeds "and no other port is open" until_true 5 closed
tap_done
