# shellcheck shell=bash
# A warden with a driver in the place of main and of a worker (warden_driver.c). Source after
# live_enter; $warden is the program that `tell start "$warden"` starts.
[ -x "$build/tests/live/warden_driver" ] || skip_all "$build/tests/live/warden_driver is not built"
# shellcheck disable=SC2034  # tests start it
warden=${gate_programs:-$build}/namegate-warden

start_driver() {
	[ -z "${gate_programs:-}" ] || forced_prepare
	mkfifo "$work/to" "$work/from" && exec 8<>"$work/to" 9<>"$work/from"
	"$build/tests/live/warden_driver" <"$work/to" >"$work/from" 2>"$work/warden.log" &
}

# shellcheck disable=SC2120  # warden tests give it words
tell() { # WORDS...: one line to the driver, one line back
	local line
	printf '%s\n' "$*" >&8
	IFS= read -r -t "$((${patience:-20} * ${LIVE_SLOW:-1}))" -u 9 line || line="no answer"
	printf '%s\n' "$line"
}
