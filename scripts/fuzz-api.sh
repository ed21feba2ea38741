#!/usr/bin/env bash
# fuzz-api.sh [SERVER [EXAMPLES]]: sends generated requests to every operation of the API document, by schemathesis, with a test
# key and with an administrator's key, to a server of its own on loopback. No reply may be a 5xx or differ from the document.
set -euo pipefail
cd "$(dirname "$0")/.."
server=$PWD/${1:-target/debug/sms-server} examples=${2:-100}
version=4.32.5 tools=$PWD/target/fuzz-api
folder=$(mktemp -d)
pid='' admin=''

finish() {
    local each
    # The processes that this script started, and no others.
    for each in $pid $admin; do kill "$each" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap finish EXIT

if [ ! -x "$tools/bin/st" ]; then
    if ! python3 -m venv "$tools" >/dev/null 2>&1; then
        echo "installing the package python3-venv" >&2
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv; } >/dev/null 2>&1 || true
        python3 -m venv "$tools" || { echo "Python is missing: install 3.10 or later (Debian: apt-get install python3-venv)" >&2; exit 1; }
    fi
    "$tools/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

export SMS_STORE="sqlite:$folder/sms.db" SMS_LISTEN=127.0.0.1:0 SMS_PROVIDER=sandbox: SMS_QUEUE=memory: RUST_BACKTRACE=0
unset SMS_CONFIG SMS_ADMIN_KEY
test_key=$("$server" keys create --name fuzz --kind test)
admin_key=$("$server" keys create --name admin --scopes send,read,admin)
"$server" >"$folder/log" 2>&1 &
pid=$!
address=
for _ in $(seq 100); do
    address=$(sed -nE 's/.*(127\.0\.0\.1:[0-9]+).*/\1/p' "$folder/log" | head -1)
    [ -n "$address" ] && curl -fsS "http://$address/readyz" >/dev/null 2>&1 && break
    sleep 0.1
done
[ -n "$address" ] || { echo "the server did not start:" >&2; cat "$folder/log" >&2; exit 1; }

# With both keys at a time. Each has a folder of its own for its cache.
fuzz() { # NAME KEY
    mkdir "$folder/$1" && cd "$folder/$1"
    # One operation waits for up to a minute at each request: it is left out.
    "$tools/bin/st" run "http://$address/openapi.json" \
        --header "Authorization: Bearer $2" \
        --max-examples "$examples" --seed 1 --workers 2 --phases examples,coverage,fuzzing \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
        --exclude-operation-id delete_keys_id --exclude-operation-id get_sandbox_messages_latest \
        --continue-on-failure --no-color
}
fuzz admin "$admin_key" >"$folder/admin.log" 2>&1 &
admin=$!
failed=0
(fuzz test "$test_key") || failed=1
wait "$admin" || failed=1
cat "$folder/admin.log"
kill -0 "$pid" 2>/dev/null || { echo "the server has ended:" >&2; tail -20 "$folder/log" >&2; failed=1; }
if grep -iE "panicked" "$folder/log"; then failed=1; fi
exit "$failed"
