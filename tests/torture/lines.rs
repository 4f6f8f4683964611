//! Lines of the audit log: which calls have one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use crate::server::json;

/// What two lines have in common that may be of the same call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    action: String,
    name: String,
    version: u64,
    served: u64,
    result: String,
}

impl Line {
    pub(crate) fn new(action: &str, name: &str, version: u32, served: u32, result: &str) -> Self {
        let [action, name, result] = [action, name, result].map(str::to_string);
        Self { action, name, version: version.into(), served: served.into(), result }
    }

    /// A list, which is about no secret.
    pub(crate) fn is_list(&self) -> bool {
        self.name.is_empty()
    }
}

/// So many lines of each kind.
#[derive(Debug, Default)]
pub(crate) struct Lines(HashMap<Line, usize>);

impl Lines {
    /// Takes out those of `calls`, and answers the ones that are not there.
    pub(crate) fn missing<'a>(&mut self, calls: impl Iterator<Item = &'a Line>) -> Vec<&'a Line> {
        let is_missing = |line: &&Line| match self.0.get_mut(*line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        };
        calls.filter(is_missing).collect()
    }

    /// Those that are left.
    pub(crate) fn rest(&self) -> Vec<&Line> {
        let left = self.0.iter().filter(|(_, count)| **count > 0);
        left.flat_map(|(line, count)| std::iter::repeat_n(line, *count)).collect()
    }
}

/// A log that is read as it grows.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// How much of it was read.
    offset: u64,
    /// How many lines were written again after a crash.
    pub(crate) recovered: u64,
}

impl Reader {
    /// The lines about calls that were not read before. Those that were written again are counted apart: the ones that
    /// they are in the place of are gone, or are there as well.
    pub(crate) fn read(&mut self, log: &Path) -> (Lines, Vec<Line>) {
        let mut file = File::open(log).expect("a log");
        file.seek(SeekFrom::Start(self.offset)).expect("it is a file");
        let (mut lines, mut again) = (Lines::default(), Vec::new());
        let mut file = BufReader::new(file);
        let mut text = Vec::new();
        while file.read_until(b'\n', &mut text).expect("readable") > 0 && text.ends_with(b"\n") {
            self.offset += text.len() as u64;
            let line = json(&text);
            if line["event"] == "access" {
                let text = |name: &str| line[name].as_str().unwrap_or_default().to_string();
                let number = |name: &str| line[name].as_u64().unwrap_or_default();
                assert_eq!(line["authorized"], true, "everything is allowed: {line}");
                let line_of_call = Line {
                    action: text("action"),
                    name: text("secret"),
                    version: number("secretVersion"),
                    served: number("served"),
                    result: text("result"),
                };
                if line["recovered"] == true {
                    self.recovered += 1;
                    again.push(line_of_call);
                } else {
                    *lines.0.entry(line_of_call).or_default() += 1;
                }
            }
            text.clear();
        }
        (lines, again)
    }

    /// The log begins anew, in another file.
    pub(crate) fn begin_anew(&mut self) {
        self.offset = 0;
    }
}
