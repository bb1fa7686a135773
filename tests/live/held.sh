#!/usr/bin/env bash
# A sandbox that the kernel refuses is shut out, never let go: processes of the host stay told apart
# when their rules find no room, when a table cannot be built, when the warden dies; and a flow from
# before there was a sandbox is judged when there is one.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
in_userns && skip_all "another user's processes need root"
live_needs setpriv
PATH=/usr/sbin:/usr/bin:/sbin:/bin # what other users can run too
usual_stage
cp "$here/peer.py" "$here/host.py" "$work/"
chmod 755 "$work" "$work"/*.py
list=$(allow box.list .allowed.example)
many=$(allow many.list .many.example)
as() { # UID ADDRESS
	setpriv --reuid "$1" --regid "$1" --clear-groups -- /usr/bin/python3 "$work/peer.py" connect "$2" 80 2>&1
}
cat >"$work/extra.conf" <<END
lease-min = 300
limits {
	leases = 100
	leases-sandbox = 100
}
sandbox "agent" {
	uid = "4241"
	policies = {"$list"}
}
END

opens() { [ "$(as "$1" 44.5.0.1)" = open ]; }

# ---- a flow that stood before ----
nft -f - <<'END'
table ip other {
	chain flows {
		type filter hook forward priority 0
		ct state established accept
	}
	chain leaves {
		type nat hook postrouting priority 100
		ip saddr 10.77.0.0/16 masquerade
	}
}
END
hold 1 44.9.9.9 40
is "without a sandbox a flow begins" "up" "$(cat "$work/held.44.9.9.9")"
start_gate
add_box 1 "$many" >/dev/null
succeeds "a flow from before there was a sandbox is cut" until_true 5 grep -q cut "$work/held.44.9.9.9"
hold_again() { ask 1 n1.many.example >/dev/null && hold 1 44.2.0.1 60; }
hold_again
replace_warden() { # and give the next one a second to do harm
	local old
	old=$(pid_of warden)
	kill -9 "$old"
	until_true 10 another warden "$old"
	until_true 5 gate status
	sleep 1
}
replace_warden
is "one that the sandbox may have is not, over the warden's death" "up" "$(cat "$work/held.44.2.0.1")"

# ---- sets without room ----
# shellcheck disable=SC2046
all_taken() {
	box 1 dig +short +tries=1 +time=1 $(seq -f 'n%.0f.many.example' 1 110)
	[ "$(table_elements allow4 | wc -l)" = 100 ]
}
succeeds "no element is left" until_true 10 all_taken
is "before, nothing is open that was not looked up" "refused" "$(as 4241 44.200.0.1)"
echo 44.5.0.1 >>"$list"
gate reload >/dev/null 2>&1
until_true 5 grep -q 'sandbox agent: the warden refused it' "$work/namegated.log"
is "one whose change is refused is shut out" "refused refused" "$(as 4241 44.200.0.1) $(as 4241 44.5.0.1)"
like "which is said" 'sandbox agent: the warden refused it.*shut out until' "$(cat "$work/namegated.log")"
like "and to who registers one" 'shut out until' "$(gate sandbox add late --uid 4243 --policy "$list" 2>&1)"
is "refused from the start it is shut out as well" "refused open" "$(as 4243 44.200.0.1) $(as 4244 44.200.0.1)"
replace_warden
is "the warden's death opens neither" "refused refused" "$(as 4241 44.200.0.1) $(as 4243 44.200.0.1)"
succeeds "it can be removed" gate sandbox remove late
is "and is let go by that alone" "open refused" "$(as 4243 44.200.0.1) $(as 4241 44.200.0.1)"
gate sandbox remove box1 >/dev/null
gate reload >/dev/null 2>&1
is "with room again it has its rules" "open refused" "$(until_true 5 opens 4241; as 4241 44.5.0.1) $(as 4241 44.200.0.1)"

# ---- a table that cannot be built ----
root=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5 }' /proc/self/mountinfo | head -n 1)
name=namegate-held-$RANDOM$RANDOM
if [ -z "$root" ] || ! mkdir "$root/$name" 2>/dev/null; then
	skip "a table that cannot be built" "no cgroup2 hierarchy can be written here"
	tap_done
	exit
fi
trap 'rmdir "$root/$name"' EXIT
in_cgroup() { /usr/bin/python3 "$work/host.py" within "$root/$name" /usr/bin/python3 "$work/peer.py" connect 44.200.0.1 80 2>&1; }
gate sandbox add job --cgroup "/$name" --policy "$many" >/dev/null
is "a cgroup is held" "refused" "$(in_cgroup)"
force stale 4 # as often as a commit is tried
gate reload >/dev/null 2>&1
until_true 10 eval '[ "$(forces_left stale)" = 0 ]'
is "a table that cannot be built leaves its rules" "refused" "$(in_cgroup)"
until_true 10 gate status
sleep 1
is "and so it stays" "refused refused" "$(in_cgroup) $(as 4241 44.200.0.1)"
tap_done
