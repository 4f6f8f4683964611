//! `go-kms-cli.json`: what is asked of AWS KMS, and what becomes of its answers.
//!
//! The cases have no environment. What they say about it is in their names and in what was asked.

use serde_json::Value;

use crate::gob::{Outcome, body};
use crate::http::{Answer, Request, answer_with};
use crate::kms_stub::Stub;
use crate::program::{Ours, Run, arguments, run};
use crate::vectors::{Difference, base64, bytes, judge_all, key, members, name, parse, text};

/// What is answered and asked otherwise.
struct Otherwise {
    run: Ours,
    asked: Asked,
}

/// How often AWS KMS is asked.
#[derive(Clone, Copy)]
enum Asked {
    /// As often as by the Go program, or less.
    AsOften,
    Never,
    /// More often.
    Longer,
}

const DAMAGED: &str =
    "A damaged token has an exit code of its own, and the error says where it stands.";

const DIFFERENCES: &[Difference<Otherwise>] = &[
    Difference {
        name: "decrypt: KMS 500 (SDK retries 3 times)",
        ours: Otherwise {
            run: Ours::Refused(6, "HTTP status 500; gave up after 1 s"),
            asked: Asked::Longer,
        },
        because: "A fault of AWS is waited for until --kms-timeout, where 4 requests take 0.4 s.",
    },
    Difference {
        name: "decrypt: KMS returns a 31-byte key",
        ours: Otherwise { run: Ours::Refused(6, "31 bytes"), asked: Asked::AsOften },
        because: "A faulty service has an exit code of its own.",
    },
    Difference {
        name: "malformed gob (random text): error ignored, empty EncryptedDataKey goes to the SDK",
        ours: Otherwise {
            run: Ours::Refused(5, "standard input:1:1: ENC[KMS,..]"),
            asked: Asked::Never,
        },
        because: DAMAGED,
    },
    Difference {
        name: "bad base64",
        ours: Otherwise {
            run: Ours::Refused(5, "standard input:1:1: ENC[KMS,..]: its body is not base64"),
            asked: Asked::Never,
        },
        because: DAMAGED,
    },
    Difference {
        name: "EncryptedDataKey omitted",
        ours: Otherwise {
            run: Ours::Refused(5, "standard input:1:1: ENC[KMS,..]"),
            asked: Asked::Never,
        },
        because: DAMAGED,
    },
    Difference {
        name: "Nonce missing with -e: nil pointer panic, nothing after it is decrypted",
        ours: Otherwise { run: Ours::Refused(5, "\n  B: ENC[KMS,..]: "), asked: Asked::Never },
        because: "Nothing is printed when anything fails, and nothing is asked when it can't help.",
    },
];

fn vectors() -> Value {
    parse(include_str!("../vectors/go-kms-cli.json"))
}

