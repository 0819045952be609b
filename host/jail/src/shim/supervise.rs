//! Supervision from outside the jail: output, requests, deadlines, the ending. It never enters the jail's namespaces, and
//! never writes an ending while a process of the child is left.

use super::confine::Surroundings;
use super::course::{Consequence, Course};
use super::handover;
use super::identity::Identity;
use super::init::{self, Plan, Report};
use super::landlock::View;
use super::proxy;
use super::reaper::sweep;
use super::stream::{self, Kept};
use super::users::{self, Mapped};
use crate::Error;
use crate::cgroup::{self, ControlGroup};
use crate::child::Request;
use crate::command::{Command, Strictness};
use crate::ending::{Cause, Ending};
use crate::folder::{Folder, Started, boot, ticks};
use crate::guard::Guard;
use crate::kernel;
use crate::mapping::{self, Mapping, Range};
use crate::namespace::Namespaces;
use crate::network::{Network, Rules};
use crate::ownership::Loan;
use crate::profile::{OUTSIDE, Profile};
use crate::refusal::Refusal;
use crate::refused::Refused;
use crate::watch::timespec;
use model::Digest;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, kill_process, waitpid};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes that one look at a pipe moves: what a pipe holds.
const BUFFER: usize = 64 * 1024;

/// Runs the command to its end and stores the ending.
pub fn supervise(folder: &Folder, command: &Command) -> Result<(), Error> {
    // Orphans of a jail without a pid namespace come back to the shim.
    let _ = rustix::process::set_child_subreaper(Pid::from_raw(1));
    // Deep workspaces take a descriptor a level while they are lent.
    let files = rustix::process::getrlimit(Resource::Nofile).maximum;
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: files, maximum: files });

    let mut jail = Jail::default();
    let ending = match jail.build(folder, command) {
        Ok(inside) => inside.run(folder, command, &jail),
        Err(Obstacle::Refused(refusal)) => Ok(Ending::not_started(refusal)),
        Err(Obstacle::Failed(error)) => Err(error),
    };
    // Nothing of the child is left now, whichever way it went.
    sweep();
    jail.tear_down();
    folder.store_last("exit", &ending?)
}

/// Why there is no jail.
enum Obstacle {
    /// Word for whoever started the child.
    Refused(Refusal),
    /// The shim itself is in trouble.
    Failed(Error),
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> Obstacle {
    move |error| Obstacle::Refused(format!("{what}: {error}").into())
}

/// What must be undone at the end.
#[derive(Default)]
struct Jail {
    loan: Option<Loan>,
    group: ControlGroup,
    temporary: Vec<PathBuf>,
    /// The workspace of a builder on a host that is not root, and the other users who may have made something in it.
    made_by_others: Option<(PathBuf, Range)>,
}

/// A jail with its first process, about to begin the program.
struct Inside {
    init: Pid,
    orders: OwnedFd,
    report: BufReader<File>,
    control: OwnedFd,
    kept: Vec<Kept>,
    /// The way on which the listeners of a proxy come, with its rules and its user.
    proxy: Option<(Rules, OwnedFd, Identity)>,
}

impl Jail {
    /// Builds everything up to the program, and notes that it begins.
    fn build(&mut self, folder: &Folder, command: &Command) -> Result<Inside, Obstacle> {
        let root = rustix::process::geteuid().is_root();
        let wanted = match command.profile {
            Profile::Delegated => Namespaces::default(),
            Profile::Strict | Profile::Builder => {
                Namespaces { network: command.network != Network::All, ..Namespaces::all(root) }
            }
        };
        self.group = ControlGroup::create(&format!("tidegate-{}", name(folder)), &command.limits);
        // Trying first whether the machine gives them all would cost a network namespace more for every child.
        let (mut inside, degraded) = match self.split(folder, command, wanted, wanted)? {
            Some(parts) => parts,
            None => {
                self.tear_down();
                self.group = ControlGroup::create(&format!("tidegate-{}", name(folder)), &command.limits);
                let usable = wanted.and(Namespaces::usable(root));
                let locked = usable.mount && usable.pid && (root || usable.user);
                if command.profile == Profile::Builder && !locked {
                    return Err(Obstacle::Refused(mapping::UNLOCKED.to_owned().into()));
                }
                let parts = self.split(folder, command, usable, wanted)?;
                parts
                    .ok_or_else(|| Obstacle::Refused("the jail's first process could not be made".to_owned().into()))?
            }
        };
        // While the first process builds the root: the disk takes its time as well. What it takes is written down before the
        // program begins, or a machine that lost its power would not know that it did.
        let init = inside.init;
        let mut started = Started {
            shim: rustix::process::getpid().as_raw_nonzero().get(),
            init: init.as_raw_nonzero().get(),
            init_ticks: ticks(init).unwrap_or(0),
            boot: boot(),
            degraded,
            control_groups: self.group.folders(),
            temporary: self.temporary.clone(),
        };
        let prepare = || {
            folder.settle("spec.json")?;
            folder.reserve()?;
            folder.durable_draft("started", &started)
        };
        let draft = prepare().inspect_err(|_| inside.end())?;
        let left_out = match inside.hear().inspect_err(|_| inside.end())? {
            Some(Report::Ready(left_out)) => left_out,
            Some(Report::Refused(refusal)) => return Err(inside.give_up(refusal)),
            Some(Report::Ended { .. }) | None => {
                return Err(inside.give_up("the jail's first process died".to_owned()));
            }
        };
        let is_final = left_out.is_empty();
        started.degraded.extend(left_out);
        if let Some(message) = unmet(command, &started.degraded) {
            return Err(inside.give_up(message));
        }
        let inside = inside.open_proxy(folder)?;
        let noted = if is_final { folder.place(draft, "started") } else { folder.store("started", &started) };
        noted.inspect_err(|_| inside.end())?;
        Ok(inside)
    }

