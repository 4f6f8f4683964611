//! A secret backend that does what it is told to, good or bad.
//!
//! Its one argument is a JSON object:
//!
//! | member | what it does |
//! |---|---|
//! | `record` | appends the request to this file, behind it a NUL |
//! | `prefix` | answers each handle with this text and the handle |
//! | `errors` | of these handles, by an object from handle to error, in the place of a value |
//! | `stdout`, `stdout_hex` | writes this text, or these bytes, instead |
//! | `stderr_bytes` | writes so many bytes to standard error |
//! | `sleep_s` | sleeps then, for so many seconds |
//! | `signal` | kills itself by this signal |
//! | `exit` | leaves with this code |
//!
//! Standard input is read in any case.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or("{}".to_string());
    let told: Value = serde_json::from_str(&argument).expect("an argument of JSON");
    match run(&told) {
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::from(101),
    }
}

fn run(told: &Value) -> io::Result<u8> {
    let mut request = Vec::new();
    io::stdin().read_to_end(&mut request)?;
    if let Some(path) = told["record"].as_str() {
        request.push(0);
        // In one piece, because others may write to it, too.
        OpenOptions::new().create(true).append(true).open(path)?.write_all(&request)?;
        request.pop();
    }
    let errors = vec![b'e'; told["stderr_bytes"].as_u64().unwrap_or_default() as usize];
    io::stderr().write_all(&errors)?;
    let mut stdout = io::stdout();
    stdout.write_all(&answer(told, &request))?;
    stdout.flush()?;
    thread::sleep(Duration::from_secs_f64(told["sleep_s"].as_f64().unwrap_or_default()));
    if let Some(signal) = told["signal"].as_u64() {
        let own = std::process::id().to_string();
        Command::new("kill").args([format!("-{signal}"), own]).status()?;
        thread::sleep(Duration::from_secs(10));
    }
    Ok(told["exit"].as_u64().unwrap_or_default() as u8)
}

fn answer(told: &Value, request: &[u8]) -> Vec<u8> {
    if let Some(text) = told["stdout"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(digits) = told["stdout_hex"].as_str() {
        let bytes = digits.as_bytes().chunks(2).map(|two| {
            let two = std::str::from_utf8(two).expect("hexadecimal digits");
            u8::from_str_radix(two, 16).expect("hexadecimal digits")
        });
        return bytes.collect();
    }
    let Some(prefix) = told["prefix"].as_str() else { return Vec::new() };
    let request: Value = serde_json::from_slice(request).expect("a request of JSON");
    let handles = request["secrets"].as_array().expect("a list of handles");
    let entries: Map<String, Value> = handles
        .iter()
        .map(|handle| {
            let handle = handle.as_str().expect("a handle");
            let entry = match &told["errors"][handle] {
                Value::Null => json!({"value": format!("{prefix}{handle}"), "error": null}),
                error => json!({"value": null, "error": error}),
            };
            (handle.to_string(), entry)
        })
        .collect();
    Value::Object(entries).to_string().into_bytes()
}
