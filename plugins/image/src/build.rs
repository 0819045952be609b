//! The step `image/build`: a builder makes an image from a Dockerfile, and this plugin pushes it. The builder has no
//! credential, and its word on the digest is not needed.

mod inputs;

pub use inputs::{Cache, Chosen, Inputs};

use crate::facts::Facts;
use crate::host::Host;
use crate::image::{Image, Source};
use crate::layout;
use crate::place;
use crate::platform::Platform;
use crate::ports::{Machine, Programs};
use crate::push;
use crate::registry::Client;
use crate::target::Outputs;
use crate::tool::{self, Export, Recipe, Site, Tool};
use inputs::Wanted;
use serde_json::json;
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step};

/// Where a child finds the workspace.
const WORKSPACE: &str = "/workspace";
/// Where a child may write what need not last.
const TEMPORARY: &str = "/tmp/tidegate-image";

/// The step.
#[derive(Debug)]
pub struct Build;

impl Step for Build {
    const NAME: &'static str = "build";
    const SUMMARY: &'static str = "Builds an image from a Dockerfile and pushes it";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![
            Capability::new("process", "Runs the first builder of these that is there, without any credential.")
                .scoped(&json!({
                    "programs": ["buildah", "podman", "docker"],
                    "profile": "builder",
                    "environment": ["BUILDX_NO_DEFAULT_ATTESTATIONS"],
                })),
            Capability::new("http", "Pushes the image; registries are public, or you grant them.")
                .scoped(&json!({ "hosts": ["*"] })),
            Capability::new("secret", "Logs in to the registry, with its own credential.")
                .scoped(&json!({ "names": ["registry:*"], "hosts": ["*"] })),
            Capability::new("archive", "Unpacks what docker saves."),
            Capability::new("workspace-read", "Reads the manifests that the builder wrote."),
            Capability::new("workspace-write", "Keeps the image until it is pushed, and removes it."),
        ]
    }

    /// Nothing can be seen of an attempt before its first tag moves, and nobody knows its digest. Building again at worst
    /// moves the tag to another image of the same commit, whose digest the outputs then name. A probe could not tell more:
    /// it may not ask the registry. A builder that still runs is found again by its key.
    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(context: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        forecast(&Facts::from(context), &inputs)
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        build(&Host, &Facts::from(context), &inputs, WORKSPACE, TEMPORARY)
    }
}

/// What [`build`] would do, told without a look at anything.
///
/// # Errors
/// `invalid`, where the inputs make no sense.
pub fn forecast(facts: &Facts, inputs: &Inputs) -> Result<Forecast, Error> {
    let wanted = inputs.wanted(facts, WORKSPACE)?;
    let shown = |path: &str| if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    let context = shown(&wanted.recipe.context);
    let file = inputs.dockerfile.as_deref().unwrap_or("its Dockerfile");
    let tools: Vec<&str> = wanted.tools.iter().map(|tool| tool.name()).collect();
    let mut body = format!("Built from `{context}` by {}, with {file}.\n", tools.join(", else "));
    if !inputs.build_args.is_empty() {
        let names: Vec<String> = inputs.build_args.keys().map(|name| format!("`{name}`")).collect();
        body += &format!("\nBuild arguments: {}.\n", names.join(", "));
    }
    Ok(wanted.target.forecast(&format!("build {context} and push the image")).with_body(body))
}

/// Builds an image and pushes it. `workspace` and `temporary` are folders as the builder sees them.
///
/// # Errors
/// `invalid`, `not-found` (context or Dockerfile), `image-no-builder`, `exit-status` (the builder failed),
/// `image-no-digest`, `image-tag-moved`, and what host and registry refuse.
pub fn build<M: Machine + Programs>(
    machine: &M,
    facts: &Facts,
    inputs: &Inputs,
    workspace: &str,
    temporary: &str,
) -> Result<Outcome<Outputs>, Error> {
    let mut wanted = inputs.wanted(facts, workspace)?;
    let folder = place::folder(&facts.key, facts.attempt);
    let name = format!("tidegate.local/build:{}", tag_of(&format!("{}-{}-{}", facts.run, facts.key, facts.attempt)));
    let site = Site { workspace: workspace.to_owned(), folder, temporary: temporary.to_owned(), name };
    find(machine, inputs, &mut wanted.recipe)?;
    let done = work(machine, inputs, &wanted, &site);
    place::clean(machine);
    done
}

