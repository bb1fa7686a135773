#!/usr/bin/env bash
# Each behaviour that the protocols ask for, and each thing that hostile or odd ones must not get, has something
# that shows it, and that is played.
set -u
. "$(dirname "$0")/../tap.sh"
here=$(dirname "$0")
tests=$here/..

played() { # FOLDER FILE: the build plays it
	grep -qE "(^|[[:space:]])tests/$1/$2([[:space:]]|\$)" "$tests/$1/local.mk"
}

# What is missing of it; nothing when it is all there.
missing() { # WHAT WORDS
	case $1 in
	test_*)
		[ -f "$tests/unit/$1.c" ] && grep -qE "tests/unit/$1([[:space:]]|\$)" "$tests/unit/local.mk" ||
			echo "no unit test $1 is built"
		grep -qsE "^static void $2\(void \*\*" "$tests/unit/$1.c" || echo "$1 has no test $2"
		grep -qsE "[A-Z_a-z]+\($2(, [a-z0-9_]+)*\)," "$tests/unit/$1.c" || echo "$1 does not run $2"
		;;
	cli_*)
		played unit "$1.sh" || echo "no unit test $1 is played"
		grep -qsF -- "$2" "$tests/unit/$1.sh" || echo "$1 does not say: $2"
		;;
	live/*)
		played live "${1#live/}" || echo "no live test $1 is played"
		grep -qsF -- "$2" "$tests/$1" || echo "$1 does not say: $2"
		;;
	*)
		played scene "$1.scene" || echo "no scene $1 is played"
		grep -qsF -- "$2" "$here/$1.scene" || echo "the scene $1 does not say: $2"
		;;
	esac
}

keys=
while read -r key rest; do
	case $key in '' | '#'*) continue ;; esac
	keys="$keys$key
"
	shown=$(printf '%s\n' "$rest" | sed -E 's/^([0-9]{4}( +|$))+//')
	case $shown in 'absent: '?*)
		skip "$key is shown" "${shown#absent: }"
		continue
		;;
	esac
	faults=
	[ -n "$shown" ] || faults="nothing shows it"
	while read -r one; do
		[ -n "$one" ] || continue
		what=${one%%:*}
		words=${one#"$what"}
		faults=$faults$(missing "$what" "${words#:}")
	done < <(printf '%s\n' "$shown" | sed 's/ *; */\n/g')
	is "$key is shown" "" "$faults"
done < <(cat "$here/protocol-rows.table" "$here/threat-rows.table")
unplayed=
for scene in "$here"/*.scene; do
	played scene "${scene##*/}" || unplayed="$unplayed ${scene##*/}"
done
is "no scene lies about unplayed" "" "$unplayed"
is "no key stands there twice" "" "$(printf '%s' "$keys" | sort | uniq -d)"
tap_done
