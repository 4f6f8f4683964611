//! Key files: where they are, and whose.

use std::fs;

use crate::machine::{Machine, is_owner_only};

#[test]
fn a_private_key_is_its_owners_alone_and_a_public_one_is_not() {
    let machine = Machine::with_keys();
    let mut names: Vec<_> = fs::read_dir(machine.path("keys"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    let expected = [
        "config-private-key.pem",
        "config-public-key.pem",
        "master-private-key.pem",
        "master-public-key.pem",
    ];
    assert_eq!(names, expected);
    for name in names {
        let path = machine.path("keys").join(&name);
        assert_eq!(is_owner_only(&path), name.contains("private"), "{name}");
    }
}

#[test]
fn existing_keys_stay_unless_told_otherwise() {
    let machine = Machine::with_keys();
    let file = "keys/master-private-key.pem";
    let before = machine.read(file);
    machine.secretary(&["genkeys"], b"").failed(3, "key files exist already");
    assert_eq!(machine.read(file), before);
    machine.secretary(&["genkeys", "--force"], b"").succeeded();
    assert_ne!(machine.read(file), before);
    assert!(is_owner_only(&machine.path(file)));
}

#[test]
fn names_may_have_folders_of_either_kind_and_no_streams() {
    let machine = Machine::new();
    machine.secretary(&["genkeys", r"prod\deploy", "prod/other"], b"").succeeded();
    assert!(machine.path(r"keys\prod\deploy-private-key.pem").is_file());
    assert!(machine.path(r"keys\prod\other-private-key.pem").is_file());
    for name in [r"..\deploy", r"C:deploy", r"\deploy", "file:stream", r"prod\"] {
        machine.secretary(&["genkeys", name], b"").failed(2, "is no name for a key pair");
    }
    let printed = machine.secretary(&["genkeys", "--print", r"prod\deploy"], b"").succeeded();
    assert!(printed.text().starts_with("PROD_DEPLOY_PUBLIC_KEY="), "{printed:?}");
    assert!(!printed.text().contains('\r'));
}

#[test]
fn keys_are_found_by_drive_by_backslashes_and_in_files_with_carriage_returns() {
    let machine = Machine::with_keys();
    let token = machine.token(b"secret");
    let private = machine.path("keys").join("master-private-key.pem");
    let private = private.to_str().expect("text");
    assert!(private.get(1..3) == Some(r":\"), "a drive: {private}");
    let public = String::from_utf8(machine.read("keys/config-public-key.pem")).expect("text");
    machine.write("public.pem", public.replace('\n', "\r\n").as_bytes());
    for key in [private, &private.replace('\\', "/"), r".\keys\master-private-key.pem"] {
        let arguments = ["decrypt", "--private-key", key, "--config-key", r".\public.pem"];
        let run = machine.secretary(&arguments, token.as_bytes()).succeeded();
        assert_eq!(run.text(), "secret", "{key}");
    }
}

#[test]
fn doctor_finds_a_private_key_that_others_can_reach() {
    let machine = Machine::with_keys();
    let good = machine.secretary(&["doctor"], b"");
    assert_eq!(good.code, 0, "{good:?}");
    let file = r"keys\master-private-key.pem";
    let key = machine.read(file);
    fs::remove_file(machine.path(file)).expect("removed");
    machine.write(file, &key);
    let bad = machine.secretary(&["doctor"], b"");
    assert!(bad.code == 1 && bad.text().contains("who may reach a private key"), "{bad:?}");
    assert_eq!(bad.text().matches("icacls").count(), 1, "{bad:?}");
}
