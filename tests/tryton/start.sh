#!/usr/bin/env bash
# Serves a real Tryton with a small plant in it, for the tests of the connector.
#
#   start.sh [port]              installs and seeds what is not there yet, then serves
#   start.sh --attached [port]   the same; when standard input ends, the server ends too and leaves nothing behind
#   start.sh --prepare           only installs and seeds
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
port=0
prepare_only=no
attached=no
for argument in "$@"; do
    case "$argument" in
    --prepare) prepare_only=yes ;;
    --attached) attached=yes ;;
    '' | *[!0-9]*)
        echo "usage: start.sh [--attached] [port] | --prepare" >&2
        exit 2
        ;;
    *) port=$argument ;;
    esac
done
version='~=8.0.0'
modules=(party product purchase stock stock_lot account_asset project)
# What the plant itself added to its Tryton: a field and a model.
own=plant
digest() { cat "$@" | sha256sum | cut -d" " -f1; }
own_digest=$(digest "$here"/module/*)

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

wanted="$version ${modules[*]} $own_digest"
if [ "$(cat "$home/installed" 2>/dev/null || true)" != "$wanted" ]; then
    say "installing (once; about a minute)"
    rm -rf "$home/venv" "$home/installed" "$home/empty" "$home/seeded"
    python3 -m venv "$home/venv"
    packages=("trytond$version" "proteus$version")
    for module in "${modules[@]}"; do packages+=("trytond-${module//_/-}$version"); done
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2
    installed=$("$home/venv/bin/python" -c 'import os, trytond.modules; print(os.path.dirname(trytond.modules.__file__))')
    cp -r "$here/module" "$installed/$own"
    echo "$wanted" >"$home/installed"
fi
export PYTHONWARNINGS=ignore TRYTONPASSFILE="$home/password"

if [ ! -f "$home/empty/ready" ]; then
    say "creating the database (once; half a minute)"
    rm -rf "$home/empty" "$home/seeded"
    mkdir -p "$home/empty"
    write_conf "$home/empty" 127.0.0.1:0
    printf %s admin-Passw0rd >"$TRYTONPASSFILE"
    : >"$home/empty/lineshaft.sqlite"
    admin=("$home/venv/bin/trytond-admin" -c "$home/empty/trytond.conf" -d lineshaft)
    "${admin[@]}" --all --email admin@example.com --password >&2
    "${admin[@]}" --activate-dependencies --update "${modules[@]}" "$own" >&2
    touch "$home/empty/ready"
fi

seed=$("$home/venv/bin/python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$here/seed.py")
if [ "$(cat "$home/seeded/seed" 2>/dev/null || true)" != "$seed" ]; then
    say "seeding (after each change of seed.py; half a minute)"
    rm -rf "$home/seeded"
    mkdir -p "$home/seeded"
    cp "$home/empty/lineshaft.sqlite" "$home/seeded/"
    write_conf "$home/seeded" 127.0.0.1:0
    "$home/venv/bin/python" "$here/seed.py" "$home/seeded/trytond.conf" "$home/seeded/lineshaft.sqlite" >&2
    echo "$seed" >"$home/seeded/seed"
fi

if [ "$prepare_only" = yes ]; then
    say "ready in $home"
    exit 0
fi

if [ "$port" = 0 ]; then
    port=$("$home/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
fi
# Each server has its own folder, named by its process. Those that ended without clearing up are cleared up here.
for folder in "$home"/run/*; do
    if ! kill -0 "$(basename "$folder")" 2>/dev/null; then rm -rf "$folder"; fi
done
run="$home/run/$$"
mkdir -p "$run"
cp "$home/seeded/lineshaft.sqlite" "$run/"
write_conf "$run" "127.0.0.1:$port"
exec 9>&-

# Tells when the server answers, and in the attached form ends it. It gives up with the server, whose process this one
# becomes.
exec 3<&0
"$home/venv/bin/python" - "$port" $$ "$attached" "$run" <<'PY' &
import json, os, shutil, signal, sys, time, urllib.request

port, server, attached, run = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "yes", sys.argv[4]
address = f"http://127.0.0.1:{port}"
body = json.dumps({"id": 0, "method": "common.server.version", "params": []}).encode()
while True:
    if os.getppid() != server:
        sys.exit(1)
    try:
        request = urllib.request.Request(f"{address}/rpc/", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).read()
        break
    except OSError:
        time.sleep(0.05)
try:
    print(f"ready {address}", flush=True)
except BrokenPipeError:
    pass
if attached:
    while os.read(3, 4096):
        pass
    if os.getppid() == server:
        os.kill(server, signal.SIGKILL)
    shutil.rmtree(run, ignore_errors=True)
PY
exec 3<&-

# Without the name of the database the server would load its models only at the first log-in.
exec "$home/venv/bin/trytond" -c "$run/trytond.conf" -d lineshaft >&2
