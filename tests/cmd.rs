//! Runs the transcripts in `tests/cmd` and compares what happens with what they say.
//!
//! The README there describes their format. `UPDATE_TRANSCRIPTS=1 cargo test --test cmd` writes what
//! happens into them instead; the difference is then for a person to judge.

// The commands are for /bin/sh and the tools every Linux has, and read /dev/full and /proc.
#![cfg(target_os = "linux")]

#[path = "cmd/certificates.rs"]
mod certificates;
#[path = "../crates/setec-client/tests/network/support/fake.rs"]
#[allow(dead_code, reason = "the client's own tests have more faults")]
mod fake;
#[path = "cmd/old_daemon.rs"]
mod old_daemon;
#[path = "cmd/secrets_server.rs"]
mod secrets_server;
#[path = "../crates/setec-client/tests/network/support/setec.rs"]
#[allow(dead_code, unreachable_pub, reason = "the client's own tests count connections")]
mod setec;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cmd");

/// What every command is run behind: fixed keys and tokens.
const PRELUDE: &str = include_str!("cmd/prelude.sh");

/// Matches any text within a line.
const ANYTHING: &str = "[..]";

/// A program the transcripts are run with.
#[derive(Clone, Copy)]
struct Program<'a> {
    path: &'a Path,
    /// Without AWS KMS it has one transcript about that in the place of those about AWS KMS.
    has_aws: bool,
    /// The same about the daemon.
    has_daemon: bool,
    /// Whether it is an agent's secret backend.
    has_agent: bool,
    /// Whether it asks secrets servers.
    has_setec: bool,
    /// Whether it is one.
    has_server: bool,
}

#[test]
fn commands_do_what_their_transcripts_say() {
    let path = Path::new(env!("CARGO_BIN_EXE_secretary"));
    let (has_aws, has_daemon) = (cfg!(feature = "aws"), cfg!(feature = "daemon"));
    let (has_agent, has_setec) = (cfg!(feature = "agent"), cfg!(feature = "setec"));
    let has_server = cfg!(feature = "server");
    run_all(Program { path, has_aws, has_daemon, has_agent, has_setec, has_server });
}

/// It is built in another way than all others: with less of the C library, and without unwinding.
#[test]
#[ignore = "needs the small binary, which scripts/test builds"]
fn commands_of_the_small_static_program_do_so_too() {
    let path = env::var_os("SECRETARY_SMALL").expect("SECRETARY_SMALL has its path");
    let path = Path::new(&path);
    run_all(Program {
        path,
        has_aws: false,
        has_daemon: false,
        has_agent: false,
        has_setec: false,
        has_server: false,
    });
}

fn run_all(program: Program<'_>) {
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER)
        .expect("the folder of transcripts can be read")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| program.is_described_by(&name_of(path)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "there is no transcript in {FOLDER}");
    let differences: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = files.iter().map(|file| scope.spawn(|| run(file, program))).collect();
        running.into_iter().map(|thread| thread.join().expect("no transcript panics")).collect()
    });
    let differences = differences.concat();
    assert!(differences.is_empty(), "transcripts differ from what happened\n{differences}");
}

impl Program<'_> {
    /// Both of them write audit logs.
    fn has_audit(&self) -> bool {
        self.has_daemon || self.has_server
    }

    fn is_described_by(&self, transcript: &str) -> bool {
        let is_about = |word: &str| transcript.starts_with(word);
        match transcript {
            "agent-absent.txt" => !self.has_agent,
            _ if transcript.contains("agent") && !self.has_agent => false,
            "kms-absent.txt" => !self.has_aws,
            "daemon-absent.txt" => !self.has_daemon,
            "secret-absent.txt" => !self.has_setec,
            _ if is_about("secret") => self.has_setec,
            "setec-absent.txt" => !self.has_setec,
            _ if transcript.contains("setec") && !self.has_setec => false,
            "server-absent.txt" => !self.has_server,
            _ if is_about("server") => self.has_server,
            _ if is_about("kms") => self.has_aws,
            _ if is_about("daemon-kms") => self.has_aws && self.has_daemon,
            "audit-absent.txt" => !self.has_audit(),
            _ if is_about("audit") => self.has_audit(),
            _ if is_about("daemon") => self.has_daemon,
            _ => true,
        }
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().expect("a file has a name").to_string_lossy().into_owned()
}