    /// Prepares everything outside for these namespaces, and splits the first process off into them. Answers the guards that
    /// are missing so far too; `None` where the machine does not give these namespaces.
    fn split(
        &mut self,
        folder: &Folder,
        command: &Command,
        namespaces: Namespaces,
        wanted: Namespaces,
    ) -> Result<Option<(Inside, Vec<String>)>, Obstacle> {
        let outside = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let (user, mut degraded) = self.judge(command, namespaces, wanted)?;
        let others = if command.profile == Profile::Builder { Self::others(user) } else { None };
        if command.profile == Profile::Builder && others.is_none() {
            degraded.push(mapping::ALONE.to_owned());
        }
        if let Some(message) = unmet(command, &degraded).filter(|_| namespaces != wanted) {
            return Err(Obstacle::Refused(message.into()));
        }
        if user.changes {
            let loan = Loan::take(&command.workspace, command.profile);
            self.loan = loan.map_err(refused("the loan of the workspace"))?;
        }
        let view = if namespaces.mount {
            View { workspace: "/workspace".into(), temporary: "/tmp".into(), private: true }
        } else {
            let temporary = temporary_folder(&name(folder), user).map_err(refused("a temporary folder"))?;
            self.temporary.push(temporary.clone());
            View { workspace: command.workspace.clone(), temporary, private: false }
        };
        let control = listen(folder)?;
        let (streams, kept) = stream::open(command, folder, user).map_err(Obstacle::Refused)?;
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| refused("a pipe")(error.into()));
        let ((report, report_end), (orders_end, orders)) = (pipe()?, pipe()?);
        let (memory_is_grouped, processes_are_grouped) = (self.group.memory, self.group.processes);
        let mapped_outside = others.filter(|_| outside.0 != 0);
        let (proxy_here, proxy_there) = match &command.network {
            Network::Proxy(rules) if namespaces.network => {
                let rules = rules.parse().map_err(|message| Obstacle::Refused(message.into()))?;
                let (here, there) = handover::channel().map_err(refused("a socket"))?;
                (Some((rules.clone(), here, user)), Some((rules, there)))
            }
            _ => (None, None),
        };
        let doors = self.group.doors().map_err(refused("its control group"))?;
        let mut plan = Plan {
            doors,
            command,
            namespaces,
            surroundings: Surroundings { user, view, memory_is_grouped, processes_are_grouped, proxy: None },
            streams,
            place: folder.path().to_owned(),
            report: File::from(report_end),
            orders: orders_end,
            outside,
            mapping: (command.profile == Profile::Builder).then_some(Mapping { root: (user.uid, user.gid), others }),
            mapped_outside: mapped_outside.is_some(),
            proxy: proxy_there,
        };
        match self.group.duplicate(namespaces.flags(), &mut plan.doors) {
            Ok(None) => {
                // The other end of the orders must be the shim's alone, or their end would never come.
                drop((orders, report, control, kept, proxy_here));
                init::run(plan)
            }
            Ok(Some(init)) => {
                drop(plan);
                let report = BufReader::new(File::from(report));
                let inside = Inside { init, orders, report, control, kept, proxy: proxy_here };
                if let Some(range) = mapped_outside {
                    let mapped = users::map(init, range).map_err(|error| inside.give_up(error.to_string()))?;
                    if mapped == Mapped::None {
                        degraded.push(mapping::ALONE.to_owned());
                    } else {
                        self.made_by_others = Some((command.workspace.clone(), range));
                    }
                    let order = if mapped == Mapped::All { init::MAPPED } else { init::ALONE };
                    let _ = rustix::io::write(&inside.orders, &[order]);
                }
                Ok(Some((inside, degraded)))
            }
            Err(_) => Ok(None),
        }
    }

