//! The daemon under load: secretary-load PROGRAM [PART...]
//!
//! | part | what it is about |
//! |---|---|
//! | [`throughput`] | requests a second, how long they take, memory |
//! | [`requests`] | what one container asks for, and what is asked for it |
//! | [`restart`] | a whole cluster that starts |
//! | [`idle`] | connections on which nothing happens |
//! | [`slow`] | clients that take their time, to keep others out |
//! | [`faults`] | a dead Marathon, a slow AWS KMS |
//!
//! PROGRAM is the binary under test, whose daemon is started as a process of its own. Its clients, the cluster and
//! the key service are in this process, on the same machine; so what is compared is always measured here in the
//! same way, and limits are for ratios and counts. Leaves with 1 when one is missed.
//!
//! SSL_CERT_FILE and SSL_CERT_DIR are to name nothing: each new client would read the system's certificates, which is
//! ten times the work of a request.

mod bare;
mod callers;
mod daemon;
mod faults;
mod idle;
mod measure;
mod raw;
mod requests;
mod restart;
mod scene;
mod slow;
mod table;
mod throughput;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::scene::Scene;
use crate::table::Table;

const PARTS: [&str; 6] = ["throughput", "requests", "restart", "idle", "slow", "faults"];

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let Some(program) = args.next().map(PathBuf::from) else {
        eprintln!("usage: secretary-load PROGRAM [PART...]");
        return ExitCode::from(2);
    };
    let parts: Vec<_> = args.map(|part| part.to_string_lossy().into_owned()).collect();
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        eprintln!("secretary-load: there is no part {unknown}");
        return ExitCode::from(2);
    }
    let table = Table::default();
    match run(&program, &parts, &table) {
        Ok(()) if table.is_met() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("secretary-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: &Path, parts: &[String], table: &Table) -> io::Result<()> {
    allow_many_descriptors()?;
    let scene = Scene::new(program)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for part in PARTS {
        if !parts.is_empty() && !parts.iter().any(|wanted| wanted == part) {
            continue;
        }
        runtime.block_on(async {
            match part {
                "throughput" => throughput::run(program, &scene, table).await,
                "requests" => requests::run(program, &scene, table).await,
                "restart" => restart::run(program, &scene, table).await,
                "idle" => idle::run(program, &scene, table).await,
                "slow" => slow::run(program, &scene, table).await,
                _ => faults::run(program, &scene, table).await,
            }
        })?;
    }
    Ok(())
}

/// Each connection is a descriptor here, too, and there are more than ten thousand.
fn allow_many_descriptors() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the calls read and write one structure of the type that they are made for.
    let set = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit)
    };
    match (set, limit.rlim_max) {
        (0, 12_000..) => Ok(()),
        _ => Err(io::Error::other("needs 12,000 descriptors: ulimit -Hn")),
    }
}
