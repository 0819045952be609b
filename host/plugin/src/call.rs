//! Every call that a guest makes of the host, as data, and who may make it. Nothing here carries a call out.

use crate::mode::Mode;
use access::permit;
use model::{Failure, Grant};

/// A call of the host by a guest: what matters for allowing it. One variant a function of the WIT package, except that
/// functions of a resource carry what the resource was granted for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the WIT package says what each function and argument is")]
pub enum HostCall {
    Log,
    Progress,
    Now,
    Elapsed,
    Draw,
    CancelRequested,
    WorkspaceRead {
        path: String,
    },
    WorkspaceEntries {
        path: String,
    },
    WorkspaceSummarise {
        path: String,
    },
    WorkspaceWrite {
        path: String,
    },
    WorkspaceRemove {
        path: String,
    },
    /// Every path that it names.
    Pack {
        paths: Vec<String>,
    },
    Unpack {
        paths: Vec<String>,
    },
    CacheRestore {
        paths: Vec<String>,
    },
    CacheSave {
        paths: Vec<String>,
    },
    Placeholder {
        name: String,
    },
    Reveal {
        name: String,
    },
    /// The host of the URL, and those of redirects, are checked where the connection is made.
    Send {
        method: String,
        files: ChildFiles,
    },
    ArtifactFind,
    ArtifactRead,
    ArtifactExtract {
        path: String,
    },
    ArtifactStore {
        name: String,
    },
    ArtifactStoreFile {
        name: String,
        path: String,
    },
    Resolve {
        repository: String,
    },
    RepositoryRead {
        repository: String,
        path: String,
    },
    ChangedPaths {
        repository: String,
    },
    /// Part of `begin`: which branch an empty name is.
    DefaultBranch {
        repository: String,
    },
    Begin {
        repository: String,
        branch: String,
    },
    TransactionHead {
        repository: String,
    },
    TransactionRead {
        repository: String,
        path: String,
    },
    TransactionPut {
        repository: String,
        path: String,
    },
    TransactionRemove {
        repository: String,
        path: String,
    },
    Push {
        repository: String,
    },
    Propose {
        repository: String,
        branch: String,
    },
    ApprovalRead,
    /// `read` or `contains`.
    Application {
        function: &'static str,
        name: String,
    },
    /// A function of `source`; no repository where the request has no such root.
    Source {
        function: &'static str,
        repository: Option<String>,
        path: String,
    },
    Start {
        program: String,
        variables: Vec<String>,
        files: ChildFiles,
    },
    ChildNext,
    ChildInterrupt,
    ChildKill,
    /// An interface that this host knows and does not serve yet.
    Unserved {
        interface: &'static str,
        function: &'static str,
    },
}

/// What a child's input and outputs, or the bodies of a request, make of the workspace's files: the host opens them, so the
/// jail's own rules do not guard them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildFiles {
    /// Its input is a file.
    pub reads: bool,
    /// One of its outputs is a file.
    pub writes: bool,
}

/// What a call is to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It needs no grant.
    Free,
    /// It reads.
    Reading,
    /// It may change something.
    Effect,
}

impl HostCall {
    /// The interface and function, for records: `process.start`.
    pub fn name(&self) -> String {
        let (interface, function) = match self {
            Self::Log => ("log", "write"),
            Self::Progress => ("log", "progress"),
            Self::Now => ("clock", "now"),
            Self::Elapsed => ("clock", "elapsed"),
            Self::Draw => ("random", "draw"),
            Self::CancelRequested => ("cancellation", "requested"),
            Self::WorkspaceRead { .. } => ("workspace-read", "read"),
            Self::WorkspaceEntries { .. } => ("workspace-read", "entries"),
            Self::WorkspaceSummarise { .. } => ("workspace-read", "summarise"),
            Self::WorkspaceWrite { .. } => ("workspace-write", "write"),
            Self::WorkspaceRemove { .. } => ("workspace-write", "remove"),
            Self::Pack { .. } => ("archive", "pack"),
            Self::Unpack { .. } => ("archive", "unpack"),
            Self::CacheRestore { .. } => ("cache", "restore"),
            Self::CacheSave { .. } => ("cache", "save"),
            Self::Placeholder { .. } => ("secret", "placeholder"),
            Self::Reveal { .. } => ("secret", "reveal"),
            Self::Send { .. } => ("http", "send"),
            Self::ArtifactFind => ("artifact-read", "find"),
            Self::ArtifactRead => ("artifact-read", "read"),
            Self::ArtifactExtract { .. } => ("artifact-read", "extract"),
            Self::ArtifactStore { .. } => ("artifact-write", "store"),
            Self::ArtifactStoreFile { .. } => ("artifact-write", "store-file"),
            Self::Resolve { .. } => ("repository-read", "resolve"),
            Self::RepositoryRead { .. } => ("repository-read", "read"),
            Self::ChangedPaths { .. } => ("repository-read", "changed-paths"),
            Self::DefaultBranch { .. } => ("repository-write", "default-branch"),
            Self::Begin { .. } => ("repository-write", "begin"),
            Self::TransactionHead { .. } => ("repository-write", "head"),
            Self::TransactionRead { .. } => ("repository-write", "read"),
            Self::TransactionPut { .. } => ("repository-write", "put"),
            Self::TransactionRemove { .. } => ("repository-write", "remove"),
            Self::Push { .. } => ("repository-write", "push"),
            Self::Propose { .. } => ("repository-write", "propose"),
            Self::ApprovalRead => ("approval", "read"),
            Self::Application { function, .. } => ("application", *function),
            Self::Source { function, .. } => ("source", *function),
            Self::Start { .. } => ("process", "start"),
            Self::ChildNext => ("process", "next"),
            Self::ChildInterrupt => ("process", "interrupt"),
            Self::ChildKill => ("process", "kill"),
            Self::Unserved { interface, function } => (*interface, *function),
        };
        format!("{interface}.{function}")
    }

