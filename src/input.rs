//! Reading what is to be decrypted: a file or standard input, as a whole and up to a limit.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};
use secretary_envelope::{Collector, Text};

use crate::failure::{Code, Failure, shown};
use crate::output::write_parts;
use crate::world::World;

/// Largest text that is decrypted, in bytes.
pub const MAX_TEXT: usize = 1 << 30;

/// What messages call the file at `path`.
pub fn name_of(path: &Path) -> String {
    if path == "-" { "standard input".to_string() } else { shown(path) }
}

/// From this size on a regular file is searched through a buffer and mapped, in bytes. Reading a large
/// file into fresh memory takes several times as long as finding the tokens in it.
const LARGE: u64 = 1 << 20;

/// What is read at once, so that it is still in the processor's cache when it is searched.
const BUFFER: usize = 256 * 1024;

/// What is copied to a pipe at once: half of what it holds, so that its reader has something to do while
/// the next part is fetched.
const HALF_A_PIPE: usize = 32 * 1024;

/// What was read. Cipher text and configuration, no secret.
pub struct Input(Kind);

enum Kind {
    Small(Vec<u8>),
    Large(Box<Large>),
}

struct Large {
    file: File,
    before: Metadata,
    tokens: Collector,
    map: Mmap,
}

impl Input {
    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Small(bytes) => bytes,
            Kind::Large(large) => &large.map,
        }
    }

    /// Its tokens.
    pub fn text(&self) -> Text<'_> {
        match &self.0 {
            Kind::Small(bytes) => Text::parse(bytes),
            Kind::Large(large) => large.tokens.text(&large.map),
        }
    }

    /// Writes `text`, which is that of [`Self::text`], to `out` with `plaintexts` in the tokens' places.
    ///
    /// # Errors
    ///
    /// When it can't be written, or another program has changed the input meanwhile.
    pub fn write_replaced<'a>(
        &'a self,
        text: &'a Text<'_>,
        plaintexts: impl Iterator<Item = &'a [u8]>,
        out: &mut File,
    ) -> io::Result<()> {
        let Kind::Large(large) = &self.0 else {
            return write_parts(out, text.replaced(plaintexts));
        };
        large.check_unchanged()?;
        let tokens = text.places().zip(plaintexts);
        match target_of(out) {
            // `/dev/null` does not even look at the pages, and a terminal is slower than any page.
            Target::Device => {
                write_parts(out, text.replaced(tokens.map(|(_, plaintext)| plaintext)))
            }
            Target::Pipe => large.copy_replaced(tokens, HALF_A_PIPE, out),
            Target::File => large.copy_replaced(tokens, BUFFER, out),
        }
    }
}

/// What large output is written to; each is fastest in another way.
#[cfg_attr(not(unix), expect(dead_code, reason = "all is taken for a file there"))]
enum Target {
    Device,
    Pipe,
    File,
}

#[cfg(unix)]
fn target_of(out: &File) -> Target {
    use std::os::unix::fs::FileTypeExt;

    match out.metadata().map(|metadata| metadata.file_type()) {
        Ok(kind) if kind.is_char_device() => Target::Device,
        Ok(kind) if kind.is_fifo() => Target::Pipe,
        _ => Target::File,
    }
}

#[cfg(not(unix))]
fn target_of(_: &File) -> Target {
    Target::File
}

impl Large {
    fn check_unchanged(&self) -> io::Result<()> {
        let now = self.file.metadata()?;
        if now.len() == self.before.len() && now.modified()? == self.before.modified()? {
            return Ok(());
        }
        Err(io::Error::other("another program has changed the input meanwhile"))
    }

    /// Reads the file once more. Writing from the mapping would touch each of its pages for the first
    /// time, which takes longer than reading them into a buffer that is in the cache.
    fn copy_replaced<'a>(
        &self,
        mut tokens: impl Iterator<Item = (Range<usize>, &'a [u8])>,
        at_once: usize,
        out: &mut File,
    ) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut buffer = vec![0; at_once];
        let mut next = tokens.next();
        let mut start = 0;
        loop {
            let count = read_some(file, &mut buffer)?;
            if count == 0 {
                return self.check_unchanged();
            }
            let (mut at, end) = (start, start + count);
            let mut parts = Vec::new();
            while let Some((token, plaintext)) =
                next.as_ref().filter(|(token, _)| token.start < end)
            {
                // One that began in the part before is written already.
                if token.start >= start {
                    parts.extend([&buffer[at - start..token.start - start], plaintext]);
                }
                at = token.end.min(end);
                if token.end > end {
                    break;
                }
                next = tokens.next();
            }
            parts.push(&buffer[at - start..count]);
            write_parts(out, parts.into_iter())?;
            start = end;
        }
    }
}

/// Reads the file at `path`, or standard input for `-`.
///
/// # Errors
///
/// When it can't be read, or has more than `limit` bytes.
pub fn read(path: &Path, limit: usize, world: &World) -> Result<Input, Failure> {
    let file = if path.as_os_str() == "-" { world.stdin() } else { File::open(path) };
    file.and_then(|file| read_file(file, limit)).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            let message = format!("{} has more than {limit} bytes", name_of(path));
            Failure::new(Code::General, message).hint("split it, and decrypt the parts one by one")
        }
        _ => Failure::io("read", &name_of(path), &error),
    })
}

fn read_file(mut file: File, limit: usize) -> io::Result<Input> {
    let mut bytes = Vec::new();
    // On Windows there is nothing to be known of a pipe.
    if let Some(metadata) = file.metadata().ok().filter(Metadata::is_file) {
        if metadata.len() > limit as u64 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // A shell may have read a part of standard input already; a mapping starts at the start.
        // There are file systems that map nothing, and take the other way.
        if metadata.len() >= LARGE
            && file.stream_position()? == 0
            && let Ok(map) = map(&file, metadata.len() as usize)
        {
            return Ok(Input(Kind::Large(Box::new(search(file, metadata, map)?))));
        }
        // `read_to_end` would size the buffer by itself, but not through `take`.
        bytes.reserve_exact(metadata.len() as usize + 1);
    }
    (&mut file).take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Input(Kind::Small(bytes)))
}

fn search(file: File, before: Metadata, map: Mmap) -> io::Result<Large> {
    let mut tokens = Collector::default();
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    loop {
        let count = read_some(&file, &mut buffer[filled..])?;
        if count == 0 {
            break;
        }
        let done = tokens.take(&buffer[..filled + count]);
        buffer.copy_within(done..filled + count, 0);
        filled = filled + count - done;
        if filled == buffer.len() {
            // A token that is larger than the buffer.
            buffer.resize(2 * filled, 0);
        }
    }
    let large = Large { file, before, tokens, map };
    large.check_unchanged()?;
    Ok(large)
}

fn read_some(mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A program that shortens the file while it is written ends this process by `SIGBUS`.
#[allow(unsafe_code)]
fn map(file: &File, len: usize) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    // SAFETY: the mapping is read only, and every byte of it is looked at as a plain number. Lengths
    // and offsets are not taken from it, so bytes that another program changes can make the output
    // wrong, but not this one memory unsafe.
    unsafe { options.len(len).map(file) }
}
