//! `tidegate approve` and `tidegate reject`.

use crate::args::{Host, Vote};
use crate::exit::Exit;
use crate::open::{self, system_user};
use crate::screen::{Colour, Screen};
use engine::Ballot;
use model::{Digest, Failure, StepKey};
use serde_json::{Value, json};
use std::io::Write as _;

pub async fn vote(host: &Host, wanted: Vote, verdict: &str, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let engine = open::engine(configuration, screen)?;
    let row = engine.find(&wanted.run).await?;
    let step = StepKey(wanted.step.clone());
    let digest = match &wanted.digest {
        Some(text) => {
            let full = if text.starts_with("sha256:") { text.clone() } else { format!("sha256:{text}") };
            Digest::parse(&full).map_err(|e| Exit::usage(e.to_string()))?
        }
        None if screen.interactive && !screen.json => {
            let (digest, what) = engine.question(&row, &step).await?;
            present(&digest, &what, screen);
            if !ask(&format!("{verdict} this as {}?", wanted.voter.clone().unwrap_or_else(system_user)), screen) {
                screen.note("nothing was voted");
                return Ok(1);
            }
            digest
        }
        None => {
            return Err(Exit::usage("a vote is for exactly one digest: give it with `--digest`"));
        }
    };
    let ballot = Ballot {
        step,
        digest,
        voter: wanted.voter.unwrap_or_else(system_user),
        verdict: verdict.to_owned(),
        comment: wanted.comment,
        system_user: system_user(),
    };
    let voter = ballot.voter.clone();
    let counted = engine.vote(&row, ballot).await?;
    let rung = crate::serve::ring(host, screen).await;
    if screen.json {
        screen.document(&json!({"run": row.run.id, "step": wanted.step, "standing": counted.standing,
            "needs": counted.needs, "have": counted.have}));
        return Ok(0);
    }
    let have = if counted.have.is_empty() { "nobody".to_owned() } else { counted.have.join(", ") };
    screen.out(&format!(
        "{verdict}: the vote of {voter} counts; {} needs {}, approved by {have}: {}",
        wanted.step, counted.needs, counted.standing
    ));
    if counted.standing != "pending" && !rung {
        screen.out(&format!("  tidegate runs resume {}", row.run.id));
    }
    Ok(0)
}

/// What a vote is about, as a person should see it before.
fn present(digest: &Digest, what: &Value, screen: &Screen) {
    screen.note(&screen.paint(Colour::Bold, &format!("digest {digest}")));
    for line in about_lines(what, screen) {
        screen.note(&format!("  {line}"));
    }
}

/// What is asked about in lines: effects, the forecast's body, and what comes behind a gate.
pub fn about_lines(what: &Value, screen: &Screen) -> Vec<String> {
    let mut lines = Vec::new();
    for effect in what.pointer("/forecast/effects").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| effect.get(key).and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("{} {}: {}", text("kind"), text("subject"), text("summary")));
    }
    lines.extend(markdown_lines(what.pointer("/forecast/body").and_then(Value::as_str).unwrap_or_default(), screen));
    for (step, content) in what.get("dependants").and_then(Value::as_object).into_iter().flatten() {
        let with = content.get("with").map(Value::to_string).unwrap_or_default();
        let uses = content.get("uses").and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("then {step} ({uses}): {with}"));
    }
    lines
}

/// Markdown as a terminal shows it: what folds is open, headings stand out, and a diff has its colours. Within a block every
/// line stays as it is: it may come from anybody.
fn markdown_lines(body: &str, screen: &Screen) -> Vec<String> {
    let (mut lines, mut fence): (Vec<String>, Option<&str>) = (Vec::new(), None);
    for line in body.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) if ticks.len() >= open.len() && line.trim_end() == ticks => fence = None,
            Some(_) => {
                let colour = match line.chars().next() {
                    Some('+') => Colour::Green,
                    Some('-') => Colour::Red,
                    Some('!') => Colour::Yellow,
                    _ => Colour::Dim,
                };
                lines.push(screen.paint(colour, line));
            }
            None if ticks.len() >= 3 => fence = Some(ticks),
            None if line == "</details>" => {}
            None => {
                let inner = line.strip_prefix("<details").and_then(|rest| rest.split_once("<summary>"));
                let summary = inner.and_then(|(_, rest)| rest.strip_suffix("</summary>"));
                let heading = line.starts_with('#').then(|| line.trim_start_matches('#').trim());
                match (summary, heading) {
                    (Some(text), _) => lines.push(screen.paint(Colour::Bold, &plain(text))),
                    (None, Some(text)) => lines.push(screen.paint(Colour::Bold, text)),
                    // One blank line is enough where folds and fences stood.
                    (None, None) if line.trim().is_empty() => {
                        if lines.last().is_some_and(|last| !last.is_empty()) {
                            lines.push(String::new());
                        }
                    }
                    (None, None) => lines.push(line.to_owned()),
                }
            }
        }
    }
    lines
}

/// The text of a fold's title.
fn plain(title: &str) -> String {
    let text = title.replace("<code>", "").replace("</code>", "").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

pub fn ask(question: &str, screen: &Screen) -> bool {
    let _ = write!(std::io::stderr(), "{} [y/N] ", screen.noted(question));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

// Kept beside the command that needs it: a failure to vote is told like any other.
impl From<std::io::Error> for Exit {
    fn from(error: std::io::Error) -> Self {
        Failure::internal(error.to_string()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::markdown_lines;
    use crate::args::Output;
    use crate::screen::Screen;

    #[test]
    fn folds_are_open_and_blocks_are_as_they_are() {
        let body = "### Plan\n\n<details open><summary><code>a[&quot;b&quot;]</code></summary>\n\n````diff\n+ x\n```\n</details>\n# no heading\n````\n\n</details>\n\nend\n";
        let screen = Screen { colour: false, out_colour: false, ..Screen::new(Output::Text) };
        let lines = markdown_lines(body, &screen);
        assert_eq!(lines, ["Plan", "", "a[\"b\"]", "", "+ x", "```", "</details>", "# no heading", "", "end"]);
    }
}
