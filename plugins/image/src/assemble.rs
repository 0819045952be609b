//! The step `image/assemble`: an image of files of the workspace upon a base, without any builder. The same files, base
//! and inputs give the same digest on any machine. It runs nothing.

use crate::base::{self, Base};
use crate::canonical;
use crate::config::{self, Added, Settings};
use crate::facts::Facts;
use crate::host::Host;
use crate::image::{Blob, Image, Source};
use crate::layer::Layer;
use crate::layout;
use crate::manifest::{Descriptor, Document, Index, Manifest};
use crate::media;
use crate::place::{self, FOLDER};
use crate::platform::Platform;
use crate::ports::Machine;
use crate::push;
use crate::reference::Reference;
use crate::registry::Client;
use crate::target::{Insecure, Outputs, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use tidegate::archive::Packed;
use tidegate::{Capability, Context, Error, Forecast, Interruption, Outcome, Step};

/// The platform where neither inputs nor base say one.
const USUAL: &str = "linux/amd64";

/// The step.
#[derive(Debug)]
pub struct Assemble;

/// The step's `with`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Where the image goes: `registry.example.com/team/app`. May be absent where only a layout is wanted.
    #[serde(default)]
    pub image: Option<String>,
    /// Its tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// More tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The image to build upon, by digest, or `scratch`.
    pub base: String,
    /// Lets `base` be a tag. The result is then only as reproducible as the tag.
    #[serde(default)]
    pub allow_tag: bool,
    /// What is put upon the base, each entry one layer, lowest first.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// What a container of it runs.
    #[serde(default)]
    pub config: Settings,
    /// `linux/amd64`…: several make one index of an image for each. Unless given: the base's own, `linux/amd64` upon
    /// `scratch`.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// Labels. The commit's is always there.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest, and of the index.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// The image's date (RFC 3339). Unless given: the commit's where it is known, else 1970.
    #[serde(default)]
    pub created: Option<String>,
    /// Whether it is pushed; yes, where `image` is given.
    #[serde(default)]
    pub push: Option<bool>,
    /// A folder of the workspace where its OCI image layout is written.
    #[serde(default)]
    pub layout: Option<String>,
    /// Speaks plain HTTP to the registry, or to the registries of a list. The operator must have granted `http://` there.
    #[serde(default)]
    pub insecure: Insecure,
}

/// The inputs, read and found sound.
struct Wanted {
    target: Option<Target>,
    push: bool,
    layout: Option<String>,
    base: Option<Reference>,
    platforms: Vec<Platform>,
    settings: Settings,
}

impl Inputs {
    fn wanted(&self, facts: &Facts) -> Result<Wanted, Error> {
        let wrong = |message: &str, field: &str| Err(Error::invalid(message).with_field(field));
        let layout = self.layout.as_deref().map(|path| place::workspace(path, "/layout")).transpose()?;
        if layout.as_ref().is_some_and(|path| path.is_empty() || path.split('/').next() == Some(FOLDER)) {
            return wrong("`layout` needs a folder of its own", "/layout");
        }
        let push = self.push.unwrap_or(self.image.is_some());
        if !push && layout.is_none() {
            return Err(Error::invalid("nothing would come of it: neither `image` nor `layout` is given"));
        }
        let target = match &self.image {
            Some(image) => {
                let target = Target::new(image, self.tag.as_deref(), &self.tags)?;
                Some(if push { target.with_tag()? } else { target })
            }
            None if push => return wrong("`push` needs an `image`", "/image"),
            None => None,
        };
        let base = base::reference(&self.base, self.allow_tag)?;
        if base.is_none() && self.layers.is_empty() {
            return wrong("an image upon `scratch` without layers would be empty", "/layers");
        }
        let mut platforms = Vec::new();
        for text in &self.platforms {
            let platform = Platform::parse(text).map_err(|error| error.with_field("/platforms"))?;
            if platforms.contains(&platform) {
                return wrong(&format!("the platform {platform} is there twice"), "/platforms");
            }
            platforms.push(platform);
        }
        if platforms.is_empty() && base.is_none() {
            platforms.push(Platform::parse(USUAL)?);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            layer.check(index)?;
        }
        let mut settings = self.config.clone();
        for (name, value) in &self.labels {
            if settings.labels.insert(name.clone(), value.clone()).is_some_and(|other| other != *value) {
                return wrong(&format!("the label `{name}` has two values"), "/labels");
            }
        }
        settings.labels = facts.labels(&settings.labels);
        settings.check()?;
        facts.created(self.created.as_deref())?;
        Ok(Wanted { target, push, layout, base, platforms, settings })
    }
}