/// A stub of the mode of a case.
fn stub(vectors: &Value, mode: &str) -> Stub {
    let mut data_key = base64(&vectors["stub"]["data_key_base64"]);
    let wrapped_key = base64(&vectors["stub"]["encrypted_data_key_base64"]);
    let answer: Option<Answer> = match mode {
        "ok" => None,
        "short" => {
            data_key.pop();
            None
        }
        "500" => {
            Some((500, r#"{"__type":"KMSInternalException","message":"internal"}"#.to_string()))
        }
        other => panic!("a mode of its own: {other}"),
    };
    // The token in the Go program's own tests has another data key than all others.
    let reference = &parse(include_str!("../vectors/go-kms.json"))["reference_test_token"];
    let reference_key = base64(&reference["data_key_base64"]);
    let reference_wrapped = text(&reference["encrypted_data_key_base64"]).to_string();
    Stub::start(move |request| {
        let asked = String::from_utf8_lossy(&request.body);
        let is_reference = asked.contains(&reference_wrapped);
        let data_key = if is_reference { &reference_key } else { &data_key };
        answer.clone().unwrap_or_else(|| answer_with(data_key, &wrapped_key, request))
    })
}

/// The environment of a case, but for the address of the stub.
fn environ(vectors: &Value, case: &Value) -> Vec<Vec<u8>> {
    let cases = members(&vectors["cases"], 12);
    let token = text(&cases[0]["stdout"]["text"]);
    let own = match name(case).split(':').next().expect("a name") {
        "encrypt with KMS_KEY_ID" => {
            vec!["KMS_KEY_ID=12345678-1234-1234-1234-123456789012".to_string()]
        }
        "decrypt -e" => vec![format!("TOKEN={token}")],
        "Nonce missing with -e" => {
            let damaged = without_nonce();
            vec![format!("A={token}"), format!("B={damaged}"), format!("C={token}")]
        }
        _ => vec![],
    };
    let common =
        ["AWS_ACCESS_KEY_ID=AKIDRECORDED", "AWS_SECRET_ACCESS_KEY=x", "AWS_REGION=us-east-1"];
    common.iter().map(|entry| entry.to_string()).chain(own).map(String::into_bytes).collect()
}

fn without_nonce() -> String {
    let bodies = parse(include_str!("../vectors/go-gob-decode.json"));
    let cases = members(&bodies["cases"], 70);
    let case = cases
        .iter()
        .find(|case| name(case) == "Nonce declared but omitted from the value")
        .expect("it was recorded");
    format!("ENC[KMS,{}]", text(&case["gob_base64"]))
}

#[test]
fn asks_aws_kms_what_the_go_program_asks_and_does_with_the_answer_what_it_does() {
    let vectors = vectors();
    let folder = tempfile::tempdir().expect("a folder");
    judge_all(&vectors["cases"], 12, DIFFERENCES, |case, difference| {
        let stub = stub(&vectors, text(&case["stub"]));
        let mut environ = environ(&vectors, case);
        environ.push(stub.variable("AWS_ENDPOINT_URL_KMS"));
        let mut words = arguments(case);
        let asked = difference.map_or(Asked::AsOften, |ours| ours.asked);
        if let Asked::Longer = asked {
            words.extend(["--kms-timeout", "1s"]);
        }
        let mut ours = run(folder.path(), &environ, &words, &bytes(&case["stdin"]));
        judge_requests(case, &stub.seen(), asked)?;
        let go = Run::recorded(case);
        if go.stdout.starts_with(b"ENC[") {
            judge_token(&vectors, case, &ours.stdout, &go.stdout)?;
            for token in [&ours.stdout, &go.stdout] {
                let opened = run(folder.path(), &environ, &["decrypt"], token.trim_ascii());
                if (opened.code, &opened.stdout) != (0, &bytes(&case["stdin"])) {
                    return Err(format!("{} opens to {opened:?}", token.escape_ascii()));
                }
            }
            // Their nonces are random, so they differ in nothing else.
            ours.stdout.clone_from(&go.stdout);
        }
        ours.judge(&go, difference.map(|ours| &ours.run))
    });
}

/// Three recorded tokens have the same wrapped key, because the stub made it; the fourth has its own. The
/// Go program asks for each token.
#[test]
fn asks_once_for_the_wrapped_key_that_several_tokens_have() {
    let vectors = vectors();
    let cases = members(&vectors["cases"], 12);
    let printed = cases[..3].iter().map(|case| text(&case["stdout"]["text"]).trim());
    let tokens: Vec<_> = printed.chain([text(&cases[4]["stdin"]["text"])]).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let stub = stub(&vectors, "ok");
    let mut environ = environ(&vectors, &cases[3]);
    environ.push(stub.variable("AWS_ENDPOINT_URL_KMS"));
    let opened = run(folder.path(), &environ, &["decrypt"], tokens.join("|").as_bytes());
    let stdout = b"secret|secret|secret|secret".to_vec();
    assert_eq!(opened, Run { stdout, stderr: vec![], code: 0 });
    assert_eq!(stub.seen().len(), 2);
}

/// Whether `ours` are the requests of the Go program, as often as they should be.
fn judge_requests(case: &Value, ours: &[Request], asked: Asked) -> Result<(), String> {
    let requests = case["requests"].as_array().expect("requests are a list");
    let (tunnels, go): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.get("connect").is_some());
    for tunnel in tunnels {
        // `tests/tls` has this address.
        assert_eq!(tunnel["connect"], "kms.us-east-1.amazonaws.com:443", "{case}");
    }
    let good = match asked {
        // The Go program asks for a token at a time, and none of the cases has two that open.
        Asked::AsOften => ours.len() == go.len(),
        Asked::Never => ours.is_empty(),
        Asked::Longer => ours.len() > go.len(),
    };
    if !good {
        return Err(format!("{} requests, go {}", ours.len(), go.len()));
    }
    // Those after the last are as the last, because they were retried.
    let go = go.iter().chain(go.last().into_iter().cycle());
    ours.iter().zip(go).try_for_each(|(ours, go)| judge_request(ours, go))
}

fn judge_request(ours: &Request, go: &Value) -> Result<(), String> {
    let line = format!("{} {}", text(&go["method"]), text(&go["target"]));
    let headers = go["headers"].as_array().expect("headers are a list");
    let same_headers = ["Content-Type", "X-Amz-Target"].into_iter().all(|name| {
        let header = headers.iter().find(|header| text(&header[0]) == name);
        ours.header(name) == text(&header.expect("it was recorded")[1])
    });
    let is_signed = ours.header("Authorization").starts_with("AWS4-HMAC-SHA256 ");
    let is_for_region = ours.header("Authorization").contains("/us-east-1/kms/aws4_request");
    let body: Result<Value, _> = serde_json::from_slice(&ours.body);
    let same_body = body.is_ok_and(|body| body == parse(text(&go["body"]["text"])));
    match ours.line == line && same_headers && is_signed && is_for_region && same_body {
        true => Ok(()),
        false => Err(format!("\n  ours {ours:?}\n  go   {go}")),
    }
}

/// Whether a token has the form of the Go program's, and holds the same under another nonce.
fn judge_token(vectors: &Value, case: &Value, ours: &[u8], go: &[u8]) -> Result<(), String> {
    let data_key = key(&vectors["stub"]["data_key_base64"]);
    let held = [ours, go].map(|printed| {
        let token: String = printed.trim_ascii().iter().map(|&byte| char::from(byte)).collect();
        let body = body(&token.replace('\n', "").into());
        let outcome = Outcome::of(&body);
        let plaintext = outcome.open(&data_key);
        match outcome {
            Outcome::Holds { wrapped_key, nonce, .. } => (wrapped_key, nonce, plaintext),
            Outcome::Damaged => panic!("{token} is damaged"),
        }
    });
    let wrapped_key = base64(&vectors["stub"]["encrypted_data_key_base64"]);
    let same = held.iter().all(|(wrapped, _, plaintext)| {
        *wrapped == wrapped_key && *plaintext == Some(bytes(&case["stdin"]))
    });
    let fresh = held[0].1 != held[1].1;
    match same && fresh && lines(ours) == lines(go) {
        true => Ok(()),
        false => Err(format!("token {}", ours.escape_ascii())),
    }
}

/// The longest line, if there are several, and whether the last one ends. The length of all depends on
/// the nonce, whose bytes from 128 on take two.
fn lines(token: &[u8]) -> (Option<usize>, bool) {
    let lines = token.split_inclusive(|&byte| byte == b'\n');
    let longest = lines.clone().map(<[u8]>::len).max().filter(|_| lines.count() > 1);
    (longest, token.ends_with(b"\n"))
}
