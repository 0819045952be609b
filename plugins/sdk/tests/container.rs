//! With the real Buildah and a real registry: exactly the arguments that a child gets.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tidegate::container::{Container, Image, Program, Registry as Trust, Tool};
use tidegate::process::CommandLine;

const FOLDER: &str = ".tidegate-image-1";
const BEGUN: &str = ".tidegate-begun-1";

/// A folder of the machine that is gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("a new folder");
        Self(path.canonicalize().expect("its place"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A registry with one image: Busybox as `/bin/sh`, `/bin/cat` and itself, and the variables `FROM_IMAGE` and `BOTH`.
struct Registry {
    server: Child,
    image: String,
    folder: Folder,
}

impl Registry {
    fn start() -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.0.join(name).display().to_string();
        let settings = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n",
            path("blobs")
        );
        fs::write(path("registry.yaml"), settings).expect("written");
        let mut server = Command::new("docker-registry")
            .args(["serve", &path("registry.yaml")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the Debian package `docker-registry`");
        let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
        let address = log.find_map(|line| {
            let line = line.expect("text");
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(|character: char| character == '"' || character.is_whitespace()).next()?.to_owned())
        });
        // Read on, or the registry would end at a full pipe.
        std::thread::spawn(move || log.for_each(drop));
        let address = address.expect("the registry's address in its log");
        let settings = format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n");
        fs::write(path("registries.conf"), settings).expect("written");
        let script = r#"
            b() { buildah --storage-driver vfs --root "$PWD/root" --runroot "$PWD/run" "$@"; }
            b from --name base scratch
            b copy base /bin/busybox /bin/busybox
            b copy base /bin/busybox /bin/sh
            b copy base /bin/busybox /bin/cat
            b config --env FROM_IMAGE=image --env BOTH=image --user 1000 --entrypoint '["/bin/false"]' base
            b commit base base
            b push --digestfile digest base "docker://$1/base:1"
        "#;
        let output = Command::new("sh")
            .args(["-e", "-c", script, "sh", &address])
            .current_dir(&folder.0)
            .env("CONTAINERS_REGISTRIES_CONF", path("registries.conf"))
            .output()
            .expect("sh");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "it takes root and the Debian packages `buildah` and `busybox-static`: {told}"
        );
        let digest = fs::read_to_string(path("digest")).expect("a digest");
        Self { server, image: format!("{address}/base@{}", digest.trim()), folder }
    }

    fn container(&self, folders: &[&str]) -> Container {
        let image = Image { name: self.image.clone(), registry: Trust::Insecure, tool: Tool::Auto };
        let folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
        Container { image, storage: FOLDER.to_owned(), folders }
    }

    /// The child for a line in a workspace, as the jail would start it: nothing but its own variables.
    fn child(&self, workspace: &Path, line: &CommandLine, variables: &[(&str, &str)]) -> Command {
        // What runs a test may ignore interrupts, which children inherit and no shell can undo; the jail does it for them.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,TERM", &line.program]);
        command.args(&line.arguments).current_dir(workspace).env_clear().envs(variables.iter().copied());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", &self.folder.0);
        command.env("CONTAINERS_REGISTRIES_CONF", self.folder.0.join("registries.conf"));
        command.env("TIDEGATE_OUTPUT", "/workspace/.tidegate-output-1");
        command.env("TIDEGATE_RUN", "run 1").env("TIDEGATE_STEP", "test[a 'b']");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }

    /// All in one, for these words.
    fn once(&self, workspace: &Path, image: &str, words: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut container = self.container(&[]);
        container.image.name = image.to_owned();
        let line = container.once(BEGUN, &program(words, variables)).expect("valid");
        self.child(workspace, &line, variables)
    }

    fn run(&self, workspace: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let output = self.once(workspace, &self.image, words, variables).output().expect("sh");
        assert!(!workspace.join(FOLDER).exists(), "the container's files are gone");
        output
    }

    /// Pulls for several children.
    fn pull(&self, workspace: &Path, container: &Container) {
        let output = self.child(workspace, &container.pull().expect("valid"), &[]).output().expect("sh");
        assert!(output.status.success() && workspace.join(FOLDER).exists(), "{}", text(&output));
    }

    fn within(&self, workspace: &Path, container: &Container, words: &[&str], variables: &[(&str, &str)]) -> Command {
        self.child(workspace, &container.run(&program(words, variables)).expect("valid"), variables)
    }
}