/// Runs one transcript in a folder of its own. The answer is what differs, fit to be read.
fn run(file: &Path, program: Program<'_>) -> String {
    let name = name_of(file);
    let text = fs::read_to_string(file).expect("a transcript is text");
    let parts = match parse(&text) {
        Ok(parts) => parts,
        Err(error) => return format!("\n{name}:{error}\n"),
    };
    if !parts.iter().any(|part| matches!(part, Part::Step(_))) {
        return format!("\n{name}: it has no command\n");
    }
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let servers = Servers::of(&name);
    let (mut differences, mut updated) = (String::new(), String::new());
    for part in &parts {
        match part {
            Part::Prose(line) => updated.extend([line, "\n"]),
            Part::Step(step) => {
                let happened = step.run(folder.path(), program.path, &servers);
                differences.push_str(&step.difference(&name, &happened));
                if happened.iter().any(|line| line.contains("secretary has a bug")) {
                    differences.push_str(&format!("\n{name}:{}: it panics\n", step.number));
                }
                updated.push_str(&step.updated(&happened));
            }
        }
    }
    if env::var_os("UPDATE_TRANSCRIPTS").is_none() {
        return differences;
    }
    fs::write(file, updated).expect("a transcript can be written");
    String::new()
}

/// What the commands of a transcript can ask, which is theirs alone.
struct Servers {
    kms: Option<secretary_test_kms::Server>,
    cluster: Option<secretary_test_cluster::Server>,
    old_daemon: Option<secretary_test_cluster::Server>,
    certificates: Option<tempfile::TempDir>,
    secrets: Option<setec::Setec>,
    denying: Option<fake::Fake>,
    of_tokens: Option<secrets_server::Server>,
}

impl Servers {
    fn of(transcript: &str) -> Self {
        let of_daemon = transcript.starts_with("daemon");
        let of_secrets = transcript.starts_with("secret");
        let asks_kms = of_daemon || transcript.starts_with("kms");
        Self {
            kms: asks_kms.then(secretary_test_kms::Server::start),
            cluster: of_daemon.then(secretary_test_cluster::Server::start),
            old_daemon: of_daemon.then(|| old_daemon::start(in_prelude)),
            certificates: of_daemon.then(|| {
                let folder = tempfile::tempdir().expect("there is room for a folder");
                certificates::write(folder.path());
                folder
            }),
            secrets: of_secrets.then(setec::Setec::start),
            denying: of_secrets
                .then(|| fake::Fake::start(fake::Reply::new(403, "access denied\n"))),
            of_tokens: transcript.contains("setec").then(secrets_server::Server::start),
        }
    }

    /// How commands find them.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let kms = self.kms.as_ref().map(|server| ("kms_server", server.url()));
        let cluster = self.cluster.as_ref().map(|server| ("cluster_server", server.url()));
        let old_daemon = self.old_daemon.as_ref().map(|server| ("old_daemon", server.url()));
        let path = |folder: &tempfile::TempDir| folder.path().display().to_string();
        let certificates = self.certificates.as_ref().map(|folder| ("certificates", path(folder)));
        let secrets = self.secrets.as_ref().map(|server| ("secrets_server", server.url()));
        let of_tokens = self.of_tokens.as_ref().map(|server| ("secrets_server", server.url()));
        let denying = self.denying.as_ref().map(|server| ("denying_server", server.url()));
        [kms, cluster, old_daemon, certificates, secrets, denying, of_tokens]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The value of a variable of the prelude.
fn in_prelude(name: &str) -> String {
    let mut values = PRELUDE.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next().expect("the prelude has the variable").to_string()
}

enum Part<'a> {
    /// A comment or an empty line.
    Prose(&'a str),
    Step(Step<'a>),
}

/// A command and the lines that are to come of it, as they stand in the file.
struct Step<'a> {
    number: usize,
    command: Vec<&'a str>,
    expected: Vec<&'a str>,
}

fn parse(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line, parts.last_mut()) {
            ("", _) => parts.push(Part::Prose(line)),
            _ if line.starts_with('#') => parts.push(Part::Prose(line)),
            _ if line.starts_with("$ ") => parts.push(Part::Step(Step {
                number: index + 1,
                command: vec![line],
                expected: Vec::new(),
            })),
            (_, Some(Part::Step(step))) if line.starts_with('>') && step.expected.is_empty() => {
                step.command.push(line);
            }
            (_, Some(Part::Step(step))) if is_result(line) => step.expected.push(line),
            _ => return Err(format!("{}: this line has no meaning here: {line}", index + 1)),
        }
    }
    Ok(parts)
}

fn is_result(line: &str) -> bool {
    ["1|", "1\\", "2|", "2\\", "exit "].iter().any(|start| line.starts_with(start))
}

