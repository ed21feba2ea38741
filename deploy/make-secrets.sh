#!/usr/bin/env bash
# make-secrets.sh [FOLDER]: writes what deploy/compose.yaml reads as secrets into deploy/secrets, or into FOLDER: random passwords, and
# the addresses that contain them. Files that are there stay as they are. The provider is the sandbox until you change that file.
set -euo pipefail
folder=${1:-$(dirname "$0")/secrets}

# The folder is closed, its files are not: in a container they are read by another user, without a name here.
umask 022
mkdir -p "$folder"
chmod 700 "$folder"

# Without characters that addresses and configuration files give a meaning.
random() { od -An -v -tx1 -N 24 /dev/urandom | tr -d ' \n'; }

# put NAME TEXT: a kill leaves the whole file or none.
put() {
    [ -e "$folder/$1" ] && return
    printf '%s\n' "$2" >"$folder/.$1.new"
    mv "$folder/.$1.new" "$folder/$1"
    echo "made $folder/$1"
}

# password NAME: that of an earlier run, or a new one.
password() {
    put "$1" "$(random)" >&2
    cat "$folder/$1"
}

put admin_key "$(random)"
put secret_key "$(random)"
put provider sandbox:
put store "postgres://sms:$(password postgres_password)@postgres:5432/sms?sslmode=disable"
put queue-memory memory:
redis=$(password redis_password)
put queue-redis "redis://:$redis@redis:6379"
put redis_conf "requirepass $redis"
rabbitmq=$(password rabbitmq_password)
put queue-rabbitmq "amqp://sms:$rabbitmq@rabbitmq:5672/%2f"
put rabbitmq_conf "default_user = sms
default_pass = $rabbitmq"
put grafana_password "$(random)"
