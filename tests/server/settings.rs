//! Where settings come from, which of them counts, and what a server does not start with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::machine::{Machine, Server};
use crate::tailnet::Tailnet;

/// How it ends and what it says.
fn fails(command: &mut Command) -> (Option<i32>, String) {
    let run = command.arg("--listen").arg("127.0.0.1:0").output().expect("started");
    assert_eq!(run.stdout, b"");
    (run.status.code(), String::from_utf8(run.stderr).expect("UTF-8"))
}

fn server(machine: &Machine, arguments: &[&str]) -> Command {
    let mut command = machine.program();
    command.arg("server").args(arguments);
    command
}

const CALLERS: [&str; 4] = ["--identity", "tailscale", "--tailscale-socket", "tailscaled.sock"];

#[test]
fn a_server_needs_a_place_and_a_key() {
    let machine = Machine::new();
    for (arguments, words) in [
        (&[][..], "--state-dir must be specified"),
        (&["--key-file", "key"], "--state-dir must be specified"),
        (&["--state-dir", "state"], "there is no key-encryption key"),
        (&["--state-dir", "state", "--key-file", "nowhere"], "nowhere"),
        (&["--state-dir", "state", "--key-file", "certificate.pem"], "the key in certificate.pem"),
        (&["--state-dir", "key", "--key-file", "key"], "key"),
    ] {
        let (code, said) = fails(server(&machine, arguments).args(CALLERS));
        assert!(code.is_some_and(|code| code > 0) && said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains(crate::machine::KEY), "{said}");
    }
    // Nor without anybody who can call.
    let (code, said) = fails(&mut server(&machine, &["--state-dir", "state", "--key-file", "key"]));
    assert_eq!(code, Some(3), "{said}");
    assert!(!machine.path("state").exists());
}

#[test]
fn a_store_opens_with_the_key_it_was_made_with() {
    let machine = Machine::new();
    machine.start(&[]).stop();
    machine.write("other", b"HxEdHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=");
    let arguments = ["--state-dir", "state", "--key-file", "other"];
    let (code, said) = fails(server(&machine, &arguments).args(CALLERS));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the store can't be opened"), "{said}");
    machine.start(&[]).stop();
}

#[test]
fn a_state_has_one_server() {
    let machine = Machine::new();
    let first = machine.start(&[]);
    let arguments = ["--state-dir", "state", "--key-file", "key"];
    let (code, said) = fails(server(&machine, &arguments).args(CALLERS));
    assert!(code.is_some_and(|code| code > 0), "{said}");
    assert_eq!(first.connect().call("list", b"{}").status, 200);
    first.stop();
}

#[test]
fn what_is_in_the_state_is_for_its_owner() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    server.connect().call("put", br#"{"Name":"a","Value":"eA=="}"#);
    let mode = |name: &str| {
        fs::metadata(machine.path(name)).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode("state"), 0o700);
    for file in fs::read_dir(machine.path("state")).expect("a folder") {
        let name = file.expect("an entry").file_name().into_string().expect("text");
        assert_eq!(mode(&format!("state/{name}")), 0o600, "{name}");
    }
    server.stop();
}

#[test]
fn plain_http_and_trying_out_are_for_this_machine_alone() {
    let machine = Machine::new();
    let run = |arguments: &[&str]| {
        let run = machine.run(&[&["server"], arguments].concat());
        (run.status.code(), String::from_utf8(run.stderr).expect("UTF-8"))
    };
    let own = ["--state-dir", "state", "--key-file", "key"];
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let (code, said) = run(&[&own[..], &CALLERS, &["--listen", listen]].concat());
        assert!(code == Some(3) && said.contains("plain http://"), "{said}");
        let (code, said) = run(&["--dev", "--listen", listen]);
        assert!(code == Some(2) && said.contains("--dev listens on a loopback"), "{said}");
    }
    for other in [&own[..2], &own[2..], &CALLERS[..2], &["--config", "file"]] {
        let (code, said) = run(&[&["--dev"], other].concat());
        assert_eq!(code, Some(2), "{other:?}: {said}");
    }
    let (code, said) = run(&[&own[..], &CALLERS, &["--tls-cert-file", "certificate.pem"]].concat());
    assert!(code == Some(3) && said.contains("--tls-key-file"), "{said}");
}

