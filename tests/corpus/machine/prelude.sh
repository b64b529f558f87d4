# What the scripts of the faults begin with.
set -eu

# skip WORDS: the fault can't be made on this machine.
skip() {
    echo "$*" >&2
    exit 77
}

# tmpfs OPTIONS FOLDER: a file system in memory.
tmpfs() {
    mount -t tmpfs -o "$1" tmpfs "$2" || skip "no file system can be mounted here"
}

# changeable FOLDER: what is changed in it is seen by this script and the grader alone.
changeable() {
    layers=$(mktemp -d -p "$SCRATCH")
    tmpfs mode=0755 "$layers"
    mkdir "$layers/upper" "$layers/work"
    mount -t overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work" overlay "$1" ||
        skip "no folder can be laid over another here"
}

# as_root COMMAND...
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# new_group CONTROLLER: makes a control group, `$group`. `$version` is that of the machine's control groups.
new_group() {
    as_root true 2>/dev/null || skip "this needs root, or sudo without a password"
    if [ -d "/sys/fs/cgroup/$1" ]; then
        version=1
        group=/sys/fs/cgroup/$1/machine-$$
    elif [ -f /sys/fs/cgroup/cgroup.controllers ]; then
        version=2
        group=/sys/fs/cgroup/machine-$$
    else
        skip "this machine has no control groups"
    fi
    as_root mkdir "$group"
}

# remove_group FOLDER: a control group goes when its last process has. What the grader could not end, for
# want of processes or memory, is ended here.
remove_group() {
    until as_root find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; do
        find "$1" -name cgroup.procs -exec cat {} + | while read -r process; do
            as_root kill -KILL "$process" 2>/dev/null || true
        done
        sleep 0.05
    done
}

# in_group FILE LIMIT COMMAND...: runs the command in `$group` with this limit.
in_group() {
    as_root sh -c "echo $2 >$group/$1 && echo $$ >$group/cgroup.procs"
    shift 2
    status=0
    "$@" || status=$?
    as_root sh -c "echo $$ >$(dirname "$group")/cgroup.procs"
    remove_group "$group"
    return "$status"
}

# replaced FILE...: replaces them (but for what Cargo notes in *.d) by copies, again and again, until the
# grading ends.
replaced() {
    (
        while kill -0 $$ 2>/dev/null; do
            for file in "$@"; do
                case $file in *.d) continue ;; esac
                cp -p "$file" "$file~"
                mv "$file~" "$file"
            done
            sleep 0.01
        done
    ) >/dev/null 2>&1 &
}

# keep_report: takes the reports out of a file system that nobody else sees.
keep_report() {
    cp -r "$REPORT" "$SCRATCH/report"
    umount "$REPORT"
    cp -r "$SCRATCH/report/." "$REPORT"
}
