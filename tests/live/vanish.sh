#!/usr/bin/env bash
# A sandbox whose interface goes: nothing of it stays in the kernel for whoever gets that name next.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
allow list1 .allowed.example >/dev/null
cat >>"$work/extra.conf" <<END
sandbox box2 {
  interface = sb2
  sources = { 10.77.2.2, "fd77:2::2" }
  policies = { "$work/list1" }
  masquerade = true
}
sandbox later {
  interface = sb9
  sources = { 10.77.9.2 }
  policies = { "$work/list1" }
}
END
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
state() { gate sandbox list --json | jq -r --arg n "$1" '[.sandboxes[] | select(.name == $n) | .state] | join(" ")'; }
has() { [ "$(state "$1")" = "$2" ]; }
left() { # of that source in the sets that let something pass
	local set
	for set in sbx4 allow4 allow4p cidr4 masq4 observe4; do
		nft list set inet namegate "$set"
	done | grep -c "$1"
}
opens() { [ "$(ask "$1" www.allowed.example) $(reach "$1" 44.0.0.1)" = "NOERROR 44.0.0.1 open" ]; }
away() { ip link del "sb$1" && ip netns del "box$1"; }

succeeds "one that was registered serves" opens 1
succeeds "and one of the configuration" opens 2
is "one whose interface was never there is waited for" serving "$(state later)"

hold 1 44.0.0.1 20
away 1
succeeds "its interface gone, it is unregistered" until_true 5 has box1 ""
like "which is on record" '^box1 its interface sb1 is gone$' \
	"$(records 'select(.event == "sandbox-gone") | .sandbox + " " + .reason')"
like "and said" 'sandbox box1: its interface sb1 is gone; it is unregistered' "$(cat "$work/namegated.log")"
is "the kernel has nothing of it" 0 "$(left '10\.77\.1\.2')"
make_box 1
is "who gets the name next is nobody" "TIMEOUT" "$(ask 1 www.allowed.example)"
is "and reaches nothing" timeout "$(reach 1 44.0.0.1)"
succeeds "until it is registered" add_box 1 "$work/box1.list"
succeeds "and then serves" until_true 5 opens 1

away 2
succeeds "the one of the configuration is absent" until_true 5 has box2 absent
like "which is on record" '^box2 its interface sb2 is gone$' \
	"$(records 'select(.event == "sandbox-gone") | .sandbox + " " + .reason')"
is "the kernel has nothing of it" 0 "$(left '10\.77\.2\.2')"
succeeds "a reload changes nothing" gate reload
is "it is still absent" absent "$(state box2)"
make_box 2
succeeds "with its interface it is there again" until_true 5 has box2 serving
succeeds "and serves" until_true 5 opens 2
is "which is on record too" box2 "$(records 'select(.event == "sandbox-back") | .sandbox')"

# Gone and back at once, which is another interface: leases of the old one do not pass on.
is "an address is open" open "$(reach 2 44.0.0.1)"
ip netns add spare
ip link del sb2
ip netns del box2
make_box 2
succeeds "what took its name at once begins without leases" until_true 5 sh -c \
	"[ \$(grep -c 'sandbox box2: interface sb2 is there again' '$work/namegated.log') -eq 2 ]"
is "so it reaches nothing" refused "$(reach 2 44.0.0.1)"
succeeds "until it asks" until_true 5 opens 2
is "renamed, it is gone as well" 0 "$(ip link set sb2 down && ip link set sb2 name sbx; echo $?)"
succeeds "absent" until_true 5 has box2 absent
succeeds "the neighbour has noticed nothing" opens 1
kill -9 "$(pid_of warden)"
succeeds "after the warden's death" until_true 10 opens 1
is "what is absent stays away" "absent 0" "$(state box2) $(left '10\.77\.2\.2')"
tap_done
