#!/usr/bin/env bash
# Processes of the host with the table taken away: nothing of theirs comes out, to the world or to a
# service of the host, however often that happens and whoever is dead; other processes go on, and when
# the table is back so do they. What holds them is taken off with the sandbox, and by teardown.
# shellcheck disable=SC2154,SC2046  # lib.sh sets what is used here
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
live_needs setpriv
in_userns && skip_all "a user namespace may hang no programs on cgroups"
mountpoint -q /sys/fs/bpf || skip_all "this kernel has no bpf file system"
root=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5 }' /proc/self/mountinfo | head -n 1)
name=namegate-fence-$RANDOM$RANDOM
[ -n "$root" ] && mkdir "$root/$name" 2>/dev/null || skip_all "no cgroup2 hierarchy can be written here"
trap 'rmdir "$root/$name/job" "$root/$name/free" "$root/$name"' EXIT
mkdir "$root/$name/job" "$root/$name/free"
rounds=15
PATH=/usr/sbin:/usr/bin:/sbin:/bin # what other users can run too
usual_stage
cp "$here/peer.py" "$here/host.py" "$work/"
chmod 755 "$work" "$work"/*.py
list=$(allow box.list .allowed.example)
pins() { find /sys/fs/bpf/namegate -type f -printf '%f\n' 2>/dev/null | sort | tr '\n' ' '; }

cat >"$work/flood.py" <<'END'
"""Floods what is closed until /run/live/enough is there; prints how much was tried."""
import os, socket, time
closed = [("44.9.0.%d" % n, port) for n in range(1, 60) for port in (9, 53)] + [("127.0.0.1", 7777), ("192.0.2.1", 7777)]
closed6 = [("2001:db8:80:9::%x" % n, port) for n in range(1, 60) for port in (9, 53)] + [("::1", 7777), ("2001:db8::1", 7777)]
socks = [(socket.socket(f, socket.SOCK_DGRAM), t) for f, t in ((socket.AF_INET, closed), (socket.AF_INET6, closed6))]
tried = 0
while not os.path.exists("/run/live/enough"):
    for sock, targets in socks:
        for target in targets:
            try:
                sock.sendto(b"x", target)
            except OSError:
                pass
            tried += 1
    for target in closed[:20] + closed[-2:] + closed6[:20] + closed6[-2:]: # new flows each time
        sock = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex(target)
        sock.close()
        tried += 1
    time.sleep(0.005)
print("tried=%d" % tried)
END
cat >"$work/sink.py" <<'END'
"""Reads so slowly that the sender has closed long before the end; prints how much came."""
import socket, time
with socket.socket() as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.bind(("44.0.0.1", 8081))
    server.listen()
    print("up", flush=True)
    while True:
        peer, _ = server.accept()
        n, got = 0, b"x"
        time.sleep(0.5)
        while got:
            try:
                got = peer.recv(65536)
            except OSError:
                break
            n += len(got)
            time.sleep(0.001)
        print(n, flush=True)
END
cat >"$work/late.py" <<'END'
import socket
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
sock.connect(("44.0.0.1", 8081))
sock.setblocking(False)
assert sock.send(b"x" * 200000) == 200000
END
chmod 644 "$work"/*.py
in_net python3 "$work/sink.py" >"$work/sunk" 2>&1 &
until_true 5 grep -q up "$work/sunk"
/usr/bin/python3 "$work/peer.py" service 7777 >"$work/local" 2>&1 &
until_true 5 grep -q up "$work/local"
count_closed
arrived() { echo "$(in_net nft -j list counter inet count "$counted" | jq '[.nftables[].counter? // empty | .packets] | add') $(grep -c got "$work/local")"; }
# All that comes to closed addresses, or what of it sockets have sent: no errors, resets and bare acknowledgements.
counted=closed
in_net nft -f - <<'END'
table inet count {
	counter sent { }
	chain in {
		meta l4proto { icmp, ipv6-icmp } return
		tcp flags & (syn | fin | psh) == 0 return
		ip daddr 44.9.0.0/16 counter name sent
		ip6 daddr 2001:db8:80:9::/64 counter name sent
	}
}
END

in_job() { /usr/bin/python3 "$work/host.py" within "$root/$name/job" "$@"; }
as() { setpriv --reuid "$1" --regid "$1" --clear-groups -- "${@:2}"; }
joins() { "${@:1:$#-1}" /usr/bin/python3 "$work/peer.py" connect "${!#}" 80 2>&1; }
looks_up() { "$@" dig +tries=1 +time=1 @192.0.2.53 www.allowed.example | awk '/status:/ { sub(/,/, "", $6); print $6 }'; }
both() { echo "$(joins in_job "$1") $(joins as 4242 "$1")"; }
# By a datagram: a refusal is heard at once.
sends() { "${@:1:$#-1}" /usr/bin/python3 "$work/host.py" from 0 "${!#}" 7777; }
both_send() { echo "$(sends in_job "$1") $(sends as 4242 "$1")"; }
works() { [ "$(both 44.0.0.1)" = "open open" ]; }
standing() { nft -j list set inet namegate allow4 2>/dev/null | grep -q '"44.0.0.1"'; }

export LIVE_LACKS=persist # as before Linux 6.9
start_gate
gate sandbox add job --cgroup "/$name/job" --policy "$list" >/dev/null
gate sandbox add agent --uid 4242 --policy "$list" >/dev/null
like "each is held by a program" '^cgroup-[0-9]+ uid-4242 $' "$(pins)"
is "with the table, names are looked up" "NOERROR NOERROR" "$(looks_up in_job) $(looks_up as 4242)"
is "and their addresses are open" "open open" "$(both 44.0.0.1)"
is "others are not" "refused refused" "$(both 44.9.0.1)"
for who in in_job "as 4242"; do
	$who /usr/bin/python3 "$work/late.py" >>"$work/late" 2>&1
done
is "what a socket has to send when it is closed still arrives" "200000 200000" "$(
	until_true 20 eval '[ "$(wc -l <"$work/sunk")" = 3 ]'
	grep -v up "$work/sunk" | tr '\n' ' ' | sed 's/ $//'
)"
is "a network namespace of its own is its own" "open" \
	"$(in_job unshare --net sh -c "ip link set lo up; /usr/bin/python3 $work/peer.py service 7777 >/dev/null & sleep 1; /usr/bin/python3 $work/peer.py connect 127.0.0.1 7777; kill \$!")"

# ---- the table is taken away, again and again ----

rounds_of() { # WHAT COMMAND...
	local what=$1 before flooders=() n=0
	shift
	before=$(arrived)
	rm -f "$work/enough"
	in_job /usr/bin/python3 "$work/flood.py" >"$work/flood.job" 2>&1 &
	flooders+=($!)
	as 4242 /usr/bin/python3 "$work/flood.py" >"$work/flood.agent" 2>&1 &
	flooders+=($!)
	for _ in $(seq $rounds); do
		"$@"
		[ "$(python3 "$here/peer.py" connect 203.0.113.1 80)" = open ] && n=$((n + 1))
		until_true 5 standing
	done
	: >"$work/enough"
	wait "${flooders[@]}"
	is "$what: nothing of theirs arrived" "$before" "$(arrived)"
	is "$what: other processes went on" $rounds $n
	succeeds "$what: then they work again" until_true 5 works
	tap_note "$what: $(cat "$work/flood.job" "$work/flood.agent" | tr '\n' ' ')"
}
rounds_of "delete table" nft delete table inet namegate
rounds_of "flush ruleset" nft flush ruleset
guarded() { nft list tables | grep -q '^table inet namegate-guard$'; }
succeeds "what keeps flows translated stands" guarded
kill "$gate_pid"
wait "$gate_pid"
succeeds "and goes with the warden" until_true 5 eval '! guarded'
force owner # as before Linux 5.12: flows are not translated for a moment
start_gate
until_true 10 works
counted=sent
rounds_of "with nothing owned" nft flush ruleset

# ---- nobody is there to rebuild it ----

kill -STOP "$gate_pid"
kill -9 "$(pid_of warden)"
nft flush ruleset
is "no warden: a leased address is closed" "refused refused" "$(both_send 44.0.0.1)"
is "so is any other" "refused refused" "$(both_send 2001:db8:80:9::1)"
like "so is a server for names" '^ *$' "$(looks_up in_job) $(looks_up as 4242)"
is "and a service of the host" "refused refused" "$(both_send 127.0.0.1)"
is "by IPv6 as well" "refused refused" "$(both_send ::1)"
is "others go on" "open sent" "$(joins env 44.0.0.1) $(sends as 4243 127.0.0.1)"
kill -9 $(cat "/proc/$gate_pid/task/"*/children) "$gate_pid" 2>/dev/null
wait "$gate_pid" 2>/dev/null
is "all dead: they are held" "refused refused" "$(both_send 44.0.0.1)"
# A life that may load nothing takes nothing off.
setpriv --bounding-set -bpf,-sys_admin "$gate_programs/namegated" -c "$work/namegated.conf" >"$work/unable.log" 2>&1 &
gate_pid=$!
until_true 20 gate status || live_die "namegated does not answer" "$work/unable.log"
until_true 10 grep -q serving "$work/unable.log"
gate status >/dev/null
like "a start that can load no programs says so" 'should the nftables table be taken away' "$(cat "$work/unable.log")"
like "and leaves those that stand" '^cgroup-[0-9]+ uid-4242 $' "$(pins)"
kill "$gate_pid"
wait "$gate_pid"
nft flush ruleset
is "which hold on" "refused refused" "$(both_send 44.9.0.1)"
start_gate
succeeds "a restart serves them again" until_true 10 eval '[ "$(looks_up in_job) $(looks_up as 4242)" = "NOERROR NOERROR" ] && works'
like "by one program each" '^cgroup-[0-9]+ uid-4242 $' "$(pins)"

