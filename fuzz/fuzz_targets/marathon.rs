//! Answers of Marathon, the app and behind a NUL byte the version: whatever they are, nothing is granted that the
//! reference of the daemon's tests does not grant, and by the same keys.
#![no_main]

#[expect(dead_code, reason = "it knows Mesos, too")]
#[path = "../../crates/daemon/tests/answers/reference.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use secretary_daemon::id::{AppId, TaskId};
use secretary_daemon::orchestrator::marathon::{parse_app, parse_version};
use secretary_daemon::refusal::Refusal;
use secretary_daemon::version::Version;
use secretary_daemon::workload::{TokenList, Wanted};
use secretary_envelope::Token;
use serde::de::IgnoredAny;
use serde_json::Value;

const TIME: &str = "2015-12-04T12:25:08.426Z";

const ASKED: reference::Asked<'_> = reference::Asked {
    app: "/a",
    is_version: |text| Version::parse(text) == Version::parse(TIME),
    task: "t",
    variable: "",
    token: "ENC[KMS,AAAA]",
    sha256: "",
};

fuzz_target!(|input: &[u8]| {
    // Control characters in texts are read, and the reference does not read them.
    let without = |body: &[u8]| body.iter().map(|&byte| byte.max(b' ')).collect::<Vec<u8>>();
    let mut bodies = input.splitn(2, |&byte| byte == 0).map(without);
    let (app, version) = (bodies.next().unwrap_or_default(), bodies.next().unwrap_or_default());
    let Ok(granted) = granted(&app, &version) else { return };
    if can_be_judged(&app) && can_be_judged(&version) {
        assert_eq!(Some(granted), reference::marathon(&app, &version, &ASKED));
    }
});

fn granted(app: &[u8], version: &[u8]) -> Result<reference::Keys, Refusal> {
    let id = AppId::parse(ASKED.app).expect("an id");
    let task = TaskId::parse(ASKED.task).expect("an id");
    let time = Version::parse(TIME).expect("a time");
    let running = parse_app(app).and_then(|app| app.check_running(&id, &time, &task));
    let workload = parse_version(version).and_then(|version| version.check(&id, &time));
    running?;
    let workload = workload?;
    let token = Token::parse(ASKED.token.as_bytes()).expect("a token");
    workload.grant(Wanted { key: "", token }, TokenList::Required)?;
    Ok((workload.deploy.clone(), workload.service.clone()))
}

/// What is skipped may be nested deeper than the reference goes, a number of any size, or no text.
fn can_be_judged(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok()
        || serde_json::from_slice::<IgnoredAny>(body).is_err()
}
