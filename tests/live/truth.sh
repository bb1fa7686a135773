#!/usr/bin/env bash
# One truth: `namegate explain`, from the files alone, and the running gate judge each name alike.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/box1.list" <<'END'
# exact, wildcard, both, and a refusal inside
www.allowed.example
*.many.example
.other.example
!www.other.example
END
cat >"$work/extra.conf" <<END
sandbox "box1" {
	interface = "sb1"
	sources = { "10.77.1.2", "fd77:1::2" }
	policies = { "$work/box1.list" }
	masquerade = true
}
END
start_gate
offline() { # NAME: NOERROR or NXDOMAIN by explain
	"$build/namegate" explain --json -c "$work/namegated.conf" box1 "$1" | jq -r .verdict |
		sed 's/^allow$/NOERROR/; s/^deny$/NXDOMAIN/'
}
wrong=
compared=0
for name in www.allowed.example WWW.Allowed.EXAMPLE allowed.example a.www.allowed.example \
	wwwallowed.example many.example n1.many.example N2.many.example evilmany.example \
	many.example.evil.example other.example a.other.example www.other.example \
	WWW.OTHER.example x.www.other.example xother.example example .; do
	live=$(ask 1 "$name" | cut -d ' ' -f 1)
	file=$(offline "$name")
	compared=$((compared + 1))
	# An allowed name may still not exist upstream: then the gate's answer carries no EDE 15.
	if [ "$live" = NXDOMAIN ] && ! ask 1 "$name" | grep -q ede=15; then
		live=NOERROR
	fi
	[ "$live" = "$file" ] || wrong="$wrong$name: live $live, explain $file
"
done
is "$compared names are judged alike" "" "$wrong"
like "both verdicts occur" 'NOERROR NXDOMAIN' "$(offline www.allowed.example) $(offline example)"
like "explain names the rule" 'box1\.list:2' "$("$build/namegate" explain -c "$work/namegated.conf" box1 www.allowed.example)"
like "and so does the record" 'box1\.list:2' "$(records 'select(.name == "www.allowed.example") | .rule')"
tap_done
