#!/usr/bin/env bash
# Sets the wall clock of the real program, and of a real PostgreSQL, back and forward by an hour, and looks at what becomes of
# the messages. Needs libfaketime (Debian: faketime), curl, and for PostgreSQL its programs.
#
#   scripts/clock.sh PROGRAM    PROGRAM is an sms-server with the features sqlite and pg
#
# Nothing of the machine's own clock is touched: libfaketime changes what one program reads.

set -u
program=$(realpath "${1:?the path of sms-server}")
faketime=$(find /usr/lib /usr/local/lib -name libfaketime.so.1 2>/dev/null | head -1)
[ -n "$faketime" ] || { echo "clock: libfaketime is not found (Debian: faketime)" >&2; exit 1; }
folder=$(mktemp -d)
chmod 755 "$folder"
key=an-admin-key-for-tests
failed=0 server='' postgres=''

stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
    server=''
}
finish() {
    stop
    [ -z "$postgres" ] || { kill -INT "$postgres" && wait "$postgres"; } 2>/dev/null
    rm -rf "$folder"
}
trap finish EXIT

check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@"; then echo "ok    $name"; else echo "FAILED $name"; failed=1; fi
}

# Asks again and again for up to 10 s.
soon() {
    local end=$((SECONDS + 10))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

set_clock() { echo "$1" >"$folder/time.new" && mv "$folder/time.new" "$folder/time"; } # such as -3600 or +3600
faked() {
    LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$folder/time FAKETIME_NO_CACHE=1 \
        FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 "$@"
}

serve() { # with the rest of the environment, and `faked` or nothing
    local port
    : >"$folder/log"
    (cd "$folder" && SMS_LISTEN=127.0.0.1:0 SMS_ADMIN_KEY=$key SMS_STORE=$store exec "$@" "$program") \
        >>"$folder/log" 2>&1 &
    server=$!
    soon listening || { cat "$folder/log" >&2; exit 1; }
    port=$(listening)
    url=http://127.0.0.1:$port
}
listening() { grep -oE '127\.0\.0\.1:[0-9]+' "$folder/log" | head -1 | cut -d: -f2 | grep .; }

post() { # BODY: prints the id
    curl -sS -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$1" "$url/v1/messages" |
        grep -oE '"id":"[0-9a-f-]+"' | head -1 | cut -d'"' -f4
}
is() { # ID STATUS…
    local id=$1 status
    shift
    status=$(curl -sS -H "Authorization: Bearer $key" "$url/v1/messages/$id" | grep -oE '"status":"[a-z]+"' | head -1)
    case " $* " in *" $(cut -d'"' -f4 <<<"$status") "*) return 0 ;; esac
    return 1
}
logged() { grep -c "the wall clock was set" "$folder/log" | grep -qx "$1"; }
otp() { post '{"to":"+79251234567","text":"1234","class":"otp"}'; }
in_seconds() { # N: scheduled by the clock that the program reads
    local at
    at=$(date -u -d "@$(($(date +%s) + $(cat "$folder/time") + $1))" +%Y-%m-%dT%H:%M:%SZ)
    post "{\"to\":\"+79251234567\",\"text\":\"1234\",\"class\":\"otp\",\"send_at\":\"$at\"}"
}

round() { # NAME COMMAND…: how the program is started
    local name=$1 id
    shift
    set_clock +0
    serve "$@"
    id=$(in_seconds 4)
    set_clock -3600
    check "$name: a message accepted before the clock was set back is sent in time" soon is "$id" sent delivered
    id=$(otp)
    check "$name: and so is one accepted afterwards" soon is "$id" sent delivered
    check "$name: one line tells of it" soon logged 1
    id=$(in_seconds 4)
    set_clock +3600
    check "$name: a message accepted before the clock was set forward is sent in time" soon is "$id" sent delivered
    check "$name: one line tells of it" soon logged 2
    id=$(in_seconds 6)
    stop
    set_clock -3600
    serve "$@"
    check "$name: nothing waits for a clock that was set back during a restart" soon is "$id" sent delivered
    id=$(in_seconds 6)
    stop
    set_clock +3600
    serve "$@"
    check "$name: nothing expires by a clock that was set forward during a restart" soon is "$id" sent delivered
    stop
}

store=sqlite:$folder/sms.db
round SQLite faked

bin=$(dirname "$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -1)")
[ -x "$bin/postgres" ] || { echo "clock: PostgreSQL is not found (Debian: postgresql)" >&2; exit 1; }
as=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
    mkdir "$folder/pg" && chown postgres "$folder/pg"
else
    mkdir "$folder/pg"
fi
"${as[@]}" "$bin/initdb" -D "$folder/pg/data" -A trust -N -U postgres --no-instructions >/dev/null || exit 1
set_clock +0
port=$((20000 + $$ % 20000))
LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$folder/time FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    DONT_FAKE_MONOTONIC=1 "${as[@]}" "$bin/postgres" -D "$folder/pg/data" -p "$port" -k "$folder/pg" \
    --listen_addresses=127.0.0.1 --shared_buffers=16MB >"$folder/pg/log" 2>&1 &
postgres=$!
soon "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" || { cat "$folder/pg/log" >&2; exit 1; }
store=postgres://postgres@127.0.0.1:$port/postgres
# The program reads the machine's own clock; only the server's is set. So times are those of `date`.
in_seconds() {
    local at
    at=$(date -u -d "@$(($(date +%s) + $(cat "$folder/time") + $1))" +%Y-%m-%dT%H:%M:%SZ)
    post "{\"to\":\"+79251234567\",\"text\":\"1234\",\"class\":\"otp\",\"send_at\":\"$at\"}"
}
round PostgreSQL env
exit $failed
