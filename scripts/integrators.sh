#!/usr/bin/env bash
# integrators.sh [SERVER]: runs every program of examples/integrators (*.py, *.mjs, *.sh) with SMS_URL and SMS_KEY, a test key of
# its own, against a server on loopback; send_and_follow.* once more through a proxy that fails in every way a network can.
set -euo pipefail
cd "$(dirname "$0")/.."
server=$PWD/${1:-target/debug/sms-server}
version=2.34.2 tools=$PWD/target/integrators
folder=$(mktemp -d)
pid='' names=() pids=()
# The processes that this script started, and no other.
trap '[ -z "$pid" ] || kill "$pid" "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT

# package NAME: installs it, if that can be done without questions.
package() {
    local sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "installing the package $1" >&2
    { $sudo apt-get -qq update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$1"; } \
        >/dev/null 2>&1
}

if ! "$tools/bin/python" -c "import requests; assert requests.__version__ == '$version'" 2>/dev/null; then
    if ! python3 -m venv "$tools" >/dev/null 2>&1; then
        package python3-venv || true
        python3 -m venv "$tools" || { echo "Python is missing: install 3.10 or later (Debian: apt-get install python3-venv)" >&2; exit 1; }
    fi
    "$tools/bin/pip" install --quiet --disable-pip-version-check "requests==$version"
fi
# Without fetch it is older than 18.
has_node() { node -e 'fetch' 2>/dev/null; }
has_node || package nodejs || true
has_node || { echo "Node.js is missing: install 18 or later (Debian: apt-get install nodejs)" >&2; exit 1; }

export SMS_STORE="sqlite:$folder/sms.db" SMS_LISTEN=127.0.0.1:0 SMS_PROVIDER=sandbox: SMS_QUEUE=memory: RUST_BACKTRACE=0
unset SMS_CONFIG SMS_ADMIN_KEY SMS_ROLES
"$server" >"$folder/log" 2>&1 &
pid=$!
address=
for _ in $(seq 100); do
    address=$(sed -nE 's/.*address=(127\.0\.0\.1:[0-9]+).*/\1/p' "$folder/log" | head -1)
    [ -n "$address" ] && curl -fsS "http://$address/readyz" >/dev/null 2>&1 && break
    sleep 0.1
done
[ -n "$address" ] || { echo "the server did not start:" >&2; cat "$folder/log" >&2; exit 1; }
export SMS_URL="http://$address"

# start NAME COMMAND…: in the background, for the programs wait most of the time.
start() {
    names+=("$1")
    SMS_KEY=$("$server" keys create --name "$1" --kind test --scopes send,read)
    SMS_KEY=$SMS_KEY "${@:2}" >"$folder/output.$((${#names[@]} - 1))" 2>&1 &
    pids+=($!)
}
for file in examples/integrators/*.{py,mjs,sh}; do
    [ -e "$file" ] || continue
    case $file in
    *.py) run=("$tools/bin/python" "$file") ;;
    *.mjs) run=(node "$file") ;;
    *.sh) run=(bash "$file") ;;
    esac
    start "$file" "${run[@]}"
    case $file in
    */send_and_follow.*) start "$file, with faults" "$tools/bin/python" scripts/faulty_proxy.py "$SMS_URL" "${run[@]}" ;;
    esac
done
[ ${#names[@]} -gt 0 ] || { echo "there is no program in examples/integrators" >&2; exit 1; }
failed=0
for index in "${!names[@]}"; do
    if wait "${pids[index]}"; then
        echo "ok      ${names[index]}"
    else
        echo "FAILED  ${names[index]}"
        sed 's/^/        /' "$folder/output.$index"
        failed=1
    fi
done
kill -0 "$pid" 2>/dev/null || { echo "the server has ended:" >&2; tail -20 "$folder/log" >&2; failed=1; }
exit "$failed"
