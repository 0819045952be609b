# What `sh -e -c` runs in the workspace's root. Its own variables have a name that no step may give to one; the container's are
# known to be words, and so are folders. What it says goes to standard error, as what the tools say.
TIDEGATE_ACT=$1 TIDEGATE_TOOL=$2 TIDEGATE_IMAGE=$3 TIDEGATE_VERIFY=$4 TIDEGATE_STORAGE=$PWD/$5 TIDEGATE_HIDDEN=/workspace/$5
TIDEGATE_FOLDERS=$6 TIDEGATE_BEGUN=$7 TIDEGATE_FOLDER=/workspace/$8 TIDEGATE_PLAIN=$9
shift 9
TIDEGATE_NAMES=$1
shift
if [ "$TIDEGATE_TOOL" = auto ]; then
    for TIDEGATE_TOOL in buildah podman docker; do
        if command -v "$TIDEGATE_TOOL" >/dev/null; then break; fi
    done
fi
if ! command -v "$TIDEGATE_TOOL" >/dev/null; then
    echo "$TIDEGATE_TOOL is not installed where this step runs" >&2
    exit 127
fi
if [ "$TIDEGATE_TOOL" = docker ] && [ -n "$TIDEGATE_FOLDERS" ]; then
    echo "docker mounts whatever its daemon sees, so it is given no folders of the machine" >&2
    exit 126
