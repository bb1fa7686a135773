#!/usr/bin/env bash
# Three readers of DNS messages, ours, ldns and dnspython, on the seeds of the fuzz targets and thousands of
# changes to them: where they differ, tests/unit/differential.py says why, and which is right. The same
# messages in each run; DIFFERENTIAL_SEED and DIFFERENTIAL_CHANGES take others, or more of them.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

here=$(cd "$(dirname "$0")" && pwd)
build=${abs_top_builddir:-$here/../../build}
python=
for name in /usr/bin/python3 python3; do
	"$name" -c 'import dns.message' 2>/dev/null && python=$name && break
done
[ -n "$python" ] || skip_all "dnspython is not installed (Debian: python3-dnspython)"

exec "$python" -B "$here/differential.py" "$build/tests/unit/differential" "${DIFFERENTIAL_SEED:-1}" \
	"${DIFFERENTIAL_CHANGES:-100}" "$here"/../fuzz/seeds/query/* "$here"/../fuzz/seeds/answer/*
