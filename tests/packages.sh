#!/usr/bin/env bash
# Installs what grading other people's code, the reports' and the book's tests, and the book's sessions
# need, where the package manager is apt. Elsewhere, what is missing is skipped, or asked for by name.
set -euo pipefail

command -v apt-get >/dev/null || exit 0
missing=()
# need COMMAND PACKAGE
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need bwrap bubblewrap
need nc netcat-openbsd
need telnet telnet
need chromium chromium
((${#missing[@]})) || exit 0

sudo=$([ "$(id -u)" = 0 ] || echo sudo)
$sudo apt-get update --quiet=2
for package in "${missing[@]}"; do
    # Ubuntu has chromium as a snap only. Without it, what a browser shows is not tested.
    if [ "$package" = chromium ] && ! apt-cache show chromium >/dev/null 2>&1; then continue; fi
    $sudo apt-get install --quiet=2 --yes "$package"
done
