//! How steps hang together: what each needs, whether all of it exists, and that nothing goes round in a circle.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::expression::FIELDS;
use crate::nearest::{nearest, suggestion};
use crate::reference::Reference;
use crate::step::Draft;
use model::pipeline::Step;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;

/// What is known of a name while the others are linked.
struct Known {
    group: Option<String>,
    is_group: bool,
    per_item: bool,
    outputs: Option<Vec<String>>,
    span: Range<usize>,
}

/// Links the steps: `needs`, `mentions`, and all checks between steps.
pub(crate) fn link(mut drafts: Vec<Draft>, names: &[&str], sink: &mut Sink) -> Vec<Step> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for draft in &drafts {
        learn(draft, None, &mut known, sink);
        for inner in &draft.inner {
            learn(inner, Some(&draft.step.name), &mut known, sink);
        }
    }
    let names = Names { order: names, set: names.iter().copied().collect() };
    for draft in &mut drafts {
        bind(draft, None, &known, &names, sink);
        let group = draft.step.name.clone();
        for inner in &mut draft.inner {
            bind(inner, Some(&group), &known, &names, sink);
        }
    }
    let steps: Vec<Step> = drafts
        .into_iter()
        .map(|draft| {
            let mut step = draft.step;
            step.steps = draft.inner.into_iter().map(|d| d.step).collect();
            step
        })
        .collect();
    circles(&steps, &known, sink);
    steps
}

fn learn(draft: &Draft, group: Option<&str>, known: &mut BTreeMap<String, Known>, sink: &mut Sink) {
    let name = &draft.step.name;
    let entry = Known {
        group: group.map(str::to_owned),
        is_group: draft.step.uses.is_empty() && !draft.inner.is_empty(),
        per_item: draft.step.for_each.is_some(),
        outputs: draft.outputs.clone(),
        span: draft.span.clone(),
    };
    if let Some(first) = known.get(name) {
        // Within one mapping the reader of YAML has told it; here the two stand in different groups.
        sink.push(
            Diagnostic::error(code::DUPLICATE_STEP, draft.span.clone(), format!("two steps are named `{name}`"))
                .label("again here")
                .related(first.span.clone(), "first here")
                .hint("names are unique in a pipeline, those of groups included"),
        );
        return;
    }
    known.insert(name.clone(), entry);
}

impl Known {
    /// Whether a step of this group, or of none, sees it once for each item.
    fn is_several(&self, group: Option<&str>) -> bool {
        self.per_item || (self.group.is_some() && self.group.as_deref() != group)
    }
}

/// All names of a pipeline, those of steps that could not be read included.
struct Names<'a> {
    order: &'a [&'a str],
    set: HashSet<&'a str>,
}

impl Names<'_> {
    fn suggest(&self, name: &str, sink: &Sink) -> Option<String> {
        sink.hint(|| suggestion(name, self.order.iter().copied()))
    }
}

