//! What the Go program made of versions, app ids, forms and orchestrators' answers, in `tests/vectors`, and what we
//! make of them.

use std::collections::BTreeSet;

use secretary_daemon::claim::Claim;
use secretary_daemon::form;
use secretary_daemon::id::{AppId, TaskId};
use secretary_daemon::orchestrator::{marathon, mesos};
use secretary_daemon::refusal::Refusal;
use secretary_daemon::version::Version;
use secretary_daemon::workload::{Grants, Workload};
use serde_json::Value;

const RFC3339: &str = include_str!("../../../tests/vectors/go-rfc3339.json");
const URLS: &str = include_str!("../../../tests/vectors/go-urls.json");
const DAEMON: &str = include_str!("../../../tests/vectors/go-daemon.json");

fn parse(vectors: &str) -> Value {
    serde_json::from_str(vectors).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// The bytes of a body.
fn bytes(blob: &Value) -> &[u8] {
    blob["text"].as_str().unwrap_or_default().as_bytes()
}

#[test]
fn versions_are_the_times_that_go_reads() {
    let vectors = parse(RFC3339);
    let reference = Version::parse(text(&vectors["ref"])).expect("a time");
    let cases = list(&vectors["cases"]);
    assert_eq!(cases.len(), 35);
    for case in cases {
        let ours = Version::parse(text(&case["input"]));
        assert_eq!(ours.is_some(), case["ok"] == true, "{case}");
        let Some(ours) = ours else { continue };
        assert_eq!(ours == reference, case["equals_ref"] == true, "{case}");
        assert_eq!(ours.is_unix_epoch(), case["is_unix_epoch"] == true, "{case}");
        assert_eq!(Version::parse(text(&case["utc"])), Some(ours), "{case}");
    }
}

/// Ids that Go asks Marathon for, some of them for another app, and that we take for none.
const NO_APPS: [&str; 20] = [
    "demo/webapp",
    "//demo//webapp",
    "/",
    "",
    "/a b",
    "/a+b",
    "/a%2Fb",
    "/a/../b",
    "/a/.../b",
    "/../../v2/info",
    "/a/./b",
    "/a?x=1",
    "/a#frag",
    "/a&b=c",
    "/a;b",
    "/a:b@c",
    "/ü/密",
    "/a\nb",
    "/a\0b",
    "/a\\b",
];

/// The same, and Go asks for them as they are.
const NO_NAMES: [&str; 2] = ["/a~b_c-d.e", "/a,b'c(d)*!$="];

#[test]
fn marathon_is_asked_for_what_go_asks_for() {
    let vectors = parse(URLS);
    let mut refused = BTreeSet::new();
    for case in list(&vectors["app"]) {
        match AppId::parse(text(&case["appid"])) {
            Some(app) => assert_eq!(marathon::app_path(&app), text(&case["app_path"])),
            None => assert!(refused.insert(text(&case["appid"]))),
        }
    }
    assert_eq!(refused, NO_APPS.into_iter().chain(NO_NAMES).collect());
    assert_eq!(list(&vectors["app"]).len() - refused.len(), 2);

    let versions = list(&vectors["version"]);
    assert_eq!(versions.len(), 3);
    for case in versions {
        let app = AppId::parse(text(&case["appid"])).expect("an id");
        let version = Version::parse(text(&case["version"])).expect("a time");
        assert_eq!(marathon::version_path(&app, &version), text(&case["version_path"]));
    }
}

#[test]
fn every_byte_is_escaped_as_go_escapes_it() {
    let vectors = parse(URLS);
    let escaped: Vec<&str> =
        list(&vectors["query_escape_bytes"]).iter().map(|case| text(&case["escaped"])).collect();
    assert_eq!(escaped.len(), 256);
    // No text has the bytes c0, c1 and f5 to ff in it.
    for character in ('\0'..='\u{7ff}').chain(['\u{800}', '密', '\u{10000}', '\u{10ffff}']) {
        let character = character.to_string();
        let expected: String = character.bytes().map(|byte| escaped[usize::from(byte)]).collect();
        assert_eq!(form::escape(&character), expected);
    }
}

/// What the recorded answers of Marathon are to us: whether the task runs, and what the version may have.
///
/// Where Go's decoder sees it in another way it is said behind.
const ROUTES: [(&str, &str, &str); 32] = [
    ("/demo/webapp", "runs", "3 tokens and a service key"),
    ("/demo/webapp 2015-11-04T12:25:08.426Z", "", "1 tokens and a service key"),
    ("/demo/webapp2", "runs", "1 tokens"),
    ("/demo/webapp3", "runs", "2 tokens and a service key"),
    ("/c/nodeploy", "runs", "NoDeployVariable"),
    ("/c/baddeploy", "runs", "BadDeployKey"),
    ("/c/badsvc", "runs", "BadServiceKey"),
    ("/c/emptysvc", "runs", "BadServiceKey"),
    ("/c/objenv", "runs", "1 tokens"), // Go: unreadable
    ("/c/numenv", "runs", "1 tokens"), // Go: unreadable
    ("/c/nullenv", "runs", "1 tokens"),
    ("/c/idmismatch", "runs", "OtherApp(Marathon)"),
    ("/c/vermismatch", "runs", "OtherApp(Marathon)"),
    ("/c/verformat", "runs", "1 tokens"),
    ("/c/novertask", "NotRunning", "1 tokens"),
    ("/c/badvertask", "NotRunning", "1 tokens"),
    ("/c/case", "Unreadable(Marathon)", "OtherApp(Marathon)"), // Go: names in any case
    ("/c/dupkeys", "Unreadable(Marathon)", "Unreadable(Marathon)"), // Go: the last one counts
    ("/c/trailing", "Unreadable(Marathon)", "0 tokens"),
    ("/c/deploypem", "runs", "1 tokens"),
    ("/c/partial", "runs", "1 tokens"),
    ("/c/nilnonce", "runs", "1 tokens"),
    ("/", "Unreadable(Marathon)", ""), // a list of all apps
    ("/s/garbage", "Unreadable(Marathon)", ""),
    ("/s/empty", "Unreadable(Marathon)", ""),
    ("/s/null", "Unreadable(Marathon)", ""), // Go: another app
    ("/s/err500", "Unreadable(Marathon)", ""),
    ("/s/err404", "Unreadable(Marathon)", ""),
    ("/s/long", "Unreadable(Marathon)", ""),
    ("/s/hang", "Unreadable(Marathon)", ""),
    ("/s/close", "Unreadable(Marathon)", ""),
    ("/s/redir", "Unreadable(Marathon)", ""),
];

#[test]
fn recorded_answers_of_marathon_are_understood() {
    let vectors = parse(DAEMON);
    let time = text(&vectors["constants"]["VER"]);
    let task = TaskId::parse(text(&vectors["constants"]["TASK"])).expect("an id");
    let routes = vectors["marathon_routes"].as_object().expect("routes");
    let mut seen = 0;
    for (name, running, granted) in ROUTES {
        let (name, time) = name.split_once(' ').unwrap_or((name, time));
        // The daemon would ask for no such app as `/`.
        let app = AppId::parse(name).or(AppId::parse("/demo/webapp")).expect("an id");
        let version = Version::parse(time).expect("a time");
        let path = format!("/v2/apps{name}?embed=apps.tasks");
        if let Some(answer) = routes.get(&path).filter(|_| !running.is_empty()) {
            let answer = marathon::parse_app(bytes(&answer["body"]));
            let check = answer.and_then(|answer| answer.check_running(&app, &version, &task));
            assert_eq!(check.map_or_else(debug, |()| "runs".to_string()), running, "{path}");
            seen += 1;
        }
        let path = marathon::version_path(&app, &version);
        if let Some(answer) = routes.get(&path).filter(|_| !granted.is_empty()) {
            let answer = marathon::parse_version(bytes(&answer["body"]));
            let check = answer.and_then(|answer| answer.check(&app, &version));
            assert_eq!(check.map_or_else(debug, |found| describe(&found)), granted, "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, routes.len());
}

/// What the tasks in the recorded answers of Mesos are to us, and whether Go sees it in another way.
const TASKS: [(&str, &str); 11] = [
    ("1", "NoDeployLabel"),
    (
        "test-job_20180725075828m0Ezl.83c2ad68-8fe0-11e8-88f5-b2fbd5835ad5",
        "ENC_SUBSTRING KMS_SECRET NACL_SECRET and a service key",
    ),
    (
        "test-no-service-key-job.83c2ad68-8fe0-11e8-88f5-b2fbd5835ad5",
        "ENC_SUBSTRING KMS_SECRET NACL_SECRET",
    ),
    (
        "test-allowed-vars-missing-job.83c2ad68-8fe0-11e8-88f5-b2fbd5835ad5",
        "no list and a service key",
    ),
    ("failed-task", "NotRunning"), // Go does not look at it
    ("nodeploy-task", "NoDeployLabel"),
    ("baddeploy-task", "BadDeployKey"),
    ("badsvc-task", "BadServiceKey"),
    ("dup-task", "Ambiguous(Mesos)"), // Go: the last label counts
    ("emptyallow-task", ""),
    ("nolabels-task", "NoDeployLabel"),
];

#[test]
fn recorded_answers_of_mesos_are_understood() {
    let vectors = parse(DAEMON);
    let mut seen = BTreeSet::new();
    for (_, answer) in vectors["mesos_answers"].as_object().expect("answers") {
        let tasks = mesos::parse_tasks(bytes(answer)).expect("tasks");
        for (name, expected) in TASKS {
            let task = TaskId::parse(name).expect("an id");
            match tasks.workload(&task) {
                Err(Refusal::NoTask) => continue,
                found => assert_eq!(found.map_or_else(debug, |found| describe(&found)), expected),
            }
            assert!(seen.insert(name));
        }
        let listed = &parse(text(&answer["text"]))["get_tasks"]["tasks"];
        for task in list(listed) {
            assert!(seen.contains(text(&task["task_id"]["value"])), "{task}");
        }
    }
    assert_eq!(seen.len(), TASKS.len());
}

fn debug(refusal: Refusal) -> String {
    format!("{refusal:?}")
}

fn describe(workload: &Workload) -> String {
    let granted = match &workload.grants {
        Grants::Tokens(tokens) => format!("{} tokens", tokens.len()),
        Grants::Variables { names: None, tokens: None } => "no list".to_string(),
        Grants::Variables { names: Some(names), tokens: None } => {
            let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            names.into_iter().collect::<Vec<_>>().join(" ")
        }
        other => panic!("{other:?}"),
    };
    let service = if workload.service.is_some() { " and a service key" } else { "" };
    granted + service
}

/// Requests for apps that are none to us, and that Go asks Marathon for.
const OTHER_APPS: usize = 14;

#[test]
fn recorded_forms_are_read_and_refused_in_the_words_of_go() {
    let vectors = parse(DAEMON);
    let exchanges = list(&vectors["cases"]).iter().flat_map(|case| list(&case["exchanges"]));
    let posted = exchanges.filter(|exchange| {
        exchange["request"]["method"] == "POST" && exchange["request"]["target"] == "/v1/decrypt"
    });
    let (mut read, mut refused, mut other_apps) = (0, 0, 0);
    for exchange in posted {
        let Some(body) = exchange["request"]["body"]["text"].as_str() else { continue };
        let head = text(&exchange["request"]["head"]);
        let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
        let claim = form::parse(content_type, body.as_bytes()).and_then(|fields| fields.claim());
        let go = exchange["response"]["body"]["text"].as_str().unwrap_or_default();
        match claim {
            Ok(claim) => {
                assert!(!go.starts_with("Expected "), "{exchange}");
                assert_eq!(matches!(claim, Claim::App { .. }), body.contains("appversion=2"));
                read += 1;
            }
            Err(Refusal::AppId) => other_apps += 1,
            Err(refusal) => {
                assert_eq!(format!("{refusal}\n"), go, "{exchange}");
                refused += 1;
            }
        }
    }
    assert_eq!((read, refused, other_apps), (74, 12, OTHER_APPS));
}
