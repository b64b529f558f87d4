#!/usr/bin/env bash
# What a student waits for: the first verdict in a fresh clone, and the time from saving a file to the
# verdict for each exercise; beside rustlings, in turns. Downloads are not counted: everything is fetched
# before. Prints what it does, and writes the raw data as CSV.
#
#   OUT         where the data goes (default target/bench/student.csv)
#   ROUNDS      how often each exercise is saved (default 5)
#   INSTALLS    how often each is set up from nothing (default 3)
#   RUSTLINGS   which version stands beside (default 6.5.0)
set -euo pipefail
cd "$(dirname "$0")/.."

out=${OUT:-target/bench/student.csv}
rounds=${ROUNDS:-5}
installs=${INSTALLS:-3}
rustlings=${RUSTLINGS:-6.5.0}
exercise=variables1
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
mkdir -p "$(dirname "$out")"
rows=$work/rows.csv
echo 'what,of,round,value' >"$rows"

# row WHAT OF ROUND VALUE
row() {
    echo "$1,$2,$3,$4" >>"$rows"
    printf '%-28s %-10s %8s\n' "$1" "$2" "$4"
}

# seconds COMMAND...: how long it takes, whatever its verdict is. What it said is in $work/said.
seconds() {
    local start=$EPOCHREALTIME
    "$@" >"$work/said" 2>&1 || true
    awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $start }"
}

# said WORDS: what was timed must have come to a verdict.
said() {
    grep --quiet -- "$1" "$work/said" || {
        echo "no verdict ('$1') in:" >&2
        tail -n 20 "$work/said" >&2
        exit 1
    }
}

# Each checkout builds in a folder of its own.
export CARGO_TARGET_DIR=target
here=$PWD
clone=$work/clone

# Downloads.
cargo fetch --quiet --locked
cargo install --quiet --locked --root "$work/warm" --target-dir "$work/warm-target" "rustlings@$rustlings"
rm -rf "$work/warm-target"

for round in $(seq "$installs"); do
    rm -rf "$clone" "$work/root" "$work/target"
    fresh() { git clone --quiet "$here" "$clone" && cd "$clone" && cargo test --offline --locked --package ex01; }
    row 'clone to first verdict' ex01 "$round" "$(seconds fresh)"
    said 'test result: FAILED'
    install() {
        cargo install --offline --locked --root "$work/root" --target-dir "$work/target" "rustlings@$rustlings"
    }
    row 'install' rustlings "$round" "$(seconds install)"
    said 'Installed package'
done

crates() { cargo tree "$@" --prefix none --no-dedupe --format '{p}' | sed 's/ (.*//' | sort --unique | wc -l; }
row 'crates' ex01 1 "$(cd "$clone" && crates --package ex01 --edges normal,build,dev)"
row 'crates' rustlings 1 "$(grep --count '^name = ' \
    "$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"rustlings-$rustlings"/Cargo.lock)")"

# Right programs: the solutions, as a student would have written them.
for folder in "$here"/solutions/*/; do
    cp "$folder"src/*.rs "$clone/exercises/$(basename "$folder")/src/"
done
mkdir "$work/play"
(cd "$work/play" && yes '' | "$work/root/bin/rustlings" init >"$work/said" 2>&1) || true
[ -d "$work/play/rustlings" ] || { cat "$work/said" >&2; exit 1; }

# saved FILE: changed and saved.
saved() { echo "// $RANDOM$RANDOM" >>"$1"; }

for round in $(seq 0 "$rounds"); do
    for name in ex01 ex02 ex03 ex04; do
        saved "$(ls -d "$clone/exercises/$name"-*)/src/main.rs"
        check() { cd "$clone" && cargo test --offline --locked --package "$name"; }
        time=$(seconds check)
        said 'test result: '
        # On a machine that is too busy for a check's deadline.
        ! grep --quiet 'test result: FAILED' "$work/said" || echo "$name: a right program failed" >&2
        # The first round builds.
        [ "$round" = 0 ] || row 'save to verdict' "$name" "$round" "$time"
    done
    saved "$(find "$work/play/rustlings/exercises" -name "$exercise.rs")"
    check() { cd "$work/play/rustlings" && "$work/root/bin/rustlings" run "$exercise"; }
    time=$(seconds check)
    said "$exercise"
    [ "$round" = 0 ] || row 'save to verdict' rustlings "$round" "$time"
done
mv "$rows" "$out"