impl Step<'_> {
    /// The lines that came of the command.
    fn run(&self, folder: &Path, program: &Path, servers: &Servers) -> Vec<String> {
        let command: Vec<_> =
            self.command.iter().map(|line| line.get(2..).unwrap_or_default()).collect();
        let programs = program.parent().expect("it is in a folder");
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("{PRELUDE}\n{}", command.join("\n"))])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("LC_ALL", "C")
            .envs(servers.variables())
            .stdin(Stdio::null())
            .output()
            .expect("there is a /bin/sh");
        results(&output)
    }

    /// A person is shown the whole step, so that the reason is beside the line that differs.
    fn difference(&self, name: &str, happened: &[String]) -> String {
        let pairs = self.expected.iter().zip(happened);
        let start = pairs.take_while(|(expected, line)| fits(expected, line)).count();
        if start == self.expected.len() && start == happened.len() {
            return String::new();
        }
        let rest = (&self.expected[start..], &happened[start..]);
        let pairs = rest.0.iter().rev().zip(rest.1.iter().rev());
        let end = pairs.take_while(|(expected, line)| fits(expected, line)).count();
        let mut text = format!("\n{name}:{}\n  {}\n", self.number, self.command.join("\n  "));
        let mut add = |sign, line: &str| _ = writeln!(text, "{sign} {line}");
        happened[..start].iter().for_each(|line| add(' ', line));
        rest.0[..rest.0.len() - end].iter().for_each(|line| add('-', line));
        rest.1[..rest.1.len() - end].iter().for_each(|line| add('+', line));
        happened[happened.len() - end..].iter().for_each(|line| add(' ', line));
        text
    }

    /// The step with what happened; an expected line that still fits keeps its `[..]`.
    fn updated(&self, happened: &[String]) -> String {
        let kept = |line| self.expected.iter().find(|expected| fits(expected, line));
        let results = happened.iter().map(|line| kept(line).copied().unwrap_or(line));
        self.command.iter().copied().chain(results).flat_map(|line| [line, "\n"]).collect()
    }
}

fn results(output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    for (stream, bytes) in [('1', &output.stdout), ('2', &output.stderr)] {
        let text = String::from_utf8_lossy(bytes);
        lines.extend(text.split_inclusive('\n').map(|line| {
            let (mark, line) = match line.strip_suffix('\n') {
                Some(line) => ('|', line),
                None => ('\\', line),
            };
            // What a reader of the file could not see has to be made visible by the command.
            let seen = |c: char| !(c.is_control() || c == char::REPLACEMENT_CHARACTER);
            match line.chars().all(seen) {
                true => {
                    if line.is_empty() {
                        format!("{stream}{mark}")
                    } else {
                        format!("{stream}{mark} {line}")
                    }
                }
                false => format!("{stream}{mark} (not plain text: pipe it through `od -c`)"),
            }
        }));
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => lines.push(format!("exit {code}")),
        None => lines.push(format!("exit by {}", output.status)),
    }
    lines
}

/// Whether `line` is `expected`, in which [`ANYTHING`] stands for any text.
fn fits(expected: &str, line: &str) -> bool {
    let mut pieces = expected.split(ANYTHING);
    let Some(mut rest) = pieces.next().and_then(|start| line.strip_prefix(start)) else {
        return false;
    };
    let mut pieces = pieces.collect::<Vec<_>>();
    let Some(end) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(end)
}

#[test]
fn anything_stays_within_its_line_and_between_its_neighbours() {
    assert!(fits("1| ENC[NACL,[..]]", "1| ENC[NACL,abc]"));
    assert!(fits("1| [..] a [..]b", "1| x a b"));
    assert!(fits("1| plain", "1| plain"));
    assert!(!fits("1| plain", "1| plainer"));
    assert!(!fits("1| a[..]a", "1| a"));
    assert!(!fits("1| [..]x", "2| x"));
}

#[test]
fn a_line_without_meaning_is_refused() {
    assert!(parse("$ true\n1| x\n# end\n").is_ok());
    for text in ["nonsense\n", "1| x\n", "$ true\nexit: 1\n", "$ true\n1| x\n> more\n"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_difference_shows_what_was_expected_and_what_happened() {
    let step = Step { number: 7, command: vec!["$ x"], expected: vec!["1| a", "1| [..]", "1| c"] };
    let happened = |lines: [&str; 3]| lines.map(str::to_string);
    assert_eq!(step.difference("f", &happened(["1| a", "1| b", "1| c"])), "");
    assert_eq!(
        step.difference("f", &happened(["1| a", "2| b", "1| c"])),
        "\nf:7\n  $ x\n  1| a\n- 1| [..]\n+ 2| b\n  1| c\n"
    );
    assert_ne!(step.difference("f", &happened(["1| a", "1| b", "1| c"])[..2]), "");
}
