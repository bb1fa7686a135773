# shellcheck shell=bash
# shellcheck disable=SC2154  # lib.sh sets the folders
# A bridge with three ports: micro VMs on tap1 and tap2 (nic.py is their card and their stack), and a
# container behind veth3.
#
#     vm1 10.77.9.11 fd77:9::11 --tap1---+
#     vm2 10.77.9.12 fd77:9::12 --tap2---+- br0 10.77.9.1 fd77:9::1 gate
#     vm3 10.77.9.13 fd77:9::13 --veth3--+

mac_of() { echo "02:77:09:00:00:1$1"; }
router_mac=02:77:09:00:00:01

start_nic() { # NUMBER TAP IP4/ROUTER4 IP6/ROUTER6
	rm -f "$work/nic$1"
	python3 "$here/nic.py" serve "$2" "$work/nic$1" "$(mac_of "$1")" "$3" "$4" >"$work/nic$1.log" 2>&1 &
	until_true 10 test -S "$work/nic$1" || live_die "the card of vm$1 does not start" "$work/nic$1.log"
}

make_tap() { # NAME
	ip tuntap add "$1" mode tap && ip link set "$1" up
}

bridge_stage() {
	local n
	ip link add br0 type bridge && ip link set br0 address "$router_mac" || live_die "there is no bridge"
	ip addr add 10.77.9.1/24 dev br0 && ip addr add fd77:9::1/64 dev br0 nodad
	ip link set br0 up
	for n in 1 2; do
		make_tap "tap$n" && ip link set "tap$n" master br0
		start_nic "$n" "tap$n" "10.77.9.1$n/10.77.9.1" "fd77:9::1$n/fd77:9::1"
	done
	ip netns add vm3 && ip link add veth3 type veth peer name eth0 netns vm3
	ip link set veth3 master br0 up
	ip -n vm3 link set lo up
	ip -n vm3 link set eth0 address "$(mac_of 3)" up
	ip -n vm3 addr add 10.77.9.13/24 dev eth0
	ip -n vm3 addr add fd77:9::13/64 dev eth0 nodad
	ip -n vm3 route add default via 10.77.9.1
	ip -n vm3 -6 route add default via fd77:9::1
}

add_vm() { # NUMBER PORT FILE
	gate sandbox add "vm$1" --interface "$2" --bridge br0 --source "10.77.9.1$1" \
		--source "fd77:9::1$1" --policy "$3" --masquerade
}

in_vm3() { nsenter --net=/run/netns/vm3 -- "$@"; }

# The verbs of nic.py; vm3 is a container, with the kernel's stack.
vm() { # NUMBER VERB...
	local n=$1
	shift
	if [ "$n" != 3 ]; then
		python3 "$here/nic.py" tell "$work/nic$n" "$@"
	elif [ "$1" = ask ]; then
		in_vm3 dig +tries=1 +time=6 "@10.77.9.1" "$2" "${3:-A}" | awk '
			/status:/ { sub(/,$/, "", $6); printf "%s", $6 }
			/^[^;]/ && NF >= 5 && $4 != "SOA" { printf " %s", $5 }
			END { print "" }'
	else
		in_vm3 python3 "$here/peer.py" "$1" "$2" "${3:-80}" 2>&1
	fi
}

tricks() { # SENDER NAME COUNT VICTIM: of linktricks.py
	vm "$1" trick "$2" "$3" "$(mac_of "$4")" "10.77.9.1$4" "fd77:9::1$4" "$router_mac" 10.77.9.1 fd77:9::1 \
		44.0.0.1 2001:db8:80::1
}

# What the host believes to be the ethernet address of a micro VM, after it has had to ask.
lladdr() { # NUMBER FAMILY
	local address="10.77.9.1$1"
	[ "$2" = 4 ] || address="fd77:9::1$1"
	ip neigh show dev br0 | awk -v a="$address" '$1 == a { print $3 }'
}

fences() { # PORT: is it isolated, does it learn?
	bridge -d -j link show dev "$1" | jq -r '.[0] | "\(.isolated) \(.learning)"'
}
fenced() { [ "$(fences "$1")" = "true false" ]; }

capture_start() { # NAMESPACE INTERFACE FILE FILTER
	capture "$3" "$1" "$2" "$4"
	captures+=("$capture")
}
capture_end() {
	kill "${captures[@]}"
	wait "${captures[@]}" 2>/dev/null
	captures=()
}
