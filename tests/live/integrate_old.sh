#!/usr/bin/env bash
# Declared sets on a kernel that renews no element in place and knows no owners.
LIVE_LACKS="owner in-place destroy" exec "$(dirname "$0")/integrate.sh" "$@"
