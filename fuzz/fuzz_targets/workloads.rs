//! Lists of workloads: any text is read or refused in few words of ours, and nobody is found whom a simple reading
//! does not find.
#![no_main]

#[expect(dead_code, reason = "it knows orchestrators, too")]
#[path = "../../crates/daemon/tests/answers/reference.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use secretary_daemon::claim::Claim;
use secretary_daemon::id::{AppId, TaskId};
use secretary_daemon::orchestrator::file::{FileError, Syntax, Workloads};
use secretary_daemon::version::Version;
use secretary_daemon::workload::{TokenList, Wanted};
use secretary_envelope::{PublicKey, Token};
use serde_json::Value;

const TIME: &str = "2015-12-04T12:25:08.426Z";
const TOKEN: &str = "ENC[KMS,AAAA]";
const SHA256: &str = "94a73619a332afb3f5269b03d9e8f9e8ab75a18cb15e417068f1ad60f1811c56";

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    let syntax = if text.starts_with(['{', '[', ' ']) { Syntax::Json } else { Syntax::Toml };
    match Workloads::parse(text, syntax) {
        Err(error) => says_little(&error),
        Ok(workloads) => {
            for claim in claims() {
                judge(&workloads, &claim, text, syntax);
            }
        }
    }
});

/// An error's sentence is ours, but for an app's id and a member's name.
fn says_little(error: &FileError) {
    let app = match error {
        FileError::Workload(which, _) => which.app.as_ref().map_or(0, |app| app.as_str().len()),
        _ => 0,
    };
    assert!(error.to_string().len() < 130 + app, "{error}");
}

fn claims() -> [Claim; 2] {
    let task = TaskId::parse("t").expect("an id");
    let app = AppId::parse("/a").expect("an id");
    let version = Version::parse(TIME).expect("a time");
    [Claim::App { app, version, task: task.clone() }, Claim::Task(task)]
}

fn judge(workloads: &Workloads, claim: &Claim, text: &str, syntax: Syntax) {
    let Some(found) = workloads.find(claim) else { return };
    let token = Token::parse(TOKEN.as_bytes()).expect("a token");
    let wanted = Wanted { key: "", token };
    if syntax == Syntax::Json && found.grant(wanted, TokenList::Required).is_ok() {
        let all: Value = serde_json::from_str(text).expect("it was read");
        let mut entries = all["workload"].as_array().expect("it was read").iter();
        let key =
            |value: &Value| value.as_str().and_then(|key| PublicKey::parse(key.as_bytes()).ok());
        let is_it = |entry: &Value| {
            is_of(entry, claim)
                && grants(entry)
                && key(&entry["deploy_public_key"]).as_ref() == Some(&found.deploy)
                && key(&entry["service_public_key"]) == found.service
        };
        assert!(entries.any(is_it), "{text}");
    }
}

fn is_of(entry: &Value, claim: &Claim) -> bool {
    let (app, task, version) = (&entry["app"], &entry["task"], &entry["version"]);
    match claim {
        Claim::App { .. } => {
            let time = |text: &str| Version::parse(text) == Version::parse(TIME);
            app == "/a"
                && (task.is_null() || task == "t")
                && (version.is_null() || version.as_str().is_some_and(time))
        }
        Claim::Task(_) => app.is_null() && task == "t",
    }
}

fn grants(entry: &Value) -> bool {
    let texts = |name: &str| entry[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let is_its_hash =
        |text: &str| [SHA256, &SHA256[..32]].contains(&text.to_ascii_lowercase().as_str());
    texts("secrets").any(|text| reference::holds(text, TOKEN))
        || texts("secrets_sha256").any(is_its_hash)
}