impl Step for Assemble {
    const NAME: &'static str = "assemble";
    const SUMMARY: &'static str = "Makes an image of files and a base, the same on any machine, and pushes it";
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn capabilities() -> Vec<Capability> {
        vec![
            Capability::new("http", "Reads the base and pushes the image; registries are public, or you grant them.")
                .scoped(&json!({ "hosts": ["*"] })),
            Capability::new("secret", "Logs in to registries, each with its own credential.")
                .scoped(&json!({ "names": ["registry:*"], "hosts": ["*"] })),
            Capability::new("archive", "Packs files into layers."),
            Capability::new("workspace-read", "Looks which files are there."),
            Capability::new("workspace-write", "Keeps layers until they are pushed; writes a layout where asked."),
        ]
    }

    /// The same inputs give the same digest, so pushing again changes nothing.
    fn interruption() -> Interruption {
        Interruption::Idempotent
    }

    fn preview(context: &Context, inputs: Inputs) -> Result<Forecast, Error> {
        forecast(&Facts::from(context), &inputs)
    }

    fn run(context: &Context, inputs: Inputs) -> Result<Outcome<Outputs>, Error> {
        assemble(&Host, &Facts::from(context), &inputs)
    }
}

/// What [`assemble`] would do, told without a look at anything.
///
/// # Errors
/// `invalid`, where the inputs make no sense.
pub fn forecast(facts: &Facts, inputs: &Inputs) -> Result<Forecast, Error> {
    let wanted = inputs.wanted(facts)?;
    let mut body = format!("Upon `{}`:\n\n", inputs.base);
    for layer in &inputs.layers {
        body += &format!("- `{}` to `{}`\n", layer.from, layer.to);
    }
    if let Some(layout) = &wanted.layout {
        body += &format!("\nIts layout is written to `{layout}` in the workspace.\n");
    }
    let summary = format!("push an image of {} layers upon {}", inputs.layers.len(), inputs.base);
    let forecast = match &wanted.target {
        Some(target) if wanted.push => target.forecast(&summary),
        _ => Forecast::nothing(),
    };
    Ok(forecast.with_body(body))
}

/// Assembles, writes and pushes an image.
///
/// # Errors
/// `invalid`, `not-found` (a file, the base), `image-tag-moved`, and what host and registries refuse.
pub fn assemble(machine: &dyn Machine, facts: &Facts, inputs: &Inputs) -> Result<Outcome<Outputs>, Error> {
    let wanted = inputs.wanted(facts)?;
    let folder = place::folder(&facts.key, facts.attempt);
    let done = work(machine, facts, inputs, &wanted, &folder);
    place::clean(machine);
    done
}

fn work(
    machine: &dyn Machine,
    facts: &Facts,
    inputs: &Inputs,
    wanted: &Wanted,
    folder: &str,
) -> Result<Outcome<Outputs>, Error> {
    let repository = wanted.target.as_ref().map(|target| &target.repository);
    let client = Client::new(machine, inputs.insecure.hosts(repository));
    let image = compose(machine, &client, facts, inputs, wanted, folder)?;
    let digest = image.root()?.digest.clone();
    let tags = wanted.target.as_ref().map(|target| target.tags.clone()).unwrap_or_default();
    if let Some(layout) = &wanted.layout {
        layout::write(machine, &client, &image, layout, &tags, folder)?;
        machine.say(&format!("wrote the layout of {digest} to {layout}"));
    }
    let outputs = Outputs {
        reference: repository.map(|repository| repository.at(&digest)),
        digest: digest.to_string(),
        tag: tags.first().cloned(),
        tags,
        size: image.size(),
        layout: wanted.layout.clone(),
    };
    let Some(target) = wanted.target.as_ref().filter(|_| wanted.push) else {
        return Ok(Outcome::Succeeded(outputs));
    };
    let target = push::Target { repository: &target.repository, tags: &target.tags, folder };
    if push::is_there(&client, &target, &digest)? {
        machine.say(&format!("{} is already {digest}", target.tags.join(", ")));
        return Ok(Outcome::Unchanged(outputs));
    }
    push::push(&client, machine, &image, &target)?;
    Ok(Outcome::Succeeded(outputs))
}

