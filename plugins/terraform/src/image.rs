//! The image whose tool a step runs: only one that is named by its digest, so that what planned is what applies. It runs
//! nothing.

use crate::inputs::{Drift, Plan, Validate};
use tidegate::container::{Container, Image, Registry, Tool};
use tidegate::{Context, Error};

/// What a step's inputs say of an image.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// Whether its registry is trusted blindly.
    pub registry: Registry,
    /// What makes the container.
    pub tool: Tool,
    /// Folders of the machine.
    pub folders: &'a [String],
}

macro_rules! asked {
    ($($inputs:ty),+) => {$(
        impl $inputs {
            /// What it says of an image.
            pub fn asked(&self) -> Asked<'_> {
                Asked {
                    name: self.image.as_deref(),
                    registry: Registry::of_input(self.insecure),
                    tool: self.container_tool,
                    folders: &self.folders,
                }
            }
        }
    )+};
}
asked!(Validate, Plan, Drift);

impl Asked<'_> {
    /// The container of a step; absent where the machine's own tool is meant.
    ///
    /// # Errors
    /// `invalid` with the field.
    pub fn container(self, context: &Context) -> Result<Option<Container>, Error> {
        let Some(name) = self.name else {
            let given = [
                (self.registry == Registry::Insecure, "insecure"),
                (self.tool != Tool::Auto, "containerTool"),
                (!self.folders.is_empty(), "folders"),
            ];
            return match given.iter().find(|(given, _)| *given) {
                None => Ok(None),
                Some((_, field)) => {
                    Err(Error::invalid(format!("`{field}` is about an image, and there is no `image`"))
                        .with_field(&format!("/{field}")))
                }
            };
        };
        let image = Image { name: name.to_owned(), registry: self.registry, tool: self.tool };
        container(context, image, self.folders.to_vec()).map(Some)
    }

    /// How a forecast goes on: ` in the image …`.
    pub fn shown(self) -> String {
        self.name.map(|name| format!(" in the image {name}")).unwrap_or_default()
    }
}

/// The container of a step, of an image that is named by digest.
///
/// # Errors
/// `invalid` with the field.
pub fn container(context: &Context, image: Image, folders: Vec<String>) -> Result<Container, Error> {
    image.check()?;
    if !image.is_pinned() {
        let message = format!("`{}` is a tag, and what it means can change between plan and apply", image.name);
        return Err(Error::invalid(message).with_field("/image").with_hint(
            "name the image by digest, `registry/name@sha256:…`; `skopeo inspect docker://registry/name:tag` says which",
        ));
    }
    let container = Container::new(context, image, folders);
    // Names of folders are refused now and not in the middle of the step.
    container.pull()?;
    Ok(container)
}
