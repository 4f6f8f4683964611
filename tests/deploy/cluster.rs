//! Services, started as they are defined, get their secrets from the daemon.

use std::collections::BTreeMap;
use std::process::Output;

use secretary_test_cluster::{App, Server, Task};
use serde_json::Value;

use crate::daemon::{Daemon, allowed};
use crate::example::{Example, SECRETS};
use crate::root::Root;
use crate::unit::{Unit, words};

const APP: &str = "/myproduct/mysubsystem/myservice";
const VERSION: &str = "2015-12-04T12:25:08.426Z";

/// What an orchestrator sets in each container.
type Variables = Vec<(String, String)>;

fn owned(name: &str, value: &str) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap_or_else(|| panic!("{value} is no list"));
    list.iter().map(|value| text(value).to_string()).collect()
}

/// What a service that prints its environment was given.
fn given(output: &Output) -> BTreeMap<String, String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = std::str::from_utf8(&output.stdout).expect("text");
    printed
        .lines()
        .map(|line| line.split_once('=').expect("a variable"))
        .map(|(n, v)| owned(n, v))
        .collect()
}

/// Replaces the URL of the example's daemon.
fn ask(daemon: &Daemon, variables: &mut Variables) {
    let found = variables.iter_mut().find(|(name, _)| name == "SECRETARY_URL");
    let (_, url) = found.expect("a daemon is to be asked");
    *url = daemon.in_place_of(url);
}

/// An app's id, and its words and variables as Marathon starts a task of it.
fn marathon_app(example: &Example) -> (String, Vec<String>, Variables) {
    let app: Value = serde_json::from_str(&example.filled("marathon-app.json")).expect("JSON");
    let env = app["env"].as_object().expect("variables");
    let mut variables: Variables =
        env.iter().map(|(name, value)| owned(name, text(value))).collect();
    let id = text(&app["id"]).to_string();
    variables.push(owned("MARATHON_APP_ID", &id));
    variables.push(owned("MARATHON_APP_VERSION", VERSION));
    variables.push(owned("MESOS_TASK_ID", "myservice.1"));
    for volume in app["container"]["volumes"].as_array().expect("volumes") {
        assert_eq!(volume["mode"], "RO", "{volume}");
    }
    (id, texts(&app["args"]), variables)
}

/// What the service of the app is given, which runs on this cluster and asks this daemon.
pub(crate) fn ask_as_marathon_app(
    example: &Example,
    root: &Root,
    server: &Server,
    daemon: &Daemon,
) -> Output {
    let (id, words, mut variables) = marathon_app(example);
    let app = App::new(&id, VERSION).task("myservice.1");
    server.run(&variables.iter().fold(app, |app, (name, value)| app.env(name, value.as_str())));
    ask(daemon, &mut variables);
    root.command(&words, &variables).output().expect("started")
}

#[test]
fn the_marathon_app_gets_its_secret() {
    let (example, server) = (Example::new(), Server::start());
    let root = Root::of(&example);
    let daemon = Daemon::of_unit(&root, &[("MARATHON_URL", &server.url())]);
    let given = given(&ask_as_marathon_app(&example, &root, &server, &daemon));
    let (name, plaintext) = SECRETS[0];
    assert_eq!(given[name], plaintext);
    assert_eq!(given["DATABASE_USERNAME"], "myservice");
    assert!(!given.contains_key("DEPLOY_PRIVATE_KEY"));
    assert_eq!(allowed(&root, APP), 1);
}

#[test]
fn the_marathon_app_needs_its_service_key() {
    let (example, server) = (Example::new(), Server::start());
    let root = Root::of(&example);
    let daemon = Daemon::of_unit(&root, &[("MARATHON_URL", &server.url())]);
    root.write("/service/keys/service-private-key.pem", &Example::new().service.to_pem());
    let output = ask_as_marathon_app(&example, &root, &server, &daemon);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(125), b"".as_slice()));
    assert_eq!(allowed(&root, APP), 0);
}

