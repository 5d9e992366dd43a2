#!/usr/bin/env bash
# Drives the hosted pages and the console in headless Chromium against the real server and the simulated systems.
#
#   run.sh             installs what is missing, builds the program, then tests
#   run.sh --prepare   only installs
#   run.sh NAME...     only these parts: the files of parts/ without their ends
#
# With LINESHAFT in the environment, the program of that path is tried and nothing is built.
# Needed are Node and npm; Chromium comes from Debian when it is missing, and three packages from npm the first time. They
# are kept in target/browser, as are the log of the server and a picture of every state (target/browser/shots).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
home=$root/target/browser
wanted='playwright-core@1 axe-core@4 graphql@16'

if ! command -v chromium >/dev/null || ! command -v npm >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium nodejs npm >/dev/null
fi
mkdir -p "$home"
exec 9>"$home/lock"
flock 9
if [ "$(cat "$home/installed" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$home/node_modules" "$home/installed"
    # shellcheck disable=SC2086 # several packages
    npm install --prefix "$home" --no-save --no-package-lock --no-audit --no-fund --loglevel=error $wanted
    echo "$wanted" >"$home/installed"
fi
if [ "${1:-}" = --prepare ]; then exit 0; fi

cd "$root"
if [ -z "${LINESHAFT:-}" ]; then
    cargo build -q --bin lineshaft
    LINESHAFT=${CARGO_TARGET_DIR:-$root/target}/debug/lineshaft
fi
export LINESHAFT BROWSER_HOME=$home
exec node "$here/main.mjs" "$@"
