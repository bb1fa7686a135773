# shellcheck shell=bash
# The Test Anything Protocol for shell tests: numbered results on standard output, a plan at the
# end. A test that dies before tap_done has no plan, and the driver counts that as an error.
tap_n=0
tap_failed=0

tap_note() { # TEXT: a diagnostic, line by line
	printf '%s\n' "$1" | sed 's/^/# /'
}

ok() { # WHAT
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s\n' "$tap_n" "$1"
}

not_ok() { # WHAT [WHY]
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_n" "$1"
	[ -z "${2:-}" ] || tap_note "$2"
	if declare -F tap_scenery >/dev/null; then
		# What else a reader of the failure wants to see: the file of the test knows. failures.awk tells the two apart.
		tap_note "---- the scene
$(tap_scenery 2>&1)"
	fi
}

skip() { # WHAT WHY
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"
}

skip_all() { # WHY: nothing of this file can run here
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

is() { # WHAT EXPECTED SEEN
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "expected: $2
seen:     $3"
	fi
}

like() { # WHAT REGEX TEXT: an extended regular expression that some line must match
	if printf '%s\n' "$3" | grep -Eq -- "$2"; then
		ok "$1"
	else
		not_ok "$1" "expected a line like: $2
seen: $3"
	fi
}

unlike() { # WHAT REGEX TEXT
	if printf '%s\n' "$3" | grep -Eq -- "$2"; then
		not_ok "$1" "expected no line like: $2
seen: $3"
	else
		ok "$1"
	fi
}

succeeds() { # WHAT COMMAND...
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$what"
	else
		not_ok "$what" "exit $? from: $*
$out"
	fi
}

fails() { # WHAT COMMAND...
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		not_ok "$what" "exit 0 from: $*
$out"
	else
		ok "$what"
	fi
}

tap_done() {
	printf '1..%d\n' "$tap_n"
	# automake's driver has seen the failures; an exit code would count them again.
	[ "$tap_failed" -eq 0 ] || [ -n "${AM_TAP_AWK:-}" ]
}
