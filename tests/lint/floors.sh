#!/usr/bin/env bash
# Folders are floors: a file includes its own room and rooms below, edges never each other, no
# circles. The warden, which holds the dangerous capability, sees nothing but base and the walls.
. "$(dirname "$0")/lib.sh"

# Every include of ours as "FILE INCLUDED", both relative to the tree.
edges() { # TREE
	(
		cd "$1" || exit
		# shellcheck disable=SC2038  # no such names in our tree
		find include src -name '*.[ch]' | sort | xargs awk '
		/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
			sys = index($0, "<") > 0
			split($0, part, /[<">]/)
			inc = part[2]
			if (sys && inc !~ /^namegate\//)
				next
			if (inc == "config.h")
				next
			if (inc ~ /^namegate\//)
				path = "include/" inc
			else if (inc ~ /\//)
				path = "src/" inc
			else {
				path = FILENAME
				sub(/[^\/]*$/, "", path)
				path = path inc
			}
			print FILENAME, path
		}'
	)
}

floors() { # TREE
	edges "$1" | awk -v headers="$(cd "$1" && echo src/edge/*.h)" '
	function room(path, part) {
		split(path, part, "/")
		if (part[1] == "src")
			return part[2]
		if (path ~ /\/(addr|bounds|diag|error)\.h$/)
			return "base"
		if (path ~ /\/(name|message|special)\.h$/)
			return "dns"
		if (path ~ /\/(explain|lint|policy)\.h$/)
			return "policy"
		if (path ~ /\/namegate\.h$/)
			return "offline"
		if (path ~ /\/gate\.h$/)
			return "gate"
		return "unknown"
	}
	# One edge may fill several files: confine.c, confine.h, confine_calls.c. It is called as the
	# shortest header that the name of the file begins with.
	function edge_of(path, name, n, i, part) {
		sub(/\.[ch]$/, "", path)
		n = split(path, part, "_")
		name = part[1]
		for (i = 2; i <= n && !(name ".h" in header); i++)
			name = name "_" part[i]
		return name
	}
	function one_edge(a, b) {
		return edge_of(a) == edge_of(b)
	}
	BEGIN {
		split(headers, listed, " ")
		for (i in listed)
			header[listed[i]] = 1
		floor["base"] = 0; floor["dns"] = 1; floor["policy"] = 2; floor["gate"] = 3
		floor["conf"] = 4; floor["edge"] = 4
		floor["daemon"] = 5; floor["warden"] = 5; floor["offline"] = 5
		floor["cli"] = 6
	}
	{
		from = room($1); to = room($2)
		if (!(from in floor)) { print $1 ": a room without a floor"; next }
		if (!(to in floor)) { print $1 ": includes " $2 ", a room without a floor"; next }
		if (floor[to] > floor[from])
			print $1 ": includes " $2 " of a floor above"
		else if (from != to && floor[to] == floor[from])
			print $1 ": includes " $2 ", its neighbour on the same floor"
		else if (from == "edge" && to == "edge" && !one_edge($1, $2))
			print $1 ": includes " $2 ", another edge"
		else if (from == "warden" && to != "warden" && to != "base" &&
			 $2 !~ /^src\/edge\/(channel|confine|notify|program_pins)\.h$/)
			print $1 ": the warden includes " $2
	}'
	edges "$1" | tsort 2>&1 >/dev/null | sed 's/^/include circle: /'
	# Scenes read replies with ldns because it is not the code that wrote them.
	(cd "$1" && grep -rl --include='*.[ch]' '<ldns/' include src |
		grep -v -e '^src/dns/' -e '^src/cli/scene_' |
		sed 's/$/: includes ldns outside of src\/dns/')
}

plant_above() { echo '#include "gate/cache.h"' >>src/base/error.c; }
plant_public_above() { echo '#include <namegate/gate.h>' >>src/base/error.c; }
plant_neighbour() { echo '#include "conf/conf.h"' >>src/edge/channel.h; }
plant_edge() { echo '#include "edge/confine.h"' >>src/edge/channel.h; }
plant_warden() { echo '#include <namegate/message.h>' >src/warden/planted.c; }
plant_circle() {
	echo '#include "base/wall.h"' >>src/base/arena.h
	echo '#include "base/arena.h"' >>src/base/wall.h
}
plant_ldns() { echo '#include <ldns/ldns.h>' >src/policy/planted.c; }
plant_room() { mkdir src/attic && echo '#include "base/wall.h"' >src/attic/planted.c; }

lint_clean "includes go down only, edges keep apart, no circles" floors
lint_finds "finds an include of a floor above" floors 'error.c.*floor above' plant_above
lint_finds "finds a public header of a floor above" floors 'error.c.*floor above' plant_public_above
lint_finds "finds neighbours on one floor" floors 'same floor' plant_neighbour
lint_finds "finds an edge that includes another" floors 'another edge' plant_edge
lint_finds "finds a warden that learns DNS" floors 'the warden includes' plant_warden
lint_finds "finds an include circle" floors 'include circle' plant_circle
lint_finds "finds ldns outside of its room" floors 'ldns outside' plant_ldns
lint_finds "finds a room without a floor" floors 'without a floor' plant_room
tap_done
