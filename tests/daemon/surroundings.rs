//! Marathon, Mesos and AWS KMS of a case, as they were stubbed for the recording.

use secretary_test_cluster::{Answer, Server, Wire};
use serde_json::{Value, json};

use crate::http::answer_with;
use crate::kms_stub::Stub;
use crate::recorded::{DAEMON, key, question};
use crate::vectors::{base64, bytes, name, parse, text};

/// What a daemon asks in a case.
pub(crate) struct Surroundings {
    cluster: Server,
    kms: Stub,
}

impl Surroundings {
    /// Those of a case.
    pub(crate) fn of(case: &Value) -> Self {
        let cluster = Server::start();
        for (target, answer) in DAEMON["marathon_routes"].as_object().expect("targets") {
            cluster.serve(target, answer_always(answer));
        }
        for who in ["marathon", "mesos"] {
            let requests = case[who].as_array().expect("requests are a list");
            for (index, request) in requests.iter().enumerate() {
                // A redirect leads to what was asked next.
                let next = requests.get(index + 1).map_or("/", target_of);
                if let Some(answer) = answer_of(request, next) {
                    cluster.serve(target_of(request), answer);
                }
            }
        }
        Self { cluster, kms: kms() }
    }

    /// What was asked of Marathon and Mesos, as [`crate::recorded::asked`] has it.
    pub(crate) fn asked(&self) -> Vec<String> {
        let requests = self.cluster.requests();
        requests
            .iter()
            .map(|request| {
                let line = format!("{} {}", request.method, request.target());
                question(&line, |name| request.header(&name.to_lowercase()), &request.body)
            })
            .collect()
    }

    /// What was asked of AWS KMS.
    pub(crate) fn asked_of_kms(&self) -> Vec<String> {
        self.kms.seen().iter().map(|request| request.header("X-Amz-Target").to_string()).collect()
    }

    /// The arguments of the daemon of a case.
    pub(crate) fn arguments(&self, case: &Value) -> Vec<String> {
        let url = self.cluster.url();
        let (marathon, mesos) = match name(case).as_str() {
            "marathon down" => (NOBODY.to_string(), url),
            "mesos down" => (url, NOBODY.to_string()),
            "marathon URL with user:password" => {
                (url.replace("http://", "http://user:p%40ss@"), url)
            }
            "marathon URL with trailing slash" => (format!("{url}/"), url),
            "marathon URL with path" => (format!("{url}/prefix"), url),
            "marathon URL empty" => (String::new(), url),
            _ => (url.clone(), url),
        };
        let mut arguments =
            vec!["--marathon-url".into(), marathon, "--mesos-leader-url".into(), mesos];
        if case["marathon"][0]["answer"] == "no response" {
            arguments.extend(["--upstream-timeout".into(), "1".into()]);
        }
        arguments
    }

    /// The environment of the daemon of a case, each entry as `NAME=value`.
    pub(crate) fn environ(&self, case: &Value) -> Vec<Vec<u8>> {
        let case = name(case);
        let master = match case.as_str() {
            "daemon with wrong master key" => key("BAD_PRIV"),
            _ => key("MASTER_PRIV"),
        };
        let mut environ = vec![
            format!("MASTER_PRIVATE_KEY={master}").into_bytes(),
            b"AWS_ACCESS_KEY_ID=AKIDRECORDED".to_vec(),
            b"AWS_SECRET_ACCESS_KEY=x".to_vec(),
            b"AWS_REGION=us-east-1".to_vec(),
            self.kms.variable("AWS_ENDPOINT_URL_KMS"),
        ];
        if case != "daemon without config key: NACL not configured" {
            environ.push(format!("CONFIG_PUBLIC_KEY={}", key("CONFIG_PUB")).into_bytes());
        }
        environ
    }
}

fn target_of(request: &Value) -> &str {
    text(&request["request_line"]).split_once(' ').expect("a method and a target").1
}

/// What Marathon always answers for a target: an answer, or a word for what it does instead.
fn answer_always(recorded: &Value) -> Answer {
    match recorded.as_str() {
        Some(word) => Answer::status(200).sent(Wire::find(word).expect("a fault")),
        None => Answer::recorded(recorded),
    }
}

/// What was answered to a recorded request, unless that is what the target is answered always.
fn answer_of(request: &Value, next: &str) -> Option<Answer> {
    let status = request["answer"].as_u64()?.try_into().expect("a status");
    if (300..400).contains(&status) {
        return Some(Answer::redirect(status, next));
    }
    let body = &request["answer_body"];
    let body = match body["length"].as_u64() {
        None => bytes(body),
        Some(_) if DAEMON["marathon_routes"].get(target_of(request)).is_some() => return None,
        // Of long bodies only the length was recorded with the request.
        Some(length) => {
            let lists = DAEMON["mesos_answers"].as_object().expect("answers").values();
            let mut lists = lists.map(bytes).filter(|body| body.len() as u64 == length);
            lists.next().expect("an answer of this length")
        }
    };
    Some(Answer::new(status, "application/json", body))
}

/// AWS KMS with the data key of the Go program's own test token, the only one in the cases.
fn kms() -> Stub {
    let reference = &parse(include_str!("../vectors/go-kms.json"))["reference_test_token"];
    let data_key = base64(&reference["data_key_base64"]);
    let wrapped_key = base64(&reference["encrypted_data_key_base64"]);
    Stub::start(move |request| {
        let asked = serde_json::from_slice(&request.body).unwrap_or(json!({}));
        match base64(&asked["CiphertextBlob"]) == wrapped_key {
            true => answer_with(&data_key, &wrapped_key, request),
            false => (400, json!({"__type": "InvalidCiphertextException"}).to_string()),
        }
    })
}

/// Where nobody listens. A port that was free a moment ago may be another test's by now.
const NOBODY: &str = "http://127.0.0.1:1";
