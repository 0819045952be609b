//! What happens to an archive's bytes on their way into the file: cut into blocks, compressed by as many threads as
//! there are cores, put in order, counted and hashed. The bytes depend on the content alone, never on the machine or
//! its cores.
//!
//! gzip comes out as one member: each block is deflated on its own with the 32 KiB before it as its dictionary, and all
//! but the last end with an empty stored block, which brings them to a whole byte. (pigz does the same; unlike several
//! members, this is what every reader of gzip takes.) Two new compressors that are given the same block and dictionary
//! answer the same bytes: zlib-rs picks instructions by the processor, but nothing that changes a match.

use crate::packing::Compression;
use crate::summary::finish;
use crate::tree::failed;
use flate2::{Compress, FlushCompress, Status};
use model::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Bytes of one block before compression. Larger ones are no smaller afterwards and keep fewer cores busy, smaller ones
/// pay for more compressors.
const BLOCK: usize = 256 << 10;
/// How far back deflate can point.
const WINDOW: usize = 32 << 10;
/// zlib's level. A tree of sources: level 1 170 MB/s a core and 36 % left, level 2 80 MB/s and 29 %, level 6 47 MB/s
/// and 26 %.
const LEVEL: u32 = 1;
/// Most threads that compress.
const MOST_WORKERS: usize = 8;
/// gzip's header: deflate, no name, no time, fastest, no operating system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// What was written.
pub(crate) struct Written {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Before compression.
    pub(crate) content_digest: Digest,
}

/// As many threads as have something to run on.
pub(crate) fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS)
}

/// Writes what `fill` gives to a file that is called `name` in errors.
pub(crate) fn write(
    to: &mut File,
    name: &str,
    compression: Compression,
    workers: usize,
    fill: impl FnOnce(&mut Blocks) -> Result<(), Failure>,
) -> Result<Written, Failure> {
    let depth = workers * 2 + 2;
    let (in_order, parts) = sync_channel(depth);
    let (to_workers, jobs) = sync_channel::<Job>(depth);
    let jobs = Mutex::new(jobs);
    let gzip = compression == Compression::Gzip;
    thread::scope(|scope| {
        let jobs = &jobs;
        let writer = scope.spawn(move || put(to, parts, gzip));
        let to_workers = gzip.then_some(to_workers);
        for _ in 0..if gzip { workers } else { 0 } {
            scope.spawn(move || work(jobs));
        }
        let mut blocks =
            Blocks { block: Vec::with_capacity(BLOCK), before: Vec::new(), in_order, to_workers, hash: Sha256::new() };
        let filled = fill(&mut blocks).and_then(|()| blocks.send(true));
        let hash = std::mem::take(&mut blocks.hash);
        // The others end once nobody gives them any more.
        drop(blocks);
        let written = writer.join().map_err(|_| Failure::internal("the thread that writes an archive panicked"))?;
        // A broken disk is why there was nobody to take the next block, so it goes first.
        let (written, size) = written.map_err(|e| failed("write", name, &e))?;
        filled?;
        let digest = finish(written)?;
        let content_digest = if gzip { finish(hash)? } else { digest.clone() };
        Ok(Written { digest, size, content_digest })
    })
}

/// A block to be compressed, and where the answer goes.
struct Job {
    content: Vec<u8>,
    dictionary: Vec<u8>,
    last: bool,
    done: SyncSender<io::Result<Deflated>>,
}

struct Deflated {
    bytes: Vec<u8>,
    /// Of the content.
    check: crc32fast::Hasher,
    content: u64,
}

/// What comes next in the file.
enum Part {
    Plain(Vec<u8>),
    Deflated(Receiver<io::Result<Deflated>>),
}

/// Takes the archive's bytes.
pub(crate) struct Blocks {
    block: Vec<u8>,
    /// The end of the block before.
    before: Vec<u8>,
    in_order: SyncSender<Part>,
    to_workers: Option<SyncSender<Job>>,
    hash: Sha256,
}