    /// Whether the call reads or changes anything. `artifact-read.extract` writes the workspace, so it is an effect.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Log | Self::Progress | Self::Now | Self::Elapsed | Self::Draw | Self::CancelRequested => Kind::Free,
            Self::WorkspaceRead { .. }
            | Self::WorkspaceEntries { .. }
            | Self::WorkspaceSummarise { .. }
            | Self::ArtifactFind
            | Self::ArtifactRead
            | Self::Resolve { .. }
            | Self::RepositoryRead { .. }
            | Self::ChangedPaths { .. }
            | Self::ApprovalRead
            | Self::Application { .. }
            | Self::Source { .. } => Kind::Reading,
            Self::Unserved { interface, .. } if READING.contains(interface) => Kind::Reading,
            _ => Kind::Effect,
        }
    }

    /// Whether the host writes something durable for the call, which `Limits::effects` counts. A child's events and a
    /// transaction's reads are part of what was counted when it began: a long child has as many as it likes.
    pub fn durable(&self) -> bool {
        let follows = matches!(
            self,
            Self::TransactionHead { .. }
                | Self::TransactionRead { .. }
                | Self::ChildNext
                | Self::ChildInterrupt
                | Self::ChildKill
        );
        self.kind() == Kind::Effect && !follows
    }

    /// Whether the call begins something new, which a cancelled step may not.
    pub fn begins(&self) -> bool {
        matches!(
            self,
            Self::Start { .. }
                | Self::Begin { .. }
                | Self::Push { .. }
                | Self::Propose { .. }
                | Self::Pack { .. }
                | Self::Unpack { .. }
                | Self::CacheRestore { .. }
                | Self::CacheSave { .. }
                | Self::Placeholder { .. }
                | Self::Reveal { .. }
                | Self::Send { .. }
                | Self::ArtifactStore { .. }
                | Self::ArtifactStoreFile { .. }
        )
    }

    /// The texts that must be paths.
    fn paths(&self) -> &[String] {
        match self {
            Self::Pack { paths }
            | Self::Unpack { paths }
            | Self::CacheRestore { paths }
            | Self::CacheSave { paths } => paths,
            Self::WorkspaceSummarise { path }
            | Self::WorkspaceRead { path }
            | Self::WorkspaceEntries { path }
            | Self::WorkspaceWrite { path }
            | Self::WorkspaceRemove { path }
            | Self::ArtifactExtract { path }
            | Self::ArtifactStoreFile { path, .. }
            | Self::RepositoryRead { path, .. }
            | Self::Source { path, .. }
            | Self::TransactionRead { path, .. }
            | Self::TransactionPut { path, .. }
            | Self::TransactionRemove { path, .. } => std::slice::from_ref(path),
            _ => &[],
        }
    }
}

/// Interfaces of the world `reading` that are not served yet.
const READING: [&str; 2] = ["change-read", "state-read"];