fn program<'a>(words: &[&str], variables: &[(&'a str, &str)]) -> Program<'a> {
    let arguments = words[1..].iter().map(|word| (*word).to_owned()).collect();
    Program {
        line: CommandLine { program: words[0].to_owned(), arguments },
        directory: "sub",
        public: vec!["TIDEGATE_OUTPUT", "TIDEGATE_RUN", "TIDEGATE_STEP"],
        private: variables.iter().map(|(name, _)| *name).collect(),
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn workspace() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("sub")).expect("made");
    fs::write(folder.0.join("sub/input"), "from the commit").expect("written");
    folder
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_script_runs_in_its_image() {
    let registry = Registry::start();
    let workspace = workspace();
    let hostile = "it's $(id) `id` \"x\" \\ \nline two\n";
    let script = r#"
        [ "$SECRET" = "$(printf 'canary-%s' 7391)" ] || echo "the secret is wrong"
        commands=$(cat /proc/[0-9]*/cmdline 2>/dev/null | busybox tr '\0' ' ')
        case $commands in *"$SECRET"*) echo "the secret is in a command line" ;; esac
        printf '%s|' "$HOSTILE" "$EMPTY" "$FROM_IMAGE" "$BOTH" "$TIDEGATE_RUN" "$TIDEGATE_STEP" "$image" "$PWD" "$(busybox id -u)"
        echo "$(cat input)|$(cat)|$(busybox ls -A /workspace/.tidegate-image-1)|"
        echo 'NAME=value' >>"$TIDEGATE_OUTPUT"
        echo made >made
        exit 7
    "#;
    let variables = [
        ("SECRET", "canary-7391"),
        ("HOSTILE", hostile),
        ("EMPTY", ""),
        ("BOTH", "step"),
        ("image", "a name of the driver's"),
    ];
    let output = registry.run(&workspace.0, &["sh", "-e", "-c", script], &variables);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        stdout,
        format!(
            "{hostile}||image|step|run 1|test[a 'b']|a name of the driver's|/workspace/sub|0|from the commit||output\nwords|\n"
        ),
        "{}",
        text(&output)
    );
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    let read = |name: &str| fs::read_to_string(workspace.0.join(name)).expect(name);
    assert_eq!((read(".tidegate-output-1").as_str(), read("sub/made").as_str()), ("NAME=value\n", "made\n"));
    assert!(workspace.0.join(BEGUN).exists());
}

#[test]
fn a_status_is_the_programs_own() {
    let registry = Registry::start();
    let workspace = workspace();
    for status in [0, 1, 125, 126, 255] {
        let output = registry.run(&workspace.0, &["sh", "-c", &format!("exit {status}")], &[("A", "b")]);
        assert_eq!(output.status.code(), Some(status), "{}", text(&output));
    }
    // Without variables there is no shell between.
    let output = registry.run(&workspace.0, &["/bin/busybox", "echo", "a  b", "-e", "$HOME"], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a  b -e $HOME\n", "{}", text(&output));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_image_that_is_not_there_never_begins() {
    let registry = Registry::start();
    let workspace = workspace();
    let missing = registry.image.replace("/base@", "/other@");
    let output = registry.once(&workspace.0, &missing, &["sh", "-c", "exit 0"], &[]).output().expect("sh");
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!workspace.0.join(BEGUN).exists() && !workspace.0.join(FOLDER).exists());
    assert!(text(&output).contains("/other@sha256:"), "it says which: {}", text(&output));
}

