#!/usr/bin/env bash
# Runs the checks on the reference solutions again and again, with every core kept busy by something
# else: a right program must never fail.
#
#   RUNS     how many runs of each solution's checks (default 50)
#   SECONDS_AT_MOST   stops early after this many seconds (default 3600)
#
# The output of every run that fails is kept in target/soak/. Exit status 1 if there was one.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-50}
limit=${SECONDS_AT_MOST:-3600}
export RUST_TEST_THREADS=32 RUST_BACKTRACE=0
kept=target/soak
mkdir -p "$kept"

declare -A checks
for exercise in ex01 ex02 ex03 ex04; do
    checks[$exercise]=$(cargo test --no-run --package "$exercise-solution" 2>&1 |
        sed -n "s|.*Executable .*(\(.*/$exercise-[0-9a-f]*\))|\1|p")
done

busy=()
trap 'kill "${busy[@]}" 2>/dev/null' EXIT
for _ in $(seq "$(nproc)"); do
    sh -c 'while :; do :; done' &
    busy+=($!)
done

failures=0
done_runs=0
for run in $(seq "$runs"); do
    for exercise in ex01 ex02 ex03 ex04; do
        if ((SECONDS >= limit)); then
            break 2
        fi
        log=$kept/$exercise-$run.log
        if "${checks[$exercise]}" >"$log" 2>&1; then
            rm "$log"
        else
            failures=$((failures + 1))
        fi
        done_runs=$((done_runs + 1))
    done
    printf '\r%d of %d rounds, %d runs, %d failures, %d s' \
        "$run" "$runs" "$done_runs" "$failures" "$SECONDS"
done
printf '\n%d runs of the checks with %d busy cores: %d failed\n' "$done_runs" "$(nproc)" "$failures"
((failures == 0)) || {
    echo "their output is in $kept/"
    exit 1
}
