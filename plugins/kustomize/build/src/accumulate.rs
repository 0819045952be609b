//! One kustomization after the other: what it builds on first, then its generators, its components, and its
//! transformers in the order that kustomize has.

mod steps;

use std::rc::Rc;

use kustomize_yaml::read::{self, Limits};
use kustomize_yaml::schema::Schema;

use crate::config::{self, Config, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::generate::{self, Kind};
use crate::kustomization::{FILE_NAMES, Kustomization, Role};
use crate::loader::{Loader, Located, Root};
use crate::objects;
use crate::origin::{Maker, Origin};
use crate::plugin::Place;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::transform::{self, Step};
use crate::vars::Vars;

/// How many kustomizations one build may read: two folders that build on two others each, and so on, would never end.
const MAX_KUSTOMIZATIONS: usize = 20_000;

/// What a kustomization and all below it have come to.
#[derive(Debug, Default)]
pub struct Accumulator {
    pub resources: Resources,
    pub config: Shared,
    pub vars: Vars,
}

/// A kustomization that is being built.
#[derive(Debug)]
pub struct Target {
    pub kustomization: Kustomization,
    file: &'static str,
    root: Rc<Root>,
    /// Where it is, as the origins of objects say; `None` where nobody asks.
    origin: Option<Origin>,
}

/// One build.
#[derive(Debug)]
pub struct Builder<'f, F: ?Sized> {
    loader: Loader<'f, F>,
    pub schema: Rc<Schema>,
    schema_is_chosen: bool,
    read: usize,
    pub warnings: Vec<String>,
}

impl<'f, F: Files + ?Sized> Builder<'f, F> {
    pub fn new(files: &'f F) -> Self {
        let schema = Rc::new(Schema::builtin());
        Self { loader: Loader::new(files), schema, schema_is_chosen: false, read: 0, warnings: Vec::new() }
    }

    /// The kustomization that the build starts from.
    ///
    /// # Errors
    /// No such folder, and none or several kustomizations in it.
    pub fn start(&mut self, folder: &str) -> Result<Target> {
        let root = self.loader.start(folder)?;
        self.target(root, None)
    }

    /// Settles what changes to the kustomization may have changed, and builds it.
    ///
    /// # Errors
    /// Whatever fails in it and below.
    pub fn build(&mut self, target: &mut Target) -> Result<Accumulator> {
        self.choose_schema(target, Choice::Anew)?;
        target.origin = (!target.kustomization.build_metadata.is_empty()).then(Origin::default);
        self.accumulate(target, Accumulator::default())
    }

    /// Whether a component's folder is there.
    pub fn has_folder(&self, target: &Target, path: &str) -> Result<bool> {
        Ok(self.loader.locate(&target.root, path)? == Located::Directory)
    }

    /// Whether a patch's file is there.
    pub fn has_file(&self, target: &Target, path: &str) -> Result<bool> {
        Ok(self.loader.locate(&target.root, path)? == Located::File)
    }

    fn target(&mut self, root: Rc<Root>, origin: Option<Origin>) -> Result<Target> {
        self.read += 1;
        if self.read > MAX_KUSTOMIZATIONS {
            let what = format!("more than {MAX_KUSTOMIZATIONS} kustomizations in one build");
            return Err(Error::invalid(root.path.as_str(), what));
        }
        let mut found = Vec::new();
        for name in FILE_NAMES {
            if self.loader.locate(&root, name)? == Located::File {
                found.push(name);
            }
        }
        let file = match found[..] {
            [file] => file,
            [] => {
                let kind = ErrorKind::Missing { path: root.path.clone() };
                let names = FILE_NAMES.join("', '");
                let message = format!("unable to find one of '{names}' in directory '{}'", root.path);
                return Err(Error::new(kind, message));
            }
            _ => {
                let what = format!("Found multiple kustomization files: {}", found.join(", "));
                return Err(Error::invalid(root.path.as_str(), what).hint("keep one of them"));
            }
        };
        let place = root.show(file);
        let text = self.loader.text(&root, file)?;
        let node = read::config(&text, Limits::default()).map_err(|error| Error::yaml(&place, &error))?;
        let kustomization = match &node {
            Some(node) => Kustomization::decode(node).map_err(|error| in_file(&place, error))?,
            None => Kustomization { empty: true, ..Kustomization::default() },
        };
        if kustomization.empty {
            return Err(Error::invalid(place, "kustomization.yaml is empty"));
        }
        self.warnings.extend(kustomization.warnings().map(|warning| format!("{place}: {warning}")));
        Ok(Target { kustomization, file, root, origin })
    }

