# What a test's log tells of its failures, in 60 lines at most: each "not ok" with what stands behind it and the notes
# directly before it, with the first one the scene as well, and the last lines of a test that ended before its plan.
function say(line) {
	if (said++ < most)
		print substr(line, 1, 400)
}

{ last[NR % 20] = $0 }
/^1\.\.[0-9]/ { planned = 1 }
/^(not )?ok |^1\.\./ { part = "" }
/^not ok / {
	result[++results] = $0
	part = "why"
	for (n = notes > 4 ? notes - 3 : 1; n <= notes; n++)
		why[results, ++whys[results]] = note[n]
	notes = 0
	next
}
/^# ---- the scene/ { part = "scene"; next }
part == "why" && whys[results] < 14 { why[results, ++whys[results]] = $0 }
part == "scene" && scenes[results] < 12 { scene[results, ++scenes[results]] = $0 }
part == "" && /^#/ { note[++notes] = $0; next }
{ notes = 0 }

END {
	most = planned ? 57 : 36
	for (i = 1; i <= results; i++) {
		say(result[i])
		for (n = 1; n <= whys[i]; n++)
			say("    " why[i, n])
		for (n = 1; n <= scenes[i] && i == 1; n++)
			say("        " scene[i, n])
	}
	if (said > most)
		printf "    (%d more such lines)\n", said - most
	if (planned && results)
		exit
	print planned ? "no test failed in it; how it ended:" : "it ended before its plan; how:"
	for (n = NR > 19 ? NR - 19 : 1; n <= NR; n++)
		print "    " last[n % 20]
}
