#!/usr/bin/env bash
# Serves a real Tryton with a small plant in it, for the tests of the connector.
#
#   start.sh [port]
#
# The port is a free one unless it is given. When the server answers, one line goes to standard output:
#
#   ready http://127.0.0.1:PORT
#
# Everything else goes to standard error. The script becomes the server: ending the process ends it. Needed are python3
# with pip and venv, and a package index the first time. What was installed and seeded is kept in .tryton at the root
# of the repository, or in LINESHAFT_TRYTON_DIR, and each start serves a fresh copy of the seeded database.
#
# Database: lineshaft. Users: admin / admin-Passw0rd, and reader / reader-Passw0rd, who may read next to nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${LINESHAFT_TRYTON_DIR:-$(cd "$here/../.." && pwd)/.tryton}
port=${1:-0}
version='~=8.0.0'
modules=(party product purchase stock stock_lot account_asset project)

say() { echo "tryton: $*" >&2; }

mkdir -p "$home"
home=$(cd "$home" && pwd)

# Several tests may start at once; the first one prepares for all.
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi

# write_conf FOLDER ADDRESS: a configuration whose databases lie in a folder.
write_conf() {
    cat >"$1/trytond.conf" <<CONF
[database]
uri = sqlite://
path = $1
[web]
listen = $2
[session]
authentications = password
CONF
}

wanted="$version ${modules[*]}"
if [ "$(cat "$home/installed" 2>/dev/null || true)" != "$wanted" ]; then
    say "installing"
    rm -rf "$home/venv" "$home/installed" "$home/empty" "$home/seeded"
    python3 -m venv "$home/venv"
    packages=("trytond$version" "proteus$version")
    for module in "${modules[@]}"; do packages+=("trytond-${module//_/-}$version"); done
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2
    echo "$wanted" >"$home/installed"
fi
export PYTHONWARNINGS=ignore TRYTONPASSFILE="$home/password"

if [ ! -f "$home/empty/ready" ]; then
    say "creating the database"
    rm -rf "$home/empty" "$home/seeded"
    mkdir -p "$home/empty"
    write_conf "$home/empty" 127.0.0.1:0
    printf %s admin-Passw0rd >"$TRYTONPASSFILE"
    : >"$home/empty/lineshaft.sqlite"
    admin=("$home/venv/bin/trytond-admin" -c "$home/empty/trytond.conf" -d lineshaft)
    "${admin[@]}" --all --email admin@example.com --password >&2
    "${admin[@]}" --activate-dependencies --update "${modules[@]}" >&2
    touch "$home/empty/ready"
fi

seed=$("$home/venv/bin/python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$here/seed.py")
if [ "$(cat "$home/seeded/seed" 2>/dev/null || true)" != "$seed" ]; then
    say "seeding"
    rm -rf "$home/seeded"
    mkdir -p "$home/seeded"
    cp "$home/empty/lineshaft.sqlite" "$home/seeded/"
    write_conf "$home/seeded" 127.0.0.1:0
    "$home/venv/bin/python" "$here/seed.py" "$home/seeded/trytond.conf" "$home/seeded/lineshaft.sqlite" >&2
    echo "$seed" >"$home/seeded/seed"
fi

if [ "$port" = 0 ]; then
    port=$("$home/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
fi
run="$home/run/$port"
rm -rf "$run"
mkdir -p "$run"
cp "$home/seeded/lineshaft.sqlite" "$run/"
write_conf "$run" "127.0.0.1:$port"
exec 9>&-

# Tells when the server answers. It gives up with the server, whose process this one becomes.
"$home/venv/bin/python" - "$port" $$ <<'PY' &
import json, os, sys, time, urllib.request

port, server = int(sys.argv[1]), int(sys.argv[2])
address = f"http://127.0.0.1:{port}"
body = json.dumps({"id": 0, "method": "common.server.version", "params": []}).encode()
while True:
    try:
        os.kill(server, 0)
        request = urllib.request.Request(f"{address}/rpc/", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).read()
        break
    except ProcessLookupError:
        sys.exit(1)
    except OSError:
        time.sleep(0.05)
print(f"ready {address}", flush=True)
PY

# Without the name of the database the server would load its models only at the first log-in.
exec "$home/venv/bin/trytond" -c "$run/trytond.conf" -d lineshaft >&2