# ---- it is taken off ----

gate sandbox remove agent >/dev/null
is "removed, its processes are ordinary ones" "open" "$(joins as 4242 44.9.0.1)"
like "and nothing is left of it" '^cgroup-[0-9]+ $' "$(pins)"
sed -i '/^sandbox/,/^}/d' "$work/extra.conf"
cat >>"$work/extra.conf" <<END
sandbox "conf" {
	uid = "4245"
	policies = {"$list"}
}
END
gate_conf >"$work/namegated.conf"
gate reload >/dev/null
until_true 5 eval '[[ "$(pins)" = *uid-4245* ]]'
sed -i 's/4245/4246/' "$work/extra.conf"
gate_conf >"$work/namegated.conf"
gate reload >/dev/null
succeeds "one that is another user now holds that one" until_true 5 eval '[[ "$(pins)" = *uid-4246* && "$(pins)" != *uid-4245* ]]'
cat >>"$work/extra.conf" <<END
sandbox "other" {
	uid = "4247"
	policies = {"$list"}
}
END
gate_conf >"$work/namegated.conf"
gate reload >/dev/null
until_true 5 eval '[[ "$(pins)" = *uid-4247* ]]'
sed -i 's/4246/X/; s/4247/4246/; s/X/4247/' "$work/extra.conf"
gate_conf >"$work/namegated.conf"
gate reload >/dev/null
sleep 1 # it stood so before
succeeds "two that swap users both go on being held" until_true 5 eval '[[ "$(pins)" = *uid-4246*uid-4247* ]]'
kill "$gate_pid"
wait "$gate_pid"
: >"$work/extra.conf"
start_gate
succeeds "what a later configuration does not have goes" until_true 5 eval '[[ "$(pins)" = cgroup-* && "$(pins)" != *uid* ]]'
kill "$gate_pid"
wait "$gate_pid"
nft flush ruleset
is "stopped, the rest is held" "refused" "$(sends in_job 44.0.0.1)"
gate teardown >/dev/null 2>&1
is "until teardown" "open " "$(joins in_job 44.9.0.1) $(pins)"

