#!/usr/bin/env bash
# `make setup`: installs, system-wide and by apt, what the tests use beside Rust. What is there already is
# left as it is; what apt does not have is named, and so is everything where there is no apt: the tests
# that use it are then skipped, and say so.
set -euo pipefail

missing=()
# need COMMAND PACKAGE
need() {
    command -v "$1" >/dev/null && return
    [[ " ${missing[*]} " == *" $2 "* ]] || missing+=("$2")
}
need bwrap bubblewrap               # grading other people's code
need unshare util-linux             # the machine's faults
need prlimit util-linux
need nc netcat-openbsd              # the clients that people have, the book's sessions
need telnet telnet
need chromium chromium              # the reports and the book, as a browser shows them
need go golang-go                   # the right programs in other languages
need java default-jdk-headless
need javac default-jdk-headless
need node nodejs
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: there is no apt-get here; please install what corresponds to: ${missing[*]}" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null; then
    sudo=sudo
else
    echo "setup: installing ${missing[*]} needs root: run make setup as root, or install sudo" >&2
    exit 1
fi
$sudo apt-get update --quiet=2
for package in "${missing[@]}"; do
    # Ubuntu, for one, has chromium as a snap only.
    candidate=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
    if [ "${candidate:-(none)}" = "(none)" ]; then
        echo "setup: apt has no package $package; the tests that use it are skipped" >&2
        continue
    fi
    $sudo apt-get install --quiet=2 --yes "$package"
done