    /// `openapi:`. The first kustomization that says something decides for all that come after.
    fn choose_schema(&mut self, target: &Target, choice: Choice) -> Result<()> {
        if self.schema_is_chosen && choice == Choice::First {
            return Ok(());
        }
        let openapi = &target.kustomization.openapi;
        let version = openapi.get("version").filter(|version| !version.is_empty());
        let Some(path) = openapi.get("path") else {
            return match version.map(String::as_str) {
                None => Ok(()),
                Some("v1.21.2") => {
                    self.schema_is_chosen = true;
                    Ok(())
                }
                Some(_) => Err(Error::invalid(target.place(), "the specified OpenAPI version is not built in")
                    .hint("leave openapi.version out, or name a schema file by openapi.path")),
            };
        };
        if openapi.contains_key("version") {
            let what = "builtin version and custom schema provided, cannot use both";
            return Err(Error::invalid(target.place(), what));
        }
        let place = target.root.show(path);
        let node = self.at(target).config(path)?;
        let node = node.ok_or_else(|| Error::invalid(place.as_str(), "an empty schema"))?;
        let schema = Schema::custom(&node).map_err(|error| Error::invalid(place, error))?;
        self.schema = Rc::new(schema);
        self.schema_is_chosen = true;
        Ok(())
    }