fn bind(draft: &mut Draft, group: Option<&str>, known: &BTreeMap<String, Known>, names: &Names<'_>, sink: &mut Sink) {
    let mut needs: Vec<String> = Vec::new();
    let mut needed: HashSet<String> = HashSet::new();
    let own = draft.step.name.clone();
    let mut add = |name: &str| {
        if needed.insert(name.to_owned()) {
            needs.push(name.to_owned());
        }
    };
    let workspace = draft.step.workspace_from.iter().cloned().zip(draft.workspace.iter().cloned());
    for (name, span) in workspace.clone() {
        if let Some(target) = known.get(&name)
            && Some(name.as_str()) != group
            && name != own
            && (target.is_group || target.is_several(group))
        {
            let what = if target.is_group { "is a group" } else { "runs once for each item" };
            let message = format!("there is no one tree of `{name}` to go on in: it {what}");
            let hint = "go on in the tree of a step that runs once, or pass files as `artifacts`";
            sink.push(Diagnostic::error(code::WORKSPACE, span, message).hint(hint));
        }
    }
    for (name, span) in draft.needs.iter().cloned().chain(workspace) {
        if name == own || Some(name.as_str()) == group {
            let what = if name == own { "itself" } else { "the group that it is part of" };
            let message = format!("the step `{own}` needs {what}");
            sink.push(Diagnostic::error(code::NEEDS_ITSELF, span, message));
        } else if names.set.contains(name.as_str()) {
            add(&name);
        } else {
            let hint = names.suggest(&name, sink);
            let message = format!("there is no step `{name}`");
            sink.push(Diagnostic::error(code::UNKNOWN_NEED, span, message).maybe_hint(hint));
        }
    }
    let mut mentions: Vec<(String, String)> = Vec::new();
    let mut paired: HashSet<(String, String)> = HashSet::new();
    for reference in &draft.references.found {
        let mention = &reference.mention;
        let name = &mention.step;
        let span = reference.span.clone();
        if *name == own || Some(name.as_str()) == group {
            let what = if *name == own { "itself" } else { "the group that it is part of" };
            let message = format!("the step `{own}` mentions {what}");
            sink.push(Diagnostic::error(code::NEEDS_ITSELF, span, message));
            continue;
        }
        if !names.set.contains(name.as_str()) {
            let hint = names.suggest(name, sink);
            let message = format!("there is no step `{name}`");
            sink.push(Diagnostic::error(code::UNKNOWN_STEP, span, message).maybe_hint(hint));
            continue;
        }
        add(name);
        let Some(target) = known.get(name) else { continue };
        // Seen from outside its group, a step exists once for each item.
        let several = target.is_several(group);
        if check_fields(reference, target, several, sink) {
            continue;
        }
        if let Some((output, _)) = &mention.output {
            let at = reference.output_span.clone();
            if several && mention.item.is_none() && !target.is_group {
                let message = format!("the step `{name}` runs once for each item");
                let hint = format!("write `steps.{name}[\"ITEM\"].outputs.{output}`");
                sink.push(Diagnostic::error(code::ITEM_MISSING, span, message).hint(hint));
            } else if target.is_group {
                let message = format!("`{name}` is a group and has no outputs");
                let hint = "mention one of its steps with an item";
                sink.push(Diagnostic::error(code::UNKNOWN_OUTPUT, at, message).hint(hint));
            } else if let Some(outputs) = &target.outputs
                && !outputs.contains(output)
            {
                let hint = suggestion(output, outputs.iter().map(String::as_str));
                let message = format!("the step `{name}` has no output `{output}`");
                sink.push(Diagnostic::error(code::UNKNOWN_OUTPUT, at, message).maybe_hint(hint));
            }
            let pair = (name.clone(), output.clone());
            if reference.input && paired.insert(pair.clone()) {
                mentions.push(pair);
            }
        }
    }
    draft.step.needs = needs;
    draft.step.mentions = mentions;
}

/// Tells a field that a step does not have; answers whether it did. Only here is it known whether what follows the step's
/// name can be an item.
fn check_fields(reference: &Reference, target: &Known, several: bool, sink: &mut Sink) -> bool {
    let mention = &reference.mention;
    let name = &mention.step;
    let mut wrong = |field: &str, span: &Range<usize>| {
        let hint = sink.hint(|| match (&target.outputs, nearest(field, FIELDS)) {
            (_, Some(found)) => Some(format!("did you mean `{found}`?")),
            (Some(outputs), None) if !outputs.iter().any(|o| o == field) => suggestion(field, FIELDS),
            _ => Some(format!(
                "an output is written `outputs.{field}`; a step has also `status`, `attempts` and `error`"
            )),
        });
        let message = format!("a step has no `{field}`");
        sink.push(Diagnostic::error(code::UNKNOWN_OUTPUT, span.clone(), message).maybe_hint(hint));
        true
    };
    match &mention.item {
        // Within its group an item in brackets means the step's own one and is superfluous, but not wrong.
        Some(item) if !several && !target.is_group && (item.dotted || target.group.is_none()) => match &item.text {
            Some(text) => wrong(text, &reference.item_span),
            None => {
                let message = format!("the step `{name}` runs once and has no items");
                let hint = format!("write `steps.{name}.outputs.NAME`");
                sink.push(Diagnostic::error(code::UNKNOWN_OUTPUT, reference.item_span.clone(), message).hint(hint));
                true
            }
        },
        Some(_) if target.is_group => {
            let message = format!("`{name}` is a group and has no outputs");
            let hint = "mention one of its steps with an item";
            sink.push(Diagnostic::error(code::UNKNOWN_OUTPUT, reference.item_span.clone(), message).hint(hint));
            true
        }
        _ => mention.unknown.as_ref().is_some_and(|(field, _)| wrong(field, &reference.unknown_span)),
    }
}

