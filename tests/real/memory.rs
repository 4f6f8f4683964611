//! What is left in the memory of the program when it exits.
//!
//! The program runs under ptrace(2) and is stopped on its way out, while its memory is still there;
//! every readable page is then searched. Secrets are in `/proc/PID/mem` for root alone, because the
//! program forbids tracing, so this needs root.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use secretary_test_kms::Server;

// How much is left behind depends on the optimizer.
use crate::support::{Keys, shipped as secretary};

const MARKERS: usize = 400;

/// 16 bytes each, of which this is the start.
const PREFIX: &[u8] = b"m4rk3r-";

fn marker(number: usize) -> Vec<u8> {
    format!("m4rk3r-{number:04}-zq8W").into_bytes()
}

/// All readable memory of the program at its exit. `command` runs to its end.
#[allow(unsafe_code)]
#[allow(clippy::zombie_processes, reason = "waitpid(2) is called for it")]
fn memory_at_exit(command: &mut Command) -> Vec<u8> {
    // SAFETY: between fork and exec the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(|| Ok(ptrace::traceme()?));
    }
    let child = command.stderr(Stdio::null()).spawn().expect("started");
    let pid = Pid::from_raw(child.id().cast_signed());
    let stopped = waitpid(pid, None).expect("stopped at exec");
    assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    ptrace::setoptions(pid, Options::PTRACE_O_TRACEEXIT).expect("traced");
    let mut signal = None;
    let memory = loop {
        ptrace::cont(pid, signal).expect("goes on");
        match waitpid(pid, None).expect("stopped") {
            WaitStatus::PtraceEvent(..) => break readable_memory(pid),
            WaitStatus::Stopped(_, with) => signal = Some(with),
            other => panic!("{other:?} before the exit was seen"),
        }
    };
    ptrace::cont(pid, None).expect("goes on");
    waitpid(pid, None).expect("ended");
    memory
}

fn readable_memory(pid: Pid) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
    let file = File::open(format!("/proc/{pid}/mem")).expect("only root may read it");
    let mut memory = Vec::new();
    for line in maps.lines().filter(|line| !line.contains("[v")) {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().expect("a range"), words.next().expect("rights"));
        if !rights.starts_with('r') {
            continue;
        }
        let (start, end) = range.split_once('-').expect("two addresses");
        let [start, end] =
            [start, end].map(|address| u64::from_str_radix(address, 16).expect("hex"));
        let mut pages = vec![0; (end - start) as usize];
        file.read_exact_at(&mut pages, start).expect("readable");
        memory.append(&mut pages);
    }
    memory
}

/// How many different markers are in `memory`.
fn markers_in(memory: &[u8]) -> usize {
    let starts = memory.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
    starts
        .map(|(at, _)| memory[at + PREFIX.len()..].iter().take(4).copied().collect::<Vec<_>>())
        .collect::<BTreeSet<_>>()
        .len()
}

fn contains(memory: &[u8], needle: &[u8]) -> bool {
    memory.windows(needle.len()).any(|window| window == needle)
}

struct Flow {
    keys: Keys,
    folder: tempfile::TempDir,
}

impl Flow {
    fn new() -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "only root may read the memory of a process that forbids tracing"
        );
        Self { keys: Keys::new(), folder: tempfile::tempdir().expect("a folder") }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("written");
        path
    }

    fn tokens(&self) -> Vec<u8> {
        (0..MARKERS)
            .flat_map(|number| {
                format!("{number}: {}\n", self.keys.seal(&marker(number))).into_bytes()
            })
            .collect()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.keys.command(&secretary());
        command.args(args).current_dir(&self.folder);
        command.stdout(File::create(self.folder.path().join("out")).expect("made"));
        command
    }

    /// Runs to the end, finds that the output has all markers and the memory none.
    fn leaves_nothing(&self, command: &mut Command, name: &str) {
        let memory = memory_at_exit(command);
        let out = fs::read(self.folder.path().join("out")).expect("output");
        assert_eq!(markers_in(&out), MARKERS, "{name}: the flow did not do its work");
        assert_eq!(markers_in(&memory), 0, "{name}: of {MARKERS} secrets in memory at exit");
    }
}

#[test]
#[ignore = "needs root and the static binary, which scripts/test builds"]
fn the_search_finds_what_a_program_leaves_behind() {
    let flow = Flow::new();
    let secrets: Vec<u8> = (0..MARKERS).flat_map(marker).collect();
    let file = flow.file("secrets", &secrets);
    let mut command = flow.keys.command("sh");
    let memory = memory_at_exit(command.args(["-c", "x=$(cat \"$1\"); true", "sh"]).arg(file));
    assert_eq!(markers_in(&memory), MARKERS, "a shell variable is not wiped");
}