/// Whether a call may be made in a mode under a grant. Errors: `denied` naming the mode or the missing grant,
/// `invalid` for a path that is none.
pub fn authorise(call: &HostCall, mode: Mode, grant: &Grant) -> Result<(), Failure> {
    match (mode, call.kind()) {
        (_, Kind::Free) => return Ok(()),
        (Mode::Describe, _) => {
            let message = format!("`{}` is refused while a plugin describes itself", call.name());
            return Err(Failure::denied(message));
        }
        (Mode::Render, _) if !matches!(call, HostCall::Source { .. }) => {
            let message = format!("`{}` is refused: a renderer reads its source and nothing else", call.name());
            return Err(Failure::denied(message));
        }
        (Mode::Preview | Mode::Run | Mode::Probe, _) if matches!(call, HostCall::Source { .. }) => {
            return Err(Failure::denied(format!("`{}` is for renderers: a step has its workspace", call.name())));
        }
        (Mode::Preview | Mode::Probe, Kind::Effect) => {
            let message = format!("`{}` has effects, and a {} may have none", call.name(), mode.function());
            return Err(Failure::denied(message));
        }
        _ => {}
    }
    for path in call.paths() {
        check_path(path)?;
    }
    match call {
        HostCall::WorkspaceRead { .. } | HostCall::WorkspaceEntries { .. } | HostCall::WorkspaceSummarise { .. } => {
            permit::workspace(grant, false)
        }
        HostCall::WorkspaceWrite { .. }
        | HostCall::WorkspaceRemove { .. }
        | HostCall::Pack { .. }
        | HostCall::Unpack { .. } => permit::workspace(grant, true),
        HostCall::CacheRestore { .. } => permit::cache(grant, false).and(permit::workspace(grant, true)),
        HostCall::CacheSave { .. } => permit::cache(grant, true).and(permit::workspace(grant, false)),
        HostCall::Placeholder { name } => permit::secret(grant, name, false),
        HostCall::Reveal { name } => permit::secret(grant, name, true),
        HostCall::Send { method, files } => {
            permit::http(grant, method)?;
            if files.reads {
                permit::workspace(grant, false)?;
            }
            if files.writes {
                permit::workspace(grant, true)?;
            }
            Ok(())
        }
        HostCall::ArtifactFind | HostCall::ArtifactRead => permit::artifact(grant, false),
        HostCall::ArtifactExtract { .. } => permit::artifact(grant, false).and(permit::workspace(grant, true)),
        HostCall::ArtifactStore { .. } => permit::artifact(grant, true),
        HostCall::ArtifactStoreFile { .. } => permit::artifact(grant, true).and(permit::workspace(grant, false)),
        HostCall::Resolve { repository }
        | HostCall::RepositoryRead { repository, .. }
        | HostCall::ChangedPaths { repository } => permit::read_repository(grant, repository),
        // A grant for any branch there is enough to ask: which one it is decides `begin` itself.
        HostCall::DefaultBranch { repository } => {
            let scope = grant.repository.as_ref().and_then(|granted| access::narrow::scope_of(granted, repository));
            scope.map_or_else(|| permit::write_branch(grant, repository, ""), |_| Ok(()))
        }
        HostCall::Begin { repository, branch } | HostCall::Propose { repository, branch } => {
            permit::write_branch(grant, repository, branch)
        }
        HostCall::TransactionPut { repository, path } | HostCall::TransactionRemove { repository, path } => {
            permit::write_path(grant, repository, path)
        }
        HostCall::ApprovalRead => permit::approval(grant),
        HostCall::Application { name, .. } => permit::application(grant, name),
        HostCall::Source { repository: Some(repository), path, .. } => permit::source(grant, repository, path),
        // What there is not, is nobody's: the answer says so.
        HostCall::Source { repository: None, .. } => Ok(()),
        HostCall::Start { program, variables, files } => {
            permit::program(grant, program, variables.iter().map(String::as_str))?;
            if files.reads {
                permit::workspace(grant, false)?;
            }
            if files.writes {
                permit::workspace(grant, true)?;
            }
            Ok(())
        }
        HostCall::Unserved { interface, .. } => Err(permit::unserved(interface)),
        // Held by a resource that was granted when it was made.
        HostCall::TransactionHead { .. }
        | HostCall::TransactionRead { .. }
        | HostCall::Push { .. }
        | HostCall::ChildNext
        | HostCall::ChildInterrupt
        | HostCall::ChildKill => Ok(()),
        HostCall::Log
        | HostCall::Progress
        | HostCall::Now
        | HostCall::Elapsed
        | HostCall::Draw
        | HostCall::CancelRequested => Ok(()),
    }
}

