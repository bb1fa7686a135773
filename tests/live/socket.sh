#!/usr/bin/env bash
# DNS over a Unix socket that is one sandbox's: for processes of the host that have no network of their
# own. What is opened is opened for the sandbox's addresses, and for nobody else.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
mkdir -p "$work/dns"
chmod 755 "$work" "$work/dns"
usual_stage
ip -n net addr add 192.0.2.54/24 dev eth0
in_net python3 "$here/tcp.py" late 192.0.2.54 3 >"$work/late.log" 2>&1 &
until_true 10 grep -q ready "$work/late.log"
if in_userns; then owner=''; else owner='socket-owner = "4242:4343"'; fi
list=$(allow ci.list .allowed.example .late.example)
conf() { # [line for sandbox ci...]
	cat >"$work/extra.conf" <<CONF
limits {
	tcp-clients-sandbox = 6
}
forward "late.example" {
	servers = {"192.0.2.54"}
	timeout = 5000
}
sandbox "ci" {
	sources = {"fd77:1::2", "10.77.1.2"}
	interface = "sb1"
	policies = {"$list"}
	masquerade = true
$(printf '\t%s\n' "$@")
}
sandbox "other" {
	sources = {"10.77.2.2"}
	interface = "sb2"
	policies = {"$list"}
	masquerade = true
}
sandbox "proxied" {
	uid = "4250"
	policies = {"$list"}
	socket = "$work/dns/proxied.dns"
	socket-mode = 0666
}
CONF
	! in_userns || sed -i '/^sandbox "proxied"/,/^}/d' "$work/extra.conf"
}
at=$work/dns/ci.dns
conf "socket = \"$at\"" "socket-mode = 0660" "$owner"
start_gate

lonely() { # COMMAND...: without any network, as the one who may open the socket
	local as=()
	in_userns || as=(setpriv --reuid 4242 --regid 4242 --clear-groups --)
	unshare --net -- "${as[@]}" "$@" 2>&1
}
cp "$here/tcp.py" "$here/peer.py" "$here/clients/resolve.py" "$work/"
chmod 755 "$work"/*.py
export PYTHONPATH=$work
client() { # ACTION ARGUMENT...
	lonely /usr/bin/python3 "$work/tcp.py" "$1" "$at" "${@:2}"
}

if in_userns; then
	is "the socket has its mode" 660 "$(stat -c %a "$at")"
else
	is "the socket has its mode and owner" "660 4242:4343" "$(stat -c '%a %u:%g' "$at")"
	is "who may not open it does not ask" EACCES \
		"$(setpriv --reuid 4244 --regid 4244 --clear-groups -- /usr/bin/python3 "$work/tcp.py" ask "$at" www.allowed.example 2>&1)"
fi
is "nothing is open before" "refused refused" "$(reach 1 44.0.0.1) $(reach 2 44.0.0.1)"
is "a permitted name is answered without any network" "0 44.0.0.1" "$(client ask www.allowed.example)"
is "its address is open to the socket's sandbox alone" "open refused" "$(reach 1 44.0.0.1) $(reach 2 44.0.0.1)"
is "a name that is not permitted does not exist" "3" "$(client ask www.other.example)"
is "the record names sandbox, address and process" "ci fd77:1::2 true" \
	"$(records 'select(.event == "decision" and .name == "www.allowed.example") |
		"\(.sandbox) \(.client) \(.peer_pid > 1 and .peer_uid == '"$(in_userns && echo 0 || echo 4242)"')"' | head -n 1)"
is "its questions overtake each other" "whole overtook" \
	"$(client pipeline late.example other.example 64 | grep -v '^#')"
is "a half-closed connection gets its answer" "0 44.0.0.9 closed" "$(client half a.late.example)"
is "what is no message ends it" "0 44.0.0.9 closed" "$(client end b.late.example)"
is "its connections are of the sandbox's share: the oldest idle give way" "00111111" "$(client queue 8 6)"

if command -v socat >/dev/null; then
	# A resolver that knows no Unix sockets: bridged, and over TCP since the socket is a stream.
	printf 'nameserver 127.0.0.1\noptions use-vc timeout:3 attempts:1\n' >"$work/bridge.resolv"
	cat >"$work/bridged" <<-'SH'
		ip link set lo up
		socat TCP-LISTEN:53,bind=127.0.0.1,fork,reuseaddr "UNIX-CONNECT:$1" &
		mount --bind "$2/bridge.resolv" "$(readlink -f /etc/resolv.conf)"
		for i in 1 2 3 4 5 6 7 8 9 10; do
			ss -ltn | grep -q :53 && break
			sleep 0.3
		done
		python3 "$2/resolve.py" www.allowed.example www.other.example | cut -d ' ' -f 1,3
		kill $!
	SH
	is "a stub without Unix sockets gets there over socat" \
		"www.allowed.example 2001:db8:80::1,44.0.0.1
www.other.example error:noname" \
		"$(unshare --net --mount -- sh "$work/bridged" "$at" "$work" 2>&1 | sed 's/ 44.0.0.1,2001:db8:80::1/ 2001:db8:80::1,44.0.0.1/')"
else
	skip "a stub without Unix sockets gets there over socat" "socat is not installed (Debian package socat)"
fi

# A process without a network, and a proxy of the host that connects for it: a sandbox by its user.
if in_userns; then
	skip "what is asked there opens the way of a proxy" "another user's processes need root"
else
	proxy() { setpriv --reuid 4250 --regid 4250 --clear-groups -- /usr/bin/python3 "$work/peer.py" connect "$1" 80 2>&1; }
	is "a proxy's user gets nowhere" "refused" "$(proxy 44.0.0.3)"
	is "until what it connects for has asked by the socket" "0 44.0.0.3 44.0.0.4" \
		"$(lonely /usr/bin/python3 "$work/tcp.py" ask "$work/dns/proxied.dns" two.allowed.example |
			tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/ $//')"
	is "then it does" "open" "$(proxy 44.0.0.3)"
	is "and nobody else" "refused" "$(reach 1 44.0.0.3)"
fi

# ---- life ----

conf "socket = \"$work/dns/elsewhere.dns\""
gate_conf >"$work/namegated.conf"
like "a reload that moves it says that this takes a restart" 'socket.*until a restart' "$(gate reload 2>&1)"
is "and it goes on as it was" "0 44.0.0.1" "$(client ask www.allowed.example)"
kill -9 "$(pid_of worker)"
is "a new worker serves it again" "0 44.0.0.1" "$(client ask www.allowed.example)"
conf "socket = \"$at\""
kill -9 "$gate_pid"
wait "$gate_pid" 2>/dev/null
is "a killed gate leaves it" socket "$(stat -c %F "$at")"
start_gate
is "and the next one takes its place" 660 "$(stat -c %a "$at")"
kill "$gate_pid"
wait "$gate_pid"
is "one that is stopped takes it along" gone "$([ -e "$at" ] && echo there || echo gone)"

echo kept >"$at"
gate_conf >"$work/namegated.conf"
refused=$(timeout 20 "$build/namegated" -c "$work/namegated.conf" 2>&1)
like "a file in its place is not touched, and said" 'sandbox ci: .*ci\.dns: cannot listen there' "$refused"
is "it is as it was" kept "$(cat "$at")"
rm "$at"
chmod 777 "$work/dns"
refused=$(timeout 20 "$build/namegated" -c "$work/namegated.conf" 2>&1)
like "a folder that others write to is refused" 'sandbox ci: others than root may write to' "$refused"
tap_done
