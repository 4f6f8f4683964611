//! Forms: any bytes are read as a simple reading of them says, the content type never makes another form of them, and
//! what is read is a claim or is none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secretary_daemon::claim::Claim;
use secretary_daemon::form::{self, Fields};
use secretary_daemon::refusal::Refusal;
use secretary_daemon::version::Version;

const FORM: &str = "application/x-www-form-urlencoded";

fuzz_target!(|input: &[u8]| {
    // A content type, and behind a NUL byte the body.
    let mut parts = input.splitn(2, |&byte| byte == 0);
    let content_type = parts.next().and_then(|text| str::from_utf8(text).ok()).unwrap_or(FORM);
    let body = parts.next().unwrap_or_default();

    let fields = form::parse(Some(FORM), body);
    assert_eq!(fields.clone().ok(), simple_reading(body));
    match form::parse(Some(content_type), body) {
        Err(refusal) => assert_eq!(refusal, Refusal::Form),
        Ok(read) if read == Fields::default() => {}
        Ok(read) => {
            assert_eq!(Ok(read), fields);
            assert!(content_type.to_ascii_lowercase().contains(FORM));
        }
    }
    let Ok(fields) = fields else { return };
    assert_eq!(form::parse(Some(FORM), fields.to_body().as_bytes()).as_ref(), Ok(&fields));
    is_claim_of(&fields);
    is_version(&fields.appversion);
});

/// Pair by pair, and each by itself.
fn simple_reading(body: &[u8]) -> Option<Fields> {
    let pairs: Vec<&[u8]> =
        body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).collect();
    let mut read = Vec::new();
    for pair in pairs {
        let mut halves = pair.splitn(2, |&byte| byte == b'=').map(plain);
        let (name, value) = (halves.next()??, halves.next().unwrap_or(Some(Vec::new()))?);
        if pair.contains(&b';') {
            return None;
        }
        read.push((name, value));
    }
    let texts = |wanted: &str| {
        let named = read.iter().filter(|(name, _)| name == wanted.as_bytes());
        let texts: Result<Vec<_>, _> =
            named.map(|(_, value)| String::from_utf8(value.clone())).collect();
        Some(texts.ok()?.into_iter().next().unwrap_or_default())
    };
    Some(Fields {
        appid: texts("appid")?,
        appversion: texts("appversion")?,
        taskid: texts("taskid")?,
        envelope: texts("envelope")?,
    })
}

fn plain(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let mut parts = text.split(|&byte| byte == b'%');
    let mut plain = parts.next()?.to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        let digits = str::from_utf8(digits).expect("digits");
        plain.push(u8::from_str_radix(digits, 16).expect("two digits"));
        plain.extend(&part[2..]);
    }
    Some(plain)
}

fn is_claim_of(fields: &Fields) {
    match fields.claim() {
        Ok(Claim::App { app, version, task }) => {
            let known = [app.as_str(), version.as_str(), task.as_str()];
            assert_eq!(known, [&fields.appid, &fields.appversion, &fields.taskid]);
            assert!(!version.is_unix_epoch() && !fields.envelope.is_empty());
        }
        Ok(Claim::Task(task)) => {
            assert_eq!(task.as_str(), fields.taskid);
            let version = Version::parse(&fields.appversion);
            assert!(fields.appversion.is_empty() || version.is_some_and(|it| it.is_unix_epoch()));
            assert!(!fields.envelope.is_empty());
        }
        Err(refusal) => {
            use Refusal::{AppId, Parameters, TaskId, Version};
            assert!(matches!(refusal, Version | Parameters | AppId | TaskId));
        }
    }
}

/// A version is the time that it says, so nothing in it can be changed without making another.
fn is_version(text: &str) {
    let Some(version) = Version::parse(text) else { return };
    assert_eq!(version.as_str(), text);
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).take(14) {
        let mut other = text.as_bytes().to_vec();
        other[at] = if byte == b'9' { b'8' } else { byte + 1 };
        let other = String::from_utf8(other).expect("digits");
        assert_ne!(Version::parse(&other), Some(version.clone()), "{text} {other}");
    }
}
