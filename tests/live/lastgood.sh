#!/usr/bin/env bash
# Policy files that break: a running gate keeps what it has, a start goes on with the last good form
# and says so, and with neither everything is denied. Rules that end do so by themselves.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
chmod 755 "$work"
printf '.allowed.example\n' >"$work/box1.list"
printf 'www.other.example\n' >"$work/box2.list"
printf '!two.allowed.example\n' >"$work/global.list"
printf 'short.allowed.example\n' >"$work/more.list"
printf '!big.allowed.example\n@include more.list\n' >"$work/group.list"
cat >"$work/extra.conf" <<END
policies = { "$work/global.list" }
group "build" { policies = { "$work/group.list" } }
sandbox "box1" {
	group = "build"
	interface = "sb1"
	sources = { "10.77.1.2", "fd77:1::2" }
	policies = { "$work/box1.list" }
	masquerade = true
}
END
again() {
	kill "$gate_pid"
	wait "$gate_pid"
	: >"$work/namegated.log"
	start_gate
	until_true 10 ready
}
ready() { gate status --json | jq -e .ready; }
served() { [ "$(ask 1 www.allowed.example)" = "NOERROR 44.0.0.1" ]; }

start_gate
add_box 2 "$work/box2.list" >/dev/null
is "all is well" "NOERROR 44.0.0.1 NXDOMAIN ede=15 NOERROR 44.1.0.1" \
	"$(ask 1 www.allowed.example) $(ask 1 two.allowed.example) $(ask 2 www.other.example)"
succeeds "and status --strict says so" gate status --strict
texts() { gate status --json | jq -r --arg p "$work/$1" '.policies[] | select(.path == $p) | .sources[] | .path + " " + .digest'; }
is "status shows the texts that a policy is made of" "$work/group.list $work/more.list" \
	"$(texts group.list | cut -d ' ' -f 1 | xargs)"
before=$(texts group.list)
is "no policy has fallen back" 0 "$(gate status --json | jq '.fallen_back | length')"

# Broken while it runs.
printf 'https://broken/\n' >"$work/box1.list"
fails "a reload with a broken file is turned down" gate reload
is "and changes nothing" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"

# Broken at a start.
rm "$work/global.list" "$work/more.list"
printf '!big.allowed.example\n!short.allowed.example\n@include more.list\n' >"$work/group.list"
again
succeeds "a start with a broken file serves its last good form" until_true 10 served
is "what the missing file denied stays denied" "NXDOMAIN ede=15" "$(ask 1 two.allowed.example)"
is "what the group's broken file denied and allowed is as it was" "NXDOMAIN ede=15 NOERROR 44.0.0.2" \
	"$(ask 1 big.allowed.example) $(ask 1 short.allowed.example)"
is "status has the digests of the texts that it was made of" "$before" "$(texts group.list)"
is "and how they compare with what is there" "$work/group.list changed,$work/more.list unreadable" \
	"$(gate status --json | jq -r --arg p "$work/group.list" \
		'[.fallen_back[] | select(.path == $p) | .sources[] | .path + " " + .state] | join(",")')"
like "the log tells as well" 'since the last good form of .*group\.list was made: .*group\.list has changed, .*more\.list cannot be read' \
	"$(cat "$work/namegated.log")"
is "and its neighbour is as it was" "NOERROR 44.1.0.1" "$(ask 2 www.other.example)"
like "status names the file, the time and the reason" \
	"policy +last good of 20[0-9T:-]+Z for $work/box1\.list because .*box1\.list:1:" "$(gate status)"
like "of the missing one too" "for $work/global\.list because" "$(gate status)"
like "so does the log" 'policy: last good of .* for .*box1\.list' "$(cat "$work/namegated.log")"
succeeds "status itself is content" gate status
gate status --strict >/dev/null
is "status --strict is not" 1 $?
fails "a reload does not take what it cannot read" gate reload
again
succeeds "the next start finds the same" until_true 10 served

# Repaired.
printf 'www.allowed.example\n' >"$work/box1.list"
printf '!two.allowed.example\n' >"$work/global.list"
printf '!big.allowed.example\n' >"$work/group.list"
succeeds "the files are repaired" gate reload
unlike "and their texts are the new ones" 'more\.list' "$(texts group.list)"
is "and count" "NOERROR 44.0.0.1 NXDOMAIN ede=15" "$(ask 1 www.allowed.example) $(ask 1 short.allowed.example)"
succeeds "and status --strict is content" gate status --strict

# Kept by a version whose compiled form was another: as good as not kept.
older() {
	kill "$gate_pid"
	wait "$gate_pid"
	python3 - "$work/store" <<-'END'
		import pathlib, re, sys
		for path in pathlib.Path(sys.argv[1]).rglob("*.mdb"):
		    kept = re.compile(rb".{8}\x01ngrule3.{8}", re.DOTALL)  # between two digests
		    path.write_bytes(kept.sub(b"digested\x01ngrule2digested", path.read_bytes()))
	END
	: >"$work/namegated.log"
	start_gate
	until_true 10 ready
}
older
succeeds "a start over older compiled forms compiles the files" until_true 10 served
is "and has nothing to say of them" 0 "$(gate status --json | jq '.fallen_back | length')"
printf 'https://broken/\n' >"$work/box1.list"
again
succeeds "it has kept its own form" until_true 10 served
older
is "an older form stands in for no file: denied" "NXDOMAIN ede=15" "$(ask 1 www.allowed.example)"
like "and the log says so" 'everything denied for want of .*box1\.list' "$(cat "$work/namegated.log")"

# Neither file nor store.
printf 'https://broken/\n' >"$work/box1.list"
kill "$gate_pid"
wait "$gate_pid"
rm -r "$work/store"
: >"$work/namegated.log"
start_gate
until_true 10 ready
is "without a store there is no last good form: denied" "NXDOMAIN ede=15" "$(ask 1 www.allowed.example)"
is "and closed" "1" "$([ "$(reach 1 44.0.0.1)" = open ]; echo $?)"
like "the list of sandboxes shows it" 'box1 +denied' "$(gate sandbox list)"
like "the log says why" 'everything denied for want of .*box1\.list' "$(cat "$work/namegated.log")"
gate status --strict >/dev/null
is "and status --strict" 1 $?
fails "nobody is registered on a file that is broken" add_box 2 "$work/box1.list"
succeeds "others are" add_box 2 "$work/box2.list"
is "and served" "NOERROR 44.1.0.1" "$(ask 2 www.other.example)"
printf 'www.allowed.example\n' >"$work/box1.list"
succeeds "a repaired file" gate reload
is "opens again" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

# A global file without a last good form closes everybody.
printf 'https://broken/\n' >"$work/global.list"
kill "$gate_pid"
wait "$gate_pid"
rm -r "$work/store"
start_gate
until_true 10 ready
is "a broken global file denies all" "NXDOMAIN ede=15" "$(ask 1 www.allowed.example)"
printf '!two.allowed.example\n' >"$work/global.list"
succeeds "until it is repaired" gate reload
is "for all" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
tap_done
