//! What is sent, against what setec's own client was recorded to send.

use std::collections::BTreeMap;

use secretary_setec_client::{Client, Credential, Error, Settings};
use serde::Deserialize;

use crate::support::fake::{Fake, Received, Reply};
use crate::support::{client, settings};

#[derive(Deserialize)]
struct Vectors {
    requests: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    call: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

fn recorded() -> Vec<Recorded> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/requests.json");
    let vectors: Vectors =
        serde_json::from_slice(&std::fs::read(path).expect("recorded")).expect("its format");
    vectors.requests
}

/// Makes the call of that name.
async fn make(client: &Client, call: &str) -> Result<(), Error> {
    let name = "prod/db";
    let odd = "a<b>&\u{2028}\u{2029}\0\u{8}\u{c}\n\r\t\u{1f}\u{7f}\"\\/é😀";
    let value = |bytes: &[u8]| bytes.into();
    match call {
        "list" => client.list().await.map(drop),
        "get" => client.get(name).await.map(drop),
        "get_if_changed 0" => client.get_if_changed(name, 0).await.map(drop),
        "get_if_changed 7" => client.get_if_changed(name, 7).await.map(drop),
        "get_version 4294967295" => client.get_version(name, u32::MAX).await.map(drop),
        "info" => client.info(name).await.map(drop),
        "info of an odd name" => client.info(odd).await.map(drop),
        "put" => client.put(name, value(b"hunter2\0\xff")).await.map(drop),
        "put of nothing" => client.put(name, value(b"")).await.map(drop),
        "create_version" => client.create_version(name, 100, value(b"hunter3")).await,
        "activate" => client.activate(name, 2).await,
        "delete_version" => client.delete_version(name, 1).await,
        "delete" => client.delete(name).await,
        other => panic!("{other} is no call"),
    }
}

#[tokio::test]
async fn every_call_is_sent_as_setecs_client_sends_it() {
    for recorded in recorded() {
        let fake = Fake::start(Reply::new(304, ""));
        // One slash at the end of the URL is of no account.
        let client = client(&format!("{}/", fake.url()));
        assert_eq!(make(&client, &recorded.call).await, Err(Error::NotChanged));
        let [received] = &fake.received()[..] else { panic!("one request") };
        assert_eq!(received.line, format!("{} {} HTTP/1.1", recorded.method, recorded.path));
        assert_eq!(received.body, recorded.body, "{}", recorded.call);
        has_its_headers(received, &recorded, &fake);
    }
}

/// Those that setec looks at, what HTTP asks for, and who this is. There is no compression that would have to be limited.
fn has_its_headers(received: &Received, recorded: &Recorded, fake: &Fake) {
    let url = fake.url();
    let host = url.trim_start_matches("http://");
    let length = recorded.body.len().to_string();
    let mut expected = BTreeMap::from([
        ("accept", "*/*"),
        ("content-length", length.as_str()),
        ("host", host),
        ("user-agent", concat!("secretary/", env!("CARGO_PKG_VERSION"))),
    ]);
    let setecs = recorded.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let setecs: Vec<_> = setecs.filter(|(name, _)| name != "accept-encoding").collect();
    for (name, value) in &setecs {
        expected.entry(name).or_insert(value);
    }
    assert!(
        expected.contains_key("content-type")
            && expected.contains_key("sec-x-tailscale-no-browsers")
    );
    let mut headers = received.headers.clone();
    headers.sort();
    let expected = expected.into_iter().map(|(name, value)| (name.to_string(), value.to_string()));
    assert_eq!(headers, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_url_may_have_a_path() {
    let fake = Fake::start(Reply::new(200, "null"));
    let client = client(&format!("{}/secrets/v1/", fake.url()));
    assert_eq!(client.list().await, Ok(Vec::new()));
    assert_eq!(fake.received()[0].line, "POST /secrets/v1/api/list HTTP/1.1");
}

#[tokio::test]
async fn a_token_is_in_every_request_and_nothing_else_is_added() {
    let fake = Fake::start(Reply::new(200, "null"));
    let credential = Credential::Token(b"t0ken\n".as_slice().into());
    let client = Client::new(&Settings { credential, ..settings(&fake.url()) }).expect("settings");
    for _ in 0..2 {
        assert_eq!(client.list().await, Ok(Vec::new()));
    }
    for received in fake.received() {
        let authorization = ("authorization".to_string(), "Bearer t0ken".to_string());
        assert!(received.headers.contains(&authorization));
        assert_eq!(received.headers.len(), 7);
    }
    assert!(!format!("{client:?}").contains("t0ken"));
}
