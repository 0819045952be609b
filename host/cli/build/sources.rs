//! Of which sources a shim is, so that the host carries none but its own. Shared by the host's build, which looks, and by
//! `cargo xtask guests`, which writes it down.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// What the shim is built of.
const SOURCES: [&str; 6] =
    ["Cargo.lock", "Cargo.toml", "host/access", "host/jail/Cargo.toml", "host/jail/src", "host/model"];

/// The files and folders of a repository that a shim is built of.
pub fn paths(root: &Path) -> Vec<PathBuf> {
    SOURCES.iter().map(|path| root.join(path)).collect()
}

/// A number over their content: FNV-1a of 64 bits, which finds what was changed and not what somebody hides.
pub fn stamp(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for path in paths(root) {
        collect(&path, &mut files)?;
    }
    files.sort();
    let mut stamp = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        let content = fs::read(&file)?;
        for byte in name.bytes().chain(content.len().to_le_bytes()).chain(content) {
            stamp = (stamp ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(format!("{stamp:016x}\n"))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
