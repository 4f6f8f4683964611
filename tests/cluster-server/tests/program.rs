//! The server as a program.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_secretary-test-cluster");

#[test]
fn runs_the_apps_of_a_file_until_its_input_ends() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (port_file, apps) = (folder.join("cluster-port"), folder.join("apps.json"));
    fs::write(&apps, r#"{"apps": [{"id": "/a", "version": "v"}]}"#).unwrap();
    let mut program = Command::new(PROGRAM)
        .args(["--port-file".as_ref(), port_file.as_os_str(), "--apps".as_ref(), apps.as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("http://").unwrap();
    let port = fs::read_to_string(&port_file).unwrap();
    assert_eq!(address, format!("127.0.0.1:{}", port.trim_end()));

    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /v2/apps/a/versions/v HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}

#[test]
fn refuses_what_it_does_not_know() {
    for arguments in [&["--other"][..], &["--apps"], &["--apps", "/dev/null"]] {
        let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stderr.starts_with(b"secretary-test-cluster: "), "{arguments:?}");
    }
}