    fn at<'a>(&'a self, target: &'a Target) -> Place<'a, 'f, F> {
        Place { loader: &self.loader, root: &target.root, schema: &self.schema }
    }

    fn accumulate(&mut self, target: &mut Target, mut into: Accumulator) -> Result<Accumulator> {
        let resources = std::mem::take(&mut target.kustomization.resources);
        self.resources(target, &resources, &mut into)?;
        into.config = into.config.merge(&self.config(target)?)?;
        into.config = into.config.merge(&self.crds(target)?)?;
        self.generators(target, &mut into)?;
        let components = std::mem::take(&mut target.kustomization.components);
        for path in &components {
            into = self.component(target, path, into)?;
        }
        let file = target.place();
        let place = |error: Error| in_file(&file, error);
        let steps = self.steps(target, &into.config)?;
        transform::run(&steps, &mut into.resources, &self.schema).map_err(place)?;
        self.validators(target, &into.resources)?;
        into.vars.add(&target.kustomization.vars, &mut into.resources).map_err(place)?;
        Ok(into)
    }

    fn config(&self, target: &Target) -> Result<Shared> {
        let mut own = Config::default();
        for path in &target.kustomization.configurations {
            if let Some(node) = self.at(target).config(path)? {
                let place = target.root.show(path);
                let more = Config::decode(&node, "").map_err(|error| in_file(&place, error))?;
                own.merge(&more).map_err(|error| in_file(&place, error))?;
            }
        }
        Shared::Builtin.merge(&Shared::own(own))
    }

    fn crds(&self, target: &Target) -> Result<Shared> {
        let mut own = Config::default();
        for path in &target.kustomization.crds {
            if let Some(node) = self.at(target).config(path)? {
                let more = config::from_crds(&node).and_then(|config| own.merge(&config));
                more.map_err(|error| in_file(&target.root.show(path), error).within("crds"))?;
            }
        }
        Ok(Shared::own(own))
    }

    /// Files and folders of `resources:`.
    fn resources(&mut self, target: &mut Target, paths: &[String], into: &mut Accumulator) -> Result<()> {
        for path in paths {
            match self.loader.locate(&target.root, path)? {
                Located::File => self.file(target, path, into)?,
                Located::Directory => self.folder(target, path, into)?,
                Located::Nothing => self.address(target, path, into)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, target: &Target, path: &str, into: &mut Accumulator) -> Result<()> {
        let text = self.loader.text(&target.root, path)?;
        let mut objects = objects::read(&text, &target.root.show(path), &self.schema)?;
        if let Some(origin) = &target.origin {
            let origin = origin.append(path);
            objects.iter_mut().for_each(|object| object.origin = Some(origin.clone()));
        }
        into.resources.append_all(objects).map_err(|error| in_file(&target.root.show(path), error))
    }

    /// What is nowhere in the tree: text or a repository somewhere else.
    fn address(&mut self, target: &mut Target, path: &str, into: &mut Accumulator) -> Result<()> {
        if !crate::remote::is_file(path) {
            return self.folder(target, path, into);
        }
        match self.file(target, path, into) {
            Err(Error { kind: ErrorKind::Remote { .. }, .. }) if crate::remote::repository(path).is_some() => {
                self.folder(target, path, into)
            }
            done => done,
        }
    }

    fn folder(&mut self, target: &mut Target, path: &str, into: &mut Accumulator) -> Result<()> {
        let mut below = self.below(target, path, Role::Kustomization)?;
        let built = self.accumulate(&mut below, Accumulator::default())?;
        merge(into, built).map_err(|error| in_file(&target.place(), error))
    }

    /// A component works on what its user has so far. Its result replaces that.
    fn component(&mut self, target: &mut Target, path: &str, into: Accumulator) -> Result<Accumulator> {
        let mut below = self.below(target, path, Role::Component)?;
        let built = self.accumulate(&mut below, into)?;
        let mut merged = Accumulator::default();
        merge(&mut merged, built)?;
        Ok(merged)
    }

    fn below(&mut self, target: &Target, path: &str, role: Role) -> Result<Target> {
        let root = self.loader.directory(&target.root, path).map_err(|error| in_file(&target.place(), error))?;
        let origin = target.origin.as_ref().map(|origin| origin.append(path));
        let mut below = self.target(root, origin)?;
        below.kustomization.build_metadata.clone_from(&target.kustomization.build_metadata);
        self.choose_schema(&below, Choice::First)?;
        if below.kustomization.role != role {
            let what = match role {
                Role::Component => "expected kind 'Component': only components can be listed in components",
                Role::Kustomization => "expected kind != 'Component': a component is listed in components",
            };
            return Err(Error::invalid(below.place(), what));
        }
        Ok(below)
    }

    fn generators(&mut self, target: &mut Target, into: &mut Accumulator) -> Result<()> {
        let Kustomization { config_maps, secrets, generator_options, .. } = &target.kustomization;
        let config_maps = config_maps.iter().map(|generator| (Kind::ConfigMap, generator));
        let all = config_maps.chain(secrets.iter().map(|generator| (Kind::Secret, generator)));
        let mut made = Vec::new();
        for (kind, generator) in all {
            let generator = generator.clone().with_global(generator_options.as_ref());
            let mut object = generate::make(kind, &generator, &self.loader, &target.root, &self.schema)
                .map_err(|error| in_file(&target.place(), error))?;
            let name = if kind == Kind::Secret { "SecretGenerator" } else { "ConfigMapGenerator" };
            object.origin = target.origin.as_ref().map(|origin| origin.builtin(target.file, name));
            made.push(object);
        }
        for plugin in self.plugins(target, &target.kustomization.generators.clone())? {
            for mut object in self.at(target).generate(&plugin)? {
                object.origin = object.origin.take().or_else(|| plugin_origin(&plugin));
                made.push(object);
            }
        }
        let place = target.place();
        made.into_iter()
            .try_for_each(|object| into.resources.absorb(object, &self.schema).map_err(|error| in_file(&place, error)))
    }

    /// The objects that configure plugins: written into the kustomization, or in files and folders.
    fn plugins(&mut self, target: &mut Target, entries: &[String]) -> Result<Vec<Resource>> {
        let mut found = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            match objects::read(entry, target.file, &self.schema) {
                Ok(mut objects) => {
                    let origin = target.origin.as_ref().map(|origin| origin.append(target.file));
                    objects.iter_mut().for_each(|object| object.origin.clone_from(&origin));
                    found.resources.append_all(objects)?;
                }
                Err(_) => paths.push(entry.clone()),
            }
        }
        self.resources(target, &paths, &mut found)?;
        Ok(found.resources.into_list())
    }

    /// Transformers that are written as objects, ready to run.
    fn plugin_steps(&mut self, target: &mut Target, entries: &[String]) -> Result<Vec<Step>> {
        let plugins = self.plugins(target, entries)?;
        let place = self.at(target);
        let step = |plugin: &Resource| {
            let named = |error: Error| error.within(&plugin.id().to_string());
            let transformer =
                place.transformer(plugin).map_err(named).map_err(|error| in_file(&target.place(), error))?;
            Ok(Step { transformer, origin: plugin_origin(plugin) })
        };
        plugins.iter().map(step).collect()
    }

    /// Validators are transformers that may not change anything.
    fn validators(&mut self, target: &mut Target, resources: &Resources) -> Result<()> {
        let entries = target.kustomization.validators.clone();
        for step in self.plugin_steps(target, &entries)? {
            let mut copy = resources.clone();
            step.transformer.apply(&mut copy, &self.schema)?;
            let changed =
                |(old, new): (&Resource, &Resource)| old.node() != new.node() || old.previous() != new.previous();
            if copy.len() != resources.len() || resources.iter().zip(copy.iter()).any(changed) {
                return Err(Error::invalid(target.place(), "validator shouldn't modify the resource map"));
            }
        }
        Ok(())
    }
}

/// Whether an earlier choice of a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Anew,
    First,
}

impl Target {
    fn place(&self) -> String {
        self.root.show(self.file)
    }
}

fn merge(into: &mut Accumulator, built: Accumulator) -> Result<()> {
    into.resources.append_all(built.resources.into_list())?;
    into.config = std::mem::take(&mut into.config).merge(&built.config)?;
    into.vars.merge(built.vars)
}

fn plugin_origin(plugin: &Resource) -> Option<Origin> {
    let id = plugin.id();
    let maker = Maker {
        api_version: id.gvk.api_version(),
        kind: id.gvk.kind.clone(),
        name: id.name.clone(),
        namespace: id.namespace.clone(),
    };
    plugin.origin.as_ref().map(|origin| origin.plugin(maker))
}

/// Names the file, where an error does not yet name one.
fn in_file(place: &str, mut error: Error) -> Error {
    if let ErrorKind::Invalid { path, .. } = &mut error.kind
        && path.is_empty()
    {
        place.clone_into(path);
    }
    if error.message.starts_with(place) { error } else { error.within(place) }
}
