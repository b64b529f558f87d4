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

# as_root COMMAND...: as root, if that asks for no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@" || skip "this needs root: $1"
    fi
}
