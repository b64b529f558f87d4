#!/usr/bin/env bash
# Kills a grading at random moments and starts it again, until it comes to its end: the marks must be
# those of a grading that nobody disturbed, nothing is judged twice, no process is left.
#
#   KILLS         how many (default 50)
#   SUBMISSIONS   how many the class has (default 6)
set -euo pipefail
cd "$(dirname "$0")/.."

kills=${KILLS:-50}
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
# What is left, files and processes, goes by the name of this folder.
export TMPDIR=$work/tmp
mkdir "$TMPDIR"

cargo build --quiet --locked --package grader --package corpus
target/debug/corpus --class "$work/class" --submissions "${SUBMISSIONS:-6}"

# grade NAME: into the report folder of this name.
grade() {
    exec target/debug/grade --yes --report "$work/$1" "$work/class" >"$work/$1.log" 2>&1
}

fail() {
    echo "$1" >&2
    exit 1
}

# Marks, and each exercise of each submission once in the journal.
same_as_undisturbed() {
    diff "$work/undisturbed/gradebook.csv" "$work/$1/gradebook.csv" >&2 || fail "$1: other marks"
    local keys
    keys=$(grep --only-matching '^{"key":"[0-9a-f]*"' "$work/$1/journal.jsonl" | sort)
    [[ $(uniq <<<"$keys") == "$keys" ]] || fail "$1: judged twice"
    [[ $keys == "$(grep --only-matching '^{"key":"[0-9a-f]*"' "$work/undisturbed/journal.jsonl" | sort)" ]] ||
        fail "$1: not the same exercises are judged"
}

# On a busy machine a check may not be able to judge: the same command judges what is open.
not_final=3
final() {
    for _ in {1..5}; do
        if (grade "$1"); then return; fi
    done
    fail "$1 fails: $(tail -n 3 "$work/$1.log")"
}

# Compiles the checks: what is killed is a grading.
target/debug/corpus --class "$work/warm-up" --submissions 1
target/debug/grade --yes --report "$work/warmed-up" "$work/warm-up" >"$work/warm-up.log" 2>&1

start=$SECONDS
final undisturbed
longest=$((SECONDS - start + 1))

killed=0
gradings=1
while ((killed < kills)); do
    name=killed-$gradings
    (grade "$name") &
    grading=$!
    sleep "$(awk -v seed="$RANDOM" -v longest="$longest" 'BEGIN { srand(seed); print rand() * longest }')"
    if kill -KILL "$grading" 2>/dev/null; then
        killed=$((killed + 1))
        wait "$grading" 2>/dev/null || true
        printf '\r%d of %d kills' "$killed" "$kills"
    elif wait "$grading"; then
        same_as_undisturbed "$name"
        gradings=$((gradings + 1))
    elif [ $? -ne "$not_final" ]; then
        fail "$name fails: $(tail -n 3 "$work/$name.log")"
    fi
done
final "killed-$gradings"
same_as_undisturbed "killed-$gradings"

# What was killed last may still be on its way out.
for _ in {1..100}; do
    pgrep --full "$work" >/dev/null || break
    sleep 0.1
done
if pgrep --full "$work" >/dev/null; then
    fail "processes are left: $(pgrep --full --list-full "$work")"
fi
printf '\n%d gradings of %d submissions, killed %d times: the same marks as without\n' \
    "$gradings" "${SUBMISSIONS:-6}" "$killed"
