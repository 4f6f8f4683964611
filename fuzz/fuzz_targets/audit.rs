//! No file makes verifying an audit log panic, any entry is written so that it is read back, and no change
//! to a log goes unseen.
#![no_main]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use libfuzzer_sys::fuzz_target;
use secretary_access::audit::{AuditError, AuditLog, Expectation, Head, MAX_LINE, Unfit, verify};
use serde_json::{Value, json};

thread_local! {
    /// A log, and its last line.
    static LOG: (Vec<u8>, Head) = {
        let entries = [json!({"app": "/web", "why": null}), json!({}), json!({"n": [1, {"hash": "x"}]})];
        write(&entries).0
    };
}

fuzz_target!(|input: &[u8]| {
    any_file_is_judged(input);
    any_text_is_written(input);
    LOG.with(|(log, head)| any_change_is_found(log, *head, input));
});

fn any_file_is_judged(file: &[u8]) {
    let Ok(verified) = verify(file, Expectation::default()) else { return };
    let mut before: Option<(u64, Value)> = None;
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let line: Value = serde_json::from_slice(line).expect("a whole log has lines of JSON");
        let seq = line["seq"].as_u64().expect("a number");
        if let Some((number, hash)) = before {
            assert_eq!((seq, &line["prev"]), (number + 1, &hash));
        }
        before = Some((seq, line["hash"].clone()));
    }
    let (seq, hash) = before.expect("a whole log has a line");
    assert_eq!((seq, hash), (verified.head.seq, json!(verified.head.hash.to_string())));
}

/// One entry with a name and a value that may be any text.
fn any_text_is_written(input: &[u8]) {
    let (name, value) = input.split_at(input.len().min(3));
    let [name, value] = [name, value].map(String::from_utf8_lossy);
    let entry = json!({name.as_ref(): value});
    let ((log, head), results) = write(std::slice::from_ref(&entry));
    let verified = verify(&log[..], Expectation { head: Some(head.hash) }).expect("our own");
    match &results[0] {
        Ok(_) => {
            assert_eq!(verified.lines, 3);
            assert!(log.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n'));
            let line = log.split(|byte| *byte == b'\n').nth(1).expect("the second line");
            let line: Value = serde_json::from_slice(line).expect("JSON");
            assert_eq!(line[name.as_ref()], entry[name.as_ref()]);
        }
        // Escaped, a byte becomes six.
        Err(AuditError::Unfit(Unfit::TooLong)) => assert!(input.len() > MAX_LINE / 8),
        Err(AuditError::Unfit(Unfit::Reserved)) => assert_eq!(name, "seq"),
        Err(other) => panic!("{other}"),
    }
}

/// Two numbers say where, and the rest takes the place of what was there.
fn any_change_is_found(log: &[u8], head: Head, input: &[u8]) {
    let Some(([a, b, c], rest)) = input.split_first_chunk() else { return };
    let start = usize::from(u16::from_be_bytes([*a, *b])) % (log.len() + 1);
    let end = log.len().min(start + usize::from(*c));
    let changed = [&log[..start], rest, &log[end..]].concat();
    if changed != log {
        assert!(verify(&changed[..], Expectation { head: Some(head.hash) }).is_err());
    }
}

/// A log with `entries`, its last line, and what became of each.
fn write(entries: &[Value]) -> ((Vec<u8>, Head), Vec<Result<Head, AuditError>>) {
    let memory = Memory::default();
    let log = AuditLog::to_writer(Box::new(memory.clone()), "1.2.3").expect("memory takes all");
    let results = entries.iter().map(|entry| log.append_and_wait("decrypt", entry)).collect();
    let head = log.close().expect("it is closed once");
    let bytes = memory.0.lock().expect("no panic").clone();
    ((bytes, head), results)
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
