#!/usr/bin/env bash
# Somebody else changes the firewall: with the table flushed, deleted or replaced, nothing passes but
# what was passing, and within a second all is as it was. Floods run all the while from the
# sandbox to addresses without a lease and to the host itself, and what arrives is counted. Services
# of the host are open while there is no table, and only then.
# shellcheck disable=SC2154,SC2046  # lib.sh sets what is used here
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
live_needs tc
! in_userns || skip_all "a user namespace may not load what marks packets"
rounds=20

# A firewall manager's files are the test's own; so are its logs.
cp -a /var/log "$work/log" && mount --bind "$work/log" /var/log
usual_stage
# What a strict host does, and ufw's and systemd's defaults have: answers must come in all the same.
echo 2 >/proc/sys/net/ipv4/conf/all/rp_filter

cat >"$work/flood.py" <<'END'
"""Floods closed addresses and the host from the sandbox, and sends a numbered flow to a leased one."""
import os, socket, sys, threading, time
closed = [("44.9.0.%d" % n, 9) for n in range(1, 250)] + [("44.9.0.1", 53), ("10.77.1.1", 7777), ("192.0.2.1", 7777)]
closed6 = [("2001:db8:80:9::%x" % n, 9) for n in range(1, 250)] + [("2001:db8:80:9::1", 53), ("fd77:1::1", 7777), ("2001:db8::1", 7777)]
enough = "/run/live/enough"
sent = {"closed": 0, "leased": 0, "refused": 0, "marked": 0}
def flood(family, targets, mark): # bursts: the machine has others to serve
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if mark:
        sock.setsockopt(socket.SOL_SOCKET, 36, mark)  # SO_MARK
    while not os.path.exists(enough):
        for target in targets:
            try:
                sock.sendto(b"x", target)
            except OSError:
                pass
            sent["closed"] += 1
        time.sleep(0.01)
def syns():
    while not os.path.exists(enough):
        for target in closed:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.connect_ex((target[0], 80 if target[1] == 9 else target[1]))
            sent["closed"] += 1
            time.sleep(0.001)
            sock.close()
def leased():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("44.0.0.1", 9))
    while not os.path.exists(enough):
        try:
            sock.send(b"x")
            sent["leased"] += 1
        except OSError:
            sent["refused"] += 1
        time.sleep(0.001)
threads = [threading.Thread(target=t, args=a) for t, a in
    ((flood, (socket.AF_INET, closed, 0x6a7e)), (flood, (socket.AF_INET6, closed6, 0x6a7e)), (syns, ()), (leased, ()))]
[t.start() for t in threads]
[t.join() for t in threads]
print("sent=%d leased=%d refused=%d" % (sent["closed"], sent["leased"], sent["refused"]))
END

count_far() { # far side: what came to closed addresses, and to the leased one
	in_net nft -j list table inet count | jq -r '[.nftables[].counter? // empty | "\(.name)=\(.packets)"] | sort | join(" ")'
}
count_closed
in_net nft 'add counter inet count leased; add rule inet count in ip daddr 44.0.0.1 udp dport 9 counter name leased'
python3 "$here/peer.py" service 7777 >"$work/host" 2>&1 &
until_true 5 grep -q up "$work/host"

field() { # NAME TEXT: of "NAME=NUMBER"
	echo "$2" | grep -o "$1=[0-9]*" | cut -d = -f 2
}

count_host() { # what came to services of the host
	grep -cE '^got (fd77|::ffff:10\.77)' "$work/host"
}

begin() { # floods, and a flow that stands
	rm -f "$work/enough"
	ask 1 www.allowed.example >/dev/null
	ask 2 www.allowed.example >/dev/null
	base=$(count_far)
	to_host=$(count_host)
	box 1 python3 "$work/flood.py" >"$work/flood" 2>&1 &
	flooder=$!
	# What is lost while there is no table is sent again, later each time: that is no end.
	hold 1 44.0.0.1 600 30
	translated=$held
	hold 2 44.0.0.1 600 30
	holder=$held
}

