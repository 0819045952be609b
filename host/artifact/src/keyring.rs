//! The secrets that confidential artifacts are encrypted with. It never prints one, and wipes each from memory when it
//! is dropped; it never removes a key, since something may still be sealed with it.

use model::{Blame, Failure};
use std::fmt;
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

use crate::shelf;

/// Shortest secret, in bytes: as many as the cipher's key has.
const SHORTEST: usize = 32;
/// Longest id, in bytes: it is in the header of each blob.
pub(crate) const LONGEST_ID: usize = 64;
/// The file that a machine keeps a key of its own in: the id, a space, the secret in hexadecimal digits, a newline.
const FILE: &str = "encryption.key";
/// Ids of such keys begin with this, and no two machines have the same.
const OWN: &str = "own-";

/// Secrets for confidential artifacts. The newest encrypts, all of them decrypt.
pub struct Keyring {
    /// Oldest first, never empty.
    keys: Vec<Key>,
}

/// One secret with the id that blobs name it by.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

impl Keyring {
    /// The keys of the host configuration's `spec.encryption.keys`, in its order: the last one encrypts. An id has up
    /// to 64 letters, digits, `.`, `_` or `-`. Errors: `invalid` for none, a short secret, a bad or repeated id.
    pub fn configured(keys: Vec<(String, Vec<u8>)>) -> Result<Self, Failure> {
        // Wrapped before anything can fail, so that each of them is wiped.
        let keys: Vec<Key> = keys.into_iter().map(|(id, secret)| Key { id, secret: Zeroizing::new(secret) }).collect();
        let wrong = |message: String| Failure::new(Blame::User, "invalid", message);
        if keys.is_empty() {
            return Err(wrong("`spec.encryption.keys` has no key".to_owned()).hint(HOW));
        }
        for (index, key) in keys.iter().enumerate() {
            if !is_id(key.id.as_bytes()) {
                let shown: String = key.id.chars().take(LONGEST_ID).collect();
                let message = format!("{shown:?} is no id of an encryption key");
                return Err(wrong(message).hint("use up to 64 letters, digits, `.`, `_` or `-`"));
            }
            if keys[..index].iter().any(|other| other.id == key.id) {
                return Err(wrong(format!("two encryption keys have the id `{}`", key.id))
                    .hint("give each key an id of its own, and never one that another key had"));
            }
            if key.secret.len() < SHORTEST {
                let (id, length) = (&key.id, key.secret.len());
                let message =
                    format!("the encryption key `{id}` has {length} bytes, where it needs {SHORTEST} or more");
                return Err(wrong(message).hint(HOW));
            }
        }
        Ok(Self { keys })
    }

    /// The key that this machine made for itself in a folder, and whether it was made just now: then somebody should be
    /// told to keep a copy. Whoever comes at the same time gets the same key. Errors: `unavailable`, `exhausted`;
    /// `invalid` where the file has no key or others may read it.
    pub fn own(folder: &Path) -> Result<(Self, bool), Failure> {
        shelf::make_folder(folder).map_err(of_file("made", folder))?;
        let (key, made) = match read_own(folder)? {
            Some(key) => (key, false),
            None if make_own(folder)? => (written(folder)?, true),
            None => (written(folder)?, false),
        };
        // Another process may have named it a moment ago: what it encrypts must not outlive it.
        shelf::sync(folder).map_err(of_file("made", folder))?;
        Ok((Self { keys: vec![key] }, made))
    }

    /// The same keys, and for decrypting also the one that this machine made for itself in a folder, if it ever did:
    /// what was sealed before there was a configured key stays readable. Errors: those of [`Keyring::own`].
    pub fn with_own(mut self, folder: &Path) -> Result<Self, Failure> {
        if let Some(key) = read_own(folder)?
            && self.get(&key.id).is_none()
        {
            self.keys.insert(0, key);
        }
        Ok(self)
    }

