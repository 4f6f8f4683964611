//! Appends lines to a log as fast as it can, and prints the number and hash of each once it is durable:
//! `append FILE THREADS LINES`; or once it is written, with `written` behind that.
//!
//! The tests start it, to kill it and to look at what it asks of the system.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;

use secretary_access::audit::AuditLog;
use serde_json::json;

fn main() {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let is_written = arguments.last().is_some_and(|last| last == "written");
    let [path, threads, lines] = &arguments[..arguments.len() - usize::from(is_written)] else {
        panic!("give FILE THREADS LINES [written]")
    };
    let [threads, lines] = [threads, lines].map(|number| {
        number.to_str().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    });
    let log = AuditLog::open(&PathBuf::from(path), env!("CARGO_PKG_VERSION"))
        .unwrap_or_else(|error| panic!("{error}"));
    thread::scope(|scope| {
        for thread in 0..threads {
            let log = &log;
            scope.spawn(move || append(log, thread, lines, is_written));
        }
    });
    log.close().expect("its last line is written");
}

fn append(log: &AuditLog, thread: u64, lines: u64, is_written: bool) {
    for number in 0..lines {
        // Some are longer than a page.
        let padding = "x".repeat((number as usize * 997) % 6000);
        let entry = json!({"thread": thread, "number": number, "padding": padding});
        let head = if is_written {
            let (sender, receiver) = channel();
            log.append_written("test", &entry, move |head| sender.send(head).expect("listened to"));
            receiver.recv().expect("it is answered")
        } else {
            log.append_and_wait("test", &entry)
        };
        let head = head.expect("it is written");
        // In one piece, so that whoever kills this process finds no half line either.
        let answer = format!("{} {}\n", head.seq, head.hash);
        io::stdout().lock().write_all(answer.as_bytes()).expect("somebody reads it");
    }
}
