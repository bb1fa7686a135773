# shellcheck shell=bash
# shellcheck disable=SC2034  # tests use what they need
# What the tests of commands begin with: the program that was built, an empty folder of the test's own
# to work in, and a way to run one verb and see how it ended.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
build=${abs_top_builddir:-$top/build}
namegate=$build/namegate
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
[ -x "$namegate" ] || skip_all "there is no $namegate: build first"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

cli_needs() { # PROGRAM...
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || skip_all "$program is not installed (contrib/quickstart installs it)"
	done
}

run() { # EXPECTED-EXIT ARGUMENT...: what namegate printed, and the exit code when it is another
	local expected=$1 code=0 out
	shift
	out=$("$namegate" "$@" 2>&1) || code=$?
	[ "$code" -eq "$expected" ] || out="$out
exit $code, not $expected"
	printf '%s\n' "$out"
}
