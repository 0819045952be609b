//! The commands, as values. No secret is in an argument: settings of the backend and variables travel in the environment.
//! Paths are relative to the root module's directory, so that nothing in a plan depends on where the workspace is.

use crate::root::{Choice, Root};
use crate::tool::Tool;
use std::collections::BTreeMap;
use tidegate::Error;
use tidegate::container::{Container, Program};
use tidegate::process::CommandLine;

/// What the steps keep in the workspace while they run, and remove when they end.
pub const SCRATCH: &str = ".tidegate-terraform";
/// The tool's own folder: providers, modules, which backend. It sorts behind the manifest, which is thus found early in
/// an archive.
pub const DATA: &str = ".tidegate-terraform/terraform";
/// Where `init` puts providers, if the configuration has any besides those that the tool is built with.
pub const PROVIDERS: &str = ".tidegate-terraform/terraform/providers";
/// The plan.
pub const PLAN: &str = ".tidegate-terraform/plan.tfplan";
/// What the plan was made of and for.
pub const MANIFEST: &str = ".tidegate-terraform/manifest.json";
/// The plan for people.
pub const MARKDOWN: &str = ".tidegate-terraform/plan.md";
/// The texts of the plan that must not be shown. It is in the plan's archive alone, which is encrypted.
pub const SECRETS: &str = ".tidegate-terraform/secrets.json";
/// The name of the dependency lock file.
pub const LOCK_FILE: &str = ".terraform.lock.hcl";

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The child's key: the same in each call of an attempt.
    pub key: String,
    /// The program.
    pub tool: Tool,
    /// Without the program's name.
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory in the workspace.
    pub directory: String,
    /// Where it runs, unless that is the machine.
    pub container: Option<Container>,
    /// What it does.
    pub work: Work,
}

/// How long an interrupted apply has until it is killed, in seconds. The tool waits for the calls that are under way, and saves
/// the state after that: killed before, it leaves objects that nobody knows, and a lock.
const GRACE: u32 = 1800;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It runs the tool.
    Tool,
    /// It pulls the image of the container.
    Pull,
    /// It removes what is left of the container.
    Remove,
}

/// Variables whose values hold no secret.
const PUBLIC: [&str; 5] = ["TF_IN_AUTOMATION", "TF_INPUT", "TF_DATA_DIR", "TF_WORKSPACE", "CHECKPOINT_DISABLE"];

/// What lets the tool collect its garbage later. A Go program begins with a heap of 4 MiB and collects each time that it has
/// doubled, which is a third to a half of what a short command computes; with this it begins at 16 MiB and grows to five times
/// what is in use, but not beyond the limit for its garbage's sake. The limit keeps terraform and one provider below the 4 GiB
/// of a jail: whatever needs more than that in use would not have fitted, doubled, without it either.
const ROOM: [(&str, &str); 2] = [("GOGC", "400"), ("GOMEMLIMIT", "1536MiB")];

/// Makes the commands of one step.
#[derive(Clone, Debug)]
pub struct Commands<'a> {
    /// The tool.
    pub tool: Tool,
    /// The root module.
    pub root: &'a Root,
    /// What the pipeline gives.
    pub env: &'a BTreeMap<String, String>,
    /// Tells the children of one beginning of the step from those of another; empty where it begins once.
    pub generation: String,
    /// Where the tool runs, unless that is the machine.
    pub container: Option<Container>,
}

/// How a plan is made.
#[derive(Clone, Debug, Default)]
pub struct Planning {
    /// How many objects at a time.
    pub parallelism: Option<u32>,
    /// How long to wait for a lock; absent takes none.
    pub lock_timeout: Option<String>,
    /// Only these.
    pub targets: Vec<String>,
    /// Everything shall go.
    pub destroy: bool,
    /// Only the state is to change.
    pub refresh_only: bool,
}

/// What `init` does about dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockFile {
    /// It must hold all that is needed, and stays as it is.
    ReadOnly,
    /// There is none; the tool writes one.
    Absent,
}

impl<'a> Commands<'a> {
    /// Those of a step, of a tool that is not known yet.
    pub fn of(root: &'a Root, choice: &'a Choice, generation: &str) -> Self {
        let tool = choice.tool.unwrap_or(Tool::Terraform);
        let container = choice.container.clone();
        Self { tool, root, env: &choice.env, generation: generation.to_owned(), container }
    }

    /// Which version it is. Asked in the workspace's root and without the variables, which are none of its business: so
    /// the child is the same in every beginning, and there is one where the directory is missing.
    pub fn version(&self) -> Invocation {
        let invocation = Invocation {
            key: format!("{}-version", self.tool),
            tool: self.tool,
            arguments: words(&["version", "-json"]),
            environment: base(),
            directory: String::new(),
            container: self.container.clone(),
            work: Work::Tool,
        };
        invocation.with_room(self.env)
    }