# ---- a machine that cannot ----

said='should the nftables table be taken away, what sandboxes of this host'
stop_gate() {
	kill "$gate_pid"
	wait "$gate_pid"
	: >"$work/namegated.log"
	: >"$work/extra.conf"
}
: >"$work/namegated.log"
mount --bind "$root/$name" "$root"
start_gate
gate sandbox add agent --uid 4242 --policy "$list" >/dev/null
is "seeing its own part of the cgroups alone, it hangs no user's program there" "" "$(pins)"
like "and says why" 'agent: namegated sees only its own part of the cgroups' "$(cat "$work/namegated.log")"
umount "$root"
stop_gate
gate teardown >/dev/null 2>&1

as 4242 mkdir -m 777 /sys/fs/bpf/namegate
start_gate
is "no program is left to a folder of another's" "" "$(pins)"
like "who is told of" "/sys/fs/bpf/namegate is user 4242's" "$(cat "$work/namegated.log")"
stop_gate
gate teardown >/dev/null 2>&1
rmdir /sys/fs/bpf/namegate

umount /sys/fs/bpf
start_gate
gate sandbox add second --uid 4243 --policy "$list" >/dev/null
is "what the machine lacks is told of once" 1 "$(grep -c "$said" "$work/namegated.log")"
like "with what to do" 'mount -t bpf -o mode=0700 bpf /sys/fs/bpf' "$(cat "$work/namegated.log")"
is "and holds by the table" "refused" "$(joins as 4242 44.9.0.1)"
tap_done