/// `types.path`: no leading `/`, no `.` or `..` part, no NUL, at most 4,096 bytes; empty for the root.
pub fn check_path(path: &str) -> Result<(), Failure> {
    let bad = |why: &str| Err(Failure::invalid(format!("{path:?} is not a path: {why}")));
    if path.is_empty() {
        return Ok(());
    }
    if path.len() > 4096 {
        return Err(Failure::invalid("a path is longer than 4,096 bytes"));
    }
    if path.contains('\0') {
        return bad("it contains a NUL");
    }
    if path.starts_with('/') {
        return bad("it is absolute");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return bad("it has an empty, `.` or `..` part");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ChildFiles, HostCall, Kind, authorise, check_path};
    use crate::mode::Mode;
    use model::Grant;
    use serde_json::json;

    fn everything() -> Grant {
        serde_json::from_value(json!({"workspace": "write", "process": {"programs": ["*"], "environment": ["*"]},
            "artifact": {"write": true}, "repository": {"read": ["*"], "write": {"*": {}}}, "approval": {},
            "application": {}, "http": {"hosts": ["*"]}, "secret": {"names": ["*"], "reveal": true}, "cache": {"write": true}}))
        .unwrap_or_default()
    }

    fn start(files: ChildFiles) -> HostCall {
        HostCall::Start { program: "sh".into(), variables: vec!["A".into()], files }
    }

    fn calls() -> Vec<HostCall> {
        let (repository, path) = (|| "config".to_owned(), || "a/b".to_owned());
        vec![
            HostCall::WorkspaceRead { path: path() },
            HostCall::WorkspaceWrite { path: path() },
            HostCall::ArtifactFind,
            HostCall::ArtifactExtract { path: path() },
            HostCall::ArtifactStore { name: "x".into() },
            HostCall::Resolve { repository: repository() },
            HostCall::RepositoryRead { repository: repository(), path: path() },
            HostCall::DefaultBranch { repository: repository() },
            HostCall::Begin { repository: repository(), branch: "main".into() },
            HostCall::TransactionPut { repository: repository(), path: path() },
            HostCall::ApprovalRead,
            HostCall::Application { function: "read", name: "shop".into() },
            HostCall::WorkspaceSummarise { path: path() },
            HostCall::Pack { paths: vec![path()] },
            HostCall::Unpack { paths: vec![path(), String::new()] },
            HostCall::CacheRestore { paths: vec![path()] },
            HostCall::CacheSave { paths: vec![path()] },
            HostCall::Placeholder { name: "token".into() },
            HostCall::Reveal { name: "token".into() },
            HostCall::Send { method: "GET".into(), files: ChildFiles::default() },
            start(ChildFiles::default()),
        ]
    }

    #[test]
    fn without_a_grant_nothing_goes() {
        for call in calls() {
            let denied = authorise(&call, Mode::Run, &Grant::default());
            assert!(denied.as_ref().is_err_and(|f| f.is_denied() && f.message.contains("it needs `")), "{denied:?}");
            assert_eq!(authorise(&call, Mode::Run, &everything()), Ok(()));
        }
    }

    #[test]
    fn modes_without_effects_refuse_them_whatever_is_granted() {
        for call in calls() {
            for mode in [Mode::Preview, Mode::Probe] {
                let answer = authorise(&call, mode, &everything());
                assert_eq!(answer.is_ok(), call.kind() == Kind::Reading, "{call:?} {answer:?}");
            }
            assert!(authorise(&call, Mode::Describe, &everything()).is_err());
        }
    }

    #[test]
    fn the_files_of_a_child_are_files_of_the_workspace() {
        let (nothing, reads, writes) = (
            ChildFiles::default(),
            ChildFiles { reads: true, writes: false },
            ChildFiles { reads: false, writes: true },
        );
        for (workspace, allowed) in
            [(None, [true, false, false]), (Some("read"), [true, true, false]), (Some("write"), [true, true, true])]
        {
            let grant = json!({"workspace": workspace, "process": {"programs": ["sh"], "environment": ["A"]}});
            let grant: Grant = serde_json::from_value(grant).expect("a grant");
            for (files, allowed) in [nothing, reads, writes].into_iter().zip(allowed) {
                let answer = authorise(&start(files), Mode::Run, &grant);
                assert_eq!(answer.is_ok(), allowed, "{workspace:?} {files:?} {answer:?}");
            }
        }
    }

    #[test]
    fn what_follows_a_beginning_is_not_counted_again() {
        let (repository, path) = (|| "config".to_owned(), || "a".to_owned());
        let follow = [
            HostCall::ChildNext,
            HostCall::ChildInterrupt,
            HostCall::ChildKill,
            HostCall::TransactionHead { repository: repository() },
            HostCall::TransactionRead { repository: repository(), path: path() },
        ];
        for call in follow {
            // Effects all the same where there may be none: nothing that a preview could hold began.
            assert_eq!((call.kind(), call.durable()), (Kind::Effect, false), "{call:?}");
        }
        for call in calls() {
            assert_eq!(call.durable(), call.kind() == Kind::Effect, "{call:?}");
        }
        let put = HostCall::TransactionPut { repository: repository(), path: path() };
        for call in [put, HostCall::Push { repository: repository() }] {
            assert!(call.durable(), "{call:?}");
        }
        assert!(!HostCall::Log.durable());
    }

    #[test]
    fn paths() {
        for bad in ["/a", "..", "a/../b", "a//b", "a/", "./a", "a\0"] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        for good in ["", "a", "a/b..c", "..a"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
    }
}