/// Tells each circle once, drawn.
fn circles(steps: &[Step], known: &BTreeMap<String, Known>, sink: &mut Sink) {
    let mut names: Vec<&str> = Vec::new();
    let mut edges: Vec<Vec<usize>> = Vec::new();
    for step in steps {
        names.push(&step.name);
        names.extend(step.steps.iter().map(|s| s.name.as_str()));
    }
    // Names can be double in a broken file; the first is meant, as everywhere.
    let index: BTreeMap<&str, usize> = names.iter().enumerate().rev().map(|(i, n)| (*n, i)).collect();
    let find = |needs: &[String]| needs.iter().filter_map(|n| index.get(n.as_str()).copied()).collect::<Vec<_>>();
    for step in steps {
        // A group ends with its steps, and they begin once it may: so it needs them, and they need what it needs.
        let outer = find(&step.needs);
        let mut of_group = outer.clone();
        of_group.extend(step.steps.iter().filter_map(|s| index.get(s.name.as_str()).copied()));
        edges.push(of_group);
        for inner in &step.steps {
            let mut all = find(&inner.needs);
            all.extend(&outer);
            edges.push(all);
        }
    }
    for component in components(&edges) {
        let Some(circle) = shortest_circle(&component, &edges) else { continue };
        let path: Vec<&str> = circle.iter().filter_map(|i| names.get(*i).copied()).collect();
        let Some(first) = path.first() else { continue };
        let span = known.get(*first).map_or(0..0, |k| k.span.clone());
        let message = match path.len() {
            2 => format!("the steps `{}` and `{}` need each other", path[0], path[1]),
            n => format!("{n} steps need each other in a circle"),
        };
        sink.push(
            Diagnostic::error(code::CYCLE, span, message)
                .label("no step of the circle can ever begin")
                .note(drawn(&path))
                .hint("take one of these needs away; a mention in an expression is a need too"),
        );
    }
}

/// A circle as arrows over several lines; `a → b` says that a needs b.
fn drawn(path: &[&str]) -> String {
    let mut picture = String::from("each step needs the next one:\n");
    let last = path.len() - 1;
    for (i, name) in path.iter().enumerate() {
        let mark = match i {
            0 => "┌→ ",
            _ if i == last => "└─ ",
            _ => "│  ",
        };
        picture.push_str(mark);
        picture.push_str(name);
        if i != last {
            picture.push_str("\n│  ↓\n");
        }
    }
    picture
}

/// Strongly connected components with more than one member or an edge to themselves, by Tarjan's algorithm ("Depth-first
/// search and linear graph algorithms", 1972), its recursion as a list. In the order of their first step.
fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let count = edges.len();
    let (mut number, mut low) = (vec![NEW; count], vec![0usize; count]);
    let (mut on_stack, mut stack) = (vec![false; count], Vec::new());
    let (mut next, mut found) = (0, Vec::new());
    for root in 0..count {
        if number[root] != NEW {
            continue;
        }
        let mut work = vec![(root, 0usize)];
        while let Some((node, at)) = work.pop() {
            if at == 0 {
                number[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            } else {
                let child = edges[node][at - 1];
                low[node] = low[node].min(low[child]);
            }
            let mut descended = false;
            for (i, &child) in edges[node].iter().enumerate().skip(at) {
                if number[child] == NEW {
                    work.push((node, i + 1));
                    work.push((child, 0));
                    descended = true;
                    break;
                }
                if on_stack[child] {
                    low[node] = low[node].min(number[child]);
                }
            }
            if descended || low[node] != number[node] {
                continue;
            }
            let mut component = Vec::new();
            while let Some(member) = stack.pop() {
                on_stack[member] = false;
                component.push(member);
                if member == node {
                    break;
                }
            }
            if component.len() > 1 || edges[node].contains(&node) {
                component.sort_unstable();
                found.push(component);
            }
        }
    }
    found.sort_unstable();
    found
}

/// The shortest circle through the component's first step.
fn shortest_circle(component: &[usize], edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let start = *component.first()?;
    let mut before: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in edges[node].iter().filter(|n| component.binary_search(n).is_ok()) {
            if next == start {
                let mut circle = vec![node];
                while let Some(previous) = circle.last().filter(|n| **n != start).and_then(|n| before.get(n)) {
                    circle.push(*previous);
                }
                circle.reverse();
                return Some(circle);
            }
            if next != start && !before.contains_key(&next) {
                before.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    None
}
