//! `go-client.json`: our client against daemons that answer wrongly, and once rightly.

use std::sync::LazyLock;

use secretary_test_cluster::{Answer, Request, Server};
use serde_json::{Value, json};

use crate::our_client::{DENIED, FAILED, LITTLE_TIME, no_key_in};
use crate::outcome::open;
use crate::program::{Ours, Run, arguments, environ, run};
use crate::recorded::{Keys, constant, key};
use crate::vectors::{Difference, judge_all, name, parse, text};

/// The exit code of a client whose answer is damaged or forged.
const DAMAGED: i32 = 5;

/// A file of the client's cases has so many.
const CASES: usize = 25;

const NO_ANSWER: &str = "What does not open, or opens to no answer, has an exit code of its own.";
const BOUND: &str = "Every answer has to be one to what was asked, and not as long as another.";
const STATUS: &str = "What another system says is not repeated; its status picks the exit code.";
const REDIRECT: &str = "A request is not sent to whom nobody named.";
const OLDER: &str = "Answers that are not bound to requests are taken, and the reader is told.";
const UNREACHABLE: &str = "A service that fails has an exit code of its own.";

const fn refused(name: &'static str, code: i32, because: &'static str) -> Difference<Ours> {
    Difference { name, ours: Ours::Refused(code, "error"), because }
}

const fn noted(name: &'static str) -> Difference<Ours> {
    Difference { name, ours: Ours::Noted("the daemon is an older one"), because: OLDER }
}

/// Every difference. A case that is not here ends as the old client did.
#[rustfmt::skip]
const DIFFERENCES: &[Difference<Ours>] = &[
    noted("good answer"),
    noted("answer JSON: lower-case key"),
    noted(FROM_ENVIRONMENT),
    refused("REFLECTION: the request envelope is sent back", DAMAGED, BOUND),
    refused("REPLAY: an old answer for another secret", DAMAGED, BOUND),
    refused("answer wrapped over lines", DAMAGED, NO_ANSWER),
    refused("answer with trailing newline", DAMAGED, NO_ANSWER),
    refused("answer text", DAMAGED, NO_ANSWER),
    refused("empty 200", DAMAGED, NO_ANSWER),
    refused("204", FAILED, STATUS),
    refused("500 with text", FAILED, STATUS),
    refused("400 with 257 bytes, blank at the cut", DENIED, STATUS),
    refused("404 empty", DENIED, STATUS),
    refused("302 redirect to another path (POST becomes GET)", FAILED, REDIRECT),
    refused("307 redirect (POST and body kept)", FAILED, REDIRECT),
    refused("closes the connection", FAILED, UNREACHABLE),
    refused("answers garbage", FAILED, UNREACHABLE),
    refused("does not answer (given up after 6 s)", FAILED, UNREACHABLE),
    refused("sealed with other keys", DAMAGED, NO_ANSWER),
    refused("service layer missing", DAMAGED, NO_ANSWER),
    refused("answer JSON: JSON null", DAMAGED, NO_ANSWER),
    refused("answer JSON: number", DAMAGED, NO_ANSWER),
    refused("answer JSON: empty", DAMAGED, NO_ANSWER),
    refused("answer JSON: base64 without padding", DAMAGED, NO_ANSWER),
    refused("-e: daemon refuses", DENIED, STATUS),
];

#[test]
fn the_client_takes_good_answers_and_no_bad_ones() {
    judge_all(&CLIENT["cases"], CASES, DIFFERENCES, |case, difference| {
        let daemon = bad_daemon(case);
        let ours = run_client(case, &format!("{}{}", daemon.url(), path_of(case)));
        no_key_in(&ours)?;
        judge_requests(case, &daemon.requests())?;
        ours.judge(&Run::recorded(case), difference)
    });
}

static CLIENT: LazyLock<Value> = LazyLock::new(|| parse(include_str!("../vectors/go-client.json")));

/// Where redirects lead.
const ELSEWHERE: &str = "/else";

/// What answers in a case. Only bodies were recorded; the names tell the rest.
fn bad_daemon(case: &Value) -> Server {
    let daemon = Server::start();
    let body = body_of(case, 0);
    let answer = match name(case).as_str() {
        "REFLECTION: the request envelope is sent back" => {
            daemon.serve_with(DECRYPT, |request| answer(200, &field(request, "envelope")));
            return daemon;
        }
        "302 redirect to another path (POST becomes GET)" => Answer::redirect(302, ELSEWHERE),
        "307 redirect (POST and body kept)" => Answer::redirect(307, ELSEWHERE),
        "204" => answer(204, body),
        "500 with text" => answer(500, body),
        "400 with 257 bytes, blank at the cut" => answer(400, body),
        "404 empty" => answer(404, body),
        "-e: daemon refuses" => answer(401, body),
        // Of this one not even the body was recorded; it is the good one.
        FROM_ENVIRONMENT => answer(200, body_of(&CLIENT["cases"][0], 0)),
        _ => answer(200, body),
    };
    daemon.serve(DECRYPT, answer);
    daemon.serve(ELSEWHERE, self::answer(200, body_of(case, 1)));
    daemon
}

const DECRYPT: &str = "/v1/decrypt";

fn answer(status: u16, body: &str) -> Answer {
    Answer::new(status, "text/plain; charset=utf-8", body)
}

