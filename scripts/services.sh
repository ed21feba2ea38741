#!/usr/bin/env bash
# Makes sure that the services the tests need answer: PostgreSQL, Redis and RabbitMQ.
#
#   scripts/services.sh         silent when all of them answer; otherwise starts what is missing
#   scripts/services.sh stop    stops what it has started
#
# Each service is looked for in this order: the address in its variable (SMS_TEST_PG_URL, SMS_TEST_REDIS_URL,
# SMS_TEST_AMQP_URL), the usual port of this machine, Docker, programs that are installed, Debian packages (as root, or
# with a sudo that asks nothing). What is found at another address is printed as a line for the shell:
#
#   eval "$(scripts/services.sh)"
#
# What cannot be had is named, one line each, and the exit status is 1.

set -u
cd "$(dirname "$0")/.." || exit 1

compose=deploy/compose.test.yaml
if [ "$(id -u)" = 0 ]; then
    state=/var/lib/sms-test-services # PostgreSQL runs as another user, to whom root's home is closed
else
    state=${XDG_STATE_HOME:-$HOME/.local/state}/sms-test-services
fi
# shellcheck disable=SC2034 # read by name in `ensure`
own_pg=55432 own_redis=56379 own_amqp=55672 # where the usual port is taken

# Without it (macOS has none), nothing here is bounded but by the tools themselves.
command -v timeout >/dev/null || timeout() { shift && "$@"; }

say() { printf 'services: %s\n' "$*" >&2; }

# --- What answers ---

# speak HOST PORT BYTES COUNT: sends bytes (as printf writes them), prints the first of the answer in hexadecimal.
speak() {
    # shellcheck disable=SC2016
    timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "$3" >&3 && head -c "$4" <&3 | od -An -v -tx1' _ "$@" \
        2>/dev/null | tr -d ' \n'
}

listens() { timeout 2 bash -c ': <>"/dev/tcp/$1/$2"' _ "$1" "$2" 2>/dev/null; }

# Whether the server at HOST PORT serves the user of the tests without a password.
serves_pg() {
    [ "$(speak "$1" "$2" '\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0' 9)" = 520000000800000000 ]
}
serves_redis() { [ "$(speak "$1" "$2" 'PING\r\n' 5)" = 2b504f4e47 ]; }
serves_amqp() { [ "$(speak "$1" "$2" 'AMQP\0\0\x09\x01' 1)" = 01 ]; }

# wait_for SECONDS COMMAND…
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.3
    done
}

