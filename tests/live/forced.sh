# shellcheck shell=bash
# A gate whose warden is warden_forced.c: it meets a kernel that can do less, or sockets that fail.
# Source after lib.sh; from then on start_gate starts that one.
[ -x "$build/tests/live/warden_forced" ] || skip_all "$build/tests/live/warden_forced is not built"
forced_names=(owner in-place destroy acks-end small-receive send-eintr receive-eintr lose-end lose-word small-sets stale slow-build persist)
export NAMEGATE_FORCED=$work/forced
gate_programs=$work/programs

force() { # NAME [TIMES]: so many times from now on, 0 not any more; without a number always
	local i times=${2:-255}
	for i in "${!forced_names[@]}"; do
		[ "${forced_names[i]}" = "$1" ] || continue
		# shellcheck disable=SC2059  # an octal escape
		printf "\\$(printf %03o "$times")" | dd of="$NAMEGATE_FORCED" bs=1 seek="$i" conv=notrunc status=none
		return
	done
	live_die "nothing that can be forced is called $1"
}

forces_left() { # NAME: how many times more
	local i
	for i in "${!forced_names[@]}"; do
		[ "${forced_names[i]}" != "$1" ] || od -An -tu1 -j "$i" -N 1 "$NAMEGATE_FORCED" | tr -d ' '
	done
}

forced_prepare() { # once, before the gate starts
	local name
	[ ! -e "$NAMEGATE_FORCED" ] || return 0
	mkdir -p "$gate_programs"
	cp "$build/namegated" "$gate_programs/namegated"
	cp "$build/tests/live/warden_forced" "$gate_programs/namegate-warden"
	head -c "${#forced_names[@]}" /dev/zero >"$NAMEGATE_FORCED"
	chmod 666 "$NAMEGATE_FORCED"
	for name in ${LIVE_LACKS:-}; do
		force "$name"
	done
}
