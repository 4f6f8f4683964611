//! The cases of `go-daemon.json`.

use std::sync::LazyLock;

use serde_json::Value;

use crate::vectors::{base64, bytes, name, parse, text};

/// How many cases there are.
pub(crate) const CASES: usize = 122;

/// The file.
pub(crate) static DAEMON: LazyLock<Value> =
    LazyLock::new(|| parse(include_str!("../vectors/go-daemon.json")));

/// A key by its name in the file, as base64.
pub(crate) fn key(name: &str) -> &'static str {
    text(&DAEMON["keys"][name])
}

/// A text that all cases share.
pub(crate) fn constant(name: &str) -> &'static str {
    text(&DAEMON["constants"][name])
}

/// One request to the Go program's daemon and its answer.
pub(crate) struct Exchange<'a>(&'a Value);

/// The exchanges of a case.
pub(crate) fn exchanges(case: &Value) -> Vec<Exchange<'_>> {
    case["exchanges"].as_array().expect("exchanges are a list").iter().map(Exchange).collect()
}

impl Exchange<'_> {
    /// The request as it came. Two bodies were too long to be kept; they are a good form with a field more.
    pub(crate) fn request(&self) -> Vec<u8> {
        let request = &self.0["request"];
        if request["raw_base64"].is_string() {
            return base64(&request["raw_base64"]);
        }
        let length = request["body"]["length"].as_u64().and_then(|len| len.try_into().ok());
        let mut body = [good_form().as_slice(), b"&more="].concat();
        body.resize(length.expect("the length of the body"), b'x');
        [text(&request["head"]).as_bytes(), b"\r\n\r\n", &body].concat()
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> u64 {
        self.0["response"]["status"].as_u64().expect("a status")
    }

    /// A header of the answer, if it had it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.0["response"]["headers"].as_array().expect("headers are a list");
        headers.iter().find(|header| text(&header[0]) == name).map(|header| text(&header[1]))
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Vec<u8> {
        bytes(&self.0["response"]["body"])
    }

    /// The innermost JSON of the answer, if it was a sealed one, and the private keys that open it.
    pub(crate) fn opened(&self) -> Option<(Value, Keys<'_>)> {
        Keys::of(&self.0["response"]["body_opened"])
    }

    /// The innermost JSON of the request, if the recording opened it, and the private keys that do.
    pub(crate) fn asked(&self) -> Option<(Value, Keys<'_>)> {
        Keys::of(&self.0["request"]["envelope_opened"])
    }
}

/// The private keys of a workload, as base64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Keys<'a> {
    pub(crate) deploy: &'a str,
    pub(crate) service: Option<&'a str>,
}

impl<'a> Keys<'a> {
    /// What is in `{"opened_with": .., "json": ..}`, which may be the `inner` of another; and the keys.
    fn of(opened: &'a Value) -> Option<(Value, Self)> {
        let deploy = opened["opened_with"].as_str()?;
        let inner = opened.get("inner");
        let service = inner.map(|inner| text(&inner["opened_with"]));
        let json = text(&inner.unwrap_or(opened)["json"]);
        Some((serde_json::from_str(json).unwrap_or_default(), Self { deploy, service }))
    }
}

/// The body of the request that is known to be good.
fn good_form() -> Vec<u8> {
    let cases = DAEMON["cases"].as_array().expect("cases are a list");
    let good = cases.iter().find(|case| name(case) == "http: good request, fixed nonce");
    bytes(&exchanges(good.expect("it was recorded"))[0].0["request"]["body"])
}

/// What was asked of Marathon and Mesos: `METHOD target`, and behind it what else matters.
pub(crate) fn asked(case: &Value) -> Vec<String> {
    let of = |who: &str| case[who].as_array().expect("requests are a list");
    let asked = of("marathon").iter().chain(of("mesos"));
    asked
        .map(|request| {
            let headers = request["headers"].as_array().expect("headers are a list");
            let header =
                |name: &'static str| headers.iter().find(|header| text(&header[0]) == name);
            let value = |name: &'static str| header(name).map_or("", |header| text(&header[1]));
            let body = bytes(&request["body"]);
            question(text(&request["request_line"]), value, &body)
        })
        .collect()
}

/// A question as both sides write it.
pub(crate) fn question<'a>(
    line: &str,
    header: impl Fn(&'static str) -> &'a str,
    body: &[u8],
) -> String {
    let more = ["Authorization", "Content-Type"].map(|name| match header(name) {
        "" => String::new(),
        value => format!(" {name}: {value}"),
    });
    format!("{line}{} {}", more.concat(), body.escape_ascii()).trim_end().to_string()
}
