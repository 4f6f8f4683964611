//! Who wants the client alone gets no server, no database and no AWS with it.

use std::collections::BTreeSet;
use std::process::Command;

/// The client and everything that is compiled for it here, each as its name and features.
fn tree() -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--package", env!("CARGO_PKG_NAME"), "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{lib} {f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs the tests, so it is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.trim_end_matches(" (*)").trim().to_string()).collect()
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn there_is_no_server_no_database_and_no_aws() {
    let tree = tree();
    assert!(tree.iter().any(|line| name(line) == "reqwest"), "it is the client's: {tree:?}");
    for line in &tree {
        let unwanted = ["aws_config", "aws_sdk", "aws_smithy", "aws_sigv4", "axum", "clap"];
        let unwanted =
            unwanted.into_iter().chain(["rusqlite", "libsqlite3", "sqlx", "tokio_postgres"]);
        let found = unwanted.into_iter().find(|unwanted| name(line).starts_with(unwanted));
        assert_eq!(found, None, "{line}");
        let is_server = matches!(name(line), "hyper" | "hyper_util")
            && line.split([' ', ',']).any(|feature| feature.starts_with("server"));
        assert!(!is_server, "{line}");
    }
}

#[test]
fn of_ours_there_is_what_it_names() {
    let tree = tree();
    let ours: Vec<_> =
        tree.iter().map(|line| name(line)).filter(|name| name.starts_with("secretary")).collect();
    let expected = [
        "secretary_go_json",
        "secretary_secret",
        "secretary_setec_api",
        "secretary_setec_client",
        "secretary_transport",
    ];
    assert_eq!(ours, expected);
}