#[test]
fn an_interrupt_ends_it_and_leaves_nothing() {
    let registry = Registry::start();
    let workspace = workspace();
    let script = "echo begun; exec busybox sleep 1000";
    let mut child = registry.once(&workspace.0, &registry.image, &["sh", "-c", script], &[]).spawn().expect("sh");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut told = String::new();
    output.read_line(&mut told).expect("text");
    assert_eq!(told, "begun\n");
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().expect("kill").success());
    // Until every process that could write there has let go of its output.
    output.read_to_string(&mut told).expect("text");
    let ended = child.wait_with_output().expect("an end");
    assert!(!ended.status.success(), "{}", text(&ended));
    assert!(!workspace.0.join(FOLDER).exists());
}

/// As much as a pipe holds, so that the program can end long before somebody has read all of it.
#[test]
fn what_was_printed_last_arrives() {
    let registry = Registry::start();
    let workspace = workspace();
    let container = registry.container(&[]);
    registry.pull(&workspace.0, &container);
    let script = "busybox head -c 65536 /dev/zero; busybox head -c 65536 /dev/zero >&2; exit 4";
    for _ in 0..10 {
        let output =
            registry.within(&workspace.0, &container, &["sh", "-c", script], &[("A", "b")]).output().expect("sh");
        let lengths = (output.stdout.len(), output.stderr.len(), output.status.code());
        assert_eq!(lengths, (65_536, 65_536, Some(4)));
    }
}

#[test]
fn what_a_program_leaves_running_ends_with_it() {
    let registry = Registry::start();
    let workspace = workspace();
    let script = "busybox sleep 1000 & echo $!; exit 5";
    let output = registry.run(&workspace.0, &["sh", "-c", script], &[]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    let process = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z ") || !stat.contains("(busybox)"), "{stat}");
}

/// Says how often it was interrupted, once it may end.
const COUNTING: &str = r#"
    count=0
    trap 'count=$((count + 1)); echo interrupted' INT
    echo begun
    until [ -e end ]; do busybox sleep 0.1; done
    echo "$count times"
"#;

#[test]
fn an_interrupt_comes_once_and_is_the_programs_to_obey() {
    let registry = Registry::start();
    let workspace = workspace();
    let container = registry.container(&[]);
    registry.pull(&workspace.0, &container);
    let mut child =
        registry.within(&workspace.0, &container, &["sh", "-c", COUNTING], &[("A", "b")]).spawn().expect("sh");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert_eq!(next(), "begun");
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().expect("kill").success());
    assert_eq!(next(), "interrupted");
    fs::write(workspace.0.join("sub/end"), "").expect("written");
    assert_eq!(next(), "1 times");
    let ended = child.wait_with_output().expect("an end");
    assert!(ended.status.success(), "{}", text(&ended));
}

#[test]
fn an_image_is_pulled_once_for_several_children() {
    let mut registry = Registry::start();
    let workspace = workspace();
    let outside = Folder::new();
    fs::write(outside.0.join("state"), "from the machine").expect("written");
    let state = outside.0.display().to_string();
    let container = registry.container(&[&state]);
    registry.pull(&workspace.0, &container);
    // Whoever asked for the image again would find nobody.
    registry.server.kill().expect("it is killed");
    let script =
        r#"echo "$A|$(cat "$STATE/state")|$(cat input)|$(busybox ls -A /workspace/.tidegate-image-1)|$(cat)"; exit 3"#;
    let variables = [("A", "it's"), ("STATE", state.as_str())];
    let mut both: Vec<Child> = (0..2)
        .map(|_| registry.within(&workspace.0, &container, &["sh", "-c", script], &variables).spawn().expect("sh"))
        .collect();
    for child in both.drain(..) {
        let output = child.wait_with_output().expect("an end");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout, "it's|from the machine|from the commit|output\nwords|\n", "{}", text(&output));
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing of the tool's");
    }
    let remove = container.remove().expect("valid");
    let output = registry.child(&workspace.0, &remove, &[]).output().expect("sh");
    assert!(output.status.success() && !workspace.0.join(FOLDER).exists(), "{}", text(&output));
}