impl Blocks {
    /// Adds some bytes.
    pub(crate) fn add(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            self.make_room()?;
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Adds `size` bytes of a file; answers how many of them were there. `between` is asked once a block.
    pub(crate) fn add_file(
        &mut self,
        mut file: &File,
        size: u64,
        path: &[u8],
        between: impl Fn() -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut left = size;
        while left > 0 {
            self.make_room()?;
            let start = self.block.len();
            let most = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK - start);
            self.block.resize(start + most, 0);
            let read = match file.read(&mut self.block[start..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                    self.block.truncate(start);
                    continue;
                }
                read => read.map_err(|e| failed("read", &String::from_utf8_lossy(path), &e))?,
            };
            self.block.truncate(start + read);
            if read == 0 {
                break;
            }
            left -= read as u64;
            between()?;
        }
        Ok(size - left)
    }

    fn make_room(&mut self) -> Result<(), Failure> {
        if self.block.len() < BLOCK { Ok(()) } else { self.send(false) }
    }

    fn send(&mut self, last: bool) -> Result<(), Failure> {
        // Never seen: the writer's own error goes first.
        let gone = || Failure::internal("nobody writes the archive any more");
        let content = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let Some(to_workers) = &self.to_workers else {
            return self.in_order.send(Part::Plain(content)).map_err(|_| gone());
        };
        self.hash.update(&content);
        let next = content[content.len().saturating_sub(WINDOW)..].to_vec();
        let dictionary = std::mem::replace(&mut self.before, next);
        let (done, later) = sync_channel(1);
        self.in_order.send(Part::Deflated(later)).map_err(|_| gone())?;
        to_workers.send(Job { content, dictionary, last, done }).map_err(|_| gone())
    }
}

/// Compresses block after block, until nobody has one any more.
fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // Nobody waits for it where the writer has failed.
        let _ = job.done.send(compress(&job));
    }
}

fn compress(job: &Job) -> io::Result<Deflated> {
    // A new one for each block: one that was reset answers other bytes, depending on what it had before (zlib-rs
    // 0.6.8).
    let mut deflate = Compress::new(flate2::Compression::new(LEVEL), false);
    if !job.dictionary.is_empty() {
        deflate.set_dictionary(&job.dictionary)?;
    }
    let mut bytes = Vec::with_capacity(job.content.len() / 2 + 1024);
    let flush = if job.last { FlushCompress::Finish } else { FlushCompress::Sync };
    loop {
        let read = usize::try_from(deflate.total_in()).map_err(io::Error::other)?;
        let status = deflate.compress_vec(&job.content[read..], &mut bytes, flush)?;
        let all = deflate.total_in() == job.content.len() as u64;
        // A flush is over once there is room left.
        if status == Status::StreamEnd || (!job.last && all && bytes.len() < bytes.capacity()) {
            break;
        }
        bytes.reserve(job.content.len() / 2 + 1024);
    }
    let mut check = crc32fast::Hasher::new();
    check.update(&job.content);
    Ok(Deflated { bytes, check, content: job.content.len() as u64 })
}

/// Writes the parts in their order; answers hash and size of the file.
fn put(to: &mut File, parts: Receiver<Part>, gzip: bool) -> io::Result<(Sha256, u64)> {
    let mut out = Out { to, hash: Sha256::new(), size: 0 };
    let (mut check, mut content) = (crc32fast::Hasher::new(), 0_u64);
    if gzip {
        out.put(&HEAD)?;
    }
    for part in parts {
        match part {
            Part::Plain(bytes) => out.put(&bytes)?,
            Part::Deflated(later) => {
                let deflated = later.recv().map_err(|_| io::Error::other("a thread that compresses ended"))??;
                check.combine(&deflated.check);
                content += deflated.content;
                out.put(&deflated.bytes)?;
            }
        }
    }
    if gzip {
        out.put(&check.finalize().to_le_bytes())?;
        // Its length modulo 2^32, as RFC 1952 has it.
        out.put(&content.to_le_bytes()[..4])?;
    }
    Ok((out.hash, out.size))
}

struct Out<'a> {
    to: &'a mut File,
    hash: Sha256,
    size: u64,
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.to.write_all(bytes)
    }
}
