//! Brings the mirror up to date: all branches and tags, and nothing else. One fetch at a time a mirror, over all
//! processes, so that an older answer never overwrites a newer one.

use crate::error::Error;
use crate::local;
use crate::lock::{self, Lock};
use crate::mirror::Mirror;
use crate::name;
use crate::packed;
use crate::remote::Place;
use crate::ticket;
use crate::wire::{self, Advertised};
use git2::{ErrorCode, Oid, Repository};
use model::CommitId;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// How long a fetch waits for those before it. A fetch that is waited for counts for all who waited, so this is
/// about two of them.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// More new or changed references than this go into one file; loose ones cost a file each.
const PACK_REFERENCES: usize = 500;

impl Mirror {
    /// Fetches every branch and tag, and drops those the remote no longer has. What was fetched stays readable by
    /// its commit id. Where another process began a fetch after this call did, that one's result is taken.
    pub fn fetch(&self) -> Result<(), Error> {
        let path = self.directory().join(lock::FILE);
        let before = ticket::begun(&path);
        let lock = Lock::take(&path, PATIENCE).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => self.unusable("its folder is gone"),
            io::ErrorKind::TimedOut => self.unavailable("another process has been fetching it for too long"),
            _ => Error::io("lock", &path, e),
        })?;
        if ticket::succeeded(lock.file()) > before {
            return Ok(());
        }
        let ticket = ticket::begin(lock.file()).map_err(|e| Error::io("write", &path, e))?;
        let repository = self.repository()?;
        let advertised = match self.remote().place() {
            Place::Path(remote) => local::fetch(self, &repository, &remote)?,
            Place::Network => {
                let mut handle = wire::anonymous(&repository, self.remote())?;
                let mut connection = wire::connect(&mut handle, self.remote())?;
                let advertised = wire::advertised(&connection, self.remote())?;
                if !advertised.tips.is_empty() {
                    let all = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:refs/{kind}/*"));
                    wire::download(&repository, &mut connection, self.remote(), &all)?;
                }
                advertised
            }
        };
        self.break_locks().map_err(|e| Error::io("remove left locks from", self.directory(), e))?;
        self.update(&repository, &advertised)?;
        ticket::succeed(lock.file(), ticket).map_err(|e| Error::io("write", &path, e))?;
        // What was fetched is there, whatever comes of the housework; the next fetch tries it again.
        let _ = self.sweep();
        let _ = self.compact(&repository);
        Ok(())
    }

    /// Fetches one reference by its full name, such as a change request's `refs/pull/7/head`, and answers its
    /// commit; the mirror gets no reference of that name. One connection.
    pub fn fetch_reference(&self, full: &str) -> Result<Option<CommitId>, Error> {
        wire::check(full)?;
        let repository = self.repository()?;
        let tip = match self.remote().place() {
            Place::Path(remote) => local::fetch_one(self, &repository, &remote, full)?,
            Place::Network => wire::fetch_one(&repository, self.remote(), full)?,
        };
        let Some(tip) = tip else { return Ok(None) };
        let commit = repository.find_object(tip, None).and_then(|object| object.peel_to_commit());
        commit.map(|commit| Some(name::id(commit.id()))).map_err(|_| Error::Name {
            what: "reference",
            name: full.to_owned(),
            why: "it points at no commit",
        })
    }

    /// Sets the mirror's references to the remote's. Dropped ones go first: `a` may have become `a/b`.
    fn update(&self, repository: &Repository, advertised: &Advertised) -> Result<(), Error> {
        let updating = |e| self.git("update the references of the mirror", e);
        let mut here: BTreeMap<String, Option<Oid>> = BTreeMap::new();
        for glob in ["refs/heads/*", "refs/tags/*"] {
            for reference in repository.references_glob(glob).map_err(updating)? {
                let reference = reference.map_err(updating)?;
                // A name that is no UTF-8 never came from an advertisement that was taken.
                if let Ok(name) = reference.name() {
                    here.insert(name.to_owned(), reference.target());
                }
            }
        }
        let there: BTreeMap<&str, Oid> = advertised.tips.iter().map(|(name, oid)| (name.as_str(), *oid)).collect();
        for name in here.keys().filter(|name| !there.contains_key(name.as_str())) {
            match repository.find_reference(name).and_then(|mut reference| reference.delete()) {
                Err(e) if e.code() != ErrorCode::NotFound => return Err(updating(e)),
                _ => {}
            }
        }
        let new: Vec<(&str, Oid)> =
            there.iter().filter(|(name, _)| !here.contains_key(**name)).map(|(n, o)| (*n, *o)).collect();
        let packed = new.len() > PACK_REFERENCES;
        if packed {
            packed::add(self.directory(), &new)
                .map_err(|e| Error::io("pack the references of", self.directory(), e))?;
        }
        let mut written = 0;
        for (name, oid) in &there {
            let now = here.get(*name);
            if now != Some(&Some(*oid)) && !(packed && now.is_none()) {
                repository.reference(name, *oid, true, "fetch").map_err(updating)?;
                written += 1;
            }
        }
        if written > PACK_REFERENCES {
            repository.refdb_compress().map_err(updating)?;
        }
        if let Some(head) = &advertised.head {
            let now = repository.find_reference("HEAD").map_err(updating)?;
            if now.symbolic_target().ok().flatten() != Some(head.as_str()) {
                repository.set_head(head).map_err(updating)?;
            }
        }
        Ok(())
    }

    pub(crate) fn unavailable(&self, why: &str) -> Error {
        Error::Unavailable { url: self.url(), doing: "fetched", why: why.to_owned() }
    }
}
