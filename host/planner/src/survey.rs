//! How an application stands: desired, live and inventory held against each other, object by object. It decides nothing, and
//! it concludes nothing from what could not be read.

use crate::application::{Application, Extent};
use crate::desired::{Desired, Item};
use crate::diff::Diff;
use crate::health::{self, Health, Status};
use crate::home::Home;
use crate::inventory::{Claim, Inventory, Owned};
use crate::live::{Live, LiveObject, Seen};
use crate::object::{ObjectKey, listed};
use crate::option::{Effective, Switch};
use crate::phase::wave;
use crate::reason::{Code, Reason};
use serde::{Deserialize, Serialize};
use std::fmt;

/// With `IgnoreExtraneous` an object that should go does not make its application out of sync.
pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";

/// A render, or why there is none.
#[derive(Clone, Copy, Debug)]
pub enum Render<'a> {
    /// It was rendered and read.
    Done(&'a Desired),
    /// There is none, and why: its files, or the cluster whose kinds it takes to read it.
    Failed(&'a Reason),
}

/// What is held against each other.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The application.
    pub application: &'a Application,
    /// What should be there.
    pub render: Render<'a>,
    /// What is there.
    pub live: &'a Live,
    /// What the application owns.
    pub inventory: &'a Inventory,
    /// How its child applications are doing, by name.
    pub children: &'a [(String, Health)],
}

impl Sides<'_> {
    /// What a sync would change in an object that is there: by the answer of a dry run where there is one, else field by
    /// field. `None` where it is not desired or not there; [`crate::diff::created`] shows a new one.
    pub fn diff(&self, key: &ObjectKey) -> Option<Diff> {
        let Render::Done(desired) = self.render else { return None };
        let (item, live) = (desired.get(key)?, self.live.see(key).object()?);
        let comparison = self.application.comparison(key);
        Some(match live.prediction(&item.digest) {
            Some(predicted) => comparison.diff_predicted(predicted, &live.manifest),
            None => comparison.diff(&item.manifest, &live.manifest),
        })
    }

    /// What keeps an object of the render from being applied, or a hook from being run.
    pub(crate) fn hindrance(&self, item: &Item, occasion: Occasion<'_>) -> Option<Reason> {
        let problem = match self.live.see(&item.key) {
            Seen::There(live) => {
                let other = live.owner().filter(|owner| !owner.is_same(&self.application.name))?;
                let text = format!("it belongs to the application `{other}`: one object has one owner");
                Reason::new(Code::SharedObject, text)
            }
            Seen::Missing => return None,
            Seen::Unserved => Reason::new(Code::UnknownKind, self.unserved(item, occasion)?),
            Seen::Unreadable(why) => Reason::new(Code::LiveUnreadable, why),
        };
        Some(problem.about(&item.key))
    }

    /// Why a kind that the cluster does not serve is a problem, where it is one.
    fn unserved(&self, item: &Item, occasion: Occasion<'_>) -> Option<&'static str> {
        let Occasion::Sync(desired) = occasion else { return Some("the cluster has no such kind, so it cannot run") };
        let options = Effective { application: &self.application.options, object: &item.options };
        let comes = desired.defines(item.key.kind()) || options.has(Switch::SkipDryRunOnMissingResource);
        (!comes).then_some("the cluster has no such kind, and no definition of it is part of the application")
    }
}

/// What an object is looked at for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Occasion<'a> {
    /// A sync, which makes the kinds that the render defines.
    Sync(&'a Desired),
    /// The end of the application, which makes none.
    Deletion,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncStatus {
    /// It is.
    Synced,
    /// It is not.
    OutOfSync,
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for SyncStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        })
    }
}

/// What is between a desired object and a live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Difference {
    /// Nothing.
    None,
    /// It is not there.
    Missing,
    /// It is there and different.
    Changed,
    /// It is there and not wanted.
    Extra,
    /// The live side could not be read.
    Unreadable,
}

/// How one object stands. Hooks have no row: they are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The object.
    pub key: ObjectKey,
    /// What is different.
    pub difference: Difference,
    /// How it is doing.
    pub health: Health,
    /// Its wave.
    pub wave: i64,
}

impl Row {
    /// Whether it is as it should be.
    pub fn sync(&self) -> SyncStatus {
        match self.difference {
            Difference::None => SyncStatus::Synced,
            Difference::Missing | Difference::Changed | Difference::Extra => SyncStatus::OutOfSync,
            Difference::Unreadable => SyncStatus::Unknown,
        }
    }
}

