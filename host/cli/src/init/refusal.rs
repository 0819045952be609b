//! Why things cannot be rendered, brought together: a hundred applications with one reason are one line.

use model::Failure;
use serde_json::Value;

/// Something that is refused, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub name: String,
    /// Where it is written.
    pub place: String,
    pub failure: Failure,
}

impl Refused {
    fn detail(&self, key: &str) -> Option<&str> {
        self.failure.details.as_ref()?.get(key).and_then(Value::as_str)
    }

    /// The code that says most.
    fn code(&self) -> &str {
        self.detail("code").unwrap_or(&self.failure.code)
    }

    /// Why, without the place.
    pub fn reason(&self) -> &str {
        self.detail("reason").unwrap_or(&self.failure.message)
    }

    /// What those with the same reason have in common: the field, or else the message without what it names.
    fn alike(&self) -> String {
        self.detail("field").map_or_else(|| self.general(), |field| format!("`{field}`"))
    }

    /// The reason without what it names; only the field stays.
    fn general(&self) -> String {
        let field = self.detail("field");
        let text = general(self.reason(), field);
        match field.filter(|field| !text.contains(&format!("`{field}`"))) {
            Some(field) => format!("`{field}`: {text}"),
            None => text,
        }
    }

    /// Whether the whole message says more than this reason with its place.
    pub fn says_more(&self, reason: &str) -> bool {
        self.failure.message != reason && !self.failure.message.ends_with(&format!(": {reason}"))
    }

    /// The file that is at fault, as people and editors find it.
    pub fn at(&self) -> String {
        let number = |key: &str| self.failure.details.as_ref()?.get(key)?.as_u64();
        let Some(mut place) = self.detail("path").map(str::to_owned) else { return self.place.clone() };
        if let Some(line) = number("line") {
            place.push_str(&format!(":{line}"));
            place.extend(number("column").map(|column| format!(":{column}")));
        }
        place
    }
}

/// Those with one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    pub code: &'a str,
    /// The reason, without names where they differ.
    pub reason: String,
    pub all: Vec<&'a Refused>,
}

/// The reasons, the most frequent first.
pub fn grouped(refused: &[Refused]) -> Vec<Group<'_>> {
    let mut groups: Vec<(String, Group<'_>)> = Vec::new();
    for one in refused {
        let (code, alike) = (one.code(), one.alike());
        match groups.iter_mut().find(|(known, group)| group.code == code && *known == alike) {
            Some((_, group)) => group.all.push(one),
            None => groups.push((alike, Group { code, reason: String::new(), all: vec![one] })),
        }
    }
    for (_, group) in &mut groups {
        let Some(first) = group.all.first() else { continue };
        let same = group.all.iter().all(|one| one.reason() == first.reason());
        group.reason = if same { first.reason().to_owned() } else { first.general() };
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(_, group)| group).collect();
    // Stable, so those of one size stay in the order in which they were met.
    groups.sort_by_key(|group| std::cmp::Reverse(group.all.len()));
    groups
}

/// A message without what it names: what stands in backticks or quotes, `kept` apart, paths, and numbers.
fn general(message: &str, kept: Option<&str>) -> String {
    let mut made = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(['`', '"']) {
        let (before, quoted) = rest.split_at(start);
        made.push_str(before);
        let mark = &quoted[..1];
        let Some((inner, after)) = quoted[1..].split_once(mark) else {
            rest = quoted;
            break;
        };
        made.push_str(&format!("{mark}{}{mark}", kept.filter(|kept| *kept == inner).unwrap_or("…")));
        rest = after;
    }
    made.push_str(rest);
    let specific = |word: &str| word.contains('/') || word.bytes().any(|b| b.is_ascii_digit());
    let word = |word: &str| {
        let end = word.trim_end_matches([',', ';', ':', '.', ')']);
        if specific(end) { format!("…{}", &word[end.len()..]) } else { word.to_owned() }
    };
    let made = made.split(' ').map(word).collect::<Vec<_>>().join(" ");
    // A place at the beginning is no reason.
    made.trim_start_matches("…: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Refused, general, grouped};
    use model::{Blame, Failure};
    use serde_json::{Value, json};

    fn refused(name: &str, code: &str, message: &str, details: Value) -> Refused {
        let failure = Failure { details: Some(details), ..Failure::new(Blame::User, code, message) };
        Refused { name: name.to_owned(), place: format!("argocd/{name}.yaml:1"), failure }
    }

    #[test]
    fn one_reason_is_one_group() {
        let all = [
            refused("a", "not-found", "there is no folder `apps/a` in the commit 1234567 of `x`", json!({})),
            refused("b", "unsupported", "`helmCharts` is not built here", json!({"field": "helmCharts", "path": "b"})),
            refused("c", "not-found", "there is no folder `apps/c` in the commit 1234567 of `x`", json!({})),
            refused("d", "unsupported", "in d/kustomization.yaml: no `helmCharts`", json!({"field": "helmCharts"})),
            refused(
                "e",
                "unsupported",
                "`crds` is not built here",
                json!({"field": "crds", "path": "e", "line": 3, "column": 5}),
            ),
            refused(
                "f",
                "invalid",
                "f.yaml:1:2: TG-200: `x` is not honoured",
                json!({"code": "TG-200", "reason": "`x` is not honoured", "path": "f.yaml", "line": 1}),
            ),
        ];
        let shown: String = grouped(&all)
            .iter()
            .map(|group| format!("{} {} {} ({})\n", group.all.len(), group.code, group.reason, group.all[0].at()))
            .collect();
        insta::assert_snapshot!(shown, @"
        2 not-found there is no folder `…` in the commit … of `…` (argocd/a.yaml:1)
        2 unsupported `helmCharts` is not built here (b)
        1 unsupported `crds` is not built here (e:3:5)
        1 TG-200 `x` is not honoured (f.yaml:1)
        ");
    }

    #[test]
    fn names_are_left_out_of_a_general_reason() {
        assert_eq!(general("read a/b.yaml: \"x\" at 3, or 'y'", None), "read …: \"…\" at …, or 'y'");
        assert_eq!(general("a/b: a/c: no `x` in `y`", Some("y")), "no `…` in `y`");
        assert_eq!(general("an open ` mark", None), "an open ` mark");
    }
}
