//! The secret backend of an agent: the example's check gets its secrets as an agent would get them.

use std::path::Path;
use std::process::Command;

use crate::example::{Example, SECRETS};
use crate::root::{Root, deploy, program};

#[test]
fn the_check_gets_its_secrets() {
    let root = with_files();
    let agents = root.path("/etc/stackstate-agent");
    root.write("/etc/stackstate-agent/conf.d/postgres.d/conf.yaml", &deploy("postgres.yaml"));
    let settings = root.path("/etc/secretary/agent.toml");
    let executable = root.path("/usr/local/bin/secretary-agent");
    installed(&executable);
    root.write(
        "/etc/stackstate-agent/stackstate.yaml",
        &format!(
            "secret_backend_command: {}\nsecret_backend_arguments: [--config, {}]\n",
            executable.display(),
            settings.display()
        ),
    );
    let mut command = Command::new(program());
    command.args(["agent", "test", "--configcheck", "--show-secrets", "--config"]).arg(&agents);
    let output = command.env_clear().output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let [(_, password), (_, key)] = SECRETS;
    assert!(text.contains(&format!("password: {password}\n")), "{text}");
    assert!(text.contains(&format!("status_url: https://db_prod/status?key={key}\n")), "{text}");
    assert!(text.contains("Number of secrets decrypted: 2\n"), "{text}");
    assert!(!text.contains("=== Hints"), "{text}");
}

/// As `secretary agent install` leaves it for the user that runs the tests.
fn installed(path: &Path) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("room");
    // Another process, because what is open for writing anywhere can't be run.
    let copied = Command::new("install").args(["-m", "0500", program()]).arg(path).status();
    assert!(copied.expect("coreutils").success());
}

fn with_files() -> Root {
    let example = Example::new();
    let root = Root::of(&example);
    root.write("/etc/secretary/handles.toml", &example.filled("handles.toml"));
    let etc = root.path("/etc").display().to_string();
    root.write(
        "/etc/secretary/agent.toml",
        &deploy("agent.toml").replace("\"/etc", &format!("\"{etc}")),
    );
    root
}