/// A server that has its folder, and where it writes its port, from its surroundings.
fn start<'a>(machine: &'a Machine, arguments: &[&str], variables: &[(&str, &str)]) -> Server<'a> {
    let mut command = server(machine, arguments);
    command.envs(variables.iter().copied()).args(Tailnet::arguments());
    machine.spawn(command.args(["--port-file", "port", "--key-file", "key"]))
}

/// Which folder it has made.
fn chosen(machine: &Machine) -> String {
    let names = ["flag", "variable", "setec", "file"];
    let made: Vec<_> = names.iter().filter(|name| machine.path(name).exists()).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    made[0].to_string()
}

#[test]
fn what_is_typed_counts_then_variables_then_setecs_then_the_file() {
    let listen = ("SECRETARY_SERVER_LISTEN", "127.0.0.1:0");
    let file = ("SECRETARY_SERVER_CONFIG", "server.toml");
    let setec = ("SETEC_STATE_DIR", "setec");
    let own = ("SECRETARY_SERVER_STATE_DIR", "variable");
    for (arguments, variables, expected) in [
        (&["--state-dir", "flag"][..], &[listen, file, setec, own][..], "flag"),
        (&[], &[listen, file, setec, own], "variable"),
        (&[], &[listen, file, setec], "setec"),
        (&[], &[file], "file"),
        (&["--config", "server.toml"], &[listen], "file"),
        (&["--config", "server.toml", "--state-dir", "flag"], &[], "flag"),
        // An empty variable is none.
        (&[], &[file, ("SECRETARY_SERVER_STATE_DIR", ""), ("SETEC_STATE_DIR", "")], "file"),
    ] {
        let machine = Machine::new();
        machine.write("server.toml", b"state_dir = \"file\"\nlisten = \"127.0.0.1:0\"\n");
        start(&machine, arguments, variables).stop();
        assert_eq!(chosen(&machine), expected, "{arguments:?} {variables:?}");
    }
}

/// Lists are not added up, or nobody could be shut out by what is typed; nor are kinds of key-encryption keys.
#[test]
fn a_setting_takes_the_place_of_the_same_one_in_a_lower_place() {
    let machine = Machine::new();
    machine.write("tokens.toml", b"");
    machine.write(
        "server.toml",
        b"state_dir = \"state\"\nlisten = \"127.0.0.1:0\"\nidentity = [\"token\", \"tailscale\"]\n\
          tokens = \"tokens.toml\"\nkms_key_id = \"alias/none\"\n",
    );
    // `--identity tailscale` and `--key-file` are typed.
    let server = start(&machine, &["--config", "server.toml"], &[]);
    let said = server.has_said();
    assert!(said.contains("known by Tailscale") && !said.contains("tokens in"), "{said}");
    server.stop();

    let (code, said) =
        fails(server_of(&machine, "master_key = \"a\"\nkey_file = \"key\"\n").args(CALLERS));
    assert!(code == Some(3) && said.contains("key-file and master-key are both set"), "{said}");
}

/// A server with these lines in its file.
fn server_of(machine: &Machine, lines: &str) -> Command {
    machine.write("server.toml", format!("state_dir = \"state\"\n{lines}"));
    server(machine, &["--config", "server.toml"])
}

