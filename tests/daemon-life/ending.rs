//! The daemon is told to end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use secretary_test_cluster::Server;

use crate::machine::{Daemon, Machine, PATIENCE, is_answered};
use crate::tls;

const SECOND: Duration = Duration::from_secs(1);

/// Ends it, and looks that it takes no more than a second.
fn ends_in_a_second(daemon: &mut Daemon, signal: Signal) {
    daemon.signal(signal);
    let (status, took) = daemon.wait();
    assert_eq!(status.code(), Some(0), "{}", daemon.has_said());
    assert!(took < SECOND, "{took:?}");
}

fn is_closed(mut stream: TcpStream) -> bool {
    !matches!(stream.read(&mut [0]), Ok(1..))
}

#[test]
fn a_request_under_way_is_answered_and_no_other_comes() {
    let (machine, cluster) = (Machine::new(), Server::start());
    let token = machine.seal("master", "swordfish");
    cluster.run(&machine.app(&token));
    let marathon = format!("{}/latency-1000", cluster.url());
    let mut daemon = machine.start(&[
        "--marathon-url",
        &marathon,
        "--mesos-leader-url",
        "",
        "--audit-log",
        "log",
    ]);
    let (url, idle) = (daemon.url(), daemon.connect());
    thread::scope(|scope| {
        let asked = scope.spawn(|| machine.ask(&url, "master", &token));
        let begun = std::time::Instant::now();
        while cluster.requests().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "nobody asks Marathon");
            thread::sleep(Duration::from_millis(5));
        }
        daemon.signal(Signal::SIGTERM);
        daemon.says("no more connections are accepted");
        assert!(is_closed(idle));
        // The listener goes a moment later than the line comes.
        thread::sleep(Duration::from_millis(100));
        assert!(TcpStream::connect(("127.0.0.1", daemon.port)).is_err());
        assert!(daemon.child.try_wait().expect("a child").is_none(), "it waits for the answer");
        assert_eq!(asked.join().expect("no panic"), Ok("swordfish".to_string()));
    });
    let (status, took) = daemon.wait();
    assert_eq!((status.code(), took < SECOND), (Some(0), true), "{took:?}");
    // What was answered is written down, and that it was the end.
    let log = std::fs::read_to_string(machine.path("log")).expect("text");
    let events = log.lines().map(|line| line.contains("\"allowed\":true")).collect::<Vec<_>>();
    assert_eq!(events, [false, true, false], "{log}");
}

#[test]
fn connections_without_a_request_keep_it_from_nothing() {
    let machine = Machine::new();
    machine.allow(&[]);
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut daemon = machine.start(&[]);
        let (fresh, mut used) = (daemon.connect(), daemon.connect());
        assert!(is_answered(&mut used));
        ends_in_a_second(&mut daemon, signal);
        assert!(is_closed(fresh) && is_closed(used));
    }
}

/// Anybody can make such a connection, for instance what looks whether the port is open.
#[test]
fn a_connection_that_never_speaks_tls_keeps_it_from_nothing() {
    let machine = Machine::new();
    machine.allow(&[]);
    tls::make_certificate(&machine);
    let mut daemon = machine.start(&tls::ARGUMENTS);
    let (silent, mut begun) = (daemon.connect(), daemon.connect());
    begun.write_all(b"\x16\x03\x01").expect("it listens");
    let mut used = tls::connect(&machine, &daemon);
    assert!(is_answered(&mut used));
    ends_in_a_second(&mut daemon, Signal::SIGTERM);
    assert!(is_closed(silent) && is_closed(begun) && !is_answered(&mut used));
}
