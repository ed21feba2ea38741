#!/usr/bin/env bash
# operator.sh SERVER SIMULATOR: does with the real program what docs/OPERATIONS.md says: a start on SQLite, the first messages, keys and
# the master secret changed, a kill; then several processes on PostgreSQL and Redis, of which some are killed. Afterwards each message is
# compared with what the simulator of sms.ru accepted: nothing is lost, nothing was sent twice.
# What it needs: scripts/processes.sh.
set -euo pipefail
server=$(realpath "${1:?the path of sms-server}") simulator=$(realpath "${2:?the path of smsru-simulator}")
name=operator_$$
# shellcheck source=scripts/processes.sh
. "$(dirname "$0")/processes.sh"

refused() { [ "$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "$2/v1/me")" = 401 ]; }
sends() { SMS_URL=$1 SMS_KEY=$2 timeout 30 "$server" send --wait +79251234567 "$3"; }
# Reports come by callback: the address, with its encrypted secret part, works.
called_back() { api "$1/v1/provider" | grep -qE '"callbacks":\{"last_at":"[^"]+","accepted":[1-9]'; }

# --- The first hour, on SQLite ---

first_hour() {
    export SMS_STORE=sqlite:$folder/data/sms.db
    check "config check" "$server" config check
    start one
    check "ready" curl -sSf "${urls[one]}/readyz"
    check "a link to sign in" bash -c '[[ $("$1" signin --name "Anna Petrova" --scopes send,read,admin) == http*#* ]]' _ "$server"
    (umask 077; "$server" keys create --name shop >shop.key)
    check "the first message is delivered" sends "${urls[one]}" "$(cat shop.key)" Hello
    check "the callback is registered" "$server" callback add "${urls[one]}"
    check "a callback comes" soon called_back "${urls[one]}"
}

rotate_keys() {
    local url=${urls[one]} id old new
    old=$(cat shop.key)
    id=$("$server" keys list | grep -P '\tshop\t' | cut -f 1)
    new=$(api -d '{"overlap_seconds": 0}' "$url/v1/keys/$id/rotate" | field secret)
    check "a rotated key sends" sends "$url" "$new" 'With the new key'
    check "the old key is refused" soon refused "$old" "$url"
    id=$("$server" keys list | grep -P '\tshop\t' | grep -v revoked | grep -v expires | cut -f 1 | head -n 1)
    old=$new new=$("$server" keys rotate "$id" --overlap 24h)
    check "both keys send during the overlap" sends "$url" "$old" 'With the old key'
    check "and the new one" sends "$url" "$new" 'With the newest key'
    check "a key is revoked" "$server" keys revoke "$id"
    check "and refused" soon refused "$old" "$url"
}