/// What the old client got in its nth answer.
fn body_of(case: &Value, n: usize) -> &str {
    case["daemon_answer"][n]["text"].as_str().unwrap_or_default()
}

/// What the URL's path asks the server for.
fn path_of(case: &Value) -> &'static str {
    match name(case).as_str() {
        "closes the connection" => "/close",
        "answers garbage" => "/not-http",
        "does not answer (given up after 6 s)" => "/hang",
        FROM_ENVIRONMENT => "/",
        _ => "",
    }
}

/// The case whose arguments and environment were not recorded, but are in its request.
const FROM_ENVIRONMENT: &str = "everything from the environment, URL with trailing slash";

/// Runs our client with the arguments and environment of the old one.
fn run_client(case: &Value, url: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let stdin = text(&CLIENT["secret"]).as_bytes();
    if name(case) == FROM_ENVIRONMENT {
        let environ = [
            format!("SECRETARY_URL={url}"),
            "MARATHON_APP_ID=/env".into(),
            "MARATHON_APP_VERSION=v".into(),
            "MESOS_TASK_ID=t&=".into(),
            format!("DEPLOY_PRIVATE_KEY={}", key("DEPLOY_PRIV")),
            format!("MASTER_PUBLIC_KEY={}", key("MASTER_PUB")),
        ];
        return run(folder.path(), &environ.map(String::into_bytes), &["decrypt"], stdin);
    }
    let words = arguments(case);
    let words: Vec<_> =
        words.iter().map(|word| if word.contains("<FAKE>") { url } else { word }).collect();
    let more = if path_of(case).len() > 1 { LITTLE_TIME } else { &[] };
    run(folder.path(), &environ(case), &[&words, more].concat(), stdin)
}

/// What was asked of the daemon has to be what the Go program asks, and once: a request that was sent may have been
/// answered, and is not sent again for another answer.
fn judge_requests(case: &Value, ours: &[Request]) -> Result<(), String> {
    let decrypts = |request: &&Request| request.path.ends_with(DECRYPT);
    let is_status =
        |request: &Request| request.method == "GET" && request.path.ends_with("/v1/status");
    let (asked, others): (Vec<_>, Vec<_>) = ours.iter().partition(decrypts);
    if asked.len() != 1 || !others.iter().all(|request| is_status(request)) {
        return Err(format!("asks {others:?}, and {} times for a secret", asked.len()));
    }
    judge_request(case, asked[0])
}

/// Method, header, fields and sealed JSON are those of the old client. What newer daemons know may be beside them.
fn judge_request(case: &Value, ours: &Request) -> Result<(), String> {
    let fields: Vec<_> = ["appid", "appversion", "taskid"].map(|name| field(ours, name)).into();
    let expected = match name(case).as_str() {
        FROM_ENVIRONMENT => ["/env", "v", "t&="],
        _ => ["/a", constant("VER"), "t"],
    };
    let service = match name(case).as_str() {
        "service layer missing" => Some(key("SVC_PRIV")),
        _ => None,
    };
    let keys = Keys { deploy: key("DEPLOY_PRIV"), service };
    let sealed = open(field(ours, "envelope").as_bytes(), keys)?;
    let uses_variables = case["args"].as_array().is_some_and(|args| args.contains(&json!("-e")));
    let key = if uses_variables { "PASSWORD" } else { "" };
    let [app, version, task] = expected;
    let go = json!({
        "AppID": app, "AppVersion": version, "TaskID": task,
        "RequestedSecret": constant("SECRET"), "Key": key,
    });
    let same =
        go.as_object().expect("an object").iter().all(|(name, value)| sealed[name] == *value);
    let form = ours.header("content-type") == "application/x-www-form-urlencoded";
    match ours.method == "POST" && form && fields == expected && same {
        true => Ok(()),
        false => Err(format!("\n  ours {ours:?} {sealed}\n  go   {expected:?} {go}")),
    }
}

/// The value of a field of a form.
fn field(request: &Request, name: &str) -> String {
    let body = str::from_utf8(&request.body).expect("a form is text");
    let mut fields = body.split('&').filter_map(|field| field.split_once('='));
    let value = fields.find(|(other, _)| *other == name).map(|(_, value)| value);
    unescape(value.unwrap_or_else(|| panic!("no {name} in {body}")))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                let digits = str::from_utf8(&digits).expect("ASCII");
                u8::from_str_radix(digits, 16).expect("hexadecimal")
            }
            other => other,
        });
    }
    String::from_utf8(bytes).expect("text")
}

/// Of one request of the old client the recording kept the body; what is asked of ours has to be true of it.
#[test]
fn what_is_expected_of_a_request_is_what_the_old_client_sends() {
    let cases = CLIENT["cases"].as_array().expect("cases are a list");
    let case = cases.iter().find(|case| name(case) == FROM_ENVIRONMENT).expect("it was recorded");
    let body = text(&case["requests"][0]["body"]["text"]);
    let request = |body: String| Request {
        method: "POST".into(),
        path: DECRYPT.into(),
        query: String::new(),
        headers: [("content-type".into(), "application/x-www-form-urlencoded".into())].into(),
        body: body.into_bytes(),
    };
    judge_request(case, &request(body.to_string())).expect("the Go program's own");
    for (from, to) in [("appid=%2Fenv", "appid=%2Fother"), ("taskid=t", "taskid=u")] {
        assert!(judge_request(case, &request(body.replace(from, to))).is_err(), "{to}");
    }
}
