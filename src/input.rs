//! Reading what is to be decrypted: a file or standard input, as a whole and up to a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::{Failure, shown};
use crate::world::World;

/// Largest text that is decrypted, in bytes.
pub const MAX_TEXT: usize = 1 << 30;

/// What messages call the file at `path`.
pub fn name_of(path: &Path) -> String {
    if path == "-" { "standard input".to_string() } else { shown(path) }
}

/// Reads the file at `path`, or standard input for `-`.
///
/// # Errors
///
/// When it can't be read, or has more than `limit` bytes.
pub fn read(path: &Path, limit: usize, world: &World) -> Result<Vec<u8>, Failure> {
    let file = if path == "-" { world.stdin() } else { File::open(path) };
    file.and_then(|file| read_file(file, limit)).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            let message = format!("{} has more than {limit} bytes", name_of(path));
            Failure::new(crate::failure::Code::General, message)
                .hint("split it, and decrypt the parts one by one")
        }
        _ => Failure::io("read", &name_of(path), &error),
    })
}

fn read_file(mut file: File, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let metadata = file.metadata()?;
    // `read_to_end` sizes the buffer by what is left of a regular file, but not through `take`.
    if metadata.is_file() && metadata.len() <= limit as u64 {
        bytes.reserve_exact(metadata.len() as usize + 1);
    }
    (&mut file).take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