    /// The id of the key that encrypts.
    pub fn newest_id(&self) -> &str {
        &self.newest().id
    }

    /// The key that encrypts.
    pub(crate) fn newest(&self) -> &Key {
        &self.keys[self.keys.len() - 1]
    }

    /// A key by its id.
    pub(crate) fn get(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// The ids alone.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.keys.iter().map(|key| &key.id).collect::<Vec<_>>()).finish()
    }
}

const HOW: &str = "make one with `openssl rand -base64 32`";

/// Whether it can name a key.
pub(crate) fn is_id(id: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(plain)
}

/// Why a blob's key is not there. The id is known to have only plain characters.
pub(crate) fn missing(id: &str) -> Failure {
    let message = format!("the encryption key `{id}` is not there, which the artifact was encrypted with");
    let hint = if id.starts_with(OWN) {
        format!("a machine made that key for itself: put its file `{FILE}` back into the host's state folder")
    } else {
        format!("put the key `{id}` back into `spec.encryption.keys`, before the newest one")
    };
    Failure::new(Blame::User, "unavailable", message).hint(hint)
}

fn of_file(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let message = format!("the encryption key in {} cannot be {doing}", path.display());
    move |e| {
        let code = match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "exhausted",
            _ => "unavailable",
        };
        Failure::new(Blame::Host, code, format!("{message}: {e}"))
    }
}

/// The machine's own key, if it has one.
fn read_own(folder: &Path) -> Result<Option<Key>, Failure> {
    let path = folder.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(of_file("read", &path)(e)),
    };
    let wrong = |message: String| Failure::new(Blame::User, "invalid", message);
    if file.metadata().map_err(of_file("read", &path))?.mode() & 0o077 != 0 {
        let shown = path.display();
        let message = format!("the encryption key in {shown} can be read by other users of this machine");
        return Err(wrong(message).hint(format!("chmod 600 {shown}")));
    }
    // Of a fixed capacity: a buffer that grew would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.take(256).read_to_string(&mut text).map_err(of_file("read", &path))?;
    let key = || -> Option<Key> {
        let (id, digits) = text.strip_suffix('\n')?.split_once(' ')?;
        let mut secret = Zeroizing::new(vec![0; SHORTEST]);
        hex::decode_to_slice(digits, &mut secret).ok()?;
        is_id(id.as_bytes()).then(|| Key { id: id.to_owned(), secret })
    };
    key().map(Some).ok_or_else(|| {
        wrong(format!("{} holds no encryption key", path.display()))
            .hint("put a copy of it back; without one, what was encrypted with it is lost")
    })
}

/// The key that is there for certain.
fn written(folder: &Path) -> Result<Key, Failure> {
    read_own(folder)?.ok_or_else(|| of_file("read", &folder.join(FILE))(io::ErrorKind::NotFound.into()))
}

/// Makes the key file, complete and on the disk before it has its name; false where somebody else was quicker.
fn make_own(folder: &Path) -> Result<bool, Failure> {
    let mut random = Zeroizing::new([0; SHORTEST + 4]);
    getrandom::fill(&mut *random).map_err(|e| Failure::internal(format!("the system has no random numbers: {e}")))?;
    let (id, secret) = random.split_at(4);
    let mut digits = Zeroizing::new([0; SHORTEST * 2]);
    hex::encode_to_slice(secret, &mut *digits).map_err(|e| Failure::internal(e.to_string()))?;
    let make = || {
        let mut builder = tempfile::Builder::new();
        builder.permissions(Permissions::from_mode(0o600)).prefix(".encryption-key-");
        let mut draft = builder.tempfile_in(folder)?;
        write!(draft, "{OWN}{} ", hex::encode(id))?;
        draft.write_all(&*digits)?;
        draft.write_all(b"\n")?;
        draft.as_file().sync_all()?;
        match draft.persist_noclobber(folder.join(FILE)) {
            Ok(_) => Ok(true),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e.error),
        }
    };
    make().map_err(of_file("made", folder))
}
