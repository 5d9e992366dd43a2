#!/usr/bin/env bash
# Verifies webhooks with the official library of the Standard Webhooks specification from PyPI.
#
#   verify.sh             installs the library if it is not there yet, then verifies what comes in on standard input
#   verify.sh --prepare   only installs
#
# Each line of standard input is a JSON object with `secret`, `headers` and `body`; for each, one line goes to standard
# output: `verified`, or `refused: ` and why. Needed are python3 with pip and venv, and a package index the first time.
# The library is kept in .standard-webhooks at the root of the repository, or in LINESHAFT_STANDARD_WEBHOOKS_DIR.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${LINESHAFT_STANDARD_WEBHOOKS_DIR:-$(cd "$here/../.." && pwd)/.standard-webhooks}
wanted='standardwebhooks~=1.0'

mkdir -p "$home"
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi
if [ "$(cat "$home/installed" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$home/venv" "$home/installed"
    python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check "$wanted" >&2
    echo "$wanted" >"$home/installed"
fi
exec 9>&-
if [ "${1:-}" = --prepare ]; then exit 0; fi
exec "$home/venv/bin/python" "$here/verify.py"
