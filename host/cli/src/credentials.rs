//! `tidegate credentials`: where secrets are and to whom they go, and whether they can be read. Never a secret itself.

use crate::args::{Credentials, Host};
use crate::exit::Exit;
use crate::open;
use crate::screen::{Colour, Screen};
use crate::table::columns;
use engine::CredentialReport;

pub async fn credentials(host: &Host, command: Credentials, screen: &Screen) -> Result<u8, Exit> {
    let configuration = open::configuration(host, screen)?;
    let engine = open::engine(configuration, screen)?;
    let (reports, checked) = match command {
        Credentials::List => (engine.credentials(), false),
        Credentials::Check { name } => (engine.check_credentials(name.as_deref()).await?, true),
    };
    let broken = reports.iter().any(|report| report.problem.is_some());
    if screen.json {
        screen.document(&reports);
    } else if reports.is_empty() {
        screen.out("the configuration has no credentials; they are written under `spec.credentials` in tidegate.yaml");
    } else {
        show(&reports, checked, screen);
    }
    Ok(u8::from(broken))
}

fn show(reports: &[CredentialReport], checked: bool, screen: &Screen) {
    let mut rows = Vec::new();
    for report in reports {
        let state = match (&report.problem, checked) {
            (_, false) => String::new(),
            (Some(_), true) => screen.paint(Colour::Red, "✗"),
            (None, true) if !report.warnings.is_empty() => screen.paint(Colour::Yellow, "!"),
            (None, true) => screen.paint(Colour::Green, "✓"),
        };
        let user = report.username.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
        let goes_to = report.goes_to.join("; ");
        let mut row = vec![screen.paint(Colour::Bold, &report.name), report.secret.clone() + &user, goes_to];
        if checked {
            row.insert(0, state);
        }
        rows.push(row);
    }
    screen.out(&columns(&rows));
    for report in reports {
        for (colour, line) in report
            .problem
            .iter()
            .map(|line| (Colour::Red, line))
            .chain(report.warnings.iter().map(|line| (Colour::Yellow, line)))
            .chain(report.tried.iter().map(|line| (Colour::Green, line)))
        {
            screen.out(&format!("  {}: {line}", screen.paint(colour, &report.name)));
        }
    }
}
