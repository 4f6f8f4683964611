//! The file of a log: opened so that no other process writes to it, and read at its end.

use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::MAX_BATCH;
use super::chain::{AuditError, Storage};
use super::line::{Head, Line, MAX_LINE, Wrong};
use super::verify::Links;

/// How much of the end of a file is verified when it is opened: the last batch, and a line before it. All
/// of a file of years would keep the first request waiting; that is what verifying by itself is for.
const WINDOW: u64 = (MAX_BATCH + 2 * MAX_LINE) as u64;

/// How often another program may be renaming the file just now.
const TRIES: usize = 8;

/// Why a log can't be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A system call failed.
    #[error("cannot {doing} the audit log {}: {error}", path.display())]
    Io {
        /// Open, create, lock, read, cut, write to, or sync the folder of.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: Arc<io::Error>,
    },
    /// A symbolic link, which could lead to any file of those that its folder's owner may not write.
    /// Renaming it would also leave the file where it is.
    #[error("the audit log {} is a symbolic link; give the name of the file itself", .0.display())]
    SymbolicLink(PathBuf),
    /// A folder, a pipe, a device.
    #[error("the audit log {} is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// Another process has it.
    #[error("the audit log {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Its end is not as this program wrote it.
    #[error("the audit log {} was changed, or is none; near its end, {wrong}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with one of its last lines.
        wrong: Wrong,
    },
    /// It has lines of another chain than the one that is to go on in it.
    #[error("the audit log {} has lines that are none of this process's; move it away", .0.display())]
    OtherChain(PathBuf),
    /// A sync of it has failed before.
    #[error("the audit log {} could not be synced before; move it away", .0.display())]
    Unsynced(PathBuf),
    /// Lines that were reported as written were lost in a sync that failed, or to another program. Whoever has kept them looks for them when
    /// it starts, and not before.
    #[error("lines of the audit log {} could not be synced, and the program has to be started anew", .0.display())]
    Lost(PathBuf),
    /// The log is closed.
    #[error("the audit log is closed")]
    Closed,
}

impl OpenError {
    /// The first line of the file at `path` could not be written.
    pub(super) fn first_line(path: &Path, error: AuditError) -> Self {
        let (doing, error) = match error {
            AuditError::Write(error) => ("write to", error),
            AuditError::Sync(error) => ("sync", error),
            other => ("write to", Arc::new(io::Error::other(other))),
        };
        Self::Io { doing, path: path.to_path_buf(), error }
    }
}

/// The end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Its last line, if it has one.
    pub(super) head: Option<Head>,
    /// Where that ends.
    pub(super) len: u64,
    /// The bytes behind it, which are no whole line.
    pub(super) dropped: u64,
}