    /// As whom the child runs, and the guards that are missing so far.
    fn judge(
        &self,
        command: &Command,
        namespaces: Namespaces,
        wanted: Namespaces,
    ) -> Result<(Identity, Vec<String>), Obstacle> {
        let mut user = Identity::of(&command.workspace).map_err(refused("the workspace"))?;
        let mut degraded = namespaces.lacking(wanted);
        if command.profile == Profile::Delegated {
            degraded.push(OUTSIDE.to_owned());
            if command.network != Network::All {
                degraded.push(
                    "it reaches all that the host reaches: a delegated child has no network of its own".to_owned(),
                );
            }
            degraded.extend(self.lacking(Profile::Delegated));
            return Ok((Identity::of_host(), degraded));
        }
        if user.changes && !namespaces.mount && !is_reachable(&command.workspace) {
            user = Identity { uid: 0, gid: 0, changes: false };
        }
        if rustix::process::geteuid().is_root() && !user.changes {
            degraded.push("no user of its own: the child runs as root's user, without its capabilities".to_owned());
        }
        if !namespaces.mount && !command.hidden.is_empty() {
            degraded.push("children may read the paths that are to be hidden: no mount namespaces here".to_owned());
        }
        degraded.extend(self.lacking(command.profile));
        Ok((user, degraded))
    }

    /// The users of a builder besides root, if this host can give it some.
    fn others(user: Identity) -> Option<Range> {
        if rustix::process::geteuid().is_root() {
            let range = Range::of_root();
            // A map may not name an id twice.
            (user.changes && range.is_mapped() && !range.has(user.uid, user.gid)).then_some(range)
        } else {
            Range::of_host().filter(|range| !range.has(user.uid, user.gid))
        }
    }

    /// Guards besides namespaces that are missing.
    fn lacking(&self, profile: Profile) -> Vec<String> {
        let guards = [
            (profile == Profile::Delegated || kernel::landlock_abi().is_some(), Guard::Landlock),
            (self.group.memory, Guard::MemoryGroup),
            (self.group.processes, Guard::ProcessGroup),
        ];
        guards.iter().filter(|(given, _)| !given).map(|(_, guard)| guard.absence().to_owned()).collect()
    }

    fn tear_down(&mut self) {
        cgroup::remove(&self.group.folders());
        for path in self.temporary.drain(..) {
            let _ = std::fs::remove_dir_all(path);
        }
        if let Some(Err(error)) = self.loan.take().map(Loan::give_back) {
            note(&format!("the workspace could not be given back: {error}"));
        }
        if let Some((workspace, others)) = self.made_by_others.take()
            && let Err(error) = users::collect(&workspace, others)
        {
            note(&format!("the workspace could not be given back: {error}"));
        }
    }
}