/// Makes manifests and configurations, and has the host pack the layers.
fn compose(
    machine: &dyn Machine,
    client: &Client<'_>,
    facts: &Facts,
    inputs: &Inputs,
    wanted: &Wanted,
    folder: &str,
) -> Result<Image, Error> {
    let created = facts.created(inputs.created.as_deref())?;
    let bases: Vec<(Platform, Option<Base>)> = match &wanted.base {
        None => wanted.platforms.iter().map(|platform| (platform.clone(), None)).collect(),
        Some(reference) => base::resolve(client, reference, &wanted.platforms)?
            .into_iter()
            .map(|base| (base.platform.clone(), Some(base)))
            .collect(),
    };
    let hidden: Vec<String> = [FOLDER.to_owned()].into_iter().chain(wanted.layout.clone()).collect();
    let mut packer = Packer { machine, folder, packed: BTreeMap::new() };
    let mut image = Image::default();
    let mut entries = Vec::new();
    for (platform, base) in bases {
        let (mut layers, mut added) = (Vec::new(), Vec::new());
        if let (Some(base), Some(reference)) = (&base, &wanted.base) {
            for layer in &base.layers {
                if layer.is_stored() {
                    let source = Source::Registry(reference.repository.clone());
                    image.add_layer(Blob { descriptor: layer.clone(), source });
                }
                let media_type = media::layer(&layer.media_type).to_owned();
                layers.push(Descriptor { media_type, ..layer.clone() });
            }
        }
        for (index, layer) in inputs.layers.iter().enumerate() {
            let (path, packed, by) = packer.pack(index, layer, &platform, &hidden)?;
            let digest = crate::digest::Digest::parse(&packed.digest)?;
            let descriptor = Descriptor { digest, size: packed.size, ..Descriptor::of(media::LAYER, b"") };
            image.add_layer(Blob { descriptor: descriptor.clone(), source: Source::File(path) });
            layers.push(descriptor);
            added.push(Added { diff_id: packed.content_digest, by });
        }
        let config =
            config::build(base.as_ref().map(|base| &base.config), &platform, &wanted.settings, &added, &created)?;
        let descriptor = Descriptor::of(media::CONFIG, &config);
        image.add_config(Blob { descriptor: descriptor.clone(), source: Source::Bytes(config) });
        let mut annotations = inputs.annotations.clone();
        if let (Some(base), Some(reference)) = (&base, &wanted.base) {
            annotations.insert("org.opencontainers.image.base.name".to_owned(), reference.to_string());
            annotations.insert("org.opencontainers.image.base.digest".to_owned(), base.digest.clone());
        }
        let manifest =
            Manifest { schema_version: 2, media_type: media::MANIFEST, config: descriptor, layers, annotations };
        let document = Document::new(media::MANIFEST, canonical::bytes(&manifest)?)?;
        entries.push(Descriptor { platform: Some(platform), ..document.descriptor() });
        image.manifests.push(document);
    }
    if entries.len() > 1 {
        let annotations = inputs.annotations.clone();
        let index = Index { schema_version: 2, media_type: media::INDEX, manifests: entries, annotations };
        image.manifests.push(Document::new(media::INDEX, canonical::bytes(&index)?)?);
    }
    Ok(image)
}

