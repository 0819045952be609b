//! The daemon's parts, as whoever asks it finds them.

use crate::applications::{self, Keeping};
use crate::exit::Exit;
use crate::open::Configuration;
use crate::screen::Screen;
use engine::{Drivers, Engine, Told};
use manifest::HostConfig;
use model::RunStatus;
use reconcile::{Fleet, Report};
use std::sync::Arc;
use tokio::sync::watch;

/// A host that stays.
pub struct Daemon {
    pub engine: Engine,
    pub config: HostConfig,
    pub drivers: Drivers,
    pub fleet: Fleet,
    /// Asks for all repositories to be looked at.
    pub bell: watch::Sender<u64>,
    /// Asks for pushes to be looked at.
    pub pushed: watch::Sender<u64>,
    /// Whether it begins nothing new.
    pub drain: watch::Sender<bool>,
    /// Where the operator reads.
    pub log: Screen,
}

impl Daemon {
    /// Puts the parts together; nothing runs yet.
    pub fn new(engine: Engine, config: HostConfig, screen: &Screen) -> Result<Self, Exit> {
        let log = screen.clone();
        let drivers = Drivers::new(engine.clone(), move |told| tell(&log, &told));
        let (floor, configured) = applications::floor(&engine, &config)?;
        let log = screen.clone();
        let fleet = Fleet::new(floor, configured, move |report| report_on(&log, report));
        engine.attach(Arc::new(Keeping::new(engine.clone(), fleet.clone())));
        let (bell, pushed, drain) = (watch::Sender::new(0), watch::Sender::new(0), watch::Sender::new(false));
        Ok(Self { engine, config, drivers, fleet, bell, pushed, drain, log: screen.clone() })
    }

    /// Something was written into the journal, or may have been.
    pub fn ring(&self) {
        self.drivers.ring();
        self.fleet.ring(None);
        self.bell.send_modify(|count| *count += 1);
    }
}

fn tell(log: &Screen, told: &Told) {
    match told {
        Told::Rests(run, RunStatus::Waiting) => {
            log.note(&format!("run {run} waits; `tidegate runs show {run}` says for what"))
        }
        Told::Rests(run, RunStatus::Queued | RunStatus::Running) => {
            log.note(&format!("run {run} goes on at the next start"))
        }
        Told::Rests(run, status) => log.note(&format!("run {run} {status}")),
        Told::Failed(run, failure) => {
            log.note(&format!("error: run {run} cannot be driven and is tried again: {failure}"))
        }
        Told::Blind(failure) => log.note(&format!("error: the journal cannot be read: {failure}")),
    }
}

/// Says what becomes of applications.
pub fn report_on(log: &Screen, report: Report) {
    match report {
        Report::Ended(name, revision, outcome) => {
            log.note(&format!("{name} at {}: {outcome}", revision.get(..7).unwrap_or(&revision)));
        }
        Report::Cannot(name, failure) => log.note(&format!("error: {name} cannot be looked after: {failure}")),
        Report::Gone(name) => log.note(&format!("{name} is gone")),
    }
}

/// The configuration's file as it must be for a daemon. Error: bad usage.
pub fn required(configuration: &Configuration) -> Result<HostConfig, Exit> {
    configuration.host.clone().ok_or_else(|| {
        Exit::usage("there is no tidegate.yaml from here upward: a daemon needs to know which repositories to watch")
            .hint("`tidegate init` writes one")
    })
}
