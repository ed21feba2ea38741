#!/usr/bin/env bash
# upgrade.sh SERVER SIMULATOR [REVISION]: an upgrade from the program of an earlier revision to this one and back, with messages that wait and
# while messages are sent, on SQLite and on PostgreSQL with Redis, where programs of both run side by side. Afterwards each message is compared
# with what the simulator of sms.ru accepted: nothing is lost, nothing was sent twice.
# Without a REVISION it is the last release; before the first one, the oldest that may use the schema of today. The one before the newest
# migration that shuts programs out is tried, too: it must be refused by the new schema, and its store must be brought up to date.
# Builds both, and keeps them in target/upgrade. What else it needs: scripts/processes.sh, git, cargo.
set -euo pipefail
new=$(realpath "${1:?the path of sms-server}") simulator=$(realpath "${2:?the path of smsru-simulator}")
cd "$(dirname "$0")/.."
built=$PWD/target/upgrade

# program REVISION: the path of its program, which is built if it was not.
program() {
    local path=$built/sms-server-$1 source=$built/source
    if [ ! -x "$path" ]; then
        echo "building the program of $(git log -1 --format='%h, %as, "%s"' "$1")" >&2
        git worktree remove --force "$source" 2>/dev/null || true
        git worktree add --quiet --detach --force "$source" "$1" >&2
        (cd "$source" && "${CARGO:-cargo}" build --quiet --locked -p sms-server --features full --target-dir "$built/build") >&2
        cp "$built/build/debug/sms-server" "$path"
        git worktree remove --force "$source"
    fi
    echo "$path"
}

shuts_out=$(grep -lE '^UPDATE schema_info SET usable_from' sms-store-pg/migrations/*.sql | tail -n 1)
oldest=$(git log --diff-filter=A --format=%H -n 1 -- "$shuts_out")
[ -n "$oldest" ] || { echo "upgrade: the history of $shuts_out is missing: a shallow clone?" >&2 && exit 1; }
previous=$(git rev-parse --verify --quiet "${3:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || echo "$oldest")}^{commit}")
old=$(program "$previous")
too_old=$(program "$(git rev-parse "$oldest^")")

name=upgrade_$$
# shellcheck source=scripts/processes.sh
. scripts/processes.sh

pause() { api -d '{"reason": "messages that wait"}' "$1/v1/provider/pause" >/dev/null; }
resume() { api -X POST "$1/v1/provider/resume" >/dev/null; }
# run_by PROGRAM NAME ARGUMENT…: starts a server of this program at the address that NAME had before.
run_by() {
    local server=$1 SMS_LISTEN=${urls[$2]:-$SMS_LISTEN}
    SMS_LISTEN=${SMS_LISTEN#http://} start "${@:2}"
}
# waiting REFERENCE URL: 200 messages that are not sent yet.
waiting() {
    pause "$2"
    client send 200 "$1" "$2" >/dev/null
}
# goes_on REFERENCE URL: messages are accepted and sent there.
goes_on() { client send 100 "$1" "$2" >/dev/null && client compare "$1" "$2" 100; }
refused() {
    local output status=0
    output=$(timeout 30 "$too_old" --roles worker 2>&1) || status=$?
    echo "$output"
    [ "$status" != 0 ] && [ "$status" != 124 ] && grep -q "newer version of the program" <<<"$output"
}
nothing_to_migrate() { "$new" migrate --dry-run | grep -q "nothing to do"; }

on_sqlite() {
    export SMS_STORE=sqlite:$folder/data/sms.db
    run_by "$old" one
    waiting sqlite "${urls[one]}"
    check "SQLite: what the upgrade would do" "$new" migrate --dry-run
    stop one
    run_by "$new" one
    resume "${urls[one]}"
    check "SQLite: what waited is sent by the new program" client compare sqlite "${urls[one]}" 200
    check "SQLite: and new messages" goes_on sqlite-new "${urls[one]}"
    waiting sqlite-back "${urls[one]}"
    stop one
    run_by "$old" one
    resume "${urls[one]}"
    check "SQLite: what waited is sent by the old program on the new schema" client compare sqlite-back "${urls[one]}" 200
    check "SQLite: and new messages" goes_on sqlite-old "${urls[one]}"
    stop one
    check "SQLite: a program that is too old is refused" refused
    check "SQLite: and changes nothing" nothing_to_migrate
}

on_postgresql() {
    local sending
    export SMS_STORE="$pg?schema=$name" SMS_QUEUE="$redis?prefix=$name" SMS_SECRET_KEY_FILE=$folder/secret_key.secret
    (umask 077; od -An -v -tx1 -N 32 /dev/urandom | tr -d ' \n' >secret_key.secret)
    run_by "$old" old-api --roles api
    run_by "$old" old-worker --roles worker
    waiting pg "${urls[old-api]}"
    check "PostgreSQL: what the upgrade would do" "$new" migrate --dry-run
    run_by "$new" new-api --roles api
    run_by "$new" new-worker --roles worker
    resume "${urls[new-api]}"
    client send 1000 mixed "${urls[old-api]}" "${urls[new-api]}" >sent 2>&1 &
    sending=$!
    sleep 1
    killed old-worker
    killed new-api
    sleep 1
    killed new-worker
    run_by "$old" old-worker --roles worker
    run_by "$new" new-api --roles api
    check "PostgreSQL: both programs accept side by side, some are killed" wait "$sending"
    check "PostgreSQL: the old one sends alone on the new schema" goes_on pg-old "${urls[new-api]}"
    run_by "$new" new-worker --roles worker
    check "PostgreSQL: what waited is sent" client compare pg "${urls[old-api]}" 200
    check "PostgreSQL: nothing lost, nothing twice" client compare mixed "${urls[old-api]}" 1000
    check "PostgreSQL: what is unknown is settled" client settle mixed "${urls[new-api]}"
    check "PostgreSQL: and has its end for both" client compare mixed "${urls[old-api]}" 1000
    stop old-api old-worker
    check "PostgreSQL: the new one alone" goes_on pg-new "${urls[new-api]}"
    stop new-api new-worker
    check "PostgreSQL: a program that is too old is refused" refused
    check "PostgreSQL: and changes nothing" nothing_to_migrate
}

# From a program that cannot use the new schema: it has to be stopped first.
from_too_old() {
    rm -rf data
    export SMS_STORE=$1
    [ "$1" != "$pg?schema=$name" ] || psql -qX "$pg" -c "drop schema $name cascade" >/dev/null 2>&1
    run_by "$too_old" one
    waiting "$2" "${urls[one]}"
    stop one
    run_by "$new" one
    resume "${urls[one]}"
    check "$2: what waited for a program that is too old now is sent" client compare "$2" "${urls[one]}" 200
    check "$2: and new messages" goes_on "$2-new" "${urls[one]}"
    stop one
}

prepare
on_sqlite
on_postgresql
from_too_old "$pg?schema=$name" pg-upgraded
unset SMS_SECRET_KEY_FILE
from_too_old "sqlite:$folder/data/sms.db" sqlite-upgraded
[ "$failed" = 0 ] || give_up "not every step went well"