#[test]
#[ignore = "needs root and the static binary, which scripts/test builds"]
fn no_secret_is_left_after_decrypting() {
    let flow = Flow::new();
    let tokens = flow.tokens();
    let file = flow.file("tokens", &tokens);
    flow.leaves_nothing(flow.command(&["decrypt"]).arg(&file), "decrypt FILE");
    flow.leaves_nothing(flow.command(&["decrypt", "-o", "out"]).arg(&file), "decrypt -o");
    flow.leaves_nothing(
        flow.command(&["decrypt"]).stdin(File::open(&file).expect("open")),
        "decrypt",
    );
    for format in
        ["sh", "dotenv", "json", "null", "fish", "powershell", "systemd", "docker", "github"]
    {
        let mut command = flow.command(&["decrypt", "-e", "--format", format]);
        command.env("GITHUB_ENV", "/dev/null");
        for number in 0..MARKERS {
            command.env(format!("V{number}"), flow.keys.seal(&marker(number)));
        }
        flow.leaves_nothing(&mut command, format);
    }
}

#[test]
#[ignore = "needs root and the static binary, which scripts/test builds"]
fn no_secret_is_left_when_exec_fails() {
    let flow = Flow::new();
    let mut command = flow.command(&["exec", "--", "/nonexistent"]);
    for number in 0..MARKERS {
        command.env(format!("V{number}"), flow.keys.seal(&marker(number)));
    }
    assert_eq!(markers_in(&memory_at_exit(&mut command)), 0);
}

#[test]
#[ignore = "needs root and the static binary, which scripts/test builds"]
fn neither_secret_nor_key_is_left_after_encrypting_and_decrypting_with_key_files() {
    let flow = Flow::new();
    let secrets: Vec<u8> = (0..MARKERS).flat_map(marker).collect();
    let input = flow.file("secrets", &secrets);
    let pairs =
        Command::new(secretary()).arg("genkeys").current_dir(&flow.folder).output().expect("run");
    assert!(pairs.status.success());
    let private = |name: &str| {
        let text =
            fs::read_to_string(flow.folder.path().join(format!("keys/{name}-private-key.pem")))
                .expect("a key");
        let line = text.lines().nth(1).expect("the second of three lines").to_string();
        use base64::Engine;
        (
            base64::engine::general_purpose::STANDARD.decode(&line).expect("base64"),
            line.into_bytes(),
        )
    };
    let clean = |memory: &[u8], name: &str| {
        let (raw, line) = private(name);
        assert_eq!(markers_in(memory), 0, "secrets in memory");
        // X25519 changes bits of the first and the last byte.
        assert!(!contains(memory, &raw[1..31]), "the {name} private key is in memory");
        assert!(!contains(memory, &line[2..40]), "the text of the {name} private key is in memory");
    };
    let mut encrypt = flow.command(&["encrypt"]);
    encrypt.env_remove("DEPLOY_PRIVATE_KEY").stdin(File::open(&input).expect("open"));
    clean(&memory_at_exit(&mut encrypt), "config");

    fs::rename(flow.folder.path().join("out"), flow.folder.path().join("token")).expect("renamed");
    let mut decrypt = flow.command(&["decrypt", "token"]);
    decrypt.env_remove("DEPLOY_PRIVATE_KEY").env_remove("CONFIG_PUBLIC_KEY");
    clean(&memory_at_exit(&mut decrypt), "master");
    assert_eq!(markers_in(&fs::read(flow.folder.path().join("out")).expect("output")), MARKERS);
}

/// Variables for a run that asks `server` as AWS KMS.
fn with_kms<'a>(command: &'a mut Command, server: &Server) -> &'a mut Command {
    command
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL_KMS", server.url())
        .env("AWS_ACCESS_KEY_ID", "AKIDENVEXAMPLEAAAAAA")
        .env("AWS_SECRET_ACCESS_KEY", "x")
}

/// Data keys and credentials are not looked for: they came through buffers of the HTTP library and the
/// AWS SDK, which are not ours to wipe.
#[test]
#[ignore = "needs root and the static binary, which scripts/test builds"]
fn no_secret_is_left_after_encrypting_and_decrypting_with_kms() {
    let (flow, server) = (Flow::new(), Server::start());
    let lines: Vec<u8> = (0..MARKERS).flat_map(|n| [marker(n), b"\n".to_vec()].concat()).collect();
    let secrets = flow.file("secrets", &lines);
    let mut encrypt = flow.command(&["encrypt", "--lines", "--kms-key-id", "1234"]);
    encrypt.stdin(File::open(&secrets).expect("open"));
    let memory = memory_at_exit(with_kms(&mut encrypt, &server));
    assert_eq!(server.requests().generate, MARKERS as u64);
    assert_eq!(markers_in(&memory), 0, "encrypt --lines: of {MARKERS} secrets in memory at exit");

    let tokens = fs::read(flow.folder.path().join("out")).expect("tokens");
    let file = flow.file("tokens", &tokens);
    let mut decrypt = flow.command(&["decrypt"]);
    flow.leaves_nothing(with_kms(decrypt.arg(&file), &server), "decrypt FILE");
    let mut variables = flow.command(&["decrypt", "-e"]);
    let text = String::from_utf8(tokens).expect("text");
    for (number, token) in text.lines().enumerate() {
        variables.env(format!("V{number}"), token);
    }
    flow.leaves_nothing(with_kms(&mut variables, &server), "decrypt -e");
    assert_eq!(server.requests().decrypt, 2 * MARKERS as u64);
}
