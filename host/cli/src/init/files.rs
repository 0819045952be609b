//! Which files a repository lacks, and their text. Pure: what there is comes in, and what is there is never changed.

use super::globs::covering;
use super::pipelines::{MOST, image, infrastructure, is_plain};
use manifest::scalar;
use std::fmt::Write as _;

/// The folder of the host's state, beside the pipelines.
pub const STATE: &str = ".tidegate/state";
/// The longest glob that a configuration may hold, in bytes.
const LONGEST: usize = 1024;
/// The host's configuration.
pub const CONFIGURATION: &str = "tidegate.yaml";

/// What files are made of.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What the repository is called.
    pub name: String,
    /// Its default branch.
    pub branch: String,
    /// By which addresses applications call it.
    pub aliases: Vec<String>,
    /// Files with applications or projects.
    pub declaring: Vec<String>,
    /// All files.
    pub listing: Vec<String>,
    /// Whether there is something that is deployed from here: applications or overlays.
    pub deploys: Deploys,
    /// Root folders of Terraform, and those of the modules that they use.
    pub terraform: Vec<String>,
    pub modules: Vec<String>,
    pub dockerfiles: Vec<String>,
    /// Where an image would be pushed.
    pub image: String,
}

/// Whether something is deployed from a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deploys {
    #[default]
    Nothing,
    Something,
}

/// What is there already.
#[derive(Clone, Debug, Default)]
pub struct Existing {
    /// The configuration that is in force here, as a person calls it.
    pub configuration: Option<String>,
    /// Its state folder, from the top of the work tree, where it is in there and not ignored.
    pub bare_state: Option<String>,
    /// Whether Git ignores the state folder of a new configuration.
    pub state: Ignored,
    /// The texts of the pipelines, whatever they are called.
    pub pipelines: Vec<String>,
    /// The paths that would be written and are taken.
    pub taken: Vec<String>,
}

/// Whether Git ignores a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ignored {
    Yes,
    #[default]
    No,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// From the top of the work tree.
    pub path: String,
    pub content: String,
}

/// What to write, and what to say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub files: Vec<Planned>,
    pub notes: Vec<String>,
}

/// Paths that may be written, so that the caller can look which are taken.
pub fn candidates() -> [&'static str; 5] {
    [CONFIGURATION, ".tidegate/.gitignore", ".gitignore", ".tidegate/infrastructure.yaml", ".tidegate/image.yaml"]
}

/// Plans.
pub fn plan(facts: &Facts, existing: &Existing) -> Plan {
    let mut plan = Plan::default();
    let has = |what: &str| existing.pipelines.iter().any(|text| text.contains(what));
    let nothing = facts.deploys == Deploys::Nothing && facts.terraform.is_empty() && facts.dockerfiles.is_empty();
    match &existing.configuration {
        Some(path) => plan.notes.push(format!("{path} is there already and stays as it is")),
        None if nothing => plan.notes.push("there is nothing here that a file would be for".to_owned()),
        None => configuration(facts, existing, &mut plan),
    }
    let state = match (&existing.configuration, existing.state) {
        (None, Ignored::No) if !plan.files.is_empty() => Some(STATE),
        (Some(_), _) => existing.bare_state.as_deref(),
        _ => None,
    };
    if let Some(state) = state {
        ignore(state, existing, &mut plan);
    }
    if !facts.terraform.is_empty() && has("terraform/") {
        plan.notes.push("a pipeline in .tidegate/ runs Terraform already".to_owned());
    } else {
        let roots = chosen(&facts.terraform, "folders with Terraform", &mut plan);
        let modules: Vec<&str> = facts.modules.iter().map(String::as_str).filter(|path| is_plain(path)).collect();
        if !roots.is_empty() {
            let text = infrastructure(&facts.branch, &roots, &modules);
            plan.propose(".tidegate/infrastructure.yaml", text, existing);
        }
    }
    if !facts.dockerfiles.is_empty() && has("image/") {
        plan.notes.push("a pipeline in .tidegate/ builds images already".to_owned());
    } else {
        let dockerfiles = chosen(&facts.dockerfiles, "Dockerfiles", &mut plan);
        if !dockerfiles.is_empty() {
            plan.propose(".tidegate/image.yaml", image(&facts.branch, &dockerfiles, &facts.image), existing);
        }
    }
    plan
}

impl Plan {
    fn propose(&mut self, path: &str, content: String, existing: &Existing) {
        if existing.taken.iter().any(|taken| taken == path) {
            self.notes.push(format!("{path} is there already and stays as it is"));
        } else {
            self.files.push(Planned { path: path.to_owned(), content });
        }
    }
}

/// Those of the paths that a pipeline is written for.
fn chosen<'a>(paths: &'a [String], what: &str, plan: &mut Plan) -> Vec<&'a str> {
    let plain: Vec<&str> = paths.iter().map(String::as_str).filter(|path| is_plain(path)).collect();
    let odd = paths.len() - plain.len();
    if odd > 0 {
        plan.notes.push(format!("unusual names keep {odd} of {} {what} out of the pipeline", paths.len()));
    }
    if plain.len() > MOST {
        plan.notes.push(format!("the pipeline is for {MOST} of {} {what}; add the others that you want", plain.len()));
    }
    plain.into_iter().take(MOST).collect()
}

/// The host's configuration.
fn configuration(facts: &Facts, existing: &Existing, plan: &mut Plan) {
    let mut text = "# What Tidegate knows about this repository. `tidegate validate` checks it, `tidegate schema host` lists every key.\napiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n".to_owned();
    let _ = writeln!(text, "  # Journal, mirrors, kept renders; relative to this file.\n  state: ./{STATE}");
    let _ = writeln!(text, "  repositories:\n    {}:", scalar(&name(&facts.name)));
    text.push_str("      # The repository that this file is in. For promotions write its URL, with a `credential`.\n      url: .\n");
    if !facts.aliases.is_empty() {
        text.push_str("      # How its applications call it.\n      aliases:\n");
        facts.aliases.iter().for_each(|alias| item(&mut text, alias));
    }
    let (globs, long): (Vec<_>, Vec<_>) = covering(facts.declaring.iter().map(String::as_str), &facts.listing)
        .into_iter()
        .partition(|glob| glob.len() <= LONGEST);
    if !long.is_empty() {
        plan.notes.push(format!("{} folders with applications have paths that are too long for a glob", long.len()));
    }
    if !globs.is_empty() {
        text.push_str(
            "      # Where Application and AppProject files are; others are not looked at.\n      applications:\n",
        );
        globs.iter().for_each(|glob| item(&mut text, glob));
    }
    plan.propose(CONFIGURATION, text, existing);
}

fn item(text: &mut String, value: &str) {
    let _ = writeln!(text, "        - {}", scalar(value));
}

/// Keeps the state out of commits, by a file of its own: one that is there is not changed.
fn ignore(state: &str, existing: &Existing, plan: &mut Plan) {
    let (folder, name) = state.rsplit_once('/').map_or((String::new(), state), |(f, name)| (format!("{f}/"), name));
    let path = format!("{folder}.gitignore");
    if existing.taken.contains(&path) || !candidates().contains(&path.as_str()) {
        plan.notes.push(format!("Git does not ignore the state folder: add the line `/{name}/` to {path}"));
    } else {
        let content = format!("# Tidegate's state is this machine's alone.\n/{name}/\n");
        plan.files.push(Planned { path, content });
    }
}

/// A text as a repository's name in the configuration.
fn name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let kept: String = text.chars().filter(|c| plain(*c)).take(63).collect();
    let name = kept.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "this".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
