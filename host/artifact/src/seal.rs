//! How content is encrypted: the format of a sealed blob, and both ways through it, a chunk in memory at a time. It
//! knows no folder, and hands out no byte that it did not authenticate.
//!
//! | bytes | what |
//! |---|---|
//! | 6 | `TGSEAL` |
//! | 1 | the format's version, 1 |
//! | 1 + n | the length of the key's id, and the id |
//! | 32 | salt: HKDF-SHA256 of the secret with it is the blob's own key, so that nonces never meet |
//! | 7 | the nonce's prefix |
//! | 8 | the beginning of the SHA-256 of all this: a damaged id is not taken for a missing key |
//! | 64 Ki + 16 each | content, the last one shorter: ChaCha20-Poly1305 as a STREAM, the header as associated data |
//! | 16 | the STREAM's last block: empty, with header, digest and size of the content as associated data |
//!
//! The last block comes last since a stream's digest is known only then, but it is read first: what is no blob of this
//! very digest and size is refused before any of it is handed out. STREAM's counter and flag see to the rest: a chunk
//! that is missing, repeated, moved or of another blob does not decrypt.
//!
//! ChaCha20-Poly1305 rather than AES-GCM: it takes constant time in software on every machine.

use crate::blobs::{CHUNK, finish};
use crate::failure;
use crate::keyring::{self, Key, Keyring};
use aead_stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use zeroize::Zeroizing;

const MAGIC: &[u8; 7] = b"TGSEAL\x01";
const SALT: usize = 32;
const NONCE: usize = 7;
const CHECK: usize = 8;
/// A Poly1305 tag.
const TAG: usize = 16;
/// What the derived key is for, so that no other use of the secret has the same one.
const PURPOSE: &[u8] = b"tidegate sealed artifact 1";

type Stream = StreamBE32<ChaCha20Poly1305>;

/// What stands before the content.
struct Header {
    bytes: Vec<u8>,
    key: String,
}

impl Header {
    /// A new one, with fresh random numbers.
    fn new(key: &Key) -> Result<Self, Failure> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(u8::try_from(key.id.len()).map_err(|e| Failure::internal(e.to_string()))?);
        bytes.extend_from_slice(key.id.as_bytes());
        let mut random = [0; SALT + NONCE];
        getrandom::fill(&mut random)
            .map_err(|e| Failure::internal(format!("the system has no random numbers: {e}")))?;
        bytes.extend_from_slice(&random);
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check[..CHECK]);
        Ok(Self { bytes, key: key.id.clone() })
    }

    /// Reads one. Nothing in it is authenticated before the last block is.
    fn read(file: &File) -> Result<Self, Broken> {
        const LONGEST: usize = MAGIC.len() + 1 + keyring::LONGEST_ID + SALT + NONCE + CHECK;
        let mut bytes = Vec::with_capacity(LONGEST);
        let mut from = At { file, offset: 0 }.take(LONGEST as u64);
        from.read_to_end(&mut bytes)?;
        let id = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first());
        let id = id.and_then(|(length, rest)| rest.get(..usize::from(*length))).filter(|id| keyring::is_id(id));
        let key = String::from_utf8_lossy(id.ok_or(Broken::Damaged)?).into_owned();
        let length = MAGIC.len() + 1 + key.len() + SALT + NONCE + CHECK;
        if bytes.len() < length {
            return Err(Broken::Damaged);
        }
        bytes.truncate(length);
        let (checked, check) = bytes.split_at(length - CHECK);
        if Sha256::digest(checked)[..CHECK] != *check {
            return Err(Broken::Damaged);
        }
        Ok(Self { bytes, key })
    }

    /// The cipher of the one blob that has this header.
    fn stream(&self, key: &Key) -> Result<Stream, Failure> {
        let random = &self.bytes[self.bytes.len() - CHECK - NONCE - SALT..self.bytes.len() - CHECK];
        let (salt, prefix) = random.split_at(SALT);
        let mut derived = Zeroizing::new([0; 32]);
        let hkdf = Hkdf::<Sha256>::new(Some(salt), &key.secret);
        hkdf.expand(PURPOSE, &mut *derived).map_err(|e| Failure::internal(e.to_string()))?;
        let prefix = prefix.try_into().map_err(|_| Failure::internal("a nonce of another length"))?;
        Ok(Stream::new((&*derived).into(), prefix))
    }

    /// The last block's associated data.
    fn bind(&self, digest: &Digest, size: u64) -> Vec<u8> {
        [&self.bytes, digest.hex().as_bytes(), &size.to_be_bytes()].concat()
    }
}