end() { # WHAT: judges
	local sent pid
	: >"$work/enough"
	wait "$flooder"
	sent=$(cat "$work/flood")
	is "$1: nothing came to closed addresses" "$(echo "$base" | grep -o 'closed=[0-9]*')" \
		"$(count_far | grep -o 'closed=[0-9]*')"
	to_host=$(($(count_host) - to_host))
	kill -0 "$holder" 2>/dev/null
	is "$1: the established flow goes on" 0 $?
	kill -0 "$translated" 2>/dev/null
	translated_ended=$?
	if [ -n "$guarded" ]; then
		is "$1: so does a masqueraded one" 0 $translated_ended
		is "$1: nothing came to services of the host" 0 $to_host
	elif [ $translated_ended != 0 ]; then # its answer, not translated back, was for the host
		tap_note "$1: a masqueraded flow was ended by the host"
	fi
	for pid in "$holder" "$translated"; do # of a shell each, which waits for the program
		kill $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	# Of packets to the leased address: refused tells the sender, and the others are gone.
	tap_note "$1: $sent to_host=$to_host lost=$(($(field leased "$sent") - $(field leased "$(count_far)") + $(field leased "$base")))"
}

standing() { nft -j list set inet namegate allow4 2>/dev/null | grep -q '"44.0.0.1"'; }
works() { [ "$(reach 1 44.0.0.1)" = open ]; }
slow=
now_ms() { echo $(($(date +%s%N) / 1000000)); }
# A machine that lets a look at the table wait, of some milliseconds, does so with the warden as well.
# The look that sees it back may itself be the slow one: what counts is when it began.
restored() { # how long until rules and lease are back, in ms
	local began at look=0
	began=$(now_ms)
	while at=$(now_ms) && ! standing; do
		[ $((at - began)) -lt 10000 ] || break
		[ $(($(now_ms) - at)) -le $look ] || look=$(($(now_ms) - at))
	done
	took=$((at - began))
	[ "$took" -lt $((1000 + 10 * look)) ] || slow="$slow $took ms ($look ms a look)"
}

recorded_so_far() { # twice for each change: when it was lost, and when it was back
	records 'select(.event == "table-lost" or .event == "table-back") | .event' | wc -l
}

rounds_of() { # ROUNDS WHAT COMMAND...
	local n=$1 what=$2 most=0 lines
	shift 2
	slow=
	lines=$(grep -c 'was changed by another program; rebuilt' "$work/namegated.log")
	recorded=$(recorded_so_far)
	begin
	for _ in $(seq "$n"); do
		"$@" >>"$work/firewall.log" 2>&1
		restored
		[ "$took" -le "$most" ] || most=$took
		sleep 0.05
	done
	succeeds "$what: a leased address works" until_true 2 works
	is "$what: $n times restored within a second" "" "$slow"
	end "$what"
	lines=$(($(grep -c 'was changed by another program; rebuilt' "$work/namegated.log") - lines))
	tap_note "$what: restored after at most $most ms, said $lines times"
	said="$lines $(($(recorded_so_far) - recorded))"
}

firewall_ufw() {
	ufw --force enable && ufw reload && ufw --force disable
}

firewall_firewalld() {
	firewalld --nofork --nopid >>"$work/firewalld.log" 2>&1 &
	local pid=$!
	until_true 10 firewall-cmd --state
	for interface in sb1 net0; do
		firewall-cmd --zone=trusted --add-interface="$interface"
		firewall-cmd --permanent --zone=trusted --add-interface="$interface"
	done
	firewall-cmd --reload
	firewall-cmd --complete-reload
	kill "$pid"
	wait "$pid"
}

managers() {
	if command -v ufw >/dev/null; then
		cp -a /etc/ufw "$work/ufw" && mount --bind "$work/ufw" /etc/ufw
		sed "s/^DEFAULT_\(FORWARD\|INPUT\)_POLICY=.*/DEFAULT_\1_POLICY=\"ACCEPT\"/" /etc/default/ufw >"$work/ufw.default"
		mount --bind "$work/ufw.default" /etc/default/ufw
		rounds_of 1 "ufw enabled, reloaded, disabled" firewall_ufw
		umount /etc/default/ufw /etc/ufw
		rm -rf "$work/ufw"
		nft delete table ip filter
		nft delete table ip6 filter
	else
		skip "ufw" "ufw is not installed"
	fi
	if command -v firewalld >/dev/null && command -v dbus-daemon >/dev/null; then
		cp -a /etc/firewalld "$work/firewalld" && mount --bind "$work/firewalld" /etc/firewalld
		mkdir -p /run/dbus
		dbus=$(dbus-daemon --system --fork --nopidfile --print-pid)
		rounds_of 1 "firewalld started, reloaded, stopped" firewall_firewalld
		kill "$dbus"
		umount /etc/firewalld
		rm -rf "$work/firewalld"
	else
		skip "firewalld" "firewalld or dbus-daemon is not installed"
	fi
}

