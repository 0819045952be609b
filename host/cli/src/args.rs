//! The words of the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// From `git push` to production: pipelines of sandboxed WebAssembly plugins, approvals, and Git as the record.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done · 1 the run failed · 2 bad usage or bad file · 3 waiting for a person · \
    4 denied · 5 cannot reach what it needs · 101 a bug in Tidegate")]
pub struct Arguments {
    #[command(flatten)]
    pub host: Host,
    /// How to print the result: for people, or one JSON document on standard output
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

/// Which host this is about.
#[derive(Clone, Debug, Default, Args)]
pub struct Host {
    /// The host's configuration [default: the nearest tidegate.yaml from here upward, where there is one]
    #[arg(long, global = true, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The state folder, instead of the configuration's
    #[arg(long, global = true, value_name = "FOLDER", env = "TIDEGATE_STATE")]
    pub state: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at this repository, report what would happen, and write the files that it lacks
    Init(Init),
    /// Run one pipeline here and now
    Run(Run),
    /// Show every problem of pipelines and configurations, with carets
    Validate(Validate),
    /// Print the JSON Schema of a file: pipeline, application or host
    Schema {
        /// `pipeline`, `application` or `host`
        kind: String,
    },
    /// Show, compare and sync applications
    Apps {
        #[command(subcommand)]
        command: Apps,
    },
    /// Watch the repositories, run pipelines on pushes, and keep applications equal to Git, until told to leave
    Serve,
    /// Stop every sync into a cluster, or let them go on
    Freeze(Freeze),
    /// Print the Kubernetes objects that a folder makes: what `kustomize build PATH` would print
    Render(Render),
    /// Say what happened in a run or step, what did not, and why
    Why {
        /// RUN, RUN/STEP, a commit, or an application
        subject: String,
    },
    /// List, show and steer runs
    Runs {
        #[command(subcommand)]
        command: Runs,
    },
    /// Approve what a step asks
    Approve(Vote),
    /// Reject what a step asks
    Reject(Vote),
    /// Build, inspect and lock plugins
    Plugin {
        #[command(subcommand)]
        command: Plugin,
    },
    /// Show where secrets are and to whom they go, and whether they can be read
    Credentials {
        #[command(subcommand)]
        command: Credentials,
    },
    /// The whole story on this machine, with real repositories in a fresh folder
    Demo(Demo),
    /// Print completions for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Debug, Args)]
pub struct Init {
    /// Write the files without asking
    #[arg(long)]
    pub yes: bool,
    /// How many lines of diffs to show
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub lines: usize,
}

#[derive(Clone, Debug, Args)]
pub struct Run {
    /// A pipeline's file, or its name or its file's in `.tidegate/` [default: the only one there]
    pub pipeline: Option<String>,
    /// The configured repository that the run is for; without it, the work tree as it is
    #[arg(long)]
    pub repository: Option<String>,
    /// The newest commit of this branch [default: the default branch]
    #[arg(long, conflicts_with_all = ["commit", "change_request"], requires = "repository")]
    pub branch: Option<String>,
    /// This commit
    #[arg(long, conflicts_with = "change_request", requires = "repository")]
    pub commit: Option<String>,
    /// This change request
    #[arg(long, value_name = "ID", requires = "repository")]
    pub change_request: Option<String>,
    /// Who starts it; recorded as asserted
    #[arg(long = "as", value_name = "USER")]
    pub actor: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Render {
    /// A folder with a kustomization, a chart, or plain manifests
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The folder above it whose files may be read [default: the Git work tree; outside of one, the folder here]
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Which renderer [default: by the folder's files]
    #[arg(long, value_name = "NAME")]
    pub renderer: Option<String>,
    /// The namespace that an application would go to
    #[arg(long)]
    pub namespace: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Validate {
    /// Files and folders [default: the work tree's `.tidegate/`, and the nearest tidegate.yaml from here upward]
    pub paths: Vec<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Apps {
    /// Every application that the configured repositories declare, held against its cluster
    List,
    /// How one stands: its objects, its sync, and why nothing happens where nothing does
    Show { name: String },
    /// What a sync would change, field by field; of secrets only that they differ
    Diff { name: String },
    /// Make clusters equal to Git now: for one application whatever its policy says, or for all that sync by themselves
    Sync(Sync),
    /// Wait until it is synced and healthy
    Wait {
        name: String,
        /// With this commit, or one after it
        #[arg(long, value_name = "COMMIT")]
        commit: Option<String>,
        /// For so many seconds
        #[arg(long, default_value_t = 300, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Its syncs, newest first
    History { name: String },
    /// Agree to what it would be, where its environment asks for that before a sync
    Approve(Consent),
    /// Say no to it
    Reject(Consent),
    /// Stop the sync that is at work
    Cancel { name: String },
    /// Let objects go that wait for a person's word (`Prune=confirm`, `Delete=confirm`)
    Confirm { name: String },
    /// Take over what another tool tracks for it, so that what has left Git is pruned; nothing is written to the cluster
    Adopt(Adopt),
    /// Bring its files back, by a commit, to what they were when it was last synced and healthy
    Rollback(Rollback),
    /// Stop syncing it until `resume`
    Suspend {
        name: String,
        /// Why, for whoever wonders
        #[arg(long)]
        reason: String,
        #[arg(long = "as", value_name = "USER")]
        actor: Option<String>,
    },
    /// Let it be synced again
    Resume { name: String },
    /// The objects of one, as a YAML stream
    Manifests { name: String },
}

#[derive(Clone, Debug, Args)]
pub struct Freeze {
    /// The cluster, by its name in the configuration
    #[arg(long)]
    pub cluster: String,
    /// Why, for whoever wonders
    #[arg(long, required_unless_present = "lift")]
    pub reason: Option<String>,
    /// Let syncs go on
    #[arg(long, conflicts_with = "reason")]
    pub lift: bool,
    #[arg(long = "as", value_name = "USER")]
    pub actor: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Sync {
    /// The application; without one, all that sync by themselves, each as its policy says
    pub name: Option<String>,
    /// Delete objects that are no longer in Git as well
    #[arg(long, requires = "name")]
    pub prune: bool,
    /// Do not wait until all is healthy
    #[arg(long, requires = "name")]
    pub no_wait: bool,
    /// Only this object: GROUP/KIND/NAMESPACE/NAME; may be given more than once
    #[arg(long, value_name = "OBJECT", requires = "name")]
    pub only: Vec<String>,
    /// Who asks; recorded as asserted
    #[arg(long = "as", value_name = "USER", requires = "name")]
    pub actor: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Consent {
    pub name: String,
    /// Exactly what it would be: the digest that `apps show` tells
    #[arg(long)]
    pub digest: String,
    /// Who says so; recorded as asserted [default: the user of this machine]
    #[arg(long = "as", value_name = "USER")]
    pub voter: Option<String>,
    /// A remark for the others
    #[arg(long, default_value = "")]
    pub comment: String,
}

#[derive(Clone, Debug, Args)]
pub struct Adopt {
    /// The application
    #[arg(required_unless_present = "all")]
    pub name: Option<String>,
    /// Every application whose cluster is configured
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Whose objects
    #[arg(long, value_name = "TOOL")]
    pub from: Tool,
    /// Show what would be adopted, and what would be pruned then; store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The label that tracks where there is no annotation
    #[arg(long, value_name = "LABEL", default_value = planner::adoption::INSTANCE)]
    pub label: String,
}

/// A tool whose objects can be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Tool {
    /// Argo CD
    Argocd,
}

#[derive(Clone, Debug, Args)]
pub struct Rollback {
    pub name: String,
    /// To this revision [default: the newest other one with which it was healthy]
    #[arg(long, value_name = "COMMIT")]
    pub to: Option<String>,
    /// Why, for the commit's message
    #[arg(long)]
    pub reason: Option<String>,
    /// Show what would be committed, and commit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who asks; recorded as asserted
    #[arg(long = "as", value_name = "USER")]
    pub actor: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Runs {
    /// The newest runs
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// How a run stands
    Show { run: String },
    /// What its steps wrote
    Logs {
        run: String,
        /// Of this step only
        #[arg(long)]
        step: Option<String>,
    },
    /// Ask a run to stop
    Cancel {
        run: String,
        #[arg(long = "as", value_name = "USER")]
        actor: Option<String>,
    },
    /// Run the same pipeline, commit and plugins once more
    Rerun {
        run: String,
        #[arg(long = "as", value_name = "USER")]
        actor: Option<String>,
    },
    /// Go on with a run that waits or was interrupted
    Resume {
        run: String,
        /// What became of a step whose effect is unknown: STEP=done, STEP=failed, or STEP=again
        #[arg(long, value_name = "STEP=WORD")]
        settle: Vec<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub struct Vote {
    /// The run, or the beginning of its id
    pub run: String,
    /// The step
    pub step: String,
    /// Exactly what the vote is for [default on a terminal: what is shown]
    #[arg(long)]
    pub digest: Option<String>,
    /// Who votes; recorded as asserted [default: the user of this machine]
    #[arg(long = "as", value_name = "USER")]
    pub voter: Option<String>,
    /// A remark for the others
    #[arg(long, default_value = "")]
    pub comment: String,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Plugin {
    /// Build a plugin written in Rust
    Build {
        /// Its folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where the component goes
        #[arg(long, default_value = "target/plugins")]
        to: PathBuf,
    },
    /// Say what a component offers and wants
    Inspect {
        /// A component's file, or the name of a locked plugin
        plugin: String,
    },
    /// Compare the configured plugins with the lock; with --accept, write it
    Lock {
        /// Write tidegate.lock
        #[arg(long)]
        accept: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum Credentials {
    /// Every credential: where it is, and to whom it goes
    List,
    /// Read each, and log in to the repositories that it is for
    Check {
        /// This one only
        name: Option<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Where to put it [default: a new temporary folder]
    #[arg(long)]
    pub folder: Option<PathBuf>,
}