/// Packs each layer once, however many platforms share it.
struct Packer<'a> {
    machine: &'a dyn Machine,
    folder: &'a str,
    packed: BTreeMap<String, (String, Packed)>,
}

impl Packer<'_> {
    fn pack(
        &mut self,
        index: usize,
        layer: &Layer,
        platform: &Platform,
        hidden: &[String],
    ) -> Result<(String, Packed, String), Error> {
        let from = layer.source(index, platform)?;
        let folder = self.machine.is_folder(&from)?;
        let resolved = layer.resolve(index, platform, folder, hidden)?;
        let key = format!("{:?}", resolved.packing);
        if let Some((path, packed)) = self.packed.get(&key) {
            return Ok((path.clone(), packed.clone(), resolved.by));
        }
        let path = format!("{}/layer-{}.tar.gz", self.folder, self.packed.len());
        let field = format!("/layers/{index}/from");
        let packed = self.machine.pack(&resolved.packing, &path).map_err(|error| match error.code.as_str() {
            "not-found" => Error::new("not-found", format!("there is no `{from}` in the workspace for layer {index}"))
                .with_field(&field)
                .with_hint("does a step before this one make it, and go its files on to this step?"),
            _ => error,
        })?;
        if packed.entries == 0 {
            return Err(
                Error::invalid(format!("`{from}` has nothing that layer {index} could hold")).with_field(&field)
            );
        }
        self.machine.say(&format!("packed {} ({} entries, {} bytes)", resolved.by, packed.entries, packed.size));
        self.packed.insert(key, (path.clone(), packed.clone()));
        Ok((path, packed, resolved.by))
    }
}

#[cfg(test)]
mod tests {
    use super::{Inputs, forecast};
    use crate::facts::Facts;
    use serde_json::{Value, json};

    fn told(with: &Value) -> Result<String, String> {
        let inputs: Inputs = serde_json::from_value(with.clone()).map_err(|error| error.to_string())?;
        let forecast = forecast(&Facts::default(), &inputs).map_err(|error| error.message)?;
        Ok(forecast
            .effects
            .iter()
            .map(|effect| format!("{} {}", effect.kind, effect.subject))
            .collect::<Vec<_>>()
            .join(", "))
    }

    #[test]
    fn a_forecast_names_each_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let layers = json!([{"from": "a", "to": "/a"}]);
        let with = json!({"image": "r.io/app", "tags": ["v1", "v2"], "base": "scratch", "layers": layers});
        assert_eq!(told(&with).as_deref(), Ok("push-image r.io/app:v1, push-image r.io/app:v2"));
        assert_eq!(told(&json!({"layout": "out", "base": format!("r.io/base@{digest}")})).as_deref(), Ok(""));
        for wrong in [
            json!({"image": "r.io/app", "base": "scratch", "layers": layers}),
            json!({"base": "scratch", "layers": layers}),
            json!({"push": true, "layout": "out", "base": "scratch", "layers": layers}),
            json!({"image": "r.io/app:v1", "base": "scratch"}),
            json!({"image": "r.io/app:v1", "base": "r.io/base:v1", "layers": layers}),
            json!({"image": "r.io/app:v1", "base": "r.io/base", "allowTag": true, "layers": layers}),
            json!({"image": "r.io/app:v1", "base": "scratch", "layers": layers, "platforms": ["linux/arm64", "linux/arm64"]}),
            json!({"image": "r.io/app:v1", "base": "scratch", "layers": layers, "labels": {"a": "1"}, "config": {"labels": {"a": "2"}}}),
            json!({"image": "r.io/app:v1", "base": "scratch", "layers": layers, "created": "today"}),
            json!({"image": "r.io/app:v1", "base": "scratch", "layers": layers, "layout": "."}),
            json!({"image": "r.io/app:v1", "base": "scratch", "layers": layers, "layout": ".tidegate-image/x"}),
        ] {
            assert!(told(&wrong).is_err(), "{wrong}");
        }
        assert!(told(&json!({"image": "r.io/app:v1", "base": "r.io/base:v1", "allowTag": true})).is_ok());
    }
}
