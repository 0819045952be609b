//! The few system calls that neither std nor rustix offers. All unsafe code of the jail is here, and no more than its calls. It never decides anything.

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::{CString, c_int, c_long};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, FromRawFd as _, OwnedFd, RawFd};

/// Duplicates this process into new namespaces (`CLONE_NEW…`); `None` in the duplicate.
///
/// Everything but async-signal-safe work is only sound in the duplicate where the caller has a single thread.
pub fn clone_into(namespaces: c_int) -> io::Result<Option<Pid>> {
    let flags = c_long::from(namespaces) | c_long::from(libc::SIGCHLD);
    #[expect(unsafe_code, reason = "fork into namespaces; a null stack copies the caller's, as fork does")]
    // SAFETY: without CLONE_VM the duplicate has its own memory, so nothing is shared with the caller.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    match c_int::try_from(pid) {
        Ok(-1) | Err(_) => Err(io::Error::last_os_error()),
        Ok(pid) => Ok(Pid::from_raw(pid)),
    }
}

/// The same, and the duplicate begins in the control group (version 2) whose folder this is.
///
/// Moving a process that is there stops every fork and end of a process on the machine, for which the kernel waits about
/// 10 ms; this does not.
pub fn clone_into_group(namespaces: c_int, group: &OwnedFd) -> io::Result<Option<Pid>> {
    // The structure of clone3(2) as of Linux 5.7, all of whose fields are numbers.
    let mut arguments = [0_u64; 11];
    let descriptor = u64::try_from(group.as_raw_fd()).map_err(io::Error::other)?;
    let flags = u64::try_from(namespaces).map_err(io::Error::other)?;
    let signal = u64::try_from(libc::SIGCHLD).map_err(io::Error::other)?;
    (arguments[0], arguments[4], arguments[10]) = (flags | CLONE_INTO_CGROUP, signal, descriptor);
    #[expect(unsafe_code, reason = "fork into namespaces; no stack copies the caller's, as fork does")]
    // SAFETY: without CLONE_VM the duplicate has its own memory, so nothing is shared with the caller; the kernel copies the
    // arguments, whose size it is told.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) };
    match c_int::try_from(pid) {
        Ok(-1) | Err(_) => Err(io::Error::last_os_error()),
        Ok(pid) => Ok(Pid::from_raw(pid)),
    }
}

/// Not in every version of the C library's headers.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Leaves a duplicate at once, without the clean-up that belongs to the original.
pub fn exit_now(status: c_int) -> ! {
    #[expect(unsafe_code, reason = "std has no exit without exit handlers")]
    // SAFETY: ends the process; nothing runs afterwards.
    unsafe {
        libc::_exit(status)
    }
}

/// Closes every descriptor from `first` on.
pub fn close_from(first: RawFd) -> io::Result<()> {
    #[expect(unsafe_code, reason = "close_range has no safe wrapper: it closes what others may own")]
    // SAFETY: called first thing in the shim's main, where nothing but standard input, output and error is owned.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first as libc::c_uint, libc::c_uint::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives every signal its default action: `nohup`, `&` and some hosts leave ignored ones behind, which children inherit
/// and then cannot be interrupted. `SIGPIPE` stays ignored here; std restores it when it executes a program.
pub fn default_signals() {
    unblock_signals();
    for signal in (1..32).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP, libc::SIGPIPE].contains(signal)) {
        #[expect(unsafe_code, reason = "signal dispositions have no safe wrapper")]
        // SAFETY: the default action runs no code of this process.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// Blocks no signal any more. A program inherits what is blocked, and a shell that never hears of its children's end may wait for
/// them for ever.
pub fn unblock_signals() {
    #[expect(unsafe_code, reason = "sigprocmask has no safe wrapper")]
    // SAFETY: the set is initialised by sigemptyset before its use; this process has one thread.
    unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Blocks `SIGCHLD` and answers a descriptor that becomes readable with it.
pub fn child_signals() -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "signalfd has no safe wrapper")]
    // SAFETY: the set is initialised by sigemptyset before its use, and the new descriptor is owned by nobody else.
    unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// Which submounts [`restrict_mount`] touches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This mount alone.
    One,
    /// It and everything mounted below it.
    Recursive,
}

/// Adds `MOUNT_ATTR_…` flags to a mount that a descriptor names.
pub fn restrict_mount(mount: impl AsFd, attributes: u64, reach: Reach) -> io::Result<()> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if reach == Reach::Recursive { libc::AT_RECURSIVE } else { 0 };
    #[expect(unsafe_code, reason = "mount_setattr has no safe wrapper; only it makes a whole tree read-only at once")]
    // SAFETY: the path is a C string and the structure lives through the call; the kernel copies both.
    let result = unsafe {
        let size = size_of::<libc::mount_attr>();
        libc::syscall(libc::SYS_mount_setattr, mount.as_fd().as_raw_fd(), c"".as_ptr(), flags, &raw const change, size)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Switches the loopback interface of this network namespace on.
pub fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    #[expect(unsafe_code, reason = "interface flags are only set by an ioctl on this C structure")]
    // SAFETY: zero is a valid ifreq; SIOCSIFFLAGS reads the name, NUL-terminated, and the flags only.
    let result = unsafe {
        let mut request = std::mem::zeroed::<libc::ifreq>();
        for (slot, byte) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
            *slot = *byte as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The landlock ABI of this kernel; `None` where it is not built in or not switched on.
pub fn landlock_abi() -> Option<u32> {
    const VERSION: libc::c_uint = 1;
    #[expect(unsafe_code, reason = "the landlock crate keeps the version to itself")]
    // SAFETY: with the version flag the kernel reads no memory.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// Removes every capability from the bounding set, so that no later program can get one.
pub fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..64_usize {
        #[expect(unsafe_code, reason = "rustix knows capabilities by name, and this must drop the future ones too")]
        // SAFETY: the call takes numbers only.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0_usize, 0_usize, 0_usize) };
        if result != 0 {
            let error = io::Error::last_os_error();
            // The kernel says EINVAL behind its last capability.
            return if error.raw_os_error() == Some(libc::EINVAL) && capability > 0 { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}

/// A read-only file in memory with this content, positioned at its start.
pub fn sealed_file(name: &str, content: &[u8]) -> io::Result<File> {
    sealed(name, content, MemfdFlags::empty())
}

/// The same for a program that is to be run. A kernel before 6.3 knows no flag for that, and runs any.
pub fn sealed_program(name: &str, content: &[u8]) -> io::Result<File> {
    let file = sealed(name, content, MemfdFlags::EXEC);
    file.or_else(|error| match Errno::from_io_error(&error) {
        Some(Errno::INVAL) => sealed(name, content, MemfdFlags::empty()),
        _ => Err(error),
    })
}

fn sealed(name: &str, content: &[u8], flags: MemfdFlags) -> io::Result<File> {
    let flags = flags | MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create(CString::new(name)?, flags)?);
    file.write_all(content)?;
    file.rewind()?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file)
}