fi
# The tool with these words; `$TIDEGATE_BEFORE` stands before it.
run() {
    case $TIDEGATE_TOOL in
    docker) $TIDEGATE_BEFORE docker "$@" ;;
    # A jail has no `/run`, where podman and its runtime keep what they know.
    podman)
        store podman --tmpdir "$TIDEGATE_STORAGE/tmp" --runtime-flag root="$TIDEGATE_STORAGE/runtime" --events-backend none \
            --cgroup-manager cgroupfs "$@"
        ;;
    buildah) store buildah "$@" ;;
    esac
}
store() {
    TIDEGATE_PROGRAM=$1
    shift
    $TIDEGATE_BEFORE "$TIDEGATE_PROGRAM" --storage-driver vfs --storage-opt vfs.ignore_chown_errors=true \
        --root "$TIDEGATE_STORAGE/root" --runroot "$TIDEGATE_STORAGE/run" "$@"
}
clean() {
    if [ "$TIDEGATE_TOOL" != docker ]; then run rmi --all --force >/dev/null 2>&1 </dev/null || true; fi
    rm -rf "$TIDEGATE_STORAGE" || true
}
pull() {
    rm -rf "$TIDEGATE_STORAGE"
    mkdir -p "$TIDEGATE_STORAGE"
    case $TIDEGATE_TOOL in
    buildah) run from --quiet --tls-verify="$TIDEGATE_VERIFY" --name step "$TIDEGATE_IMAGE" >/dev/null ;;
    podman) run pull --quiet --tls-verify="$TIDEGATE_VERIFY" "$TIDEGATE_IMAGE" >/dev/null ;;
    # Whom it believes is for docker's daemon to say.
    docker) run pull --quiet "$TIDEGATE_IMAGE" >/dev/null ;;
    esac
}
variables() {
    for TIDEGATE_NAME in $TIDEGATE_NAMES; do
        eval "TIDEGATE_VALUE=\$$TIDEGATE_NAME"
        printf "export %s='" "$TIDEGATE_NAME"
        printf %s "$TIDEGATE_VALUE" | sed "s/'/'\\\\''/g"
        printf "'\n"
    done
}
# Podman's own limits are higher than a jail lets it set: its hard limit, and no more than so many.
limit() {
    TIDEGATE_LIMIT=$(sed -n "s/^Max $1 *[^ ]* *\([0-9]*\).*/\1/p" /proc/self/limits)
    if [ "${TIDEGATE_LIMIT:-$3}" -ge "$3" ]; then TIDEGATE_LIMIT=$3; fi
    echo "--ulimit=$2=$TIDEGATE_LIMIT:$TIDEGATE_LIMIT"
}
# Begins these words in a session of their own, and says which process that is.
outside() {
    setsid sh -c 'echo $$ >"$1" && shift && exec "$@"' sh "$TIDEGATE_ASIDE/child" "$@"
}
# The processes within the container without buildah's own, which run its file or, behind the change of root, a copy in memory.
within() {
    TIDEGATE_FOUND=
    for TIDEGATE_PROCESS in /proc/[0-9]*; do
        # No other one has these pipes there.
        if ! [ "$TIDEGATE_PROCESS/root$TIDEGATE_HIDDEN" -ef "$TIDEGATE_PIPES" ]; then continue; fi
        if [ "$TIDEGATE_PROCESS/exe" -ef "/proc/$1/exe" ]; then continue; fi
        case $(readlink "$TIDEGATE_PROCESS/exe") in /memfd:buildah*) continue ;; esac
        TIDEGATE_FOUND="$TIDEGATE_FOUND ${TIDEGATE_PROCESS#/proc/}"
    done
}
# Passes an interrupt on; false where nobody is there yet.
interrupt() {
    if [ -e "$TIDEGATE_ASIDE/status" ]; then return 0; fi
    read -r TIDEGATE_CHILD 2>/dev/null <"$TIDEGATE_ASIDE/child" || return 1
    case $TIDEGATE_TOOL in
    buildah)
        within "$TIDEGATE_CHILD"
        if [ -z "$TIDEGATE_FOUND" ]; then return 1; fi
        # Whoever is gone meanwhile needs no interrupt, and nobody else a second one.
        kill -INT $TIDEGATE_FOUND 2>/dev/null || true
        ;;
    # They pass on what they are told.
    *) kill -INT "$TIDEGATE_CHILD" 2>/dev/null || true ;;
    esac
}
forward() {
    TIDEGATE_TRIES=0
    until interrupt || [ "$TIDEGATE_TRIES" -ge 100 ]; do
        TIDEGATE_TRIES=$((TIDEGATE_TRIES + 1))
        sleep 0.1
    done
}
# Buildah 1.28 to 1.43 copies what is printed in a container, and ends with the program whether or not it has copied all of it.
# So the program prints to pipes of ours, which two processes copy until nobody has them open any more.
open_pipes() {
    mkdir "$TIDEGATE_PIPES"
    mkfifo "$TIDEGATE_PIPES/output" "$TIDEGATE_PIPES/words"
    # Open both ways first: one way alone waits for the other.
    exec 6<>"$TIDEGATE_PIPES/output" 7<>"$TIDEGATE_PIPES/words"
    exec 8<"$TIDEGATE_PIPES/output" 9<"$TIDEGATE_PIPES/words"
    (trap '' INT TERM && exec cat <&8 6>&- 7>&- 8<&- 9<&-) &
    TIDEGATE_COPIES=$!
    (trap '' INT TERM && exec cat <&9 >&2 6>&- 7>&- 8<&- 9<&-) &
    TIDEGATE_COPIES="$TIDEGATE_COPIES $!"
    exec 8<&- 9<&-
}
# What a program left running ends with its container, as podman and docker have it.
close_pipes() {
    read -r TIDEGATE_CHILD 2>/dev/null <"$TIDEGATE_ASIDE/child" || TIDEGATE_CHILD=none
    within "$TIDEGATE_CHILD"
    while [ -n "$TIDEGATE_FOUND" ]; do
        kill -KILL $TIDEGATE_FOUND 2>/dev/null || true
        within "$TIDEGATE_CHILD"
    done
    exec 6<&- 7<&-
    for TIDEGATE_COPY in $TIDEGATE_COPIES; do
        # An interrupt ends a wait, not what is waited for.
        while kill -0 "$TIDEGATE_COPY" 2>/dev/null; do wait "$TIDEGATE_COPY" || true; done
    done
    # How the program ended is told by the status.
    sed -e '/^subprocess exited with status [0-9]*$/d' -e '/^Error: exit status [0-9]*$/d' "$TIDEGATE_ASIDE/buildah" >&2
}
# Runs these words in the container, and ends with their status.
enter() {
    # What one child of several leaves for itself.
    TIDEGATE_ASIDE=$(mktemp -d "$TIDEGATE_STORAGE/run-XXXXXXXX")
    TIDEGATE_PIPES=$TIDEGATE_ASIDE/pipes
    if [ "$TIDEGATE_TOOL" = buildah ]; then
        set -- sh -c 'exec >"$1/output" 2>"$1/words" && given=$(if [ -n "$2" ]; then cat; fi) && shift 2 && eval "$given" &&
            exec "$@" </dev/null' sh "$TIDEGATE_HIDDEN" "$TIDEGATE_NAMES" "$@"
        set -- step -- "$@"
        for TIDEGATE_NAME in $TIDEGATE_PLAIN; do
            eval "set -- --env \"$TIDEGATE_NAME=\$$TIDEGATE_NAME\" \"\$@\""
        done
    else
        set -- "$TIDEGATE_IMAGE" "$@"
        for TIDEGATE_NAME in $TIDEGATE_PLAIN $TIDEGATE_NAMES; do
            set -- --env "$TIDEGATE_NAME" "$@"
        done
        TIDEGATE_NAMES=
    fi
    for TIDEGATE_PLACE in $TIDEGATE_FOLDERS; do
        set -- --volume "$TIDEGATE_PLACE:$TIDEGATE_PLACE" "$@"
    done
    case $TIDEGATE_TOOL in
    buildah)
        open_pipes
        set -- --isolation chroot --user 0:0 --volume "$PWD:/workspace" --volume "$TIDEGATE_PIPES:$TIDEGATE_HIDDEN" \
            --workingdir "$TIDEGATE_FOLDER" "$@"
        ;;
    podman)
        set -- --rm --pull never --network host --cgroups disabled --user 0:0 --entrypoint '' \
            $(limit 'open files' nofile 1048576) $(limit processes nproc 32768) \
            --volume "$PWD:/workspace" --mount "type=tmpfs,notmpcopyup,destination=$TIDEGATE_HIDDEN" \
            --workdir "$TIDEGATE_FOLDER" "$@"
        ;;
    docker)
        set -- --rm --user 0:0 --entrypoint '' --volume "$PWD:/workspace" --workdir "$TIDEGATE_FOLDER" "$@"
        ;;
    esac
    # An interrupt of the step reaches all its processes, and buildah kills its container for one. So the tool has a session of
    # its own, and the second half of this pipe, which lives as long as the first, passes the interrupt on, once. Half of a pipe,
    # since what a shell begins with `&` ignores interrupts for good.
    trap : INT TERM
    exec 4>&1
    {
        trap : INT TERM
        TIDEGATE_STATUS=0 TIDEGATE_BEFORE=outside
        variables | {
            # A shell that an interrupt ends would not wait for the container.
            trap : INT TERM
            if [ "$TIDEGATE_TOOL" = buildah ]; then
                run run "$@" >/dev/null 2>"$TIDEGATE_ASIDE/buildah" 4>&- 6>&- 7>&-
            else
                run run "$@" >&4 4>&-
            fi
        } || TIDEGATE_STATUS=$?
        echo "$TIDEGATE_STATUS" >"$TIDEGATE_ASIDE/status"
    } | {
        trap forward INT TERM
        exec 5<&0
        cat <&5 >/dev/null &
        until wait "$!"; do :; done
    }
    read -r TIDEGATE_STATUS <"$TIDEGATE_ASIDE/status"
    if [ "$TIDEGATE_TOOL" = buildah ]; then close_pipes; fi
    rm -r "$TIDEGATE_ASIDE"
    return "$TIDEGATE_STATUS"
}
TIDEGATE_BEFORE=
case $TIDEGATE_ACT in
once | pull)
    trap clean EXIT
    trap 'exit 130' INT TERM
    pull
    if [ "$TIDEGATE_ACT" = pull ]; then
        trap - EXIT
        exit 0
    fi
    : >"$PWD/$TIDEGATE_BEGUN"
    enter "$@"
    ;;
run) enter "$@" ;;
remove) clean ;;
esac
