//! What the system is asked to do: a run without KMS tokens has nothing to do with AWS, though the
//! program has all of it built in.

use std::fs;
use std::process::Command;

use secretary_test_kms::Server;

use crate::support::{Keys, output_of, shipped};

/// Prefixes of the lines that strace(1) prints for a network, a runtime, a thread or another process.
const NETWORK: [&str; 8] =
    ["socket(", "connect(", "epoll_create", "eventfd", "socketpair(", "clone", "fork(", "vfork("];

/// Parts of the names of files that belong to AWS, TLS or looking up names.
const FILES: [&str; 6] = [".aws", "cert", "/ssl", "resolv.conf", "nsswitch", "/etc/hosts"];

/// The system calls of a run, a line each, and what it printed.
fn traced(keys: &Keys, args: &[&str], variables: &[(&str, &str)]) -> (Vec<String>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".aws")).expect("made");
    for name in ["config", "credentials"] {
        fs::write(folder.path().join(".aws").join(name), "[default]\n").expect("written");
    }
    let log = folder.path().join("log");
    let program = shipped();
    let mut command: Command = keys.command("strace");
    command.args(["-f", "-qq", "-o"]).arg(&log).args(["-s", "200", &program]).args(args);
    command.env("HOME", folder.path()).envs(variables.iter().copied());
    let printed = output_of(&mut command);
    let log = fs::read_to_string(log).expect("a log");
    // Each line begins with the number of the process.
    let call = |line: &str| line.split_once(' ').map_or("", |(_, call)| call.trim()).to_string();
    (log.lines().map(call).collect(), printed)
}

/// The calls that have to do with a network, and those that open a file of AWS or TLS.
fn of_aws(calls: &[String]) -> (Vec<&str>, Vec<&str>) {
    let calls = calls.iter().map(String::as_str);
    let network = calls.clone().filter(|call| NETWORK.iter().any(|name| call.starts_with(name)));
    let opened = calls.filter(|call| call.starts_with("open"));
    let files = opened.filter(|call| FILES.iter().any(|part| call.contains(part)));
    (network.collect(), files.collect())
}

#[test]
#[ignore = "needs strace and the static binary, which scripts/test installs and builds"]
fn nothing_of_aws_is_built_without_a_kms_token() {
    let keys = Keys::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens");
    fs::write(&file, format!("{}{}", keys.seal(b"one "), keys.seal(b"two"))).expect("written");
    let file = file.to_str().expect("text");
    let token = keys.seal(b"three");
    let variables = [("X", token.as_str()), ("AWS_REGION", "eu-west-1"), ("KMS_KEY_ID", "1234")];
    for (args, expected) in [
        (&["decrypt", file][..], "one two"),
        (&["decrypt", "-e"], "export X='three'\n"),
        (&["exec", "--", &shipped(), "version"], concat!(env!("CARGO_PKG_VERSION"), "\n")),
    ] {
        let (calls, printed) = traced(&keys, args, &variables);
        assert_eq!(String::from_utf8_lossy(&printed), expected);
        assert!(calls.iter().any(|call| call.starts_with("execve(")), "{calls:?}");
        let none: [&str; 0] = [];
        assert_eq!(of_aws(&calls), (none.to_vec(), none.to_vec()), "{args:?}");
    }
}

#[test]
#[ignore = "needs strace and the static binary, which scripts/test installs and builds"]
fn a_kms_token_does_need_a_network_and_the_files_of_aws() {
    let keys = Keys::new();
    let server = Server::start();
    let url = server.url();
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    fs::write(&secret, "x").expect("written");
    let variables = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_KMS", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    let mut encrypt = keys.command(&shipped());
    encrypt.args(["encrypt", "--kms-key-id", "1234"]).envs(variables);
    encrypt.stdin(fs::File::open(secret).expect("open"));
    let token = String::from_utf8(output_of(&mut encrypt)).expect("text");
    let variables = [&variables[..], &[("X", token.as_str())]].concat();
    let (calls, _) = traced(&keys, &["decrypt", "-e"], &variables);
    let (network, files) = of_aws(&calls);
    for name in ["socket(", "connect(", "epoll_create"] {
        assert!(network.iter().any(|call| call.starts_with(name)), "{network:?}");
    }
    assert!(files.iter().any(|call| call.contains(".aws/config")), "{files:?}");
}
