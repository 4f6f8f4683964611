//! Callers of each kind, and whose word counts when there are several.

use std::net::IpAddr;

use secretary_test_tailscaled::Fault;
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::exchange::Connection;
use crate::machine::{Machine, Server};
use crate::tailnet::{EVERYTHING, UNKNOWN};

const LOG: &str = "state/audit.log";

fn unidentified() -> (u16, String) {
    (500, "unable to identify caller\n".to_string())
}

fn denied() -> (u16, String) {
    (403, "access denied\n".to_string())
}

/// The principals of all calls from this address, in their order.
fn principals(machine: &Machine, from: IpAddr) -> Vec<Value> {
    let lines = machine.audit_lines(LOG, from);
    lines.into_iter().map(|line| line["principal"].clone()).collect()
}

/// A token, made by the program, which writes its hash to the file `tokens`.
fn make_token(machine: &Machine, name: &str) -> String {
    let run = machine.run(&["server", "token", name, "--append", "tokens"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let token = String::from_utf8(run.stdout).expect("text");
    assert!(token.starts_with("st_"), "{token}");
    token.trim_end().to_string()
}

fn with_token(server: &Server<'_>, token: &str, call: &str, body: &str) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    server.connect().call_with(&[("Authorization", &bearer)], call, body.as_bytes()).short()
}

#[test]
fn who_has_a_token_may_do_what_the_policy_has_for_it() {
    let machine = Machine::new();
    let [ci, web] = ["ci", "web"].map(|name| make_token(&machine, name));
    let policy = r#"
        [[grant]]
        principal = ["token:ci"]
        action = ["put"]
        secret = ["prod/*"]
        [[grant]]
        principal = ["token:*"]
        action = ["get"]
        secret = ["prod/web/*"]
    "#;
    machine.write("policy", policy);
    let server = machine.start_without_tailnet(&["--tokens", "tokens", "--policy", "policy"]);
    let (put, get) = (r#"{"Name":"prod/web/a","Value":"eA=="}"#, r#"{"Name":"prod/web/a"}"#);
    assert_eq!(with_token(&server, &web, "put", put), denied());
    assert_eq!(with_token(&server, &ci, "put", put), (200, "1".to_string()));
    for token in [&ci, &web] {
        assert_eq!(with_token(&server, token, "get", get).0, 200);
        assert_eq!(with_token(&server, token, "info", get), denied());
        assert_eq!(with_token(&server, token, "get", r#"{"Name":"prod/db"}"#), denied());
        assert_eq!(with_token(&server, token, "list", "{}"), (200, "null".to_string()));
    }
    // None, another one, one and a half, and two.
    assert_eq!(server.connect().call("list", b"{}").short(), unidentified());
    for wrong in [&format!("{ci}x"), "", "st_", &format!("{ci} {web}")] {
        assert_eq!(with_token(&server, wrong, "list", "{}"), unidentified(), "{wrong}");
    }
    let (ci_bearer, web_bearer) = (format!("Bearer {ci}"), format!("bearer {web}"));
    let two = [("Authorization", ci_bearer.as_str()), ("Authorization", &web_bearer)];
    assert_eq!(server.connect().call_with(&two, "list", b"{}").short(), unidentified());
    // The word before it has no case.
    assert_eq!(server.connect().call_with(&two[1..], "list", b"{}").status, 200);
    server.stop();
    let principals = principals(&machine, EVERYTHING);
    let of =
        |name: &str| json!({"hostname": "", "ip": "127.0.0.1", "user": format!("token:{name}")});
    assert_eq!(principals[..2], [of("web"), of("ci")]);
    assert_eq!(principals.len(), 2 + 2 * 4 + 1);
}

#[test]
fn who_has_a_certificate_may_do_what_the_policy_has_for_it() {
    let machine = Machine::new();
    machine.write("ca.pem", machine.authority.pem());
    let policy = r#"
        [[grant]]
        principal = ["dns:web.example.com", "uri:spiffe://example.org/web"]
        action = ["info"]
        secret = ["*"]
    "#;
    machine.write("policy", policy);
    let arguments = ["--client-ca-file", "ca.pem", "--policy", "policy"];
    let server = machine.start_without_tailnet(&arguments);
    let info = |connection: &mut Connection| connection.call("info", br#"{"Name":"a"}"#).short();
    for (names, expected) in [
        (&["web.example.com"][..], (404, "not found\n".to_string())),
        (&["uri:spiffe://example.org/web"], (404, "not found\n".to_string())),
        (&["other.example.com", "WEB.example.com"], (404, "not found\n".to_string())),
        (&["db.example.com"], denied()),
        (&[], unidentified()),
    ] {
        let showing = machine.authority.client(names, &machine.authority);
        let mut connection = server.connect_with(&showing);
        assert_eq!(info(&mut connection), expected, "{names:?}");
    }
    // Without one a connection is good for nothing, and with somebody else's it is none.
    assert_eq!(info(&mut server.connect()), unidentified());
    let other = machine.authority.client(&["web.example.com"], &Authority::new());
    assert!(server.try_connect_with(&other).is_err());
    server.stop();
    let principals = principals(&machine, EVERYTHING);
    let of = |host: &str, user: &str| json!({"hostname": host, "ip": "127.0.0.1", "user": user});
    assert_eq!(principals[0], of("web.example.com", "dns:web.example.com"));
    assert_eq!(principals[1], of("", "uri:spiffe://example.org/web"));
}

#[test]
fn who_shows_something_wrong_is_not_somebody_else() {
    let machine = Machine::new();
    let token = make_token(&machine, "ci");
    machine.write("policy", b"");
    let arguments = ["--identity", "token,tailscale", "--tailscale-socket", "tailscaled.sock"];
    let files = ["--tokens", "tokens", "--policy", "policy"];
    let server = machine.start_without_tailnet(&[&arguments[..], &files].concat());
    let list = |from: IpAddr, headers: &[(&str, &str)]| {
        server.connect_from(from).call_with(headers, "info", br#"{"Name":"a"}"#).status
    };
    let bearer = format!("Bearer {token}");
    // By the address everything is allowed, and to the token nothing.
    assert_eq!(list(EVERYTHING, &[]), 404);
    assert_eq!(list(EVERYTHING, &[("Authorization", &bearer)]), 403);
    assert_eq!(
        list(EVERYTHING, &[("Authorization", "Bearer st_aaaaaaaaaaaaaaaaaaaaaaaaaaaa")]),
        500
    );
    assert_eq!(list(UNKNOWN, &[("Authorization", &bearer)]), 403);
    assert_eq!(list(UNKNOWN, &[]), 500);
    // No other header says who calls.
    for header in ["X-Forwarded-For", "Forwarded", "Tailscale-User-Login", "X-Real-IP"] {
        assert_eq!(list(UNKNOWN, &[(header, "127.0.0.1")]), 500, "{header}");
    }
    server.stop();
}

#[test]
fn nobody_is_known_while_tailscaled_fails_and_everybody_is_as_soon_as_it_does_not() {
    let machine = Machine::new();
    let mut server = machine.start(&[]);
    let mut connection = server.connect();
    let mut list = || connection.call("list", b"{}").short();
    assert_eq!(list(), (200, "null".to_string()));
    for fault in [Fault::Status(500), Fault::Garbage, Fault::Close, Fault::Hang] {
        machine.tailnet.0.fail(Some(fault));
        assert_eq!(list(), unidentified(), "{fault:?}");
        machine.tailnet.0.fail(None);
        assert_eq!(list(), (200, "null".to_string()), "{fault:?}");
    }
    let said = server.says("nobody can say who calls from 127.0.0.1:");
    assert!(said.contains("tailscaled answered 500"), "{said}");
    server.stop();
}
