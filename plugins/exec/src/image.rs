//! The script in a container image: the arguments of the one child that does it, and the shell's part of it. It runs nothing
//! itself.
//!
//! One child for all of it, under one key: a host that was started again finds that child or none, never a half-made
//! container; the jail lends the workspace to it once, so the owners of an image's files stay as they are; and the
//! containers' files, which are in the workspace since a jail's `/tmp` is memory, are gone when it ends. Inside the
//! container their folder is covered, so that no linter or test walks over a whole system.
//!
//! A variable's value is never an argument, which others can read. Podman and Docker take the value of `--env NAME` from
//! their own environment. Buildah (tried with 1.28) does not, so its container's shell reads the values from its standard
//! input, a pipe, and begins the script with nothing there. In all three a step's variable goes before the image's own.

use crate::inputs::Invocation;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate::Error;

/// Longest name of an image, in bytes.
const LONGEST: usize = 1_024;

/// What runs the container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// The first there is of Buildah, Podman and Docker. Buildah needs the least of its jail.
    #[default]
    Auto,
    /// Podman.
    Podman,
    /// Buildah, by a changed root instead of a runtime: the container shares the step's network and processes.
    Buildah,
    /// Docker. Its daemon must see the workspace at the same place as the step, so never from within a private root.
    Docker,
}

impl Tool {
    fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Docker => "docker",
        }
    }
}

/// Where the image's and the container's files are while the step runs, and the file that says that the script began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// A folder in the workspace.
    pub folder: String,
    /// A file in the workspace, made when the container is there and just before the script begins.
    pub begun: String,
}

/// What `sh -e -c` runs, in the workspace's root. Its own variables have a name that no step may give to one; the container's
/// are known to be words. What it says goes to standard error, as what the tools say.
const DRIVER: &str = r#"
TIDEGATE_TOOL=$1 TIDEGATE_IMAGE=$2 TIDEGATE_FOLDER=/workspace/$3 TIDEGATE_STORAGE=$4 TIDEGATE_BEGUN=$5 TIDEGATE_NAMES=$6
TIDEGATE_VERIFY=$7
shift 7
if [ "$TIDEGATE_TOOL" = auto ]; then
    for TIDEGATE_TOOL in buildah podman docker; do
        if command -v "$TIDEGATE_TOOL" >/dev/null; then break; fi
    done
fi
if ! command -v "$TIDEGATE_TOOL" >/dev/null; then
    echo "$TIDEGATE_TOOL is not installed where this step runs" >&2
    exit 127
fi
run() {
    case $TIDEGATE_TOOL in
    docker) docker "$@" ;;
    podman) store podman --cgroup-manager cgroupfs "$@" ;;
    buildah) store buildah "$@" ;;
    esac
}
store() {
    TIDEGATE_PROGRAM=$1
    shift
    "$TIDEGATE_PROGRAM" --storage-driver vfs --storage-opt vfs.ignore_chown_errors=true \
        --root "$PWD/$TIDEGATE_STORAGE/root" --runroot "$PWD/$TIDEGATE_STORAGE/run" "$@"
}
clean() {
    if [ "$TIDEGATE_TOOL" != docker ]; then run rmi --all --force >/dev/null 2>&1 </dev/null || true; fi
    rm -rf "$PWD/$TIDEGATE_STORAGE" || true
}
trap clean EXIT
trap 'exit 130' INT TERM
mkdir -p "$PWD/$TIDEGATE_STORAGE"
if [ "$TIDEGATE_TOOL" = buildah ]; then
    run from --quiet --tls-verify="$TIDEGATE_VERIFY" --name step "$TIDEGATE_IMAGE" >/dev/null
    if [ -n "$TIDEGATE_NAMES" ]; then
        set -- sh -c 'eval "$(cat)" && exec "$@" </dev/null' sh "$@"
    fi
    set -- step -- "$@"
    for TIDEGATE_NAME in TIDEGATE_OUTPUT TIDEGATE_RUN TIDEGATE_STEP; do
        eval "set -- --env \"$TIDEGATE_NAME=\$$TIDEGATE_NAME\" \"\$@\""
    done