rotate_secret_file() {
    local before address
    before=$(cat data/sms.db.secret)
    address=$("$server" callback list)
    check "the master secret is rotated" "$server" secrets rotate
    check "it is another one" bash -c '[ "$(cat data/sms.db.secret)" != "$1" ]' _ "$before"
    stop one
    SMS_LISTEN=${urls[one]#http://} start one
    check "the callback has the same address" bash -c '[ "$("$1" callback list)" = "$2" ]' _ "$server" "$address"
    check "a message with the new secret" sends "${urls[one]}" "$(tail -n 1 <<<"$("$server" keys create --name second)")" 'Hello again'
    check "a callback comes with the new secret" soon called_back "${urls[one]}"
}

kill_one() {
    simulate faults '{"fault": "delay_reply", "milliseconds": 800, "forever": true}'
    client send 300 one "${urls[one]}" >sent 2>&1 &
    local sending=$!
    sleep 1
    killed one
    SMS_LISTEN=${urls[one]#http://} start one
    check "the client repeats after kill -9" wait "$sending"
    check "nothing lost, nothing twice" client compare one "${urls[one]}" 300
    check "what is unknown is settled" client settle one "${urls[one]}"
    check "and has its end" client compare one "${urls[one]}" 300
}

# --- What keeps and moves the store ---

# The backup has 200 messages that wait; they are sent before the store is lost, and must not be sent again.
backup_and_restore() {
    local url=${urls[one]}
    api -d '{"reason": "a backup with messages that wait"}' "$url/v1/provider/pause" >/dev/null
    client send 200 before "$url" >/dev/null
    check "a backup while messages wait" "$server" backup "$folder/backup.db"
    cp data/sms.db.secret backup.secret
    api -X POST "$url/v1/provider/resume" >/dev/null
    check "they are sent" client compare before "$url" 200
    killed one
    rm -r data
    mkdir -m 700 data
    cp backup.db data/sms.db
    cp backup.secret data/sms.db.secret
    check "a restored store is announced" "$server" restored
    SMS_LISTEN=${url#http://} start one
    api -X POST "$url/v1/provider/resume" >/dev/null
    check "a message after the restore" sends "$url" "$ADMIN_KEY" 'After the restore'
    check "nothing lost, nothing twice after the restore" client compare before "$url" 200
    check "what is unknown is settled" client settle before "$url"
    # Their callbacks came before the restore, and the provider does not repeat what was confirmed.
    check "and nothing was sent again" client compare before "$url" 200 sent
}

# To PostgreSQL, while the server runs; the messages go on there.
move() {
    echo "$pg?schema=${name}_moved" >moved.secret
    SMS_SECRET_KEY_FILE=$folder/data/sms.db.secret
    client send 100 moved "${urls[one]}" >/dev/null
    check "a move to PostgreSQL" env SMS_SECRET_KEY_FILE="$SMS_SECRET_KEY_FILE" \
        "$server" copy --from "$SMS_STORE" --to "@$folder/moved.secret"
    stop one
    SMS_STORE=$(cat moved.secret) SMS_SECRET_KEY_FILE=$SMS_SECRET_KEY_FILE SMS_LISTEN=${urls[one]#http://} start one
    unset SMS_SECRET_KEY_FILE
    check "nothing lost, nothing twice on the way" client compare moved "${urls[one]}" 100
    check "the messages before it are there" client compare one "${urls[one]}" 300
    check "a message after the move" sends "${urls[one]}" "$ADMIN_KEY" 'After the move'
}

upgrade() {
    check "what an upgrade would do" "$server" migrate --dry-run
    check "an upgrade" "$server" migrate
}

# --- Several processes, on PostgreSQL with Redis ---

several_processes() {
    local sending
    export SMS_STORE="$pg?schema=$name" SMS_QUEUE="$redis?prefix=$name" SMS_SECRET_KEY_FILE=$folder/secret_key.secret
    (umask 077; od -An -v -tx1 -N 32 /dev/urandom | tr -d ' \n' >secret_key.secret)
    upgrade
    start api-1 --roles api,ui
    start api-2 --roles api,ui
    start worker-1 --roles worker
    start worker-2 --roles worker
    check "both workers are seen" soon bash -c '[ "$(curl -sS -H "Authorization: Bearer $ADMIN_KEY" "$1/v1/workers" | grep -o started_at | wc -l)" = 2 ]' \
        _ "${urls[api-1]}"
    check "the callback is registered" "$server" callback add "${urls[api-2]}"
    client send 1000 many "${urls[api-1]}" "${urls[api-2]}" >sent 2>&1 &
    sending=$!
    sleep 1
    killed worker-1
    sleep 1
    killed api-1
    check "the client goes on with the other process" wait "$sending"
    check "nothing lost, nothing twice" client compare many "${urls[api-2]}" 1000
    check "what is unknown is settled" client settle many "${urls[api-2]}"
    check "and has its end" client compare many "${urls[api-2]}" 1000
    start api-1 --roles api,ui
    start worker-1 --roles worker
}

# NEW,OLD on every node; rotate; NEW on every node. Messages are sent all the time.
rotate_secret_setting() {
    local old new address sending each
    address=$("$server" callback list | grep -F "${urls[api-2]}/")
    old=$(cat secret_key.secret) new=$(od -An -v -tx1 -N 32 /dev/urandom | tr -d ' \n')
    client send 300 rotated "${urls[api-1]}" "${urls[api-2]}" >sent 2>&1 &
    sending=$!
    for value in "$new,$old" "$new"; do
        printf '%s' "$value" >secret_key.secret
        for each in worker-1 worker-2; do stop $each && start $each --roles worker; done
        for each in api-1 api-2; do stop $each && SMS_LISTEN=${urls[$each]#http://} start $each --roles api,ui; done
        [ "$value" = "$new" ] || check "the master secret is rotated on PostgreSQL" "$server" secrets rotate
    done
    check "the client went on during the restarts" wait "$sending"
    check "nothing lost, nothing twice" client compare rotated "${urls[api-2]}" 300
    check "the callback has the same address" bash -c '"$1" callback list | grep -qxF "$2"' _ "$server" "$address"
    printf '%s' "$old" >secret_key.secret
    check "a process with the old secret does not start" bash -c '! timeout 20 "$1" --roles worker' _ "$server"
    printf '%s' "$new" >secret_key.secret
}

prepare
first_hour
rotate_keys
rotate_secret_file
kill_one
upgrade
backup_and_restore
move
stop one
several_processes
rotate_secret_setting
[ "$failed" = 0 ] || give_up "not everything went as docs/OPERATIONS.md says"
