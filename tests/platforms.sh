#!/usr/bin/env bash
# Checks what students compile on macOS and on Windows, on a machine that has no compiler for them: in a
# copy, every condition on the platform is turned round, so that Linux takes the others' paths. What uses
# a thing of Linux or Unix outside of its condition does not compile then. What this can't see: where the
# standard library itself differs, and whether a check passes there. CI tries both on real machines.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/platforms
export CARGO_TARGET_DIR=$PWD/target/platforms-target

# turned NAME SED-EXPRESSION...
turned() {
    local name=$1
    shift
    tests/student-edition.sh "$folder/$name" >/dev/null
    find "$folder/$name" \( -name '*.rs' -o -name Cargo.toml \) -exec sed -i.before "$@" {} +
    find "$folder/$name" -name '*.before' -delete
    echo "as on $name"
    (cd "$folder/$name" && cargo clippy --quiet --locked --workspace --all-targets -- --deny warnings)
}

no_linux='s/target_os = "linux"/target_os = "macos"/'
turned macOS -e "$no_linux"
turned Windows -e "$no_linux" -e 's/cfg(unix)/cfg(windows)/; s/(not(unix)/(not(windows)/' \
    -e 's/cfg_attr(unix/cfg_attr(windows/; s/std::os::unix/std::os::windows/' \
    -e 's/std::os::fd/std::os::windows/'
