#!/usr/bin/env bash
# Each row of the table of response policy zones has a scene that is named after it, and each scene
# that is named after a row is played.
set -u
. "$(dirname "$0")/../tap.sh"
here=$(dirname "$0")
rows='T1 T2 T3 T4 T5 T6 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 P1 P2 P3 P4 P6 O1 O2 O3 O4 O6'

for row in $rows; do
	found=$(cd "$here" && ls rpz-"$row"-*.scene 2>/dev/null)
	like "$row has a scene" "^rpz-$row-" "$found"
	for scene in $found; do
		like "$scene is played" "$scene" "$(cat "$here/local.mk")"
	done
done
tap_done
