//! What the daemon answers, and judging it.

use secretary_daemon::channel::Channel;
use secretary_daemon::refusal::Refusal;
use secretary_envelope::{PublicKey, SecretKey};
use serde_json::Value;

use crate::exchange::Answer;
use crate::recorded::{Exchange, Keys, key};
use crate::vectors::{parse, text};

/// How a case differs from the recording.
pub(crate) struct Otherwise {
    /// The answer to each of its requests.
    pub(crate) answers: &'static [Outcome],
    /// What is asked of Marathon and Mesos.
    pub(crate) asked: Asked,
}

/// What the daemon answers to one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// What the Go program answered.
    AsGo,
    /// 200 and this plaintext, which opens with the keys that the request was sealed with.
    Granted(&'static str),
    /// This status and this sentence.
    Refused(u16, Refusal),
    /// 200 and JSON that has at least the member of the Go program.
    Status,
    /// This status and exactly this body.
    Page(u16, &'static str),
}

/// What is asked of Marathon and Mesos.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// What the Go program asked, in its order.
    AsGo,
    /// So many of its first questions.
    First(usize),
    /// These questions, as [`crate::recorded::asked`] has them.
    These(&'static [&'static str]),
}

impl Outcome {
    /// Whether this is the answer.
    pub(crate) fn judge(self, go: &Exchange<'_>, ours: &Answer) -> Result<(), String> {
        no_secret_in(ours)?;
        let good = match self {
            Self::AsGo => return judge_as_go(go, ours),
            Self::Granted(plaintext) => {
                let (_, keys) = go.asked().expect("a request that the recording opened");
                let opened = open(&ours.body, keys);
                ours.status == 200 && opened.is_ok_and(|json| plaintext_of(&json) == plaintext)
            }
            Self::Refused(status, refusal) => {
                ours.status == u64::from(status) && sentence_of(ours) == Ok(refusal.to_string())
            }
            Self::Status => {
                let json: Value = serde_json::from_slice(&ours.body).unwrap_or_default();
                ours.status == 200 && json["Status"] == "OK"
            }
            Self::Page(status, body) => {
                ours.status == u64::from(status) && ours.body == body.as_bytes()
            }
        };
        if good { Ok(()) } else { Err(format!("\n  ours {}\n  not  {self:?}", ours.shown())) }
    }
}

impl Asked {
    /// Whether this is what was asked.
    pub(crate) fn judge(self, go: &[String], ours: &[String]) -> Result<(), String> {
        let expected = match self {
            Self::AsGo => go.to_vec(),
            Self::First(count) => go[..count].to_vec(),
            Self::These(questions) => {
                questions.iter().map(|question| question.to_string()).collect()
            }
        };
        match ours == expected {
            true => Ok(()),
            false => Err(format!("\n  ours asks {ours:?}\n  not       {expected:?}")),
        }
    }
}

/// What the Go program answered: the same status and headers, and the same plaintext or the same sentence.
fn judge_as_go(go: &Exchange<'_>, ours: &Answer) -> Result<(), String> {
    let same_body = || match go.opened() {
        Some((json, keys)) => {
            open(&ours.body, keys).map(|opened| plaintext_of(&opened) == plaintext_of(&json))
        }
        None => Ok(ours.body.ends_with(b"\n") == go.body().ends_with(b"\n")
            && without_reason(&ours.body) == without_reason(&go.body())),
    };
    let same_header = |name| go.header(name).is_none_or(|value| ours.header(name) == Some(value));
    let same_headers =
        ["Content-Type", "X-Content-Type-Options", "Location"].into_iter().all(same_header);
    if ours.status == go.status() && same_headers && same_body()? {
        return Ok(());
    }
    let go = (go.status(), go.body().escape_ascii().to_string());
    Err(format!("\n  ours {}\n  go   {go:?}", ours.shown()))
}

/// The sentence of a refusal, which is a line.
fn sentence_of(answer: &Answer) -> Result<String, String> {
    let text = String::from_utf8(answer.body.clone()).map_err(|error| error.to_string())?;
    let sentence = text.strip_suffix('\n').ok_or("no line")?;
    match answer.header("Content-Type") {
        Some("text/plain; charset=utf-8") => Ok(sentence.to_string()),
        other => Err(format!("content type {other:?}")),
    }
}

/// A sentence without the inner error that the Go program has in brackets in it. Two brackets are a part of the
/// sentence itself.
fn without_reason(body: &[u8]) -> String {
    const OWN: [&str; 2] = ["bug or hacking attempt?", "incorrect master key or hacking attempt?"];
    let text = String::from_utf8_lossy(body).trim_end().to_string();
    let mut brackets = text.match_indices(" (").map(|(at, _)| at);
    let is_reason = |at: &usize| !OWN.iter().any(|own| text[at + 2..].starts_with(own));
    let Some(start) = brackets.find(is_reason) else { return text };
    let mut depth = 0;
    let end = text[start..].find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && c == ')'
    });
    match end {
        Some(end) => format!("{}{}", &text[..start], &text[start + end + 1..]),
        None => text,
    }
}

/// The JSON in an answer to a workload with these keys.
pub(crate) fn open(body: &[u8], keys: Keys<'_>) -> Result<Value, String> {
    let secret = |key: &str| SecretKey::parse(key.as_bytes()).expect("a key");
    let master = PublicKey::parse(key("MASTER_PUB").as_bytes()).expect("a key");
    let service = keys.service.map(secret);
    let channel =
        Channel::of_workload(&secret(keys.deploy), service.as_ref(), &master).expect("good keys");
    let opened = channel.open(body);
    let json = opened.map_err(|layer| {
        format!("{layer:?} does not open {:?}", body.escape_ascii().to_string())
    })?;
    Ok(parse(str::from_utf8(json.expose()).expect("JSON is text")))
}

fn plaintext_of(json: &Value) -> String {
    let bytes = crate::vectors::base64(&json["PlaintextSecret"]);
    String::from_utf8(bytes).expect("the recorded secrets are text")
}

/// No answer has a key in it or anything that Marathon or Mesos said.
fn no_secret_in(answer: &Answer) -> Result<(), String> {
    const UPSTREAM: [&str; 7] =
        ["CANARY", "stub: no such path", "exploded", "yyyy", "hunter2", "garbage", "\"id\""];
    let keys = crate::recorded::DAEMON["keys"].as_object().expect("keys").values().map(text);
    let body = String::from_utf8_lossy(&answer.body);
    match keys.chain(UPSTREAM).find(|word| body.contains(word)) {
        Some(word) => Err(format!("{word} is in {body:?}")),
        None => Ok(()),
    }
}

#[test]
fn a_reason_in_brackets_is_left_out_and_the_sentence_is_not() {
    for (sentence, without) in [
        ("Failed to decode $K (Expected a 32 byte key)\n", "Failed to decode $K"),
        ("key? (Not configured for ENC[,..] values)", "key?"),
        (
            "x (incorrect master key or hacking attempt? (Failed to decrypt (incorrect keys?)))\n",
            "x (incorrect master key or hacking attempt?)",
        ),
        (
            "Given taskId is not running (bug or hacking attempt?)",
            "Given taskId is not running (bug or hacking attempt?)",
        ),
        ("no brackets", "no brackets"),
    ] {
        assert_eq!(without_reason(sentence.as_bytes()), without);
    }
}
