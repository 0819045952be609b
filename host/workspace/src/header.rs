//! How an entry begins in an archive: GNU's tar format throughout, since one format for all lengths, ids and times
//! gives the same bytes from the same entry, and every consumer of image layers reads it. It holds no name of a user,
//! no device and no time but the one that was asked for.

use tar::EntryType;

/// Bytes of a header, and what all content is filled up to.
pub(crate) const BLOCK: usize = 512;

/// What an entry's header says.
pub(crate) struct Header<'a> {
    /// With a `/` at its end for a folder.
    pub(crate) path: &'a [u8],
    /// Where a symbolic link leads; else empty.
    pub(crate) link: &'a [u8],
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) modified: u64,
    /// Content bytes that follow.
    pub(crate) size: u64,
}

impl Header<'_> {
    /// The header's blocks: one, and two or more for a path or link of more than 100 bytes each.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        let mut header = tar::Header::new_gnu();
        let gnu = header.as_gnu_mut();
        if let Some(gnu) = gnu {
            place(&mut gnu.name, self.path, EntryType::GNULongName, into);
            place(&mut gnu.linkname, self.link, EntryType::GNULongLink, into);
        }
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_uid(self.user.into());
        header.set_gid(self.group.into());
        header.set_mtime(self.modified);
        header.set_size(self.size);
        header.set_cksum();
        into.extend_from_slice(header.as_bytes());
    }
}

/// Puts a text into its field. One that is too long goes before the header as an entry of its own, and the field has
/// its beginning.
fn place(field: &mut [u8], text: &[u8], kind: EntryType, into: &mut Vec<u8>) {
    let fits = text.len().min(field.len());
    field[..fits].copy_from_slice(&text[..fits]);
    if fits == text.len() {
        return;
    }
    let mut header = tar::Header::new_gnu();
    if let Some(gnu) = header.as_gnu_mut() {
        const NAME: &[u8] = b"././@LongLink";
        gnu.name[..NAME.len()].copy_from_slice(NAME);
    }
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    // Ends with a NUL, as GNU tar writes it.
    header.set_size(text.len() as u64 + 1);
    header.set_cksum();
    into.extend_from_slice(header.as_bytes());
    into.extend_from_slice(text);
    into.resize(into.len() + padding(text.len() as u64 + 1) + 1, 0);
}

/// Bytes that fill a content up to whole blocks.
pub(crate) fn padding(size: u64) -> usize {
    const WHOLE: u64 = BLOCK as u64;
    ((WHOLE - size % WHOLE) % WHOLE) as usize
}