else
    case $TIDEGATE_TOOL in
    podman) run pull --quiet --tls-verify="$TIDEGATE_VERIFY" "$TIDEGATE_IMAGE" >/dev/null ;;
    # Whom it believes is for docker's daemon to say.
    docker) run pull --quiet "$TIDEGATE_IMAGE" >/dev/null ;;
    esac
    set -- "$TIDEGATE_IMAGE" "$@"
    for TIDEGATE_NAME in TIDEGATE_OUTPUT TIDEGATE_RUN TIDEGATE_STEP $TIDEGATE_NAMES; do
        set -- --env "$TIDEGATE_NAME" "$@"
    done
fi
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
: >"$PWD/$TIDEGATE_BEGUN"
TIDEGATE_STATUS=0
case $TIDEGATE_TOOL in
buildah)
    # A shell that an interrupt ends would not wait for the container.
    variables | {
        trap : INT TERM
        run run --isolation chroot --user 0:0 --volume "$PWD:/workspace" \
            --mount "type=tmpfs,destination=/workspace/$TIDEGATE_STORAGE" --workingdir "$TIDEGATE_FOLDER" "$@"
    } || TIDEGATE_STATUS=$?
    ;;
podman)
    run run --rm --pull never --network host --user 0:0 --entrypoint '' \
        $(limit 'open files' nofile 1048576) $(limit processes nproc 32768) \
        --volume "$PWD:/workspace" --mount "type=tmpfs,notmpcopyup,destination=/workspace/$TIDEGATE_STORAGE" \
        --workdir "$TIDEGATE_FOLDER" "$@" || TIDEGATE_STATUS=$?
    ;;
docker)
    run run --rm --user 0:0 --entrypoint '' --volume "$PWD:/workspace" --workdir "$TIDEGATE_FOLDER" "$@" || TIDEGATE_STATUS=$?
    ;;
esac
exit "$TIDEGATE_STATUS"
"#;

/// The child that runs a command in a container of that image. `directory` is in the workspace; `names` are the step's
/// variables, which the child has in its own environment.
///
/// # Errors
/// `invalid`, where the image or a variable has a name that no tool takes.
pub fn invocation<'a>(
    image: &str,
    insecure: bool,
    tool: Tool,
    directory: &str,
    storage: &Storage,
    names: impl IntoIterator<Item = &'a str>,
    inner: Invocation,
) -> Result<Invocation, Error> {
    check(image)?;
    let names: Vec<&str> = names.into_iter().collect();
    for name in &names {
        let is_word = !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_word {
            let message = format!("`{name}` cannot be a variable in a container: a shell must be able to say it");
            return Err(Error::invalid(message).with_field("/env"));
        }
    }
    let names = names.join(" ");
    let verify = if insecure { "false" } else { "true" };
    let words = [
        "-e",
        "-c",
        DRIVER,
        "tidegate",
        tool.word(),
        image,
        directory,
        &storage.folder,
        &storage.begun,
        &names,
        verify,
    ];
    let arguments = words.into_iter().map(str::to_owned).chain([inner.program]).chain(inner.arguments).collect();
    Ok(Invocation { program: "sh".to_owned(), arguments })
}

/// Whether the image's content is fixed by its name.
pub fn is_pinned(image: &str) -> bool {
    image.contains("@sha256:")
}

/// An image by its full name. A short one means what the machine's configuration says, so it says too little.
fn check(image: &str) -> Result<(), Error> {
    let wrong = |message: String| {
        Err(Error::invalid(message)
            .with_field("/image")
            .with_hint("write `registry/name@sha256:…` or `registry/name:tag`, `docker.io/library/alpine:3` say"))
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
    if image.is_empty() || image.len() > LONGEST || !image.bytes().all(plain) || image.contains("://") {
        return wrong(format!("`{image}` is no image's name"));
    }
    let registry = image.split_once('/').map_or("", |(registry, _)| registry);
    let is_host = registry.contains(['.', ':']) || registry == "localhost";
    if !is_host || registry.starts_with(['-', '.', ':']) || registry.ends_with(':') {
        return wrong(format!("`{image}` does not begin with its registry"));
    }
    if let Some((_, digest)) = image.split_once('@') {
        let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        if !digest.strip_prefix("sha256:").is_some_and(is_digest) {
            return wrong(format!("`{digest}` is no digest"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
