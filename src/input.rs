//! Reading what is to be decrypted: a file or standard input, as a whole and up to a limit.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

use crate::failure::{Code, Failure, shown};
use crate::world::World;

/// Largest text that is decrypted, in bytes.
pub const MAX_TEXT: usize = 1 << 30;

/// What messages call the file at `path`.
pub fn name_of(path: &Path) -> String {
    if path == "-" { "standard input".to_string() } else { shown(path) }
}

/// From this size on a regular file is mapped and not read, in bytes. Reading a large file into fresh
/// memory takes several times as long as finding the tokens in it.
const MAPPED_FROM: u64 = 1 << 20;

/// What was read. Cipher text and configuration, no secret.
pub enum Input {
    /// Read into memory.
    Owned(Vec<u8>),
    /// Mapped from the page cache.
    Mapped(Mmap),
}

impl Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// Reads the file at `path`, or standard input for `-`.
///
/// # Errors
///
/// When it can't be read, or has more than `limit` bytes.
pub fn read(path: &Path, limit: usize, world: &World) -> Result<Input, Failure> {
    let file = if path == "-" { world.stdin() } else { File::open(path) };
    file.and_then(|file| read_file(file, limit)).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            let message = format!("{} has more than {limit} bytes", name_of(path));
            Failure::new(Code::General, message).hint("split it, and decrypt the parts one by one")
        }
        _ => Failure::io("read", &name_of(path), &error),
    })
}

fn read_file(mut file: File, limit: usize) -> io::Result<Input> {
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    if metadata.is_file() {
        if metadata.len() > limit as u64 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // A shell may have read a part of standard input already; only a file at its start is mapped.
        if metadata.len() >= MAPPED_FROM && file.stream_position()? == 0 {
            return map(&file).map(Input::Mapped);
        }
        // `read_to_end` would size the buffer by itself, but not through `take`.
        bytes.reserve_exact(metadata.len() as usize + 1);
    }
    (&mut file).take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Input::Owned(bytes))
}

/// A program that shortens the file meanwhile ends this process by `SIGBUS`, before anything is
/// written; one that changes it in place makes tokens fail, as it would between two reads.
#[allow(unsafe_code)]
fn map(file: &File) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    // SAFETY: the mapping is private and read only. Every byte of it is looked at as a plain number,
    // lengths and offsets come from one search and are checked against the slice, so bytes that
    // another program changes can make the result wrong, but not memory unsafe.
    unsafe { options.populate().map(file) }
}