/// A regular file that this process has locked.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens the file at `path`, or makes it with mode 0600, and locks it. Its name is durable then.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        for _ in 0..TRIES {
            let Some(file) = open_or_create(path)? else { continue };
            let file = Self { path: path.to_path_buf(), file };
            file.lock()?;
            // Between the two it may have been renamed, and the lock would be another file's.
            if file.is_in_place()? {
                file.sync_folder()?;
                return Ok(file);
            }
        }
        Err(io_error("open", path)(ErrorKind::Interrupted.into()))
    }

    /// Whether the path still leads to this file.
    pub(super) fn is_in_place(&self) -> Result<bool, OpenError> {
        let same = match fs::symlink_metadata(&self.path) {
            Ok(there) => self.file.metadata().map(|here| is_same(&there, &here)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        same.map_err(io_error("open", &self.path))
    }

    /// The same open file, with the same lock.
    pub(super) fn try_clone(&self) -> Result<Self, OpenError> {
        let file = self.file.try_clone().map_err(io_error("open", &self.path))?;
        Ok(Self { path: self.path.clone(), file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Finds the last line, verifies the ones before it, and cuts off half a line behind it.
    pub(super) fn find_end(&mut self) -> Result<End, OpenError> {
        let len = self.len().map_err(io_error("read", &self.path))?;
        let start = len.saturating_sub(WINDOW);
        let bytes = self.read(start, len).map_err(io_error("read", &self.path))?;
        let end = end_of(&bytes, start)
            .map_err(|wrong| OpenError::Foreign { path: self.path.clone(), wrong })?;
        if end.dropped > 0 {
            self.cut(end.len).map_err(io_error("cut", &self.path))?;
        }
        Ok(end)
    }

    /// The line with the number `seq`, if it is in this file and unchanged. Lines are in the order of their numbers,
    /// so it is looked for by halving.
    pub(super) fn find(&mut self, seq: u64) -> Result<Option<Head>, OpenError> {
        let failed = io_error("read", &self.path);
        let (mut low, mut high) = (0, self.len().map_err(&failed)?);
        while low < high {
            let middle = low + (high - low) / 2;
            let (start, line) = self.line_around(middle, low, high).map_err(&failed)?;
            let Ok(found) = Line::parse(&line) else { return Ok(None) };
            match found.head.seq.cmp(&seq) {
                Ordering::Less => low = start + line.len() as u64 + 1,
                Ordering::Equal => return Ok(Some(found.head)),
                Ordering::Greater => high = start,
            }
        }
        Ok(None)
    }

    /// The line without its line feed that has the byte at `place`, and where it begins. Lines begin at `low` and at
    /// `high`.
    fn line_around(&mut self, place: u64, low: u64, high: u64) -> io::Result<(u64, Vec<u8>)> {
        let from = place.saturating_sub(MAX_LINE as u64).max(low);
        let mut bytes = self.read(from, (place + MAX_LINE as u64).min(high))?;
        let is_feed = |byte: &u8| *byte == b'\n';
        // Less than that when another program has just cut the file. Then there is no line.
        let at = bytes.len().min((place - from) as usize);
        let start = bytes[..at].iter().rposition(is_feed).map_or(0, |feed| feed + 1);
        let end = bytes[at..].iter().position(is_feed).map_or(bytes.len(), |feed| at + feed);
        bytes.truncate(end);
        Ok((from + start as u64, bytes.split_off(start)))
    }

    fn read(&mut self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(start))?;
        (&mut self.file).take(end - start).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn lock(&self) -> Result<(), OpenError> {
        self.file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(self.path.clone()),
            TryLockError::Error(error) => io_error("lock", &self.path)(error),
        })
    }

    /// A name that is not synced can be gone after a power failure, and the lines with it.
    fn sync_folder(&self) -> Result<(), OpenError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
        match synced {
            // File systems that have no such thing.
            Err(error) if is_not_supported(&error) => Ok(()),
            other => other.map_err(io_error("sync the folder of", &self.path)),
        }
    }
}

impl Storage for LogFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    #[cfg(unix)]
    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    /// Who may only append may not cut there.
    #[cfg(windows)]
    fn cut(&mut self, len: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(&self.path)?.set_len(len)
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> OpenError + use<> {
    let path = path.to_path_buf();
    move |error| OpenError::Io { doing, path: path.clone(), error: Arc::new(error) }
}

/// `None` when it came or went in between.
fn open_or_create(path: &Path) -> Result<Option<File>, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(OpenError::SymbolicLink(path.to_path_buf())),
        // Opening a pipe or a device can have effects of its own.
        Ok(found) if !found.is_file() => Err(OpenError::NotAFile(path.to_path_buf())),
        Ok(_) => match options.open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(io_error("open", path)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => match create(options, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            other => other.map(Some).map_err(io_error("create", path)),
        },
        Err(error) => Err(io_error("open", path)(error)),
    }
}

#[cfg(unix)]
fn create(mut options: OpenOptions, path: &Path) -> io::Result<File> {
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create_new(true).open(path)
}

#[cfg(windows)]
fn create(options: OpenOptions, path: &Path) -> io::Result<File> {
    // Closed at once, because it was not opened for appending.
    drop(secretary_acl::create_owner_only(path)?);
    options.open(path)
}

#[cfg(unix)]
fn is_same(there: &fs::Metadata, here: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (there.dev(), there.ino()) == (here.dev(), here.ino())
}

/// Elsewhere an open file is not renamed.
#[cfg(not(unix))]
fn is_same(there: &fs::Metadata, _: &fs::Metadata) -> bool {
    there.is_file()
}

fn is_not_supported(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
        || (cfg!(windows) && error.kind() == ErrorKind::PermissionDenied)
}

/// The end of a file whose last bytes are `bytes`, from `start` on.
fn end_of(bytes: &[u8], start: u64) -> Result<End, Wrong> {
    let is_feed = |byte: &u8| *byte == b'\n';
    // The window begins anywhere in a line.
    let skipped = match start {
        0 => 0,
        _ => bytes.iter().position(is_feed).ok_or(Wrong::TooLong)? + 1,
    };
    let end = bytes.iter().rposition(is_feed).map_or(0, |feed| feed + 1);
    let torn = &bytes[end..];
    if torn.len() >= MAX_LINE {
        return Err(Wrong::TooLong);
    }
    let mut links = Links::default();
    for (number, line) in bytes[skipped..end].split_inclusive(is_feed).enumerate() {
        if line.len() > MAX_LINE {
            return Err(Wrong::TooLong);
        }
        let line = Line::parse(&line[..line.len() - 1])?;
        match (start, number) {
            (0, 0) => links.open(&line)?,
            _ => links.follow(&line)?,
        }
    }
    // Without a line before it, nothing but its own look says that what is cut off was ours.
    if links.last.is_none() && !is_start_of_a_line(torn) {
        return Err(Wrong::NotALine);
    }
    Ok(End { head: links.last, len: start + end as u64, dropped: torn.len() as u64 })
}

fn is_start_of_a_line(bytes: &[u8]) -> bool {
    let start = br#"{"seq":"#;
    start.starts_with(bytes) || bytes.starts_with(start)
}

#[cfg(test)]
mod tests {
    use super::super::line::{LineHash, MAX_MEMBERS};
    use super::*;
    use std::time::SystemTime;

    /// The text of a file with `count` lines behind the first.
    fn text(count: usize) -> (Head, Vec<u8>) {
        let mut text = Vec::new();
        let now = SystemTime::now();
        let mut head = Head::START.write_next(&mut text, now, br#""event":"opened","version":"1""#);
        for _ in 0..count {
            head = head.write_next(&mut text, now, br#""event":"test","a":1"#);
        }
        (head, text)
    }

    fn find_end(text: &[u8]) -> Result<(End, Vec<u8>), OpenError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, text).unwrap();
        let end = LogFile::open(&path)?.find_end();
        let left = fs::read(&path).unwrap();
        match end {
            Ok(end) => Ok((end, left)),
            Err(error) => {
                assert!(left == text, "what is not ours stays as it is");
                Err(error)
            }
        }
    }

    fn wrong(text: &[u8]) -> Wrong {
        match find_end(text) {
            Err(OpenError::Foreign { wrong, .. }) => wrong,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn finds_the_last_line_of_a_small_file_and_of_a_large_one() {
        for count in [0, 1, 20_000] {
            let (head, text) = text(count);
            let (end, left) = find_end(&text).unwrap();
            assert_eq!(end, End { head: Some(head), len: text.len() as u64, dropped: 0 });
            assert!(left == text);
        }
        assert_eq!(find_end(b"").unwrap().0, End { head: None, len: 0, dropped: 0 });
    }

    #[test]
    fn finds_a_line_by_its_number_and_none_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for first in [0, 1000] {
            let mut head = Head { seq: first, hash: LineHash::NONE };
            let (mut text, mut heads) = (Vec::new(), Vec::new());
            for number in 0..300 {
                let padding = "x".repeat(number * 7919 % MAX_MEMBERS / 8);
                let rest = format!(r#""event":"test","a":"{padding}""#);
                head = head.write_next(&mut text, SystemTime::now(), rest.as_bytes());
                heads.push(head);
            }
            fs::write(&path, &text).unwrap();
            let mut file = LogFile::open(&path).unwrap();
            for head in &heads {
                assert_eq!(file.find(head.seq).unwrap(), Some(*head));
            }
            for seq in [0, first, first + 301, u64::MAX] {
                assert_eq!(file.find(seq).unwrap(), None);
            }
            // A line that was changed is not there.
            let at = text.len() - 100;
            text[at] ^= 1;
            fs::write(&path, &text).unwrap();
            assert_eq!(file.find(first + 300).unwrap(), None);
            assert_eq!(file.find(first + 2).unwrap(), Some(heads[1]));
        }
        fs::write(&path, b"").unwrap();
        assert_eq!(LogFile::open(&path).unwrap().find(1).unwrap(), None);
    }

    #[test]
    fn cuts_off_half_a_line() {
        let (head, good) = text(3);
        for torn in [&b"{"[..], br#"{"seq":5,"pr"#, b"anything", &[0; 5000]] {
            let (end, left) = find_end(&[&good[..], torn].concat()).unwrap();
            let (len, dropped) = (good.len() as u64, torn.len() as u64);
            assert_eq!(end, End { head: Some(head), len, dropped });
            assert!(left == good);
        }
        let (end, left) = find_end(&good[..20]).unwrap();
        assert_eq!((end.head, end.dropped, left), (None, 20, Vec::new()));
    }

    #[test]
    fn refuses_what_is_no_log_and_leaves_it_alone() {
        let (_, good) = text(3);
        assert_eq!(wrong(b"some text of another program"), Wrong::NotALine);
        assert_eq!(wrong(b"some text of another program\n"), Wrong::NotALine);
        assert_eq!(wrong(&[&good[..], &[b'x'; MAX_LINE]].concat()), Wrong::TooLong);
        assert_eq!(wrong(&vec![b'x'; 4 << 20]), Wrong::TooLong);
        assert_eq!(wrong(&[&good[..], b"\n"].concat()), Wrong::NotALine);
    }

    #[test]
    fn refuses_a_log_that_was_changed_near_its_end() {
        for count in [3, 20_000] {
            let (_, good) = text(count);
            let mut changed = good.clone();
            let at = good.len() - 200;
            changed[at] ^= 1;
            assert!(matches!(find_end(&changed), Err(OpenError::Foreign { .. })));
            let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
            let without = |number| [&lines[..number], &lines[number + 1..]].concat().concat();
            assert!(matches!(wrong(&without(lines.len() - 2)), Wrong::Order { .. }));
        }
        let (_, good) = text(3);
        let second = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(wrong(&good[second..]), Wrong::Start);
    }

    #[test]
    #[cfg(unix)]
    fn refuses_what_is_no_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for _ in 0..2 {
            assert!(matches!(LogFile::open(&link), Err(OpenError::SymbolicLink(_))));
            fs::write(&file, "").unwrap();
        }
        assert!(matches!(LogFile::open(folder.path()), Err(OpenError::NotAFile(_))));
        let device = Path::new("/dev/null");
        assert!(matches!(LogFile::open(device), Err(OpenError::NotAFile(_))));
        let missing = folder.path().join("missing/log");
        assert!(matches!(LogFile::open(&missing), Err(OpenError::Io { doing: "create", .. })));
    }

    #[test]
    #[cfg(unix)]
    fn a_new_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let _file = LogFile::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let first = LogFile::open(&path).unwrap();
        assert!(matches!(LogFile::open(&path), Err(OpenError::InUse(_))));
        drop(first);
        LogFile::open(&path).unwrap();
    }
}
