#!/usr/bin/env bash
# No answer hangs on octets that nobody wrote: every scene once more, with memory watched.
set -u
. "$(dirname "$0")/../tap.sh"
here=$(dirname "$0")
namegate=${abs_top_builddir:-.}/namegate

command -v valgrind >/dev/null || skip_all "valgrind is missing (package valgrind)"
ldd "$namegate" | grep -q libasan && skip_all "a sanitizer build watches its memory itself"

said=$(valgrind --quiet --error-exitcode=99 --leak-check=full --suppressions="$here/memcheck.supp" "$namegate" test "$here" 2>&1)
status=$?
is "all scenes hold" 0 "$status"
like "and have been played" "^files: [0-9]+, passed [1-9][0-9]*, failed 0" "$said"
[ $status -eq 0 ] || tap_note "$said"
tap_done
