//! A program that is started with its secrets.

use crate::machine::{Machine, run};

#[test]
fn variables_and_arguments_are_opened_and_keys_kept_back() {
    let machine = Machine::with_keys();
    let token = machine.token(b"s-cret & more");
    let variables = [
        ("App_Token", token.as_str()),
        ("Other_Private_Key", "x"),
        ("Config_Public_Key", ""),
        ("PLAIN", "as it is"),
    ];
    // The program itself is one that says what is in its environment.
    let inner = env!("CARGO_BIN_EXE_secretary");
    let sealed = machine.token("a€ain".as_bytes());
    let show = ["exec", "--", "cmd", "/c", "set"];
    let run = machine.secretary_with(&variables, &show, b"").succeeded();
    assert!(run.text().contains("PLAIN=as it is\r\n"), "{run:?}");
    assert!(run.text().contains("App_Token=s-cret & more\r\n"), "{run:?}");
    assert!(!run.text().contains("ENC[") && !run.text().contains("Other_Private_Key"), "{run:?}");
    assert!(run.stderr.contains("note: Other_Private_Key is not passed on"), "{run:?}");
    let kept =
        machine.secretary_with(&variables, &["exec", "--keep-keys", "--", "cmd", "/c", "set"], b"");
    assert!(kept.text().contains("Other_Private_Key=x"), "{kept:?}");
    // Through two of it, byte for byte: a text with the argument's token opened has to be a folder's name.
    let folder = format!("--path=no {sealed} \"such\" folder");
    let run = machine.secretary(&["exec", "--", inner, "doctor", &folder], b"");
    assert!(run.text().contains("no a€ain \"such\" folder"), "{run:?}");
}

#[test]
fn it_leaves_as_the_program_does() {
    let machine = Machine::with_keys();
    for code in [0, 1, 7, 300, -1073741510] {
        let run = machine.secretary(&["exec", "--", "cmd", "/c", &format!("exit {code}")], b"");
        assert_eq!((run.code, run.stderr.as_str()), (code, ""));
    }
}

#[test]
fn standard_streams_are_the_programs() {
    let machine = Machine::with_keys();
    let token = machine.token(b"secret\r\n");
    let inner = env!("CARGO_BIN_EXE_secretary");
    let run = machine.secretary(&["exec", "--", inner, "decrypt"], token.as_bytes()).succeeded();
    assert_eq!(run.text(), "secret\r\n");
    let run = machine.secretary(&["exec", "--", inner, "decrypt", "nothing"], b"");
    assert_eq!(run.code, 3);
    assert!(run.stderr.starts_with("error: cannot read nothing"), "{run:?}");
}

#[test]
fn what_can_not_be_started_is_told_apart() {
    let machine = Machine::with_keys();
    machine
        .secretary(&["exec", "--", "no-such-program"], b"")
        .failed(127, "cannot start no-such-program");
    machine.secretary(&["exec", "--", r"C:\no\such.exe"], b"").failed(127, "cannot start");
    machine.write("text.exe", b"this is no program");
    let file = machine.path("text.exe");
    machine
        .secretary(&["exec", "--", file.to_str().expect("text")], b"")
        .failed(126, "cannot start");
    machine.secretary(&["exec"], b"").failed(125, "required");
}

#[test]
fn a_secret_that_no_variable_can_hold_starts_nothing() {
    let machine = Machine::with_keys();
    for (secret, words) in [
        (b"\xff\xfe".as_slice(), "A: its value is not UTF-8"),
        (b"a\0b", "A: its value has a NUL byte"),
    ] {
        let token = machine.token(secret);
        let command = ["exec", "--", "cmd", "/c", "echo started"];
        machine.secretary_with(&[("A", &token)], &command, b"").failed(125, words);
    }
    let forged = machine.token(b"x").replacen("ENC[NACL,", "ENC[NACL,AAAA", 1);
    machine
        .secretary_with(&[("A", &forged)], &["exec", "--", "cmd", "/c", "echo started"], b"")
        .failed(125, "A");
}

#[test]
fn a_program_without_a_folder_is_found_in_its_own_path() {
    let machine = Machine::with_keys();
    std::fs::copy(env!("CARGO_BIN_EXE_secretary"), machine.path("found-there.exe")).expect("room");
    let mut command = machine.command(&["exec", "--", "found-there", "version"]);
    let folder = machine.path("");
    command.env("Path", folder);
    let run = run(command, b"").succeeded();
    assert_eq!(run.text().trim_end(), env!("CARGO_PKG_VERSION"));
}