#[test]
fn the_mesos_task_gets_its_secrets_from_a_daemon_that_requires_a_token_list() {
    let (example, server) = (Example::new(), Server::start());
    let root = Root::of(&example);
    let task: Value = serde_json::from_str(&example.filled("mesos-task.json")).expect("JSON");
    let id = text(&task["task_id"]["value"]);
    let labels = task["labels"]["labels"].as_array().expect("labels");
    server.run_tasks(&[labels.iter().fold(Task::new(id), |task, label| {
        task.label(text(&label["key"]), text(&label["value"]))
    })]);
    let mut command = crate::daemon::unit_command(&root, &[("MESOS_LEADER_URL", &server.url())]);
    command.arg("--mesos-require-token-list");
    let daemon = Daemon::start(command, &root).unwrap_or_else(|ended| panic!("{ended:?}"));

    let command = &task["command"];
    let environment = command["environment"]["variables"].as_array().expect("variables");
    let mut variables: Variables = environment
        .iter()
        .map(|variable| owned(text(&variable["name"]), text(&variable["value"])))
        .collect();
    variables.push(owned("MESOS_TASK_ID", id));
    ask(&daemon, &mut variables);
    assert_eq!(command["shell"], false, "the first argument is the program's name, then");
    let mut words = texts(&command["arguments"]);
    assert_eq!(words[0], "secretary");
    words[0] = text(&command["value"]).to_string();

    let given = given(&root.command(&words, &variables).output().expect("started"));
    for (name, plaintext) in SECRETS {
        assert_eq!(given[name], plaintext);
    }
    assert_eq!(allowed(&root, id), SECRETS.len());
}

/// A daemon that asks nobody but the file of workloads.
fn with_workloads(example: &Example, root: &Root) -> Daemon {
    root.write("/etc/secretary/workloads.toml", &example.filled("workloads.toml"));
    let file = "/etc/secretary/workloads.toml";
    let cluster = [("SECRETARY_WORKLOADS", file), ("MARATHON_URL", ""), ("MESOS_LEADER_URL", "")];
    Daemon::of_unit(root, &cluster)
}

#[test]
fn the_service_of_the_unit_gets_its_secrets_by_the_file_of_workloads() {
    let example = Example::new();
    let root = Root::of(&example);
    let daemon = with_workloads(&example, &root);
    let unit = Unit::read("myservice.service");
    let names = SECRETS.map(|(name, _)| format!("{name}={}\n", example.value(name)));
    root.write("/etc/myservice/environment.encrypted", &(names.concat() + "PLAIN=value\n"));
    let mut variables = unit.environment();
    ask(&daemon, &mut variables);

    let decrypt = words(unit.one("ExecStartPre"), &[]);
    let output = root.command(&decrypt, &variables).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files: Vec<_> = unit.all("EnvironmentFile").collect();
    assert_eq!(files, ["/etc/myservice/environment.encrypted", "-/run/myservice.env"]);
    let decrypted = secretary::env_file::parse(root.read("/run/myservice.env").as_bytes());
    let decrypted = decrypted.expect("an environment file");
    for (name, plaintext) in SECRETS {
        assert_eq!(decrypted.get(name), Some(plaintext.as_ref()), "{name}");
    }
    assert_eq!(allowed(&root, "myservice"), SECRETS.len());
    for command in unit.all("ExecStartPost").chain(unit.all("ExecStopPost")) {
        assert_eq!(words(command, &[]), ["/bin/rm", "-f", "/run/myservice.env"]);
    }
}

#[test]
fn the_app_in_the_file_of_workloads_gets_its_secret() {
    let example = Example::new();
    let root = Root::of(&example);
    let daemon = with_workloads(&example, &root);
    let (_, words, mut variables) = marathon_app(&example);
    ask(&daemon, &mut variables);
    let given = given(&root.command(&words, &variables).output().expect("started"));
    let (name, plaintext) = SECRETS[0];
    assert_eq!(given[name], plaintext);
    assert_eq!(allowed(&root, APP), 1);
}