/// Encrypts a stream of at most `limit` bytes with the newest key; answers the digest and size of what it was.
pub(crate) fn seal(
    mut from: impl Read,
    to: &mut impl Write,
    limit: u64,
    keys: &Keyring,
    write_failed: impl Fn(io::Error) -> Failure,
) -> Result<(Digest, u64), Failure> {
    let header = Header::new(keys.newest())?;
    let stream = header.stream(keys.newest())?;
    to.write_all(&header.bytes).map_err(&write_failed)?;
    let broken = |_| Failure::internal("an artifact cannot be encrypted");
    let (mut hash, mut size, mut position) = (Sha256::new(), 0_u64, 0_u32);
    let mut buffer = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
    loop {
        buffer.clear();
        from.by_ref().take(CHUNK as u64).read_to_end(&mut buffer).map_err(|e| failure::source(&e))?;
        let read = buffer.len();
        if read == 0 {
            break;
        }
        size += read as u64;
        if size > limit {
            return Err(failure::too_large(size, limit));
        }
        hash.update(&*buffer);
        stream.encrypt_in_place(position, false, &header.bytes, &mut *buffer).map_err(broken)?;
        to.write_all(&buffer).map_err(&write_failed)?;
        position = position.checked_add(1).ok_or_else(|| failure::too_large(size, size - 1))?;
        if read < CHUNK {
            break;
        }
    }
    let digest = finish(hash)?;
    let mut last = Vec::with_capacity(TAG);
    stream.encrypt_in_place(position, true, &header.bind(&digest, size), &mut last).map_err(broken)?;
    to.write_all(&last).map_err(&write_failed)?;
    Ok((digest, size))
}

/// Why a sealed blob cannot be read.
pub(crate) enum Broken {
    /// The system says so.
    Io(io::Error),
    /// It is not what was written, or not of this digest, or the key's secret is not the one it had.
    Damaged,
    /// What the failure says.
    Failed(Failure),
}

impl From<io::Error> for Broken {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::UnexpectedEof { Self::Damaged } else { Self::Io(e) }
    }
}

/// The size of the content, as the file's length says. Not authenticated, as a plain blob's size is not.
pub(crate) fn size(file: &File) -> Result<u64, Broken> {
    Ok(measure(file, &Header::read(file)?)?.0)
}

/// Content bytes, and in how many chunks.
fn measure(file: &File, header: &Header) -> Result<(u64, u32), Broken> {
    let body = file.metadata()?.len().checked_sub((header.bytes.len() + TAG) as u64).ok_or(Broken::Damaged)?;
    let whole = (CHUNK + TAG) as u64;
    let chunks = body.div_ceil(whole);
    // A last chunk without a byte is none that was written.
    if body % whole != 0 && body % whole <= TAG as u64 {
        return Err(Broken::Damaged);
    }
    Ok((body - chunks * TAG as u64, u32::try_from(chunks).map_err(|_| Broken::Damaged)?))
}

/// Whether a file is what [`seal`] would write for this content now, but for its random numbers.
pub(crate) fn is_current(file: &File, digest: &Digest, size: u64, keys: &Keyring) -> bool {
    Opened::new(file, digest, keys).is_ok_and(|opened| opened.size == size && opened.header.key == keys.newest_id())
}

/// A sealed blob that is known to be the one of a digest; each chunk is authenticated when it is read.
pub(crate) struct Opened<'a> {
    file: &'a File,
    header: Header,
    stream: Stream,
    chunks: u32,
    /// Of the content, in bytes.
    pub(crate) size: u64,
}

impl<'a> Opened<'a> {
    /// Finds the key, and authenticates header, digest and size.
    pub(crate) fn new(file: &'a File, digest: &Digest, keys: &Keyring) -> Result<Self, Broken> {
        let header = Header::read(file)?;
        let (size, chunks) = measure(file, &header)?;
        let key = keys.get(&header.key).ok_or_else(|| Broken::Failed(keyring::missing(&header.key)))?;
        let stream = header.stream(key).map_err(Broken::Failed)?;
        let opened = Self { file, header, stream, chunks, size };
        let mut last = vec![0; TAG];
        file.read_exact_at(&mut last, opened.header.bytes.len() as u64 + size + u64::from(chunks) * TAG as u64)?;
        let bound = opened.header.bind(digest, size);
        opened.stream.decrypt_in_place(chunks, true, &bound, &mut last).map_err(|_| Broken::Damaged)?;
        Ok(opened)
    }

    /// How many chunks there are.
    pub(crate) fn chunks(&self) -> u32 {
        self.chunks
    }

    /// The content of one chunk.
    pub(crate) fn chunk(&self, index: u32, into: &mut Vec<u8>) -> Result<(), Broken> {
        let start = u64::from(index) * CHUNK as u64;
        let length = usize::try_from((self.size - start).min(CHUNK as u64)).map_err(io::Error::other)?;
        into.clear();
        into.resize(length + TAG, 0);
        let offset = self.header.bytes.len() as u64 + start + u64::from(index) * TAG as u64;
        self.file.read_exact_at(into, offset)?;
        self.stream.decrypt_in_place(index, false, &self.header.bytes, into).map_err(|_| Broken::Damaged)
    }
}

/// Reads a file from a place on, wherever others read it.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
