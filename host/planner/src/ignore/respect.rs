//! What is applied where ignored fields are respected: the desired object without them. A field that this host alone has
//! applied before is kept as it is in the cluster, since leaving it out would take it away there.

use super::{Marked, Rules};
use crate::diff::list::Pairing;
use crate::managed::{Fields, MANAGER};
use crate::object::ObjectKey;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Rules {
    /// The desired object as it is applied under `RespectIgnoreDifferences`. Where nothing is there yet all is applied, as
    /// Argo CD does: ignored fields need a first value.
    pub fn respected<'d>(&self, key: &ObjectKey, desired: &'d Value, live: Option<&Value>) -> Cow<'d, Value> {
        let Some(live) = live else { return Cow::Borrowed(desired) };
        let (marked, managers) = (self.marked(key, desired), self.managers(key));
        if marked.is_empty() && managers.is_empty() {
            return Cow::Borrowed(desired);
        }
        let trusted = Fields::of(live, &managers);
        let ours = Fields::of(live, &BTreeSet::from([MANAGER]));
        let here =
            Here { trusted: Some(&trusted).filter(|f| !f.is_leaf()), ours: Some(&ours).filter(|f| !f.is_leaf()) };
        Cow::Owned(strip("", desired, Some(live), here, &marked).unwrap_or_else(|| desired.clone()))
    }
}

#[derive(Clone, Copy)]
struct Here<'f> {
    trusted: Option<&'f Fields>,
    ours: Option<&'f Fields>,
}

impl<'f> Here<'f> {
    fn below(self, step: impl Fn(&'f Fields) -> Option<&'f Fields>) -> Self {
        Self { trusted: self.trusted.and_then(&step), ours: self.ours.and_then(&step) }
    }
}

fn strip(field: &str, desired: &Value, live: Option<&Value>, here: Here<'_>, marked: &Marked<'_>) -> Option<Value> {
    if marked.has(desired) || here.trusted.is_some_and(Fields::is_leaf) {
        return live.filter(|_| here.ours.is_some()).cloned();
    }
    match desired {
        Value::Object(map) => {
            let below = |(name, value): (&String, &Value)| {
                let there = live.and_then(|live| live.get(name));
                let kept = strip(name, value, there, here.below(|fields| fields.field(name)), marked)?;
                Some((name.clone(), kept))
            };
            Some(Value::Object(map.iter().filter_map(below).collect::<Map<_, _>>()))
        }
        Value::Array(items) => {
            let wanted: Vec<&Value> = items.iter().collect();
            let there: Vec<&Value> = live.and_then(Value::as_array).into_iter().flatten().collect();
            let pairing = Pairing::of(field, [wanted.as_slice(), there.as_slice()]);
            let below = |(i, item): (usize, &Value)| {
                let partner = match pairing {
                    Pairing::Places => there.get(i).map(|there| (i, *there)),
                    _ => pairing.partner(item, &there),
                };
                let here = match partner {
                    Some((j, there)) => here.below(|fields| fields.item(j, there)),
                    None => Here { trusted: None, ours: None },
                };
                strip("", item, partner.map(|(_, there)| there), here, marked)
            };
            Some(Value::Array(items.iter().enumerate().filter_map(below).collect()))
        }
        scalar => Some(scalar.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ignore::RuleText;
    use crate::object::GroupKind;
    use serde_json::json;

    fn respected(desired: &Value, live: Option<&Value>) -> Value {
        let rule = RuleText {
            group: "apps".to_owned(),
            kind: "Deployment".to_owned(),
            json_pointers: vec!["/spec/replicas".to_owned()],
            jq_path_expressions: vec![".spec.containers[] | select(.name == \"web\") | .image".to_owned()],
            managed_fields_managers: vec!["injector".to_owned()],
            ..RuleText::default()
        };
        let key = ObjectKey::new(GroupKind::new("apps", "Deployment"), "shop", "web");
        Rules::parse([&rule]).0.respected(&key, desired, live).into_owned()
    }

    #[test]
    fn ignored_fields_are_left_out_once_the_object_is_there() {
        let desired = json!({"spec": {"replicas": 2, "paused": false, "note": "ours",
            "containers": [{"name": "log", "image": "l"}, {"name": "web", "image": "w:1", "tty": true}]}});
        assert_eq!(respected(&desired, None), desired);
        let fields = |text: Value| {
            json!({"metadata": {"managedFields": text}, "spec": {"replicas": 5, "note": "theirs",
            "containers": [{"name": "web", "image": "w:9"}]}})
        };
        let theirs = fields(json!([{"manager": "injector", "fieldsV1": {"f:spec": {"f:note": {}}}}]));
        let without = json!({"spec": {"paused": false,
            "containers": [{"name": "log", "image": "l"}, {"name": "web", "tty": true}]}});
        assert_eq!(respected(&desired, Some(&theirs)), without);
        // What this host alone had applied must be said again, as it is, or it would go.
        let ours = fields(json!([{"manager": "tidegate", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:containers":
            {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}]));
        let kept = json!({"spec": {"replicas": 5, "paused": false, "note": "ours",
            "containers": [{"name": "log", "image": "l"}, {"name": "web", "image": "w:9", "tty": true}]}});
        assert_eq!(respected(&desired, Some(&ours)), kept);
    }
}