cat >"$work/foreign.nft" <<'END'
flush ruleset
table inet foreign {
	chain forward {
		type filter hook forward priority filter; policy accept;
	}
}
END

# ---- a table that cannot be owned, as before Linux 5.12 ----

guarded=
export LIVE_LACKS=owner
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
gate sandbox add box2 --interface sb2 --source 10.77.2.2 --policy "$work/box1.list" >/dev/null
ip -n net route add 10.77.2.0/24 via 192.0.2.1
ask 2 www.allowed.example >/dev/null
ask 1 www.allowed.example >/dev/null
is "an unowned table: a leased address works" open "$(reach 1 44.0.0.1)"
unlike "nobody owns it" 'owner' "$(nft list table inet namegate | head -2)"
rounds_of "$rounds" "unowned, flush ruleset" nft flush ruleset
is "each time is logged once, and recorded" "$rounds $((2 * rounds))" "$said"
rounds_of "$rounds" "unowned, delete table" nft delete table inet namegate
is "each time is logged once, and recorded" "$rounds $((2 * rounds))" "$said"
rounds_of "$rounds" "unowned, a foreign ruleset" nft -f "$work/foreign.nft"
is "each time is logged once, and recorded" "$rounds $((2 * rounds))" "$said"
managers

# Somebody is quick: what stands is changed before the warden has looked at what it made itself.
gate_rule() { nft -a list chain inet namegate gate 2>/dev/null | grep goto | sed 's/.*handle //'; }
stands() { nft get element inet namegate allow4 "{ $1 }" >/dev/null 2>&1; }
leased=$(nft -j list set inet namegate allow4 | jq -r '[.nftables[].set?.elem[]?.elem.val.concat | join(" . ")][0]')
force slow-build 1
nft flush ruleset
until_true 5 eval '[ -n "$(gate_rule)" ]'
succeeds "a rule is replaced while they are made" nft replace rule inet namegate gate handle "$(gate_rule)" accept
until_true 5 eval '[ "$(forces_left slow-build)" = 0 ]'
succeeds "it comes back" until_true 3 eval '[ -n "$(gate_rule)" ]'
force slow-build 1
nft flush ruleset
until_true 5 eval '[ "$(forces_left slow-build)" = 0 ]'
until_true 5 stands "$leased"
succeeds "a lease is taken out while they are made" nft delete element inet namegate allow4 "{ $leased }"
succeeds "it comes back" until_true 3 stands "$leased"

# ---- nobody is there to rebuild it ----

kill -STOP "$gate_pid"
kill -9 "$(pid_of warden)"
nft flush ruleset
is "no warden: the table is gone" "" "$(nft list tables)"
# The kernel tells one sender about every two seconds that it was refused, and the flood of box1 had
# its share.
closed='(unreachable|timeout)'
sleep 3
is "no warden: a closed address is refused at once" unreachable "$(reach 2 44.9.0.1)"
is "no warden: so is it in IPv6" unreachable "$(reach 1 2001:db8:80:9::1)"
like "no warden: so is a leased one" "^$closed$" "$(reach 1 44.0.0.1)"
like "no warden: so is a server for names" "^$closed$" "$(reach 1 192.0.2.53 53)"
is "no warden: services of the host are open" "open open open" \
	"$(reach 1 10.77.1.1 7777) $(reach 1 192.0.2.1 7777) $(reach 1 fd77:1::1 7777)"