    /// Pulls the image; absent where there is none.
    pub fn pull_image(&self) -> Option<Invocation> {
        let container = self.container.clone()?;
        Some(of_image(container, self.keyed("image"), Work::Pull))
    }

    /// Gets providers and modules ready, without the backend.
    pub fn init_without_backend(&self, lock_file: LockFile) -> Invocation {
        let words = [&["init", "-input=false", "-no-color", "-backend=false"], lock_flag(lock_file)].concat();
        self.command("init", &words).with_room(self.env)
    }

    /// Gets backend, providers and modules ready.
    pub fn init(&self, lock_file: LockFile) -> Invocation {
        let words = [&["init", "-input=false", "-no-color", "-reconfigure"], lock_flag(lock_file)].concat();
        let mut invocation = self.command("init-backend", &words);
        if let Some(arguments) = self.root.backend_arguments() {
            invocation.environment.insert("TF_CLI_ARGS_init".to_owned(), arguments);
        }
        invocation.with_room(self.env)
    }

    /// Goes to the workspace, and makes it where it may.
    pub fn select_workspace(&self, name: &str, or_create: bool) -> Invocation {
        let create: &[&str] = if or_create { &["-or-create"] } else { &[] };
        self.command("workspace", &[&["workspace", "select", "-no-color"], create, &[name]].concat())
            .with_room(self.env)
    }

    /// Checks the configuration.
    pub fn validate(&self) -> Invocation {
        self.command("validate", &["validate", "-json", "-no-color"]).with_room(self.env)
    }

    /// Checks how files are written.
    pub fn format(&self) -> Invocation {
        self.command("fmt", &["fmt", "-check", "-diff", "-recursive", "-no-color"]).with_room(self.env)
    }

    /// Plans, into [`PLAN`].
    pub fn plan(&self, planning: &Planning) -> Invocation {
        let mut arguments = words(&["plan", "-input=false", "-json", "-detailed-exitcode"]);
        arguments.push(format!("-out={}", self.root.from_directory(PLAN)));
        match &planning.lock_timeout {
            Some(timeout) => arguments.push(format!("-lock-timeout={timeout}")),
            None => arguments.push("-lock=false".to_owned()),
        }
        if planning.destroy {
            arguments.push("-destroy".to_owned());
        }
        if planning.refresh_only {
            arguments.push("-refresh-only".to_owned());
        }
        arguments.extend(planning.parallelism.map(|count| format!("-parallelism={count}")));
        arguments.extend(planning.targets.iter().map(|target| format!("-target={target}")));
        arguments
            .extend(self.root.var_files.iter().map(|file| format!("-var-file={}", self.root.from_directory(file))));
        Invocation { arguments, ..self.command("plan", &[]) }
    }

    /// Prints [`PLAN`], secrets and all.
    pub fn show(&self) -> Invocation {
        self.command("show", &["show", "-json", "-no-color", &self.root.from_directory(PLAN)]).with_room(self.env)
    }

    /// Prints the state, secrets and all.
    pub fn pull_state(&self) -> Invocation {
        self.command("state", &["state", "pull"]).with_room(self.env)
    }

    /// Does what [`PLAN`] says.
    pub fn apply(&self, lock_timeout: &str, parallelism: Option<u32>) -> Invocation {
        let mut arguments = words(&["apply", "-input=false", "-auto-approve", "-json"]);
        arguments.push(format!("-lock-timeout={lock_timeout}"));
        arguments.extend(parallelism.map(|count| format!("-parallelism={count}")));
        arguments.push(self.root.from_directory(PLAN));
        Invocation { arguments, ..self.command("apply", &[]) }
    }

    fn command(&self, key: &str, arguments: &[&str]) -> Invocation {
        let mut environment = self.env.clone();
        environment.extend(self.root.variables.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value.clone())));
        environment.extend(base());
        environment.insert("TF_DATA_DIR".to_owned(), self.root.from_directory(DATA));
        Invocation {
            key: self.keyed(key),
            tool: self.tool,
            arguments: words(arguments),
            environment,
            directory: self.root.directory.clone(),
            container: self.container.clone(),
            work: Work::Tool,
        }
    }

    fn keyed(&self, key: &str) -> String {
        if self.generation.is_empty() { key.to_owned() } else { format!("{key}-{}", self.generation) }
    }
}

/// Removes what is left of a container.
pub fn remove_image(container: Container, generation: &str) -> Invocation {
    of_image(container, format!("remove-image-{generation}"), Work::Remove)
}

