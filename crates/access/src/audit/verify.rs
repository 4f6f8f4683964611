//! Whether a log is whole: every line follows from the one before it.
//!
//! Reads a line at a time, so the memory it needs does not grow with the file, whoever wrote it.

use std::io::{self, BufRead, Read};

use super::line::{Head, Line, LineHash, MAX_LINE, OPENED, Wrong};

/// What is known of a log from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The hash of a line that was the last at some time. It has to be among the lines, as then nothing
    /// up to it is missing or changed. It need not be the last any more.
    pub head: Option<LineHash>,
}

/// One whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many lines it has, one at least.
    pub lines: u64,
    /// The number of its first line; another one than 1 when an older file comes before it.
    pub first: u64,
    /// Its last line.
    pub head: Head,
}

/// Where a log is not whole. What comes behind it was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {wrong}")]
pub struct Broken {
    /// The line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// Why a log is not known to be whole.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Read(#[from] io::Error),
}

/// Verifies a log that is in one file.
///
/// # Errors
///
/// When it is not whole, or can't be read.
pub fn verify(file: impl BufRead, expectation: Expectation) -> Result<Verified, VerifyError> {
    let mut verifier = Verifier::new(expectation);
    let verified = verifier.read(file)?;
    verifier.finish()?;
    Ok(verified)
}

/// Verifies a log that is in several files, the oldest first.
#[derive(Debug)]
pub struct Verifier {
    links: Links,
    expected: Option<LineHash>,
    line: u64,
}

impl Verifier {
    /// Nothing is read yet.
    pub fn new(expectation: Expectation) -> Self {
        Self { links: Links::default(), expected: expectation.head, line: 0 }
    }

    /// Reads the next file to its end. The first may go on from one that is not at hand; the others have to
    /// go on from the one before.
    ///
    /// # Errors
    ///
    /// When it is not whole, or can't be read.
    pub fn read(&mut self, mut file: impl BufRead) -> Result<Verified, VerifyError> {
        self.line = 0;
        let mut first = None;
        let mut line = Vec::new();
        loop {
            line.clear();
            // A file without a line feed must not fill the memory.
            (&mut file).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                break;
            }
            self.line += 1;
            let head = self.follow(&line).map_err(|wrong| Broken { line: self.line, wrong })?;
            first.get_or_insert(head.seq);
        }
        match (first, self.links.last) {
            (Some(first), Some(head)) => Ok(Verified { lines: self.line, first, head }),
            _ => Err(Broken { line: 1, wrong: Wrong::Empty }.into()),
        }
    }

    fn follow(&mut self, line: &[u8]) -> Result<Head, Wrong> {
        if line.len() > MAX_LINE {
            return Err(Wrong::TooLong);
        }
        let line = Line::parse(line.strip_suffix(b"\n").ok_or(Wrong::Torn)?)?;
        match self.line {
            1 => self.links.open(&line)?,
            _ => self.links.follow(&line)?,
        }
        self.expected.take_if(|expected| *expected == line.head.hash);
        Ok(line.head)
    }

    /// Says whether the expected line was there.
    ///
    /// # Errors
    ///
    /// When it was not. The line is then the last of the last file.
    pub fn finish(self) -> Result<(), Broken> {
        match self.expected {
            None => Ok(()),
            Some(_) => Err(Broken { line: self.line, wrong: Wrong::Head }),
        }
    }
}

/// A chain of lines, up to the last that was seen of it.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) last: Option<Head>,
}

impl Links {
    /// Takes the first line of a file.
    pub(super) fn open(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        if line.event != OPENED.as_bytes() {
            return Err(Wrong::Start);
        }
        if self.last.is_some() && line.head.seq == 1 {
            return Err(Wrong::NewChain);
        }
        self.follow(line)
    }

    /// Takes the next line. The very first may be any.
    pub(super) fn follow(&mut self, line: &Line<'_>) -> Result<(), Wrong> {
        let (seq, hash) = match self.last {
            Some(last) => (last.seq.saturating_add(1), last.hash),
            None if line.head.seq == 1 => (1, LineHash::NONE),
            None => (line.head.seq, line.prev),
        };
        if line.head.seq != seq {
            return Err(Wrong::Order { expected: seq, found: line.head.seq });
        }
        if line.prev != hash {
            return Err(Wrong::Replaced);
        }
        self.last = Some(line.head);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    /// Lines of `(number, hash of the line before, event)`, each with a hash that is right.
    fn file(lines: &[(u64, LineHash, &str)]) -> (Vec<u8>, LineHash) {
        let mut text = Vec::new();
        let mut last = LineHash::NONE;
        for (seq, hash, event) in lines {
            let before = Head { seq: seq - 1, hash: *hash };
            let rest = format!(r#""event":"{event}""#);
            last = before.write_next(&mut text, SystemTime::now(), rest.as_bytes()).hash;
        }
        (text, last)
    }

    fn wrong(files: &[Vec<u8>]) -> Option<Wrong> {
        let mut verifier = Verifier::new(Expectation::default());
        let results = files.iter().map(|file| verifier.read(&file[..]).map(drop));
        match results.collect::<Result<(), _>>() {
            Ok(()) => None,
            Err(VerifyError::Broken(broken)) => Some(broken.wrong),
            Err(VerifyError::Read(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn a_line_is_tied_to_the_one_before_it_and_not_to_its_number_alone() {
        let none = LineHash::NONE;
        let (first, one) = file(&[(1, none, "opened")]);
        let (second, two) = file(&[(2, one, "test")]);
        let (third, _) = file(&[(3, two, "test")]);
        let (other, _) = file(&[(2, one, "other")]);
        assert_eq!(wrong(&[[&first[..], &second, &third].concat()]), None);
        assert_eq!(wrong(&[[&first[..], &other, &third].concat()]), Some(Wrong::Replaced));
        let order = Wrong::Order { expected: 2, found: 3 };
        assert_eq!(wrong(&[[&first[..], &third].concat()]), Some(order));
    }

    #[test]
    fn a_chain_begins_with_number_one_and_nothing_before_it() {
        let (_, hash) = file(&[(1, LineHash::NONE, "opened")]);
        let (one, _) = file(&[(1, hash, "opened")]);
        assert_eq!(wrong(&[one]), Some(Wrong::Replaced));
        let (later, _) = file(&[(5, hash, "opened")]);
        assert_eq!(wrong(&[later]), None, "an older file comes before it");
    }

    #[test]
    fn a_file_begins_with_being_opened_and_goes_on_from_the_one_before() {
        let (first, one) = file(&[(1, LineHash::NONE, "opened")]);
        let (second, _) = file(&[(2, one, "opened")]);
        let (unopened, _) = file(&[(2, one, "test")]);
        assert_eq!(wrong(&[first.clone(), second]), None);
        assert_eq!(wrong(&[first.clone(), unopened.clone()]), Some(Wrong::Start));
        assert_eq!(wrong(&[unopened]), Some(Wrong::Start));
        assert_eq!(wrong(&[first.clone(), first]), Some(Wrong::NewChain));
    }

    #[test]
    fn a_file_without_an_end_takes_little_memory() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        let result = Verifier::new(Expectation::default()).read(endless);
        let broken = Broken { line: 1, wrong: Wrong::TooLong };
        assert!(matches!(result, Err(VerifyError::Broken(found)) if found == broken));
    }
}