is "no warden: questions arrive at the host" refused "$(reach 1 10.77.1.1 53)"
is "no warden: the host itself goes on" open "$(python3 "$here/peer.py" connect 203.0.113.1 80)"
kill -CONT "$gate_pid"
succeeds "with a warden it is rebuilt" until_true 10 standing
is "and works" open "$(reach 1 44.0.0.1)"

# ---- one that would not outlive its owner, as before Linux 6.9 ----

kill "$gate_pid"
wait "$gate_pid"
force owner 0
force persist
start_gate
again() { ask 1 www.allowed.example && works; }
succeeds "a table stands that nobody owns" until_true 10 again
unlike "nobody owns it" 'owner' "$(nft list table inet namegate | head -2)"
guarded=yes
rounds_of "$rounds" "guarded, flush ruleset" nft flush ruleset
is "each time is logged once, and recorded" "$rounds $((2 * rounds))" "$said"
rounds_of "$rounds" "guarded, a foreign ruleset" nft -f "$work/foreign.nft"
is "each time is logged once, and recorded" "$rounds $((2 * rounds))" "$said"

# ---- an owned one ----

kill "$gate_pid"
wait "$gate_pid"
force persist 0
gate teardown >/dev/null
is "teardown takes the routing rules away" "" "$(ip rule | grep 6a7f; ip -6 rule | grep 6a7f)"
is "and the marks" "" "$(tc filter show dev sb1 ingress)"
start_gate
succeeds "an owned table stands" until_true 10 again
if nft list table inet namegate | grep -q owner; then
	rounds_of 5 "owned, flush ruleset" nft flush ruleset
	is "and never touched" "0 0" "$said"
	rounds_of 5 "owned, delete table" nft delete table inet namegate
	is "and never touched" "0 0" "$said"
	rounds_of 5 "owned, a foreign ruleset" nft -f "$work/foreign.nft"
	is "and never touched" "0 0" "$said"
else
	skip "owned tables" "this kernel has none that outlive their owner"
fi

# ---- rules and marks in foreign hands ----

rules() { # where ours stand
	ip "$1" rule | sed -n 's/^\([0-9]*\):.*6a7f.* prohibit.*/\1/p'
}
in_order() { [ "$(rules -4) $(rules -6)" = "10000 10000" ]; }
succeeds "one routing rule in each family" in_order
ip rule del fwmark 0x6a7f/0xfffffffd prohibit
succeeds "one that somebody took away is put back" until_true 3 in_order
for family in -4 -6; do
	ip $family rule flush
	ip $family rule add lookup main pref 32766
done
succeeds "so are both after ip rule flush" until_true 3 in_order
tc qdisc del dev sb1 clsact
marked() { tc filter show dev sb1 ingress | grep -q namegate; }
succeeds "so is a mark" until_true 3 marked
old=$(pid_of warden)
kill -9 "$old"
another() { [ -n "$(pid_of warden)" ] && [ "$(pid_of warden)" != "$old" ]; }
until_true 5 another
succeeds "another warden serves" until_true 10 gate status
sleep 0.3
succeeds "and adopts rules and marks as they are" in_order
is "one mark an interface" 1 "$(tc filter show dev sb1 ingress | grep -c handle)"
ip link add sb9 type veth peer name peer9
marked9() { tc filter show dev sb9 ingress | grep -q namegate; }
succeeds "an interface that comes later is marked" until_true 3 marked9

# ---- two gates on one host ----

mkdir -p "$work/store2"
{
	gate_conf | grep -v '^\(control\|store\|record\)'
	cat <<END
listen = { "0.0.0.0:1153" }
control = "$work/control2"
store = "$work/store2"
record = "$work/records2"
table = "second"
interfaces = { "sb2" }
END
} >"$work/second.conf"
marks() { tc filter show dev sb2 ingress | grep -c handle; }
"$build/namegated" -c "$work/second.conf" >"$work/second.log" 2>&1 &
second=$!
until_true 20 "$build/namegate" status --control "$work/control2" || live_die "the second gate does not answer" "$work/second.log"
is "each gate marks for itself" 2 "$(marks)"
kill "$second"
wait "$second"
"$build/namegate" teardown --table second --control "$work/control2"
is "one gate's teardown takes its marks" 1 "$(marks)"
succeeds "and leaves the rules to the other" in_order
tap_done
