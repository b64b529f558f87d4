#!/usr/bin/env bash
# How long it takes to grade a class that is made from the corpus, a third of it solutions: seconds a
# submission of all exercises, and the grader's peak memory, by the size of the class. Before, the checks
# are compiled. Beside it, what each submission costs in a clean checkout of its own with `cargo test`.
#
#   CLASSES   the sizes (default "10 30 100 300")
#   SAMPLE    how many submissions get a clean checkout (default 6)
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra classes <<<"${CLASSES:-10 30 100 300}"
sample=${SAMPLE:-6}
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT

cargo build --quiet --locked --package grader --package corpus

# elapsed COMMAND...: its seconds, and the most memory in KiB that one of its processes had.
elapsed() {
    local start=$EPOCHREALTIME memory
    memory=$(python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@")
    awk "BEGIN { printf \"%.1f %d\\n\", $EPOCHREALTIME - $start, $memory }"
}

target/debug/corpus --class "$work/class-1" --submissions 1
target/debug/grade --report "$work/report-1" "$work/class-1" >"$work/log" 2>&1

printf '%12s %10s %14s %12s\n' submissions seconds "s/submission" "peak MiB"
for size in "${classes[@]}"; do
    target/debug/corpus --class "$work/class-$size" --submissions "$size"
    read -r seconds memory < <(elapsed target/debug/grade --report "$work/report-$size" "$work/class-$size")
    awk "BEGIN { printf \"%12d %10.1f %14.2f %12.1f\n\", $size, $seconds, $seconds / $size, $memory / 1024 }"
done

packages=()
for folder in exercises/*/; do
    folder=$(basename "$folder")
    packages+=(--package "${folder%%-*}")
done

target/debug/corpus --class "$work/sample" --submissions "$sample"
printf '%12s %10s\n' "clean" seconds
for submission in "$work"/sample/*; do
    name=$(basename "$submission")
    git clone --quiet . "$work/clean-$name"
    cp -r "$submission"/. "$work/clean-$name/exercises/"
    read -r seconds _ < <(cd "$work/clean-$name" &&
        elapsed cargo test --offline --no-fail-fast "${packages[@]}")
    printf '%12s %10s\n' "$name" "$seconds"
    rm -rf "$work/clean-$name"
done
