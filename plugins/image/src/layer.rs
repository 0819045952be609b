//! Layers of files of the workspace: what each one packs, for a platform. The host packs; no content passes through here.

use crate::place;
use crate::platform::Platform;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate::Error;
use tidegate::archive::{Compression, Item, Packing};

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Layer {
    /// A file or folder of the workspace. `${platform}`, `${os}`, `${architecture}` and `${variant}` are filled in:
    /// `dist/${platform}/server`.
    pub from: String,
    /// Where it goes in the image: the file's or folder's new path. With a `/` at its end, a file goes into that folder.
    pub to: String,
    /// The owner's user id.
    #[serde(default)]
    pub user: u32,
    /// The owner's group id.
    #[serde(default)]
    pub group: u32,
    /// The permission bits of files in octal digits, `"0644"`. Unless given, a file is executable if it is in the workspace.
    #[serde(default)]
    pub mode: Option<String>,
    /// Paths below `from` that stay out.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// A layer for one platform.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What to pack.
    pub packing: Packing,
    /// How it came to be, for the image's history. Says nothing of the machine.
    pub by: String,
    /// The path in the workspace.
    pub from: String,
}

impl Layer {
    /// Finds what cannot be packed on any machine.
    ///
    /// # Errors
    /// `invalid`, with the field.
    pub fn check(&self, index: usize) -> Result<(), Error> {
        let any = Platform::parse("linux/amd64")?;
        self.resolve(index, &any, false, &[]).map(drop)
    }

    /// What to pack for a platform. `folder` is whether `from` is one; `hidden` are paths that stay out as well.
    ///
    /// # Errors
    /// `invalid`, with the field.
    pub fn resolve(
        &self,
        index: usize,
        platform: &Platform,
        folder: bool,
        hidden: &[String],
    ) -> Result<Resolved, Error> {
        let field = |name: &str| format!("/layers/{index}/{name}");
        let from = self.source(index, platform)?;
        let mut to = place::image(&place::substitute(&self.to, platform, &field("to"))?, &field("to"))?;
        // A file needs a name, and a folder's content may lie at the root.
        if !folder && (to.is_empty() || self.to.ends_with('/')) {
            let name = from.rsplit('/').next().unwrap_or(&from);
            to = if to.is_empty() { name.to_owned() } else { format!("{to}/{name}") };
        }
        let mode = self.mode.as_deref().map(|text| mode(text, &field("mode"))).transpose()?;
        let mut exclude = hidden.to_vec();
        for path in &self.exclude {
            let path = place::workspace(&place::substitute(path, platform, &field("exclude"))?, &field("exclude"))?;
            if path.is_empty() {
                return Err(Error::invalid("an exclusion of everything").with_field(&field("exclude")));
            }
            exclude.push(if from.is_empty() { path } else { format!("{from}/{path}") });
        }
        let by = format!("tidegate image/assemble: {} to /{to}", if from.is_empty() { "." } else { &from });
        let item = Item { source: from.clone(), target: to, user: self.user, group: self.group, mode };
        let packing = Packing { items: vec![item], exclude, modified: 0, compression: Compression::Gzip };
        Ok(Resolved { packing, by, from })
    }

    /// The path in the workspace for a platform.
    ///
    /// # Errors
    /// `invalid`, with the field.
    pub fn source(&self, index: usize, platform: &Platform) -> Result<String, Error> {
        let field = format!("/layers/{index}/from");
        place::workspace(&place::substitute(&self.from, platform, &field)?, &field)
    }
}

fn mode(text: &str, field: &str) -> Result<u32, Error> {
    let octal = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal => Ok(mode),
        _ => Err(Error::invalid(format!("`{}` is no mode", crate::digest::shortened(text)))
            .with_field(field)
            .with_hint("write octal digits in quotes: `\"0755\"`")),
    }
}

#[cfg(test)]
mod tests {
    use super::Layer;
    use crate::platform::Platform;
    use serde_json::json;

    fn resolved(layer: serde_json::Value, folder: bool) -> Result<String, String> {
        let layer: Layer = serde_json::from_value(layer).map_err(|error| error.to_string())?;
        let platform = Platform::parse("linux/arm64").expect("a platform");
        let hidden = [".hidden".to_owned()];
        let resolved = layer.resolve(0, &platform, folder, &hidden).map_err(|error| error.message)?;
        let item = &resolved.packing.items[0];
        let exclude = resolved.packing.exclude.join(",");
        Ok(format!("{} > {} {}:{} {:?} -{exclude}", item.source, item.target, item.user, item.group, item.mode))
    }

    #[test]
    fn where_things_go() {
        for (layer, folder, expected) in [
            (
                json!({"from": "dist/${platform}/app", "to": "/app"}),
                false,
                "dist/linux/arm64/app > app 0:0 None -.hidden",
            ),
            (json!({"from": "a/app", "to": "/bin/", "mode": "0755"}), false, "a/app > bin/app 0:0 Some(493) -.hidden"),
            (json!({"from": "a/app", "to": "/"}), false, "a/app > app 0:0 None -.hidden"),
            (json!({"from": "./a/", "to": "/", "user": 7, "group": 8}), true, "a >  7:8 None -.hidden"),
            (json!({"from": ".", "to": "/src/", "exclude": ["x/"]}), true, " > src 0:0 None -.hidden,x"),
            (json!({"from": "a", "to": "/a", "exclude": ["b"]}), true, "a > a 0:0 None -.hidden,a/b"),
        ] {
            assert_eq!(resolved(layer.clone(), folder).as_deref(), Ok(expected), "{layer}");
        }
    }

    #[test]
    fn what_cannot_be_packed() {
        for wrong in [
            json!({"from": "/etc", "to": "/"}),
            json!({"from": "a", "to": "/../b"}),
            json!({"from": "a", "to": "/a", "mode": "0o755"}),
            json!({"from": "a", "to": "/a", "mode": "0999"}),
            json!({"from": "a", "to": "/a", "exclude": ["../b"]}),
            json!({"from": "a", "to": "/a", "exclude": ["."]}),
            json!({"from": "${arch}", "to": "/a"}),
            json!({"from": "a", "to": "/a", "owner": 1}),
        ] {
            assert!(resolved(wrong.clone(), true).is_err(), "{wrong}");
        }
    }
}
