//! The daemon's socket in the state folder. Its path may be longer than the kernel takes for a socket (108 bytes), so it is
//! reached by way of the open folder.

use model::{Blame, Failure};
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "daemon.sock";

/// The folder held open, and the socket's short path in it.
fn place(state: &Path) -> std::io::Result<(File, PathBuf)> {
    let folder = File::open(state)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()));
    Ok((folder, path))
}

/// Listens, for the owner of the state folder alone. Whoever has the folder's lock calls this; what an earlier daemon left is
/// removed. Error: `unavailable`.
pub fn listen(state: &Path) -> Result<UnixListener, Failure> {
    let unusable = |e: std::io::Error| {
        let message = format!("the daemon's socket in {} cannot be made: {e}", state.display());
        Failure::new(Blame::Upstream, "unavailable", message)
    };
    let (_folder, path) = place(state).map_err(unusable)?;
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(unusable(e)),
        _ => {}
    }
    // The folder itself is its owner's alone; the socket is as well.
    let listener = UnixListener::bind(&path).map_err(unusable)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(unusable)?;
    Ok(listener)
}

/// Connects to the daemon, where one is there.
pub async fn connect(state: &Path) -> Option<UnixStream> {
    let (_folder, path) = place(state).ok()?;
    UnixStream::connect(&path).await.ok()
}

/// Removes the socket: nobody listens any more.
pub fn remove(state: &Path) {
    let _ = std::fs::remove_file(state.join(NAME));
}
