//! The daemon is told to read its files again.

use crate::machine::{Machine, is_answered};
use crate::tls;

#[test]
fn a_certificate_is_exchanged_and_open_connections_stay() {
    let machine = Machine::new();
    machine.allow(&[]);
    tls::make_certificate(&machine);
    let mut daemon = machine.start(&tls::ARGUMENTS);
    let mut before = tls::connect(&machine, &daemon);
    assert!(is_answered(&mut before));

    let new = tls::make_certificate(&machine);
    daemon.reload();
    let mut after = tls::connect(&machine, &daemon);
    assert_eq!(after.conn.peer_certificates(), Some(&[new.clone()][..]));
    assert!(is_answered(&mut after) && is_answered(&mut before));

    // One that is of no use, and a key of another one, leave what was there.
    let (good, other) =
        (std::fs::read(machine.path("certificate.pem")).expect("it is there"), "no");
    machine.write("certificate.pem", other.as_bytes());
    let said = daemon.reload_in_vain();
    assert!(said.contains("the certificates in certificate.pem can't be used"), "{said}");
    tls::make_certificate(&machine);
    machine.write("certificate.pem", &good);
    let said = daemon.reload_in_vain();
    assert!(said.contains("the private key in key.pem can't be used"), "{said}");
    let mut still = tls::connect(&machine, &daemon);
    assert_eq!(still.conn.peer_certificates(), Some(&[new][..]));
    assert!(is_answered(&mut still) && is_answered(&mut after) && is_answered(&mut before));
}

#[test]
fn workloads_are_exchanged_and_a_broken_list_leaves_the_one_before() {
    let machine = Machine::new();
    let [one, two] = ["one", "two"].map(|plaintext| machine.seal("master", plaintext));
    machine.allow(&[&one]);
    let mut daemon = machine.start(&[]);
    let ask = |url: &str, token: &str| machine.ask(url, "master", token);
    let url = daemon.url();
    assert_eq!(ask(&url, &one), Ok("one".to_string()));
    assert!(ask(&url, &two).is_err_and(|said| said.contains("this app may not have this token")));

    machine.allow(&[&two]);
    assert_eq!(ask(&url, &one), Ok("one".to_string()), "nobody has said so yet");
    daemon.reload();
    assert_eq!(ask(&url, &two), Ok("two".to_string()));
    assert!(ask(&url, &one).is_err_and(|said| said.contains("this app may not have this token")));

    for (broken, why) in [
        ("[[workload]]\napp = \"/demo\"\n", "workload 1 (/demo): deploy_public_key is missing"),
        ("[[workload]", "line 1: this is not TOML"),
    ] {
        machine.write("workloads.toml", broken.as_bytes());
        let said = daemon.reload_in_vain();
        assert!(said.contains(why), "{said}");
        assert_eq!(ask(&url, &two), Ok("two".to_string()));
    }
    std::fs::remove_file(machine.path("workloads.toml")).expect("it is there");
    let said = daemon.reload_in_vain();
    assert!(said.contains("workloads.toml"), "{said}");
    assert_eq!(ask(&url, &two), Ok("two".to_string()));
}