fn work<M: Machine + Programs>(
    machine: &M,
    inputs: &Inputs,
    wanted: &Wanted,
    site: &Site,
) -> Result<Outcome<Outputs>, Error> {
    let Wanted { target, recipe, tools } = wanted;
    let insecure = inputs.insecure.hosts(Some(&target.repository));
    let mut recipe = recipe.clone();
    // Base images come from there as well as the image goes there.
    recipe.registries = (!insecure.is_empty()).then(|| format!("{}/registries.conf", site.folder));
    let (tool, recipe) = with_first(machine, &recipe, site, &tool::registries(&insecure), tools)?;
    let exported = export(machine, tool, &recipe, site);
    if let Some(program) = tool.clean(site)
        && let Err(error) = machine.run(&program)
    {
        machine.say(&format!("{} stays with docker: {}", site.name, error.message));
    }
    let layout = exported?;
    let image = layout::read(machine, &layout)?;
    check_platforms(machine, &image, &recipe.platforms)?;
    let digest = image.root()?.digest.clone();
    machine.say(&format!("{} built {digest} ({} bytes)", tool.name(), image.size()));
    let client = Client::new(machine, insecure);
    let goal = push::Target { repository: &target.repository, tags: &target.tags, folder: &site.folder };
    push::push(&client, machine, &image, &goal)?;
    Ok(Outcome::Succeeded(Outputs {
        reference: Some(target.repository.at(&digest)),
        digest: digest.to_string(),
        tag: target.tags.first().cloned(),
        tags: target.tags.clone(),
        size: image.size(),
        layout: None,
    }))
}

/// Finds the files that a build is of, so that their absence is told in our words.
fn find(machine: &impl Machine, inputs: &Inputs, recipe: &mut Recipe) -> Result<(), Error> {
    let absent = |what: &str, path: &str, field: &str| {
        let path = if path.is_empty() { "." } else { path };
        Error::new("not-found", format!("there is no {what} `{path}` in the workspace")).with_field(field)
    };
    if !machine.is_folder(&recipe.context)? {
        return Err(absent("folder", &recipe.context, "/context"));
    }
    if inputs.dockerfile.is_some() {
        if machine.is_folder(&recipe.dockerfile)? || machine.summarise(&recipe.dockerfile)?.is_none() {
            return Err(absent("file", &recipe.dockerfile, "/dockerfile")
                .with_hint("`dockerfile` is a path from the workspace's root"));
        }
        return Ok(());
    }
    let beside =
        |name: &str| if recipe.context.is_empty() { name.to_owned() } else { format!("{}/{name}", recipe.context) };
    for name in ["Dockerfile", "Containerfile"] {
        let path = beside(name);
        if machine.summarise(&path)?.is_some() {
            recipe.dockerfile = path;
            return Ok(());
        }
    }
    Err(absent("Dockerfile", &beside("Dockerfile"), "/dockerfile")
        .with_hint("say where it is with `dockerfile`, or use `image/assemble`, which needs none"))
}

/// Builds with the first tool that is there.
fn with_first<M: Machine + Programs>(
    machine: &M,
    recipe: &Recipe,
    site: &Site,
    registries: &str,
    tools: &[Tool],
) -> Result<(Tool, Recipe), Error> {
    let (mut missing, mut denied) = (Vec::new(), false);
    for &tool in tools {
        let mut recipe = recipe.clone();
        if let (Some(path), false) = (&recipe.registries, tool == Tool::Docker) {
            machine.write(path, registries.as_bytes())?;
        }
        // A builder that keeps its storage in the context would copy it into the image.
        if recipe.context.is_empty() && tool != Tool::Docker {
            recipe.ignore = Some(ignore(machine, &recipe, site)?);
        }
        match machine.run(&tool.build(&recipe, site)) {
            Ok(()) => return Ok((tool, recipe)),
            Err(error) if tools.len() > 1 && (error.is("not-found") || error.is("denied")) => {
                denied |= error.is("denied");
                missing.push(format!("{}: {}", tool.name(), error.message));
            }
            Err(error) => return Err(failed(error, &recipe)),
        }
    }
    let error = Error::new("image-no-builder", format!("no builder can run here: {}", missing.join("; ")));
    Err(error.with_hint(if denied && !recipe.arguments.is_empty() {
        SECRETS
    } else {
        "install buildah and grant it to `image/build`, or use `image/assemble`, which needs no builder"
    }))
}

