//! The step `image/copy`: the same image, with the same digest, at another place. It changes no byte of it.

use crate::facts::Facts;
use crate::host::Host;
use crate::image::{Image, Source};
use crate::place;
use crate::ports::Machine;
use crate::push;
use crate::reference::Reference;
use crate::registry::{Access, Client};
use crate::target::{Insecure, Outputs, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step};

/// The step.
#[derive(Debug)]
pub struct Copy;

/// The step's `with`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The image, best by digest: `registry.example.com/team/app@sha256:…`.
    pub from: String,
    /// Where it goes, with a tag: `registry.example.com/production/app:v1`.
    pub to: String,
    /// Speaks plain HTTP to the registry of `to`, or to the registries of a list. The operator must have granted `http://`
    /// there.
    #[serde(default)]
    pub insecure: Insecure,
}

impl Inputs {
    fn read(&self) -> Result<(Reference, Target), Error> {
        let from = Reference::parse(&self.from).map_err(|error| error.with_field("/from"))?;
        if from.target().is_none() {
            return Err(Error::invalid(format!("`{from}` has neither a tag nor a digest")).with_field("/from"));
        }
        let to =
            Target::new(&self.to, None, &[]).and_then(Target::with_tag).map_err(|error| error.with_field("/to"))?;
        Ok((from, to))
    }
}

impl Step for Copy {
    const NAME: &'static str = "copy";
    const SUMMARY: &'static str = "Copies an image to another repository or registry, with all its platforms";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![
            Capability::new("http", "Reads the image and pushes it; registries are public, or you grant them.")
                .scoped(&json!({ "hosts": ["*"] })),
            Capability::new("secret", "Logs in to registries, each with its own credential.")
                .scoped(&json!({ "names": ["registry:*"], "hosts": ["*"] })),
            Capability::new("workspace-read", "Compares each downloaded layer with its digest."),
            Capability::new("workspace-write", "Keeps a layer on its way from one registry to the other."),
        ]
    }

    /// Copying what is there already changes nothing. A `from` by tag is resolved again, as a new run would.
    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        forecast(&inputs)
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        copy(&Host, &Facts::from(context), &inputs)
    }
}

/// What [`copy`] would do, told without a look at anything.
///
/// # Errors
/// `invalid`, where the inputs make no sense.
pub fn forecast(inputs: &Inputs) -> Result<Forecast, Error> {
    let (from, to) = inputs.read()?;
    Ok(to.forecast(&format!("copy {from}")))
}

/// Copies an image.
///
/// # Errors
/// `invalid`, `not-found`, `image-tag-moved`, and what host and registries refuse.
pub fn copy(machine: &dyn Machine, facts: &Facts, inputs: &Inputs) -> Result<Outcome<Outputs>, Error> {
    let (from, to) = inputs.read()?;
    let client = Client::new(machine, inputs.insecure.hosts(Some(&to.repository)));
    let Some(target) = from.target() else {
        return Err(Error::internal("the image has neither a tag nor a digest"));
    };
    let root = client.manifest(&from.repository, Access::Pull, target, "")?;
    machine.say(&format!("{from} is {}", root.digest));
    let mut fetch = |child: &crate::manifest::Descriptor| {
        client.manifest(&from.repository, Access::Pull, child.digest.as_str(), &child.media_type)
    };
    let image = Image::collect(root, &mut fetch, &|_| Source::Registry(from.repository.clone()))?;
    let digest = image.root()?.digest.clone();
    let outputs = Outputs {
        reference: Some(to.repository.at(&digest)),
        digest: digest.to_string(),
        tag: to.tags.first().cloned(),
        tags: to.tags.clone(),
        size: image.size(),
        layout: None,
    };
    let folder = place::folder(&facts.key, facts.attempt);
    let target = push::Target { repository: &to.repository, tags: &to.tags, folder: &folder };
    if push::is_there(&client, &target, &digest)? {
        machine.say(&format!("{} is already {digest}", inputs.to));
        return Ok(Outcome::Unchanged(outputs));
    }
    let pushed = push::push(&client, machine, &image, &target);
    place::clean(machine);
    pushed.map(|()| Outcome::Succeeded(outputs))
}

#[cfg(test)]
mod tests {
    use super::{Inputs, forecast};

    #[test]
    fn a_forecast_names_the_tag() {
        let told = |from: &str, to: &str| {
            let inputs = Inputs { from: from.into(), to: to.into(), insecure: Default::default() };
            forecast(&inputs).map(|forecast| forecast.effects[0].subject.clone()).map_err(|error| error.details)
        };
        assert_eq!(told("r.io/a:v1", "s.io/b:v2").as_deref(), Ok("s.io/b:v2"));
        let field = |name: &str| Err(Some(format!(r#"{{"field":"/{name}"}}"#)));
        assert_eq!(told("r.io/a", "s.io/b:v2"), field("from"));
        assert_eq!(told("a:v1", "s.io/b:v2"), field("from"));
        assert_eq!(told("r.io/a:v1", "s.io/b"), field("to"));
    }
}
