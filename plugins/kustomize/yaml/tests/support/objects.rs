//! Random objects of Kubernetes and random patches for them, with the oddities that merges trip over.

use super::dice::Dice;

/// A value that knows its YAML.
#[derive(Debug, Clone)]
pub enum Value {
    Plain(&'static str),
    Map(Vec<(String, Value)>),
    List(Vec<Value>),
}

/// What is made: an object, or a patch with directives and nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Object,
    Patch,
}

pub const KINDS: &[&str] = &["Deployment", "Deployment", "Deployment", "Service", "CronJob", "ServiceAccount", "Foo"];

const NAMES: &[&str] = &["n1", "n2", "n3", "n4"];
const SCALARS: &[&str] = &["a", "b", "\"1\"", "1", "true", "\"true\"", "2.5", "x y", "null", "~", "", "|-\n    b"];

pub struct Maker<'d> {
    pub dice: &'d mut Dice,
    pub role: Role,
    /// Of a hundred mappings, so many are odd.
    pub odd: usize,
}

fn map(fields: Vec<(&str, Value)>) -> Value {
    Value::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl Maker<'_> {
    pub fn object(&mut self, kind: &'static str, name: &str) -> String {
        let (version, body) = match kind {
            "Deployment" => ("apps/v1", self.deployment()),
            "Service" => ("v1", self.service()),
            "CronJob" => {
                let pod = self.pod();
                let template = map(vec![("spec", map(vec![("template", map(vec![("spec", pod)]))]))]);
                ("batch/v1", vec![("spec", map(vec![("jobTemplate", template)]))])
            }
            "ServiceAccount" => {
                let named = |maker: &mut Self| maker.item(vec![("name", NAMES, 100)]);
                ("v1", vec![("secrets", self.list(3, named)), ("imagePullSecrets", self.list(3, named))])
            }
            _ => ("example.com/v1", vec![("spec", self.free(0))]),
        };
        let mut fields = vec![("apiVersion", Value::Plain(version)), ("kind", Value::Plain(kind))];
        fields.extend(body);
        let finalizers = self.list(3, |maker| Value::Plain(maker.dice.of(&["f1", "f2", "f3"])));
        let mut text = print(&map(fields), 0);
        text.push_str(&format!("metadata:\n  name: {name}\n"));
        if self.dice.percent(30) {
            text.push_str(&format!("  finalizers:{}", print(&finalizers, 4)));
        }
        if self.role == Role::Patch && self.dice.percent(2) {
            text.push_str(self.dice.of(&["$patch: delete\n", "$patch: replace\n"]));
        }
        text.trim_start_matches('\n').to_owned()
    }

    fn deployment(&mut self) -> Vec<(&'static str, Value)> {
        let mut spec = Vec::new();
        self.maybe(&mut spec, "replicas", 60, |maker| Value::Plain(maker.dice.of(&["1", "2"])));
        self.maybe(&mut spec, "template", 95, |maker| {
            let pod = maker.pod();
            maker.odd_map(vec![("spec", pod)])
        });
        self.maybe(&mut spec, "strategy", 30, |maker| maker.item(vec![("type", &["Recreate", "RollingUpdate"], 90)]));
        vec![("spec", map(spec))]
    }

    fn service(&mut self) -> Vec<(&'static str, Value)> {
        let mut spec = Vec::new();
        self.maybe(&mut spec, "ports", 90, |maker| {
            maker.list(4, |maker| {
                maker.item(vec![("port", &["80", "443"], 95), ("protocol", &["TCP", "UDP"], 50), ("name", NAMES, 40)])
            })
        });
        self.maybe(&mut spec, "selector", 40, |maker| maker.item(vec![("a", SCALARS, 80), ("b", SCALARS, 50)]));
        vec![("spec", map(spec))]
    }

    fn pod(&mut self) -> Value {
        let mut spec = Vec::new();
        self.maybe(&mut spec, "containers", 90, |maker| maker.list(3, Self::container));
        self.maybe(&mut spec, "initContainers", 20, |maker| maker.list(2, Self::container));
        self.maybe(&mut spec, "volumes", 40, |maker| {
            maker.list(3, |maker| {
                let mut volume = vec![("name", Value::Plain(maker.dice.of(NAMES)))];
                let kind = maker.dice.of(&["emptyDir", "configMap", "secret"]);
                volume.push((kind, map(if kind == "emptyDir" { vec![] } else { vec![("name", Value::Plain("x"))] })));
                maker.odd_map(volume)
            })
        });
        self.maybe(&mut spec, "topologySpreadConstraints", 20, |maker| {
            maker.list(3, |maker| {
                let fields = vec![("topologyKey", &["z", "h"][..], 100), ("whenUnsatisfiable", &["A", "B"], 90)];
                let mut item = maker.item(fields);
                if let Value::Map(fields) = &mut item {
                    fields.push(("maxSkew".to_owned(), Value::Plain(maker.dice.of(&["1", "2"]))));
                }
                item
            })
        });
        self.maybe(&mut spec, "tolerations", 30, |maker| maker.list(2, |maker| maker.item(vec![("key", NAMES, 100)])));
        self.maybe(&mut spec, "nodeSelector", 30, |maker| maker.item(vec![("n1", SCALARS, 80), ("n2", SCALARS, 50)]));
        self.odd_map(spec)
    }

    fn container(&mut self) -> Value {
        let mut fields = vec![("name", Value::Plain(self.dice.of(NAMES)))];
        self.maybe(&mut fields, "image", 70, |maker| Value::Plain(maker.dice.of(&["i:1", "j:2"])));
        self.maybe(&mut fields, "args", 30, |maker| maker.list(3, |maker| Value::Plain(maker.dice.of(&["a", "--c"]))));
        self.maybe(&mut fields, "env", 50, |maker| {
            maker.list(3, |maker| maker.item(vec![("name", NAMES, 100), ("value", SCALARS, 80)]))
        });
        self.maybe(&mut fields, "ports", 50, |maker| {
            maker.list(3, |maker| {
                let ports = &["80", "443", "\"80\""];
                maker.item(vec![("containerPort", ports, 98), ("protocol", &["TCP", "UDP"], 60), ("name", NAMES, 40)])
            })
        });
        self.maybe(&mut fields, "volumeMounts", 30, |maker| {
            maker.list(2, |maker| maker.item(vec![("name", NAMES, 100), ("mountPath", &["/a", "/b"], 95)]))
        });
        self.maybe(&mut fields, "resources", 30, |maker| {
            maker.item(vec![("limits", &["{cpu: 1}", "{cpu: 100m}"], 90)])
        });
        self.odd_map(fields)
    }

    /// Anything, as in an object of a kind that no schema knows.
    fn free(&mut self, depth: usize) -> Value {
        match self.dice.below(10) {
            _ if depth > 3 => Value::Plain(self.dice.of(SCALARS)),
            0..=3 => Value::Plain(self.dice.of(SCALARS)),
            4..=6 => {
                let keys = ["a", "b", "name", "items"];
                let fields = keys[..self.dice.below(4)].iter().map(|key| (*key, self.free(depth + 1))).collect();
                self.odd_map(fields)
            }
            7 => {
                let pod = self.pod();
                map(vec![("apiVersion", Value::Plain("v1")), ("kind", Value::Plain("Pod")), ("spec", pod)])
            }
            _ => self.list(3, |maker| maker.free(depth + 1)),
        }
    }

    fn maybe<'f>(
        &mut self,
        fields: &mut Vec<(&'f str, Value)>,
        key: &'f str,
        chance: usize,
        make: impl FnOnce(&mut Self) -> Value,
    ) {
        if self.dice.percent(chance) {
            let value = make(self);
            fields.push((key, value));
        }
    }

    fn item(&mut self, fields: Vec<(&'static str, &'static [&'static str], usize)>) -> Value {
        let mut made = Vec::new();
        for (key, values, chance) in fields {
            self.maybe(&mut made, key, chance, |maker| Value::Plain(maker.dice.of(values)));
        }
        self.odd_map(made)
    }

    fn list(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> Value) -> Value {
        let count = if self.dice.percent(15) { 0 } else { 1 + self.dice.below(most) };
        let mut items: Vec<Value> = (0..count).map(|_| make(self)).collect();
        if self.dice.percent(self.odd / 6) {
            items.push(Value::Plain("stray"));
        }
        Value::List(items)
    }

    fn odd_map(&mut self, mut fields: Vec<(&str, Value)>) -> Value {
        let chance = if self.role == Role::Patch { self.odd } else { self.odd / 4 };
        if !self.dice.percent(chance) {
            return map(fields);
        }
        let directive = if self.role == Role::Patch { "$patch" } else { "extra" };
        let bogus = self.dice.percent(3);
        let word = Value::Plain(if bogus { "bogus" } else { self.dice.of(&["delete", "replace", "merge"]) });
        match self.dice.below(7) {
            0 | 1 => fields.push((directive, word)),
            2 => drop(fields.pop()),
            3 => fields.iter_mut().take(1).for_each(|(_, value)| *value = Value::Plain("null")),
            4 => return map(vec![(directive, word)]),
            5 => return map(vec![]),
            _ => fields.push(("extra", map(vec![("b", Value::Plain("")), (directive, word)]))),
        }
        map(fields)
    }
}

/// Behind a key or a dash.
fn print(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Plain(text) if text.contains('\n') => format!(" |-\n{pad}{}\n", text.trim_start_matches("|-\n").trim()),
        Value::Plain(text) => format!(" {text}\n"),
        Value::Map(fields) if fields.is_empty() => " {}\n".to_owned(),
        Value::List(items) if items.is_empty() => " []\n".to_owned(),
        Value::Map(fields) => {
            let lines = fields.iter().map(|(key, value)| format!("{pad}{key}:{}", print(value, indent + 2)));
            format!("\n{}", lines.collect::<String>())
        }
        Value::List(items) => {
            let lines = items.iter().map(|item| match item {
                Value::Map(fields) if !fields.is_empty() => {
                    let inner = print(item, indent + 2);
                    format!("{pad}- {}", inner.trim_start_matches('\n').trim_start_matches(' '))
                }
                _ => format!("{pad}-{}", print(item, indent + 2)),
            });
            format!("\n{}", lines.collect::<String>())
        }
    }
}
