//! A master key is replaced, and nobody has to wait for anybody else.

use nix::sys::signal::Signal;

use crate::machine::Machine;

#[test]
fn old_and_new_tokens_are_opened_for_old_and_new_clients() {
    let machine = Machine::new();
    for name in ["older", "old", "new", "strange"] {
        machine.make_master(name);
    }
    let masters = ["older", "old", "new"];
    let tokens = masters.map(|master| machine.seal(master, &format!("sealed for {master}")));
    let strange = machine.seal("strange", "for nobody here");
    machine.allow(&[&tokens[0], &tokens[1], &tokens[2], &strange]);
    let files = ["new-private.pem", "old-private.pem", "older-private.pem"];
    let arguments: Vec<_> = files.iter().flat_map(|file| ["--master-key", file]).collect();
    let mut daemon = machine.start(&arguments);
    let url = daemon.url();
    for client in masters {
        for (sealed_for, token) in masters.iter().zip(&tokens) {
            let expected = Ok(format!("sealed for {sealed_for}"));
            assert_eq!(machine.ask(&url, client, token), expected, "a client of {client}");
        }
        let refused = machine.ask(&url, client, &strange).expect_err("no key opens it");
        assert!(refused.contains("its keys do not open this token"), "{refused}");
    }
    let refused = machine.ask(&url, "strange", &tokens[0]).expect_err("of another daemon");
    assert!(refused.contains("not that of the daemon"), "{refused}");
    daemon.signal(Signal::SIGTERM);
    daemon.wait();

    // When all are replaced, the old ones open nothing more.
    let daemon = machine.start(&["--master-key", "new-private.pem"]);
    let url = daemon.url();
    assert_eq!(machine.ask(&url, "new", &tokens[2]), Ok("sealed for new".to_string()));
    assert!(machine.ask(&url, "new", &tokens[0]).is_err());
    assert!(machine.ask(&url, "old", &tokens[2]).is_err());
}
