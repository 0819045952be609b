//! Differences that do not count: `ignoreDifferences`, by JSON pointer, by path expression and by field manager. What
//! cannot be understood is named, never passed over: it guards fields against being written.

mod path;
mod pointer;
pub(crate) mod respect;

pub use path::{PathError, PathExpression};

use crate::object::ObjectKey;
use crate::reason::{Code, Reason};
use globset::{GlobBuilder, GlobMatcher};
use model::Digest;
use pointer::Pointer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::marker::PhantomData;

/// A rule as an application's file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleText {
    /// A glob of groups; empty is the core group.
    pub group: String,
    /// A glob of kinds.
    pub kind: String,
    /// One object; empty for all.
    pub name: String,
    /// One namespace; empty for all.
    pub namespace: String,
    /// Fields, by RFC 6901.
    pub json_pointers: Vec<String>,
    /// Fields, by a subset of jq: see [`PathExpression`].
    pub jq_path_expressions: Vec<String>,
    /// Whatever these field managers manage.
    pub managed_fields_managers: Vec<String>,
}

impl RuleText {
    fn digest(&self) -> Digest {
        // A list is preceded by its length, so that what it ends with is not taken for the next one's.
        let lists = [&self.json_pointers, &self.jq_path_expressions, &self.managed_fields_managers];
        let lengths = lists.map(|list| list.len().to_string());
        let names = [&self.group, &self.kind, &self.name, &self.namespace].into_iter();
        let parts = names.chain(lengths.iter()).chain(lists.into_iter().flatten());
        Digest::of_parts(parts.map(|text| text.as_bytes()))
    }
}

#[derive(Clone, Debug)]
struct Rule {
    group: GlobMatcher,
    kind: GlobMatcher,
    name: String,
    namespace: String,
    pointers: Vec<Pointer>,
    paths: Vec<PathExpression>,
    managers: Vec<String>,
    /// Of its text.
    digest: Digest,
}

impl Rule {
    fn parse(text: &RuleText) -> Result<Self, Vec<String>> {
        let mut errors = vec![];
        let mut glob = |text: &str| match GlobBuilder::new(text).literal_separator(false).build() {
            Ok(glob) => Some(glob.compile_matcher()),
            Err(error) => {
                errors.push(format!("`{text}` is no glob: {error}"));
                None
            }
        };
        let (group, kind) = (glob(&text.group), glob(&text.kind));
        let mut take = |error: String| errors.push(error);
        let pointers = text.json_pointers.iter().filter_map(|p| Pointer::parse(p).map_err(&mut take).ok()).collect();
        let mut take = |error: PathError| errors.push(error.to_string());
        let paths =
            text.jq_path_expressions.iter().filter_map(|p| PathExpression::parse(p).map_err(&mut take).ok()).collect();
        match (group, kind) {
            (Some(group), Some(kind)) if errors.is_empty() => Ok(Self {
                group,
                kind,
                name: text.name.clone(),
                namespace: text.namespace.clone(),
                pointers,
                paths,
                managers: text.managed_fields_managers.clone(),
                digest: text.digest(),
            }),
            _ => Err(errors),
        }
    }

    fn is_for(&self, key: &ObjectKey) -> bool {
        let same = |wanted: &str, has: &str| wanted.is_empty() || wanted == has;
        same(&self.name, key.name())
            && same(&self.namespace, key.namespace())
            && self.group.is_match(&key.kind().group)
            && self.kind.is_match(&key.kind().kind)
    }
}

/// All rules of an application.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads rules. Those that are not understood come back as reasons, each of which stops every sync.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a RuleText>) -> (Self, Vec<Reason>) {
        let (mut rules, mut problems) = (vec![], vec![]);
        for text in texts {
            match Rule::parse(text) {
                Ok(rule) => rules.push(rule),
                Err(errors) => problems
                    .extend(errors.into_iter().map(|e| Reason::new(Code::BadRule, format!("ignoreDifferences: {e}")))),
            }
        }
        (Self { rules }, problems)
    }

    /// Whether any rule speaks of this object.
    pub fn concern(&self, key: &ObjectKey) -> bool {
        self.rules.iter().any(|rule| rule.is_for(key))
    }

    /// The digests of the rules that speak of this object.
    pub(crate) fn digests(&self, key: &ObjectKey) -> impl Iterator<Item = &Digest> {
        self.rules.iter().filter(move |rule| rule.is_for(key)).map(|rule| &rule.digest)
    }

    /// The values within a document of this object whose differences do not count.
    pub(crate) fn marked<'v>(&self, key: &ObjectKey, document: &'v Value) -> Marked<'v> {
        let mut found = vec![];
        for rule in self.rules.iter().filter(|rule| rule.is_for(key)) {
            found.extend(rule.pointers.iter().filter_map(|pointer| pointer.find(document)));
            for path in &rule.paths {
                path.find(document, &mut found);
            }
        }
        Marked { places: found.into_iter().map(address).collect(), document: PhantomData }
    }

    /// The managers whose fields do not count.
    pub(crate) fn managers<'a>(&'a self, key: &ObjectKey) -> BTreeSet<&'a str> {
        let rules = self.rules.iter().filter(|rule| rule.is_for(key));
        rules.flat_map(|rule| rule.managers.iter().map(String::as_str)).collect()
    }
}

/// Values within one document, known by where they are: nothing needs to be copied or removed to pass over them.
#[derive(Debug)]
pub(crate) struct Marked<'v> {
    places: HashSet<usize>,
    document: PhantomData<&'v Value>,
}

impl<'v> Marked<'v> {
    pub fn has(&self, value: &'v Value) -> bool {
        !self.places.is_empty() && self.places.contains(&address(value))
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::GroupKind;

    fn text(group: &str, kind: &str) -> RuleText {
        RuleText { group: group.to_owned(), kind: kind.to_owned(), ..RuleText::default() }
    }

    #[test]
    fn rules_are_for_the_objects_that_they_name() {
        let key = ObjectKey::new(GroupKind::new("apps", "Deployment"), "shop", "web");
        let concerns = |rule: RuleText| Rules::parse([&rule]).0.concern(&key);
        assert!(concerns(text("apps", "Deployment")) && concerns(text("*", "*")) && concerns(text("apps", "Dep*")));
        assert!(!concerns(text("", "Deployment")) && !concerns(text("apps", "StatefulSet")));
        let one = |name: &str, namespace: &str| RuleText {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            ..text("apps", "Deployment")
        };
        assert!(concerns(one("web", "shop")) && concerns(one("web", "")));
        assert!(!concerns(one("api", "")) && !concerns(one("", "other")));
    }

    #[test]
    fn every_part_that_is_not_understood_is_named() {
        let rule = RuleText {
            json_pointers: vec!["spec/replicas".to_owned(), "/spec".to_owned()],
            jq_path_expressions: vec![".. | .image".to_owned()],
            ..text("[", "*")
        };
        let (rules, problems) = Rules::parse([&rule]);
        assert!(rules.rules.is_empty());
        let told: Vec<String> = problems.iter().map(Reason::to_string).collect();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[1].contains("spec/replicas") && told[2].contains(".. | .image"), "{told:#?}");
    }
}