fn of_image(container: Container, key: String, work: Work) -> Invocation {
    Invocation {
        key,
        tool: Tool::Terraform,
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        directory: String::new(),
        container: Some(container),
        work,
    }
}

impl Invocation {
    /// How many seconds it has from an interrupt until it is killed; 0 for the host's own.
    pub fn grace(&self) -> u32 {
        let applies = self.work == Work::Tool && self.arguments.first().is_some_and(|command| command == "apply");
        if applies { GRACE } else { 0 }
    }

    /// What is run for it, and in which folder of the workspace.
    ///
    /// # Errors
    /// `invalid` where a variable has a name that no container can be given.
    pub fn line(&self) -> Result<(CommandLine, &str), Error> {
        let line = CommandLine { program: self.tool.program().to_owned(), arguments: self.arguments.clone() };
        let Some(container) = &self.container else { return Ok((line, &self.directory)) };
        let line = match self.work {
            Work::Pull => container.pull(),
            Work::Remove => container.remove(),
            Work::Tool => {
                let (public, private) =
                    self.environment.keys().map(String::as_str).partition(|name| PUBLIC.contains(name));
                container.run(&Program { line, directory: &self.directory, public, private })
            }
        };
        Ok((line?, ""))
    }

    /// With more room for garbage, unless the pipeline says how much. Not for what runs providers side by side: they inherit it,
    /// and together would take more of the jail's memory. `show` and `validate` ask one after the other for its schema.
    #[must_use]
    pub fn with_room(mut self, given: &BTreeMap<String, String>) -> Self {
        if ROOM.iter().all(|(name, _)| !given.contains_key(*name)) {
            self.environment.extend(ROOM.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        self
    }

    /// In a workspace by its name, without asking where the tool's folder says it is.
    #[must_use]
    pub fn in_workspace(mut self, name: &str) -> Self {
        self.environment.insert("TF_WORKSPACE".to_owned(), name.to_owned());
        self
    }
}

fn base() -> BTreeMap<String, String> {
    [("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0"), ("CHECKPOINT_DISABLE", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn lock_flag(lock_file: LockFile) -> &'static [&'static str] {
    match lock_file {
        LockFile::ReadOnly => &["-lockfile=readonly"],
        LockFile::Absent => &[],
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Commands, LockFile, Planning};
    use crate::root::Root;
    use crate::tool::Tool;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn commands_are_as_they_should_be() {
        let inputs = serde_json::from_value(json!({
            "directory": "envs/dev", "varFiles": ["../a.tfvars"], "backendConfig": ["key=SECRET"],
            "variables": {"token": "SECRET"},
        }))
        .expect("inputs");
        let root = Root::of_plan(&inputs).expect("a root");
        let env = BTreeMap::from([("AWS_REGION".to_owned(), "x".to_owned()), ("TF_INPUT".to_owned(), "1".to_owned())]);
        let commands =
            Commands { tool: Tool::Tofu, root: &root, env: &env, generation: "7".to_owned(), container: None };
        let planning = Planning {
            parallelism: Some(3),
            lock_timeout: Some("5m".to_owned()),
            targets: vec!["a.b".to_owned()],
            destroy: true,
            refresh_only: false,
        };
        let plan = commands.plan(&planning);
        assert_eq!(
            plan.arguments.join(" "),
            "plan -input=false -json -detailed-exitcode -out=../../.tidegate-terraform/plan.tfplan -lock-timeout=5m \
             -destroy -parallelism=3 -target=a.b -var-file=../../envs/a.tfvars"
        );
        assert_eq!((plan.key.as_str(), plan.directory.as_str()), ("plan-7", "envs/dev"));
        let variables: Vec<String> = plan.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            variables.join(" "),
            "AWS_REGION=x CHECKPOINT_DISABLE=1 TF_DATA_DIR=../../.tidegate-terraform/terraform TF_INPUT=0 \
             TF_IN_AUTOMATION=1 TF_VAR_token=SECRET"
        );
        let init = commands.init(LockFile::ReadOnly);
        assert_eq!(init.arguments.join(" "), "init -input=false -no-color -reconfigure -lockfile=readonly");
        assert_eq!(init.environment["TF_CLI_ARGS_init"], "'-backend-config=key=SECRET'");
        assert!(commands.plan(&Planning::default()).arguments.contains(&"-lock=false".to_owned()));
        for invocation in [plan, init, commands.show(), commands.pull_state(), commands.apply("5m", None)] {
            assert!(!invocation.arguments.iter().any(|argument| argument.contains("SECRET")), "{invocation:?}");
        }
    }
}