/// How an application stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// Whether it is as it should be.
    pub sync: SyncStatus,
    /// How it is doing.
    pub health: Health,
    /// Every object that is desired or owned, desired ones first, by key.
    pub rows: Vec<Row>,
    /// What keeps every sync from beginning.
    pub problems: Vec<Reason>,
    /// What is worth knowing.
    pub notices: Vec<Reason>,
    /// Objects found as desired whose record is not up to date: what the inventory should remember of them, so that the
    /// next look needs no comparison. Not for a cluster that is only observed.
    pub settled: Vec<(ObjectKey, Owned)>,
    /// Owned objects that are gone or somebody else's: the inventory should forget them.
    pub lost: Vec<ObjectKey>,
    /// Objects compared without the server: a dry run would tell better. Empty where nobody fills in defaults.
    pub unsure: Vec<ObjectKey>,
    #[serde(skip)]
    pub(crate) home: Option<Home>,
}

impl Survey {
    /// Holds the sides against each other.
    pub fn of(sides: &Sides<'_>) -> Self {
        let mut survey = Self {
            sync: SyncStatus::Unknown,
            health: Health::new(Status::Unknown, ""),
            rows: vec![],
            problems: sides.application.problems.clone(),
            notices: sides.application.notices.clone(),
            settled: vec![],
            lost: vec![],
            unsure: vec![],
            home: None,
        };
        match sides.render {
            Render::Failed(why) => survey.problems.push(why.clone()),
            Render::Done(desired) => {
                survey.problems.extend(desired.problems.iter().cloned());
                survey.notices.extend(desired.notices.iter().cloned());
                survey.rows.reserve(desired.items().len());
                for item in desired.items() {
                    survey.item(sides, desired, item);
                }
                survey.home(sides, desired);
                survey.extras(sides, desired);
            }
        }
        survey.health = survey.worst(sides);
        survey.sync = survey.overall(sides);
        survey
    }

    fn item(&mut self, sides: &Sides<'_>, desired: &Desired, item: &Item) {
        // What no sync touches holds none: hooks of a deletion are looked at when it comes.
        if item.role.is_of_sync() {
            self.problems.extend(sides.hindrance(item, Occasion::Sync(desired)));
        }
        if !item.role.is_resource() {
            return;
        }
        let (difference, health) = match sides.live.see(&item.key) {
            Seen::There(live) => {
                let difference = self.compare(sides, item, live);
                self.ownership(sides, item, live);
                let health = if health::counts(&live.manifest) { live.health() } else { Health::healthy() };
                (difference, health)
            }
            Seen::Missing | Seen::Unserved => (Difference::Missing, Health::new(Status::Missing, "")),
            Seen::Unreadable(why) => (Difference::Unreadable, Health::new(Status::Unknown, why)),
        };
        self.rows.push(Row { key: item.key.clone(), difference, health, wave: item.wave });
    }

    fn compare(&mut self, sides: &Sides<'_>, item: &Item, live: &LiveObject) -> Difference {
        let comparison = sides.application.comparison(&item.key);
        let owned = sides.inventory.get(&item.key);
        // Neither side was touched since they were found equal, by the same rules: nothing else needs to be looked at.
        let known = owned
            .is_some_and(|owned| owned.desired.as_ref() == Some(&item.digest) && owned.is_still(&comparison, live));
        if known {
            return Difference::None;
        }
        let differs = match live.prediction(&item.digest) {
            Some(predicted) => comparison.differs_from_predicted(predicted, &live.manifest),
            None => {
                if sides.application.extent == Extent::Said {
                    self.unsure.push(item.key.clone());
                }
                comparison.differs(&item.manifest, &live.manifest)
            }
        };
        if differs {
            return Difference::Changed;
        }
        self.settled.push((item.key.clone(), Owned::synced(&item.digest, &comparison, live)));
        Difference::None
    }

    fn ownership(&mut self, sides: &Sides<'_>, item: &Item, live: &LiveObject) {
        if sides.inventory.get(&item.key).is_none() && live.owner().is_none() {
            let text = "nobody owned it; it becomes the application's";
            self.notices.push(Reason::new(Code::Adopts, text).about(&item.key));
        }
    }

