#!/usr/bin/env bash
# Runs the checks on the reference solutions again and again, with every core kept busy by something
# else: a right program must never fail. Then the whole corpus: every wrong program must get its mark, and
# no right one may fail.
#
#   RUNS              how many runs of each solution's checks (default 50)
#   CORPUS_RUNS       how many of the whole corpus (default 2)
#   SECONDS_AT_MOST   stops early after this many seconds (default 7200)
#
# The output of every run that fails is kept in target/soak/. Exit status 1 if there was one.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-50}
corpus_runs=${CORPUS_RUNS:-2}
limit=${SECONDS_AT_MOST:-7200}
export RUST_TEST_THREADS=32 RUST_BACKTRACE=0
kept=target/soak
mkdir -p "$kept"

exercises=()
for folder in exercises/*/; do
    folder=$(basename "$folder")
    exercises+=("${folder%%-*}")
done

declare -A checks
for exercise in "${exercises[@]}"; do
    checks[$exercise]=$(cargo test --no-run --package "$exercise-solution" 2>&1 |
        sed -n "s|.*Executable .*(\(.*/$exercise-[0-9a-f]*\))|\1|p")
done

cargo build --quiet --package corpus

busy=()
trap 'kill "${busy[@]}" 2>/dev/null' EXIT
for _ in $(seq "$(nproc)"); do
    sh -c 'while :; do :; done' &
    busy+=($!)
done

failures=0
ran=0

# attempt NAME COMMAND...: runs it, and keeps its output if it fails.
attempt() {
    local log=$kept/$1.log
    if "${@:2}" >"$log" 2>&1; then
        rm "$log"
    else
        failures=$((failures + 1))
    fi
    ran=$((ran + 1))
}

for run in $(seq "$runs"); do
    for exercise in "${exercises[@]}"; do
        ((SECONDS < limit)) || break 2
        attempt "$exercise-$run" "${checks[$exercise]}"
    done
    printf '\r%d of %d rounds, %d runs, %d failures, %d s' \
        "$run" "$runs" "$ran" "$failures" "$SECONDS"
done
printf '\n%d runs of the checks with %d busy cores: %d failed\n' "$ran" "$(nproc)" "$failures"

checks_failures=$failures
ran=0
for run in $(seq "$corpus_runs"); do
    ((SECONDS < limit)) || break
    attempt "corpus-$run" target/debug/corpus --verdicts-only
    printf '\r%d of %d runs of the corpus, %d failures, %d s' \
        "$run" "$corpus_runs" "$((failures - checks_failures))" "$SECONDS"
done
printf '\n%d runs of the corpus with %d busy cores: %d failed\n' \
    "$ran" "$(nproc)" "$((failures - checks_failures))"

((failures == 0)) || {
    echo "their output is in $kept/"
    exit 1
}
