# processes.sh: servers, the simulator of sms.ru and a client, for scripts that source it. They set `server` and `simulator`, the paths of the
# programs, and `name`, with which schemas in PostgreSQL and keys in Redis begin. Everything is ended and removed when the script ends.
#
# Needs Python 3, curl, PostgreSQL and Redis at SMS_TEST_PG_URL and SMS_TEST_REDIS_URL (scripts/services.sh).
# shellcheck shell=bash disable=SC2034,SC2154,SC2164
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pg=${SMS_TEST_PG_URL:-postgres://postgres@127.0.0.1:5432/postgres}
redis=${SMS_TEST_REDIS_URL:-redis://127.0.0.1:6379}
folder=$(mktemp -d)
failed=0
declare -A pids=() urls=()
while read -r variable; do unset "$variable"; done < <(compgen -e SMS_)

finish() {
    local each
    # The shell would tell about each that is killed here.
    exec 2>/dev/null
    for each in "${!pids[@]}"; do kill -9 "${pids[$each]}" 2>/dev/null || true; done
    wait 2>/dev/null || true
    command -v psql >/dev/null && psql -qX "$pg" -c "drop schema if exists $name cascade; drop schema if exists ${name}_moved cascade" >/dev/null 2>&1
    command -v redis-cli >/dev/null &&
        redis-cli -u "$redis" --scan --pattern "{$name}:*" 2>/dev/null | xargs -r redis-cli -u "$redis" unlink >/dev/null 2>&1
    rm -rf "$folder"
}
trap finish EXIT

# check NAME COMMAND…: what it printed is shown when it fails.
check() {
    if "${@:2}" >"$folder/output" 2>&1; then
        echo "ok      $1$(sed -n '$s/^\(accepted \|[0-9]* of \)/: &/p' "$folder/output")"
    else
        echo "FAILED  $1"
        tail -n 30 "$folder/output" | sed 's/^/        /'
        failed=1
    fi
}
give_up() { echo "${name%_*}: $*" >&2 && exit 1; }

# soon COMMAND…: repeats it until it succeeds, for 30 s.
soon() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# start NAME ARGUMENT…: a server with the settings of the environment, until it serves or works.
start() {
    local log=$folder/$1.log
    : >"$log"
    "$server" "${@:2}" >>"$log" 2>&1 &
    pids[$1]=$!
    soon grep -qE ': (serving|working) ' "$log" || { cat "$log" >&2; give_up "$1 does not start"; }
    if [[ " $* " != *" worker "* ]]; then
        soon grep -q ': serving ' "$log" || { cat "$log" >&2; give_up "$1 does not serve"; }
        urls[$1]=http://$(sed -n 's/.*: serving address=//p' "$log" | head -n 1)
    fi
}
# stop NAME… and killed NAME…
stop() {
    local each
    for each in "$@"; do kill "${pids[$each]}"; done
    for each in "$@"; do wait "${pids[$each]}" || true && unset "pids[$each]"; done
}
killed() {
    kill -9 "${pids[$1]}"
    { wait "${pids[$1]}" || true; } 2>/dev/null
    unset "pids[$1]"
}
api() { curl -sS --fail-with-body -H "Authorization: Bearer $ADMIN_KEY" -H 'Content-Type: application/json' "$@"; }
# field NAME: of a JSON document.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
simulate() { curl -sS --fail-with-body -d "$2" "$SIMULATOR/simulator/$1" >/dev/null; }
client() { python3 "$scripts/operator_client.py" "$@"; }

# prepare: the simulator, and the settings that every server has.
prepare() {
    cd "$folder"
    "$simulator" --listen 127.0.0.1:0 --api-id KEY --balance 1000000 >simulator.log 2>&1 &
    pids[simulator]=$!
    soon grep -q http simulator.log || give_up "the simulator does not start"
    SIMULATOR=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' simulator.log | head -n 1)
    (umask 077; od -An -v -tx1 -N 24 /dev/urandom | tr -d ' \n' >admin_key.secret)
    ADMIN_KEY=$(cat admin_key.secret)
    export SIMULATOR ADMIN_KEY
    printf 'smsru+%s?poll_first_seconds=5&timeout_seconds=5\n' "${SIMULATOR/\/\//\/\/KEY@}" >provider.secret
    export SMS_ADMIN_KEY_FILE=$folder/admin_key.secret SMS_PROVIDER_FILE=$folder/provider.secret SMS_LISTEN=127.0.0.1:0
}
