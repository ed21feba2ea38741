#!/usr/bin/env bash
# check-alerts.sh: checks the alert rules, their tests and the dashboard in deploy/monitoring, without a server: promtool reads and
# tests the rules, and check_alerts.py compares names with docs/METRICS.md and links with docs/OPERATIONS.md.
# promtool is that of PROMTOOL or of this machine; where it is missing, Debian's package is unpacked into target/deploy-check.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Prints the path of promtool. The package is not installed: it would start a Prometheus.
promtool() {
    local name unpacked=$PWD/target/deploy-check/packages sudo=
    for name in "${PROMTOOL:-}" promtool "$unpacked/usr/bin/promtool"; do
        [ -n "$name" ] && type -P "$name" && return
    done
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "unpacking the package prometheus" >&2
    mkdir -p "$unpacked"
    (cd "$folder" && { apt-get -qq download prometheus || { $sudo apt-get -qq update && apt-get -qq download prometheus; }; } &&
        dpkg-deb -x prometheus_*.deb "$unpacked") >/dev/null 2>&1 || true
    type -P "$unpacked/usr/bin/promtool" || { echo "promtool is missing (Debian: apt-get install prometheus)" >&2; exit 1; }
}

# quiet COMMAND…: its output is shown when it fails.
quiet() { "$@" >"$folder/output" 2>&1 || { cat "$folder/output" >&2; return 1; }; }

promtool=$(promtool)
python3 scripts/check_alerts.py "$folder/dashboard.yaml"
quiet "$promtool" check rules deploy/monitoring/rules/*.yaml
# The expressions of the dashboard, as rules.
quiet "$promtool" check rules "$folder/dashboard.yaml"
quiet "$promtool" test rules deploy/monitoring/tests/*.yaml
