//! The server as a program.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_secretary-test-kms");

#[test]
fn prints_its_url_and_ends_with_its_input() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (port_file, log) = (folder.join("port"), folder.join("log"));
    let mut program = Command::new(PROGRAM)
        .arg("--port-file")
        .arg(&port_file)
        .arg("--log")
        .arg(&log)
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
    stream.write_all(b"GET /bogus HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.ends_with("Z GET /bogus - 404 Whole\n"), "{log}");

    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}

#[test]
fn refuses_what_it_does_not_know() {
    for arguments in [&["--other"][..], &["--log"]] {
        let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains(arguments[0]));
    }
}