#[test]
fn settings_that_are_none_are_named_and_not_repeated() {
    let machine = Machine::new();
    let own = ["--state-dir", "state", "--key-file", "key"];
    for (text, words) in [
        ("state_dirs = \"x\"", "state_dirs is no setting"),
        ("dev = true", "dev is no setting"),
        ("max_connections = \"c4n4ry\"", "max_connections has a value"),
        ("max_connections = 0", "max_connections has a value"),
        ("listen = \"c4n4ry\"", "listen has a value"),
        ("listen = {a = 1}", "listen is no string"),
        ("c4n4ry", "line 1 is no TOML"),
    ] {
        machine.write("server.toml", text);
        let arguments = [&own[..], &["--config", "server.toml"]].concat();
        let (code, said) = fails(server(&machine, &arguments).args(CALLERS));
        assert!(code == Some(3) && said.contains(words), "{text}: {said}");
        assert!(said.contains("server.toml") && !said.contains("c4n4ry"), "{said}");
    }
    let arguments = [&own[..], &["--config", "nowhere.toml"]].concat();
    let (code, said) = fails(server(&machine, &arguments).args(CALLERS));
    assert!(code.is_some_and(|code| code > 0) && said.contains("nowhere.toml"), "{said}");
    machine.write("server.toml", b"");
    let everybody = fs::Permissions::from_mode(0o666);
    fs::set_permissions(machine.path("server.toml"), everybody).expect("it is ours");
    let arguments = [&own[..], &["--config", "server.toml"]].concat();
    let (code, said) = fails(server(&machine, &arguments).args(CALLERS));
    assert!(code.is_some_and(|code| code > 0) && said.contains("everybody may write"), "{said}");
    for (variable, value) in [
        ("SECRETARY_SERVER_LISTEN", "c4n4ry"),
        ("SECRETARY_SERVER_MAX_CONNECTIONS", "-1"),
        ("SECRETARY_SERVER_ANY_NAME", "c4n4ry"),
    ] {
        let (code, said) = fails(server(&machine, &own).args(CALLERS).env(variable, value));
        assert!(code == Some(3) && said.contains(variable), "{variable}: {said}");
        assert!(!said.contains("c4n4ry"), "{said}");
    }
    assert!(!machine.path("state").exists());
}

#[test]
fn what_setec_has_and_this_server_has_not_is_said() {
    let machine = Machine::new();
    let variables = [
        ("SECRETARY_SERVER_LISTEN", "127.0.0.1:0"),
        ("SETEC_STATE_DIR", "state"),
        ("SETEC_HOSTNAME", "secrets"),
        ("SETEC_BACKUP_BUCKET", "bucket"),
    ];
    let server = start(&machine, &[], &variables);
    let said = server.has_said();
    assert!(said.contains("$SETEC_HOSTNAME has no meaning here"), "{said}");
    assert!(said.contains("NO backups to S3"), "{said}");
    server.stop();
}

#[test]
fn names_of_new_secrets_are_as_they_are_allowed_to_be() {
    let machine = Machine::new();
    let long = format!(r#"{{"Name":"{}","Value":""}}"#, "x".repeat(1025));
    let odd = br#"{"Name":"a\u0000\n\u001b[2J","Value":""}"#;
    let server = machine.start(&[]);
    for body in [long.as_bytes(), odd] {
        let answer = server.connect().call("put", body);
        assert_eq!(answer.short(), (400, "invalid name\n".to_string()));
    }
    server.stop();
    let server = machine.start(&["--any-name"]);
    for body in [long.as_bytes(), odd] {
        assert_eq!(server.connect().call("put", body).short(), (200, "1".to_string()));
    }
    server.stop();
    // Those that there are can be read, and changed, by a server that makes no more of them.
    let server = machine.start(&[]);
    let mut connection = server.connect();
    let info = r#"[{"Name":"a\u0000\n\u001b[2J","Versions":[1],"ActiveVersion":1},{"Name":"x"#;
    assert!(connection.call("list", b"{}").text().starts_with(info));
    let changed = br#"{"Name":"a\u0000\n\u001b[2J","Value":"eA=="}"#;
    assert_eq!(connection.call("put", changed).short(), (200, "2".to_string()));
    server.stop();
}