impl Inside {
    /// The next report; `None` where the first process is gone.
    fn hear(&mut self) -> Result<Option<Report>, Error> {
        let mut line = String::new();
        match self.report.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => {
                let report = serde_json::from_str(&line);
                report.map(Some).map_err(|error| Error::Shim(format!("an unreadable report: {error}")))
            }
            Err(error) => Err(Error::Shim(format!("no report: {error}"))),
        }
    }

    /// Begins the process of the proxy, if its listeners came.
    fn open_proxy(mut self, folder: &Folder) -> Result<Self, Obstacle> {
        let Some((rules, channel, user)) = self.proxy.take() else { return Ok(self) };
        let shim = rustix::process::getpid();
        let begin = || {
            let entrances = handover::receive(&channel, &rules)?;
            if entrances.is_empty() {
                return io::Result::Ok(None);
            }
            let refused = Refused::open(folder)?;
            // Here and not later in the shim itself: it stays a process of a single thread, which may duplicate itself.
            Ok(kernel::clone_into(0)?.is_none().then_some((entrances, refused)))
        };
        match begin() {
            Ok(None) => Ok(self),
            Ok(Some((entrances, refused))) => {
                // The orders must end with the shim, and the host's requests are not for this process.
                drop((self, channel));
                proxy::serve(entrances, rules, refused, user, shim)
            }
            Err(error) => Err(self.give_up(format!("its proxy: {error}"))),
        }
    }

    fn give_up(&self, refusal: impl Into<Refusal>) -> Obstacle {
        self.end();
        Obstacle::Refused(refusal.into())
    }

    /// Kills the first process, and with it the jail, and waits until both are gone.
    fn end(&self) {
        let _ = kill_process(self.init, Signal::KILL);
        while matches!(waitpid(Some(self.init), WaitOptions::empty()), Err(rustix::io::Errno::INTR)) {}
        sweep();
    }

    /// Lets the program begin, and stays with it until nothing of it is left.
    fn run(mut self, folder: &Folder, command: &Command, jail: &Jail) -> Result<Ending, Error> {
        let mut course = Course::new(command);
        let mut buffer = vec![0; BUFFER];
        let _ = rustix::io::write(&self.orders, &[init::BEGIN]);
        let watched = self.watch(&mut course, &mut buffer);
        self.end();
        watched.map_err(Error::io("supervise", folder.path()))?;
        // The last words: everybody who could write is gone.
        while let Some(report) = self.hear()? {
            course.take(report);
        }
        for kept in &mut self.kept {
            course.heed(kept.finish(&mut buffer));
        }
        Ok(course.ending(jail.group.ran_out_of_memory()))
    }

    /// Waits for output, requests, the program's end and deadlines, until it is time to end the jail.
    fn watch(&mut self, course: &mut Course, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            let mut fds = vec![
                PollFd::from_borrowed_fd(self.report.get_ref().as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.control.as_fd(), PollFlags::IN),
            ];
            let pipes = self.kept.iter().filter_map(|kept| kept.pipe.as_ref());
            fds.extend(pipes.map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
            let deadline = course.deadline().map(|at| at.saturating_duration_since(Instant::now()));
            match poll(&mut fds, deadline.map(timespec).as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let (reported, requested) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
            drop(fds);
            for kept in &mut self.kept {
                match course.heed(kept.pump(buffer)) {
                    Consequence::Nothing => {}
                    Consequence::Interrupt => drop(rustix::io::write(&self.orders, &[init::INTERRUPT])),
                    Consequence::End => return Ok(()),
                }
            }
            if reported {
                match self.hear().map_err(io::Error::other)? {
                    None => return Ok(()),
                    Some(report) => {
                        course.take(report);
                        return Ok(());
                    }
                }
            }
            let requests = if requested { requests(self.control.as_fd()) } else { Vec::new() };
            if requests.contains(&(Request::Kill as u8)) {
                course.cause.get_or_insert(Cause::Cancelled);
                return Ok(());
            }
            let interrupted = requests.contains(&(Request::Interrupt as u8)).then_some(Cause::Cancelled);
            if course.is_overdue() {
                return Ok(());
            }
            if let Some(cause) = interrupted.or_else(|| course.is_late().then_some(Cause::TimedOut))
                && course.interrupt(cause)
            {
                let _ = rustix::io::write(&self.orders, &[init::INTERRUPT]);
            }
        }
    }
}

/// What a child that requires every guard is told where some are missing.
fn unmet(command: &Command, degraded: &[String]) -> Option<String> {
    let required = command.strictness == Strictness::Required && !degraded.is_empty();
    required.then(|| format!("this machine cannot give all guards: {}", degraded.join("; ")))
}

/// A name for what the child has outside of its folder.
fn name(folder: &Folder) -> String {
    Digest::of(folder.path().as_os_str().as_bytes()).short().to_owned()
}

/// Opens the FIFO for the host's requests. Both ways, so that it never ends.
fn listen(folder: &Folder) -> Result<OwnedFd, Error> {
    let path = folder.file("control");
    let open = || {
        match mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        rustix::fs::open(&path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
    };
    open().map_err(Error::io("open", &path))
}

fn requests(control: BorrowedFd<'_>) -> Vec<u8> {
    let mut buffer = vec![0; 256];
    let count = rustix::io::read(control, &mut buffer).unwrap_or(0);
    buffer.truncate(count);
    buffer
}

/// Whether any user may walk to a folder.
fn is_reachable(path: &Path) -> bool {
    path.ancestors().all(|folder| std::fs::metadata(folder).is_ok_and(|entry| entry.permissions().mode() & 0o001 != 0))
}

/// A folder in the machine's own `/tmp`, for a child without a private one.
fn temporary_folder(name: &str, user: Identity) -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("tidegate-jail-{name}-{}", std::process::id()));
    // Fails where somebody made it first, who could look into it.
    std::fs::DirBuilder::new().mode(0o700).create(&path)?;
    std::fs::DirBuilder::new().mode(0o700).create(path.join("home"))?;
    if user.changes {
        chown(path.join("home"), Some(user.uid), Some(user.gid))?;
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    Ok(path)
}

/// Leaves a line in the shim's log, which its standard error is.
fn note(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "{line}");
}