    /// The namespace that the application makes for itself counts like one of its objects.
    fn home(&mut self, sides: &Sides<'_>, desired: &Desired) {
        self.home = Home::of(sides, desired);
        let Some(Home { key, difference, .. }) = &self.home else { return };
        let health = match sides.live.see(key) {
            Seen::There(live) => live.health(),
            Seen::Missing => Health::new(Status::Missing, ""),
            Seen::Unserved => {
                let text = "the destination has no namespaces, so that none can be made";
                self.problems.push(Reason::new(Code::UnknownKind, text).about(key));
                Health::new(Status::Missing, "")
            }
            Seen::Unreadable(why) => {
                self.problems.push(Reason::new(Code::LiveUnreadable, why).about(key));
                Health::new(Status::Unknown, why)
            }
        };
        self.rows.push(Row { key: key.clone(), difference: *difference, health, wave: 0 });
    }

    /// What is owned and not wanted any more.
    fn extras(&mut self, sides: &Sides<'_>, desired: &Desired) {
        let owned = sides.inventory.objects().map(|(key, _)| key);
        let mut extras: Vec<&ObjectKey> = owned.filter(|key| desired.get(key).is_none()).collect();
        extras.sort_unstable();
        for key in extras {
            let (difference, health, wave) = match sides.live.see(key) {
                Seen::There(live) => match sides.inventory.claim(&sides.application.name, live) {
                    Claim::Ours => (Difference::Extra, live.health(), wave(&live.manifest).unwrap_or(0)),
                    Claim::Lost(why) => {
                        self.notices.push(Reason::new(Code::NoLongerOwned, why).about(key));
                        self.lost.push(key.clone());
                        continue;
                    }
                },
                Seen::Missing => {
                    self.lost.push(key.clone());
                    continue;
                }
                // Its definition may come back with another's object of that name, or only seem to be gone.
                Seen::Unserved => continue,
                Seen::Unreadable(why) => {
                    self.problems.push(Reason::new(Code::LiveUnreadable, why).about(key));
                    (Difference::Unreadable, Health::new(Status::Unknown, why), 0)
                }
            };
            self.rows.push(Row { key: key.clone(), difference, health, wave });
        }
    }

    fn overall(&self, sides: &Sides<'_>) -> SyncStatus {
        if !self.problems.is_empty() {
            return SyncStatus::Unknown;
        }
        let ignored = |row: &Row| {
            let live = sides.live.see(&row.key).object().filter(|_| row.difference == Difference::Extra);
            live.is_some_and(|live| listed(&live.manifest, COMPARE_OPTIONS).any(|option| option == "IgnoreExtraneous"))
        };
        let out = |row: &&Row| row.sync() == SyncStatus::OutOfSync && !ignored(row);
        self.rows.iter().find(out).map_or(SyncStatus::Synced, |_| SyncStatus::OutOfSync)
    }

    /// The worst object's health. Argo CD 3.6 no longer counts missing objects; here they do, since an application that
    /// lacks a part does not do what it should. Child applications that are missing or unknown do not count, as there.
    fn worst(&self, sides: &Sides<'_>) -> Health {
        if let Render::Failed(why) = sides.render {
            return Health::new(Status::Unknown, why.text.clone());
        }
        let worst = self.rows.iter().map(|row| row.health.status).max().unwrap_or(Status::Healthy);
        let children = sides.children.iter().filter(|(_, h)| !matches!(h.status, Status::Missing | Status::Unknown));
        let worst = children.clone().map(|(_, health)| health.status).fold(worst, Status::max);
        if worst == Status::Healthy {
            return Health::healthy();
        }
        let objects = self.rows.iter().filter(|row| row.health.status == worst);
        let objects = objects.map(|row| (row.key.to_string(), &row.health));
        let children = children.filter(|(_, health)| health.status == worst);
        let mut causes = objects.chain(children.map(|(name, health)| (format!("application {name}"), health)));
        let Some((name, first)) = causes.next() else { return Health::new(worst, "") };
        let message = if first.message.is_empty() { name } else { format!("{name}: {}", first.message) };
        match causes.count() {
            0 => Health::new(worst, message),
            more => Health::new(worst, format!("{message} (and {more} more)")),
        }
    }

    /// The row of an object.
    pub fn row(&self, key: &ObjectKey) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == *key)
    }
}
