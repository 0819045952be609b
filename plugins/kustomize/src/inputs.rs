//! What the step takes and gives.

use crate::image::{self, Change};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate::Error;

/// The step's `with`. At least one of `reference`, `tag`, `digest` and `newName`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The repository's name in the host's configuration.
    pub repository: String,
    /// The branch; the repository's default one unless given.
    #[serde(default)]
    pub branch: Option<String>,
    /// The folder that holds the kustomization, or the file itself, from the repository's root.
    pub path: String,
    /// The image's name in the manifests: `name` of an item of `images`.
    pub image: String,
    /// What shall be pulled: `registry/name:tag`, `registry/name@sha256:…`, with both, or only a tag or a digest.
    #[serde(default)]
    pub reference: Option<String>,
    /// The new tag. Without a digest it replaces one that is there.
    #[serde(default)]
    pub tag: Option<String>,
    /// The new digest. Without a tag it replaces one that is there.
    #[serde(default)]
    pub digest: Option<String>,
    /// Where to pull the image from.
    #[serde(default)]
    pub new_name: Option<String>,
    /// How the change gets to the branch.
    #[serde(default)]
    pub publish: Publish,
    /// The commit's first line, and the change request's title.
    #[serde(default)]
    pub message: Option<String>,
}

/// How the change gets to the branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Publish {
    /// By a commit on the branch itself.
    #[default]
    Push,
    /// By a change request, whose merge the step waits for.
    ChangeRequest,
}

/// What later steps can refer to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The commit of the branch at which it is so.
    pub commit: String,
    /// What is pulled now.
    pub reference: String,
    /// The path of the edited file.
    pub path: String,
    /// Whether this step changed it.
    pub changed: bool,
    /// The change request that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_request: Option<ChangeRequest>,
}

/// A change request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRequest {
    /// Its number.
    pub number: String,
    /// Where people see it.
    pub url: String,
}

impl Inputs {
    /// The branch as the host takes it: empty for the default one.
    pub fn branch(&self) -> &str {
        self.branch.as_deref().unwrap_or_default()
    }

    /// The branch as something to resolve, and for people.
    pub fn shown_branch(&self) -> &str {
        if self.branch().is_empty() { "HEAD" } else { self.branch() }
    }

    /// What is to be set.
    ///
    /// # Errors
    /// `invalid` with the field, where the inputs make no sense or contradict each other.
    pub fn change(&self) -> Result<Change, Error> {
        let wrong = |field: &str, message: String| Err(Error::invalid(message).with_field(field));
        if let Err(message) = image::check_matchable(&self.image) {
            return wrong("/image", message);
        }
        if let Some(message) = &self.message {
            let title = message.lines().next().unwrap_or_default();
            if title.trim().is_empty() {
                return wrong("/message", "the first line of `message` is empty".to_owned());
            }
            // Git's first line may not have them; a NUL is for no line.
            if title.contains(char::is_control) || message.contains('\0') {
                return wrong("/message", "the first line of `message` holds a tab or a control character".to_owned());
            }
        }
        let mut change = match &self.reference {
            Some(reference) => match image::parse(reference) {
                Ok(change) => change,
                Err(message) => return wrong("/reference", message),
            },
            None => Change::default(),
        };
        // `reference: app` for the image `r/app` was meant to be a reference, and would be the tag `app`.
        let base = self.image.rsplit('/').next();
        if change.name.is_none() && change.tag.is_some() && change.tag.as_deref() == base {
            let base = base.unwrap_or_default();
            let message = format!("`{base}` is neither a tag nor a digest; use `tag:` if you mean the tag");
            return wrong("/reference", message);
        }
        change.image.clone_from(&self.image);
        for (field, given, part) in [
            ("/tag", &self.tag, &mut change.tag),
            ("/digest", &self.digest, &mut change.digest),
            ("/newName", &self.new_name, &mut change.name),
        ] {
            let Some(given) = given else { continue };
            if part.as_ref().is_some_and(|part| part != given) {
                return wrong(field, format!("`{}` and `reference` contradict each other", &field[1..]));
            }
            *part = Some(given.clone());
            let alone = match field {
                "/tag" => Change { tag: part.clone(), ..Change::default() },
                "/digest" => Change { digest: part.clone(), ..Change::default() },
                _ => Change { name: part.clone(), ..Change::default() },
            };
            if let Err(message) = image::check(&alone) {
                return wrong(field, message);
            }
        }
        if change.tag.is_none() && change.digest.is_none() && change.name.is_none() {
            return Err(Error::invalid("none of `reference`, `tag`, `digest` and `newName` is given")
                .with_hint("say what shall be pulled, best as a `reference` with a digest"));
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::Inputs;
    use serde_json::json;

    fn change(mut with: serde_json::Value) -> Result<String, String> {
        with["repository"] = "config".into();
        with["path"] = "apps".into();
        if with["image"].is_null() {
            with["image"] = "app".into();
        }
        let inputs: Inputs = serde_json::from_value(with).map_err(|error| error.to_string())?;
        let change = inputs.change().map_err(|error| format!("{} {:?}", error.message, error.details))?;
        Ok(format!("{:?} {:?} {:?}", change.name, change.tag, change.digest))
    }

    #[test]
    fn inputs_add_up() {
        assert_eq!(
            change(json!({"reference": "r/app:v1", "tag": "v1"})).as_deref(),
            Ok(r#"Some("r/app") Some("v1") None"#)
        );
        assert_eq!(change(json!({"newName": "r/app"})).as_deref(), Ok(r#"Some("r/app") None None"#));
        assert!(change(json!({"reference": "r/app:v1", "tag": "v2"})).expect_err("two tags").contains("/tag"));
        assert!(change(json!({"tag": "no tag"})).expect_err("a blank").contains("/tag"));
        assert!(change(json!({})).is_err());
        assert!(change(json!({"tags": "v1"})).is_err());
    }

    #[test]
    fn a_reference_without_a_tag_is_not_taken_for_one() {
        let why = "`app` is neither a tag nor a digest; use `tag:` if you mean the tag";
        for image in ["app", "r.io/x/app"] {
            let wrong = change(json!({"image": image, "reference": "app"})).expect_err("no tag");
            assert!(wrong.starts_with(why) && wrong.contains("/reference"), "{wrong}");
        }
        assert!(change(json!({"tag": "app"})).is_ok());
        assert!(change(json!({"reference": "app:app"})).is_ok());
        assert!(change(json!({"reference": "apps"})).is_ok());
    }

    #[test]
    fn a_message_needs_a_first_line() {
        for message in ["", " ", "\nx", "\r\nx", "a\tb", "a\u{7}", "a\nb\0"] {
            let wrong = change(json!({"tag": "v1", "message": message})).expect_err(message);
            assert!(wrong.contains("/message"), "{wrong}");
        }
        assert!(change(json!({"tag": "v1", "message": "a\n\n\tb"})).is_ok());
    }

    #[test]
    fn an_image_is_named_as_the_manifests_do() {
        assert!(change(json!({"image": "ko://x/y", "tag": "v1"})).is_ok());
        for image in ["a b", "app:v1"] {
            assert!(change(json!({"image": image, "tag": "v1"})).expect_err(image).contains("/image"));
        }
    }
}