# host_of URL, port_of URL DEFAULT
authority_of() {
    local rest=${1#*://}
    rest=${rest%%[/?]*}
    printf '%s' "${rest##*@}"
}
host_of() {
    local host
    host=$(authority_of "$1")
    case $host in
    \[*) host=${host#\[} host=${host%%\]*} ;;
    *) host=${host%:*} ;;
    esac
    printf '%s' "$host"
}
port_of() {
    local port
    port=$(authority_of "$1")
    port=${port##*:}
    case $port in
    '' | *[!0-9]*) port=$2 ;; # it names none
    esac
    printf '%s' "$port"
}

# --- Docker ---

docker_works() {
    if [ -z "${docker:-}" ]; then
        docker=no
        timeout 10 docker info >/dev/null 2>&1 && timeout 10 docker compose version >/dev/null 2>&1 && docker=yes
    fi
    [ "$docker" = yes ]
}

# --- Programs, and the packages they come in ---

# The account a server runs as: ours, or a plain one in place of root.
as() {
    local user=$1
    shift
    if [ "$(id -u)" != 0 ]; then
        "$@"
    else
        id "$user" >/dev/null 2>&1 || user=nobody
        (cd / && HOME=$state setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@")
    fi
}

# folder NAME USER: a folder in which a server of that name may write.
folder() {
    mkdir -p "$state/$1" || return 1
    if [ "$(id -u)" = 0 ]; then
        id "$2" >/dev/null 2>&1 && chown -R "$2" "$state/$1" || chown -R nobody "$state/$1"
    fi
    printf '%s' "$state/$1"
}

# package NAME: installs it, if that can be done without questions.
package() {
    local sudo=
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo='sudo -n'
    fi
    say "installing the package $1"
    [ -n "${updated:-}" ] || $sudo timeout 120 apt-get -qq update >/dev/null 2>&1
    updated=yes
    $sudo env DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -qq install -y --no-install-recommends "$1" \
        >/dev/null 2>&1
}

# The folder of initdb and pg_ctl, which Debian keeps out of PATH.
pg_programs() {
    local found
    found=$(for each in /usr/lib/postgresql/*/bin; do [ -x "$each/initdb" ] && echo "$each"; done | sort -V | tail -n 1)
    [ -n "$found" ] || found=$(dirname "$(readlink -f "$(command -v initdb)")" 2>/dev/null)
    [ -x "$found/pg_ctl" ] && printf '%s' "$found"
}
has_pg() { [ -n "$(pg_programs)" ]; }
has_redis() { command -v redis-server >/dev/null; }
has_amqp() { [ -n "$(rabbit_program rabbitmq-server)" ]; }

# Debian's programs of these names in PATH change the user, and with it what the server may write.
rabbit_program() {
    if [ -x "/usr/lib/rabbitmq/bin/$1" ]; then
        printf '%s' "/usr/lib/rabbitmq/bin/$1"
    else
        command -v "$1"
    fi
}

# start_… PORT: starts a server of our own. The one of the package would ask for a password, or is somebody else's.
start_pg() {
    local programs folder
    programs=$(pg_programs) && folder=$(folder postgres postgres) || return 1
    if [ ! -f "$folder/data/PG_VERSION" ]; then
        as postgres "$programs/initdb" -A trust -N -U postgres -E UTF8 --locale=C -D "$folder/data" \
            >"$state/initdb.log" 2>&1 || return 1
    fi
    as postgres timeout 60 "$programs/pg_ctl" start -w -D "$folder/data" -l "$folder/log" \
        -o "-p $1 -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder'" >/dev/null 2>&1 </dev/null
}
start_redis() {
    local folder
    folder=$(folder redis redis) || return 1
    as redis redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes \
        --dir "$folder" --pidfile "$folder/pid" --logfile "$folder/log" >/dev/null 2>&1 </dev/null
}
start_amqp() {
    local folder
    folder=$(folder rabbitmq rabbitmq) || return 1
    as rabbitmq env HOME="$folder" RABBITMQ_NODENAME=sms-test-services@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
        RABBITMQ_NODE_PORT="$1" RABBITMQ_DIST_PORT=$(($1 + 20000 > 65535 ? $1 - 20000 : $1 + 20000)) \
        RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder/logs" RABBITMQ_PID_FILE="$folder/pid" \
        ERL_EPMD_ADDRESS=127.0.0.1 ERL_FLAGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        "$(rabbit_program rabbitmq-server)" -detached >/dev/null 2>&1 </dev/null
}

# --- One service ---

# ensure SHORT NAME VARIABLE PORT URL COMPOSE_SERVICE PACKAGE; PORT in the URL stands for the port.
ensure() {
    local short=$1 name=$2 variable=$3 usual=$4 url=$5 service=$6 package=$7
    local own=own_$1 port
    own=${!own}
    if [ -n "${!variable:-}" ]; then
        port=$(port_of "${!variable}" "$usual")
        listens "$(host_of "${!variable}")" "$port" && return
        say "$name is missing: nothing answers at the address in $variable; start it there, or unset $variable"
        return 1
    fi
    for port in "$usual" "$own"; do
        "serves_$short" 127.0.0.1 "$port" && found "$port" && return
    done
    port=$usual
    listens 127.0.0.1 "$port" && port=$own # somebody is there, but not for us
    if docker_works; then
        say "starting $name in Docker"
        env "${variable%_URL}_PORT=$port" timeout 600 docker compose -f "$compose" up -d "$service" >/dev/null 2>&1 &&
            wait_for 90 "serves_$short" 127.0.0.1 "$port" && found "$port" && return
    fi
    if ! "has_$short" && package "$package"; then
        # The package may have started one that serves us.
        wait_for 15 "serves_$short" 127.0.0.1 "$usual" && return
        listens 127.0.0.1 "$port" && port=$own
    fi
    if "has_$short"; then
        say "starting $name"
        "start_$short" "$port"
        wait_for 90 "serves_$short" 127.0.0.1 "$port" && found "$port" && return
    fi
    say "$name is missing: run Docker, or install it (Debian: apt-get install $package), or name its address in $variable"
    return 1
}

# Tells the shell about an address that tests do not try by themselves.
found() {
    [ "$1" = "$usual" ] || printf "export %s='%s'\n" "$variable" "${url/PORT/$1}"
}

stop() {
    local pid
    [ -d "$state/postgres/data" ] &&
        as postgres timeout 60 "$(pg_programs)/pg_ctl" stop -m fast -D "$state/postgres/data" >/dev/null 2>&1
    for pid in "$state/redis/pid" "$state/rabbitmq/pid"; do
        [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null && rm -f "$pid"
    done
    docker_works && timeout 120 docker compose -f "$compose" down >/dev/null 2>&1
    return 0
}

case ${1:-} in
'') ;;
stop) stop && exit ;;
*) say "unknown argument $1; there is only: stop" && exit 2 ;;
esac

status=0
ensure pg PostgreSQL SMS_TEST_PG_URL 5432 postgres://postgres@127.0.0.1:PORT/postgres postgres postgresql || status=1
ensure redis Redis SMS_TEST_REDIS_URL 6379 redis://127.0.0.1:PORT redis redis-server || status=1
ensure amqp RabbitMQ SMS_TEST_AMQP_URL 5672 amqp://guest:guest@127.0.0.1:PORT/%2f rabbitmq rabbitmq-server || status=1
exit $status
