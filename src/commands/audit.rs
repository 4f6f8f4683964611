//! `secretary audit`: whether the log of a daemon is as it was written.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::process::ExitCode;

use secretary_access::audit::{Broken, Expectation, Verified, Verifier, VerifyError, Wrong};
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::{Audit, AuditCommand, AuditVerify};
use crate::failure::{Code, Failure};
use crate::input::name_of;
use crate::world::World;

/// What is read at once.
const BUFFER: usize = 256 * 1024;

pub(super) fn run(args: &Audit, world: &World) -> Outcome {
    match &args.command {
        AuditCommand::Verify(args) => verify(args, world),
    }
}

fn verify(args: &AuditVerify, world: &World) -> Outcome {
    let mut whole = Vec::new();
    let result = read_all(args, world, &mut whole);
    let broken = match result {
        Ok(()) => None,
        Err(Found::Broken(file, broken)) => Some((file, broken)),
        Err(Found::Unreadable(failure)) => return Err(failure),
    };
    // What comes before the damage is worth knowing, too.
    let report = match args.json {
        true => format!("{}\n", as_json(&whole, broken.as_ref())),
        false => as_text(&whole, broken.is_none()),
    };
    world.print(report.as_bytes())?;
    match broken {
        None => Ok(ExitCode::SUCCESS),
        Some((file, broken)) => Err(failure(&file, broken)),
    }
}

/// Why not all files are whole.
enum Found {
    /// One of them is not.
    Broken(String, Broken),
    /// It is not known of one of them.
    Unreadable(Failure),
}

/// A file's name, and what was found in it.
type Whole = (String, Verified);

fn read_all(args: &AuditVerify, world: &World, whole: &mut Vec<Whole>) -> Result<(), Found> {
    let mut verifier = Verifier::new(Expectation { head: args.head });
    for path in &args.file {
        let name = name_of(path);
        let verified = open(path, world)
            .map_err(VerifyError::Read)
            .and_then(|file| verifier.read(BufReader::with_capacity(BUFFER, file)));
        match verified {
            Ok(verified) => whole.push((name, verified)),
            Err(VerifyError::Broken(broken)) => return Err(Found::Broken(name, broken)),
            Err(VerifyError::Read(error)) => {
                return Err(Found::Unreadable(Failure::io("read", &name, &error)));
            }
        }
    }
    let last = args.file.last().map_or(String::new(), |path| name_of(path));
    verifier.finish().map_err(|broken| Found::Broken(last, broken))
}

fn open(path: &Path, world: &World) -> io::Result<File> {
    if path.as_os_str() == "-" { world.stdin() } else { File::open(path) }
}

fn as_text(whole: &[Whole], all: bool) -> String {
    let mut text = String::new();
    for (name, Verified { lines, first, head }) in whole {
        let unit = if *lines == 1 { "line" } else { "lines" };
        let _ = writeln!(text, "{name}: {lines} {unit}, {first} to {}, whole", head.seq);
    }
    if let (true, Some((_, last))) = (all, whole.last()) {
        let _ = writeln!(text, "head: {}", last.head.hash);
    }
    text
}

fn as_json(whole: &[Whole], broken: Option<&(String, Broken)>) -> Value {
    let file = |(name, verified): &Whole| {
        let Verified { lines, first, head } = verified;
        json!({"file": name, "lines": lines, "first": first, "last": head.seq, "head": head.hash.to_string()})
    };
    let broken = broken.map(|(name, Broken { line, wrong })| {
        json!({"file": name, "line": line, "reason": wrong.to_string()})
    });
    json!({"files": whole.iter().map(file).collect::<Vec<_>>(), "broken": broken})
}

fn failure(name: &str, broken: Broken) -> Failure {
    let Broken { line, wrong } = broken;
    let failure = Failure::new(Code::General, "the audit log is not whole");
    failure.detail(format!("{name}:{line}: {wrong}")).hint(advice(line, wrong))
}

fn advice(line: u64, wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::Torn => "a daemon may be writing it just now; verify once more",
        Wrong::Order { .. } | Wrong::Replaced if line == 1 => {
            "give all files of the log, the oldest first"
        }
        Wrong::NewChain => {
            "a log that was renamed while no daemon had it open is not continued; verify its files by themselves"
        }
        Wrong::Head => "give all files of the log, up to the newest",
        _ if line == 1 => "check that it is the right file; nothing is known of what is in it",
        _ => "keep a copy; the lines before this one are as they were written",
    }
}
