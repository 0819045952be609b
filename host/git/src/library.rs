//! The settings of libgit2 that hold for the whole process. Never changed after the first use.

use git2::opts;
use std::ffi::c_int;
use std::sync::Once;

/// A TCP or TLS connection is there within this time, in milliseconds.
const CONNECT_MILLIS: i32 = 30_000;
/// A server may be silent for so long, in milliseconds.
const SILENCE_MILLIS: i32 = 60_000;

/// Sets libgit2 up, once a process; every entry to this crate comes by.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    #[expect(
        unsafe_code,
        reason = "libgit2's global options; the Once orders them before any other use in this crate"
    )]
    ONCE.call_once(|| {
        use git2::ConfigLevel::{Global, ProgramData, System, XDG};
        // The configuration of whoever started Tidegate could rewrite URLs (`url.*.insteadOf`), name proxies or
        // switch checks off. Only the mirror's own file counts. Failures leave libgit2's default and are harmless:
        // the calls only fail for lack of memory or an unknown level.
        for level in [Global, ProgramData, System, XDG] {
            let _ = unsafe { opts::set_search_path(level, "") };
        }
        // The check guards against configuration that makes Git run programs. Nothing here runs any, and operators
        // do name repositories that another user owns (a bind mount in a container).
        let _ = unsafe { opts::set_verify_owner_validation(false) };
        let _ = unsafe { opts::set_server_connect_timeout_in_milliseconds(CONNECT_MILLIS) };
        let _ = unsafe { opts::set_server_timeout_in_milliseconds(SILENCE_MILLIS) };
        // A push to a folder that was reported must be there after a power failure: packs, loose objects, references and
        // their folders are flushed, as Git does by default. git2 has no wrapper; the option takes one int.
        let _ = unsafe { libgit2_sys::git_libgit2_opts(libgit2_sys::GIT_OPT_ENABLE_FSYNC_GITDIR as c_int, 1 as c_int) };
    });
}
