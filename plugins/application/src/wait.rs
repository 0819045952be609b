//! Looks at an application, waits, and looks again.

use crate::image;
use crate::judge::{Contained, Lacking, Seen, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate::application::{self, Status};
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step, Wait, wait};

/// The pause before it looks again although nothing was told, in seconds: at first, and at most. A signal tells most changes
/// at once; the rest, such as another message, is not worth a call more often.
const FIRST: u32 = 30;
const LONGEST: u32 = 3_600;
/// Asked about where a name is looked for and no commit is wanted: an id that no commit has.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// The step.
#[derive(Debug)]
pub struct WaitFor;

/// The step's `with`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The application's name.
    #[schemars(length(min = 1))]
    application: String,
    /// An image that one of its containers must run, written as its manifests do: `repository:tag`,
    /// `repository@sha256:…`, or both, of which the digest counts.
    #[serde(default)]
    image: Option<String>,
    /// A commit that must be in what was synced, as all of its digits: that very commit, or one after it.
    #[serde(default)]
    commit: Option<String>,
}

/// How it stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The application's name.
    application: String,
    /// The commit that was synced.
    revision: String,
    /// The images that its containers run, sorted.
    images: Vec<String>,
    /// `Healthy`.
    health: String,
}

/// What a wait remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// How often it has looked.
    looks: u32,
}

impl Step for WaitFor {
    const NAME: &'static str = "wait";
    const SUMMARY: &'static str = "Waits until an application is in sync and healthy";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![Capability::new("application", "Reads how the application stands that it waits for.")]
    }

    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(_: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        inputs.check()?;
        Ok(Forecast::nothing().with_body(format!("Waits for {}.", inputs.wanted().in_words())))
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        inputs.check()?;
        let wanted = inputs.wanted();
        let memory = context.remembered::<Memory>()?;
        let (status, contained) = match look(&wanted) {
            Ok(found) => found,
            // Not that nobody looks after applications here, which no waiting mends.
            Err(error) if error.is("unavailable") && error.retryable => {
                let lacking = wanted.lacking(&Seen::Unreadable(&error.message));
                return lacking.map_or(Err(error), |lacking| Ok(Outcome::Waiting(again(&wanted, lacking, memory)?)));
            }
            Err(error) => return Err(error),
        };
        if let Some(lacking) = wanted.lacking(&Seen::Status(&status, contained)) {
            return Ok(Outcome::Waiting(again(&wanted, lacking, memory)?));
        }
        let outputs = Outputs {
            application: inputs.application,
            // In sync without a sync: then it is what Git has.
            revision: status.synced.unwrap_or(status.target),
            images: status.images,
            health: status.health,
        };
        Ok(if memory.is_none() { Outcome::Unchanged(outputs) } else { Outcome::Succeeded(outputs) })
    }
}

/// How the application stands. The commit is asked about first: what contains it then still does when the status is read,
/// which the other way round could be of a moment before it was synced.
fn look(wanted: &Wanted<'_>) -> Result<(Status, Contained), Error> {
    let contained = match wanted.commit.map(|commit| application::contains(wanted.application, commit)) {
        None | Some(Ok(true)) => Contained::Yes,
        Some(Ok(false)) => Contained::No,
        // The application itself is looked for below. A commit may yet come: the host fetches when it looks.
        Some(Err(error)) if error.is("not-found") => Contained::Unheard(error.message),
        Some(Err(error)) => return Err(error),
    };
    match application::read(wanted.application)? {
        Some(status) => Ok((status, contained)),
        None => Err(nowhere(wanted)),
    }
}

/// That there is no such application, in the words of the host, which may know a name that is nearly so.
fn nowhere(wanted: &Wanted<'_>) -> Error {
    match application::contains(wanted.application, wanted.commit.unwrap_or(NO_COMMIT)) {
        Err(error) if error.is("not-found") => error.with_field("/application"),
        _ => Error::new("not-found", format!("there is no application `{}`", wanted.application))
            .with_hint("`tidegate apps list` says which there are")
            .with_field("/application"),
    }
}

/// A wait for whatever may change what is lacking.
fn again(wanted: &Wanted<'_>, lacking: Lacking, memory: Option<Memory>) -> Result<Wait, Error> {
    let Memory { looks } = memory.unwrap_or_default();
    let signal = |condition| wait::signal("application", wanted.application, &condition);
    let signals = lacking.conditions.into_iter().map(signal).collect();
    wait::until_any(signals, pause(looks), &Memory { looks: looks.saturating_add(1) }, lacking.message)
}

/// Seconds until it looks again by itself: twice as long each time.
fn pause(looks: u32) -> u32 {
    FIRST.checked_shl(looks.min(16)).unwrap_or(LONGEST).min(LONGEST)
}

impl Inputs {
    fn check(&self) -> Result<(), Error> {
        if self.application.is_empty() {
            return Err(Error::invalid("`application` is empty").with_field("/application"));
        }
        if let Some(image) = &self.image {
            image::check(image).map_err(|why| Error::invalid(why).with_field("/image"))?;
        }
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match &self.commit {
            Some(commit) if commit.len() != 40 || !digits(commit) => {
                Err(Error::invalid(format!("`{commit}` is no commit: write all of its 40 hexadecimal digits"))
                    .with_field("/commit")
                    .with_hint(
                        "`${{ steps.X.outputs.commit }}` of the step that pushed it, or `${{ event.commit.id }}`",
                    ))
            }
            _ => Ok(()),
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { application: &self.application, image: self.image.as_deref(), commit: self.commit.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Inputs, pause};
    use serde_json::{Value, json};

    fn inputs(value: Value) -> Inputs {
        serde_json::from_value(value).expect("inputs")
    }

    #[test]
    fn inputs_that_name_nothing() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let good = json!({"application": "shop", "image": "r.example/shop:v2", "commit": commit});
        assert!(inputs(good).check().is_ok());
        for (wrong, field) in [
            (json!({"application": ""}), "/application"),
            (json!({"application": "shop", "image": ""}), "/image"),
            (json!({"application": "shop", "commit": ""}), "/commit"),
            (json!({"application": "shop", "commit": &commit[..12]}), "/commit"),
            (json!({"application": "shop", "commit": commit.to_uppercase()}), "/commit"),
        ] {
            let error = inputs(wrong.clone()).check().expect_err("it is wrong");
            assert_eq!(error.code, "invalid", "{wrong}");
            assert_eq!(error.details, Some(json!({ "field": field }).to_string()), "{wrong}");
        }
    }

    #[test]
    fn the_pause_grows_to_an_hour() {
        let pauses: Vec<u32> = [0, 1, 2, 6, 7, 100, u32::MAX].map(pause).to_vec();
        assert_eq!(pauses, [30, 60, 120, 1_920, 3_600, 3_600, 3_600]);
    }
}
