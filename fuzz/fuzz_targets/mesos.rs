//! Answers of Mesos: whatever they are, nothing is granted that the reference of the daemon's tests does not grant,
//! and by the same keys.
#![no_main]

#[expect(dead_code, reason = "it knows Marathon, too")]
#[path = "../../crates/daemon/tests/answers/reference.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use secretary_daemon::id::TaskId;
use secretary_daemon::orchestrator::mesos::parse_tasks;
use secretary_daemon::refusal::Refusal;
use secretary_daemon::workload::{TokenList, Wanted};
use secretary_envelope::Token;
use serde::de::IgnoredAny;
use serde_json::Value;

const ASKED: reference::Asked<'_> = reference::Asked {
    app: "",
    is_version: |_| false,
    task: "t",
    variable: "A",
    token: "ENC[KMS,AAAA]",
    sha256: "94a73619a332afb3f5269b03d9e8f9e8ab75a18cb15e417068f1ad60f1811c56",
};

fuzz_target!(|input: &[u8]| {
    // Control characters in texts are read, and the reference does not read them.
    let answer: Vec<u8> = input.iter().map(|&byte| byte.max(b' ')).collect();
    for list in [TokenList::Optional, TokenList::Required] {
        let Ok(granted) = granted(&answer, list) else { continue };
        if can_be_judged(&answer) {
            let expected = reference::mesos(&answer, list == TokenList::Required, &ASKED);
            assert_eq!(Some(granted), expected);
        }
    }
});

fn granted(answer: &[u8], list: TokenList) -> Result<reference::Keys, Refusal> {
    let task = TaskId::parse(ASKED.task).expect("an id");
    let workload = parse_tasks(answer)?.workload(&task)?;
    let token = Token::parse(ASKED.token.as_bytes()).expect("a token");
    workload.grant(Wanted { key: ASKED.variable, token }, list)?;
    Ok((workload.deploy.clone(), workload.service.clone()))
}

/// What is skipped may be nested deeper than the reference goes, a number of any size, or no text.
fn can_be_judged(answer: &[u8]) -> bool {
    serde_json::from_slice::<Value>(answer).is_ok()
        || serde_json::from_slice::<IgnoredAny>(answer).is_err()
}
