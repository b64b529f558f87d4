#!/usr/bin/env bash
# Writes the student edition: a git repository with the exercises, the checks, the harness, the grader
# and the book, and nothing of a solution.
#
#   tests/student-edition.sh [FOLDER]     (default target/student-edition; the archive is FOLDER.zip)
#
# The exercises are the starters, whatever was tried in exercises/ here. An edition that is there already
# is replaced; any other folder is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-target/student-edition}
mark=.student-edition
if [ -e "$folder" ] && [ ! -e "$folder/$mark" ]; then
    echo "error: $folder is there already and is no student edition: name another folder" >&2
    exit 1
fi
if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "error: this is no git repository, which tells what belongs to the course: clone it" >&2
    exit 1
fi

fresh=$folder.new
rm -rf "$fresh"
mkdir -p "$fresh"
trap 'rm -rf "$fresh"' EXIT

# Times are kept, so that a second edition in the same place is not compiled anew.
git ls-files -z -- \
    .cargo/config.toml .config .devcontainer .gitignore .vscode Cargo.lock Cargo.toml LICENSE-\* clippy.toml \
    book/LICENSE book/book.toml book/listings book/src book/theme ':!book/src/solutions' \
    exercises ':!exercises/*/src/**' \
    tests/course.toml tests/ex\*.rs tests/protocol.rs tests/grader tests/harness tests/starters \
    ':!tests/grader/tests' |
    tar --create --null --files-from - | tar --extract --directory "$fresh"
cp -Rp tests/starters/. "$fresh/exercises/"
cp -p platforms/student-edition/README.md "$fresh/"
echo "The student edition of the course: the next one replaces this folder." >"$fresh/$mark"

# `cargo test` is the students' own work. What only the grader's own tests use is left out.
perl -0pi -e '
    s/^members = \[.*?^\]/members = ["exercises\/*", "tests\/harness", "tests\/grader"]/ms;
    s/^# The starters are left out.*?^default-members = .*?$/default-members = ["exercises\/*"]/ms;
' "$fresh/Cargo.toml"
perl -0pi -e 's/^\[[^\n]*dev-dependencies\].*?(?=^\[)//msg' "$fresh/tests/grader/Cargo.toml"
perl -0pi -e 's/\n# Solutions\n.*//s' "$fresh/book/src/SUMMARY.md"
# The same versions, without those that nothing uses any more.
(cd "$fresh" && { cargo update --workspace --offline --quiet 2>/dev/null || cargo update --workspace --quiet; })

git -C "$fresh" init --quiet --initial-branch main
git -C "$fresh" add --all
git -C "$fresh" -c user.name="One Server, Many Clients" -c user.email=course@example.org \
    commit --quiet --message "One Server, Many Clients: the student edition"

rm -rf "$folder"
mv "$fresh" "$folder"
git -C "$folder" archive --format zip --prefix "$(basename "$folder")/" HEAD >"$folder.zip"
echo "$folder and $folder.zip"
