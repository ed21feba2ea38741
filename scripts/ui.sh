#!/usr/bin/env bash
# ui.sh check          unit tests, lints and texts of the web UI, and whether the committed build is what its sources make
# ui.sh e2e SERVER [FILE…]    walks through the pages in Chromium, against this program
# ui.sh million SERVER    every page over a million stored messages; needs Python 3
# ui.sh shots SERVER FOLDER    pictures of every page
# Needs Node.js 20.19 or later; Chromium is installed from Debian's package where it is missing and may be.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null ||
    { echo "Node.js 20.19 or later is missing: https://nodejs.org" >&2; exit 1; }

# The packages of the lock file, once.
modules() {
    local seen=node_modules/.package-lock.json
    [ -e "$seen" ] && [ ! package-lock.json -nt "$seen" ] || npm ci --no-audit --no-fund --loglevel=error
}

# Prints the path of Chromium; `type -P` because `command -v` would find a function of that name.
browser() {
    local name
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
        if [ -n "$name" ] && type -P "$name"; then return; fi
    done
    local sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "installing the package chromium" >&2
    { $sudo apt-get -qq update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; } \
        >/dev/null 2>&1 || true
    hash -r
    type -P chromium || { echo "Chromium is missing (Debian: apt-get install chromium)" >&2; exit 1; }
}

# A path that is relative to the root of the repository.
absolute() { (cd "$root" && realpath -m -- "$1"); }

cd sms-server/ui
modules
case ${1:-} in
check)
    npm run --silent lint
    npm run --silent check-texts
    npm test --silent
    # The types must be those of the document.
    npm run --silent types >/dev/null
    npm run --silent build
    npm run --silent size
    changed=$(git status --porcelain -- dist src/api/schema.d.ts)
    [ -z "$changed" ] || { echo "not what is committed; run \`make ui\` and commit it:" >&2; echo "$changed" >&2; exit 1; }
    ;;
e2e)
    CHROMIUM=$(browser)
    SMS_SERVER_BIN=$(absolute "$2")
    export CHROMIUM SMS_SERVER_BIN
    npm run --silent e2e -- "${@:3}"
    ;;
million)
    CHROMIUM=$(browser)
    SMS_SERVER_BIN=$(absolute "$2")
    export CHROMIUM SMS_SERVER_BIN MILLION=1000000
    npm run --silent e2e -- million
    ;;
shots)
    CHROMIUM=$(browser)
    SMS_SERVER_BIN=$(absolute "$2")
    export CHROMIUM SMS_SERVER_BIN
    npm run --silent shots -- "$(absolute "$3")"
    ;;
*)
    sed -n '2,6s/^# //p' "$root/scripts/ui.sh" >&2
    exit 2
    ;;
esac