fn failed(error: Error, recipe: &Recipe) -> Error {
    match error.code.as_str() {
        "exit-status" => error.with_hint("what the builder printed is in the step's log"),
        "denied" if !recipe.arguments.is_empty() && error.hint.is_none() => error.with_hint(SECRETS),
        _ => error,
    }
}

/// What to do instead of a secret as a build argument.
const SECRETS: &str = "a build argument cannot be a secret: everybody on the machine can read arguments, and they stay in \
                       the image's history; fetch what needs it in a step before, and `COPY` the files";

fn ignore(machine: &impl Machine, recipe: &Recipe, site: &Site) -> Result<String, Error> {
    let file = &recipe.dockerfile;
    let candidates = [
        format!("{file}.containerignore"),
        format!("{file}.dockerignore"),
        ".containerignore".to_owned(),
        ".dockerignore".to_owned(),
    ];
    let mut own = String::new();
    for path in candidates {
        if let Some(content) = machine.read(&path)? {
            own = String::from_utf8(content).map_err(|_| Error::invalid(format!("`{path}` is not UTF-8 text")))?;
            break;
        }
    }
    let path = format!("{}/ignore", site.folder);
    machine.write(&path, tool::ignoring(&own).as_bytes())?;
    Ok(path)
}

/// That the image is for what was asked, whatever the tool took from its cache.
fn check_platforms(machine: &impl Machine, image: &Image, wanted: &[String]) -> Result<(), Error> {
    let mut found = Vec::new();
    for config in &image.configs {
        let Source::File(path) = &config.source else { continue };
        let bytes = machine.read(path)?.unwrap_or_default();
        let platform: Platform = serde_json::from_slice(&bytes).map_err(|error| {
            let digest = &config.descriptor.digest;
            Error::new("image-manifest", format!("the configuration {digest} of the image cannot be read: {error}"))
        })?;
        found.push(platform);
    }
    for wanted in wanted {
        let platform = Platform::parse(wanted)?;
        if !found.iter().any(|found| platform.accepts(found)) {
            let found: Vec<String> = found.iter().map(Platform::to_string).collect();
            let message = format!("the builder made an image for {}, and none for {wanted}", found.join(" and "));
            return Err(Error::new("image-platform", message).with_field("/platforms"));
        }
    }
    Ok(())
}

/// Has the tool write the image, and answers the folder of its layout.
fn export<M: Machine + Programs>(machine: &M, tool: Tool, recipe: &Recipe, site: &Site) -> Result<String, Error> {
    let layout = format!("{}/layout", site.folder);
    // Not every tool makes the folders above what it writes.
    machine.write(&format!("{}/built", site.folder), b"")?;
    match tool.export_kind() {
        Export::Layout => machine.run(&tool.export(recipe, site, &layout))?,
        Export::Archive => {
            let archive = format!("{}/image.tar", site.folder);
            machine.run(&tool.export(recipe, site, &archive))?;
            machine.unpack(&archive, &layout)?;
            machine.remove(&archive)?;
            if machine.summarise(&format!("{layout}/oci-layout"))?.is_none() {
                return Err(Error::new("unsupported", "this docker does not save images as OCI layouts")
                    .with_hint("docker 25 and later do; buildah and podman always did"));
            }
        }
    }
    Ok(layout)
}

fn tag_of(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(120).collect();
    format!("b{text}")
}

#[cfg(test)]
mod tests {
    use super::failed;
    use crate::tool::Recipe;
    use tidegate::Error;

    #[test]
    fn a_secret_in_an_argument_is_explained() {
        let denied = || Error::new("denied", "an argument holds a secret");
        let with = Recipe { arguments: [("TOKEN".to_owned(), "x".to_owned())].into(), ..Recipe::default() };
        let error = failed(denied(), &with);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("denied", "an argument holds a secret"));
        assert!(error.hint.is_some_and(|hint| hint.contains("cannot be a secret")));
        assert_eq!(failed(denied(), &Recipe::default()).hint, None);
    }
}
