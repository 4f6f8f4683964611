//! Callers by tailscaled.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use secretary_serve::Peer;
use secretary_setec_server::identity::Source;
use secretary_setec_server::{Evidence, Identities};
use secretary_test_tailscaled::{CANARY, Fault, Machine, Tailscaled};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{said, serve};

/// A tailscaled, and a server's identities by it.
struct Scene {
    folder: TempDir,
    tailscaled: Option<Tailscaled>,
    identities: Identities,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("tailscaled.sock");
        let tailscaled = Some(Tailscaled::start(&socket));
        let identities = Identities::open(&[Source::Tailscale(socket)], None).unwrap();
        Self { folder, tailscaled, identities }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("tailscaled.sock")
    }

    fn tailscaled(&self) -> &Tailscaled {
        self.tailscaled.as_ref().unwrap()
    }

    async fn ask(&self, from: &str) -> Result<String, String> {
        let address: SocketAddr = from.parse().unwrap();
        let peer = Peer { address, local: address, certificates: None };
        let evidence = Evidence { peer: &peer, headers: &HeaderMap::new() };
        let caller = self.identities.identify(evidence).await;
        let caller = caller.map_err(|unidentified| unidentified.to_string())?;
        assert_eq!(caller.principal.ip, Some(address.ip()));
        Ok(said(&caller))
    }
}

fn get(secret: &str) -> Value {
    json!({"action": ["get"], "secret": [secret]})
}

#[tokio::test]
async fn a_machine_is_who_tailscaled_says_and_may_do_what_it_says() {
    let scene = Scene::new();
    let tailscaled = scene.tailscaled();
    let old = "https://tailscale.com/cap/secrets";
    for (machine, expected) in [
        (
            Machine::with_tags(&["tag:web"]).may(&get("prod/*")),
            "@machine.example.ts.net. tag:web may",
        ),
        (
            Machine::with_tags(&["tag:web", "tag:b"]).may(&get("dev/*")),
            "@machine.example.ts.net. tag:web,tag:b may not",
        ),
        (Machine::of_user("alice@example.com").called("a."), "alice@example.com@a.  may not"),
        (Machine::of_user("b").called("a.").has(old, &get("*")), "b@a.  may"),
        (Machine::of_user("b").called("a.").has(old, &get("*")).may(&Value::Null), "b@a.  may not"),
        (Machine::of_user("b").called("a.").may(&get("x")).may(&get("*/db")), "b@a.  may"),
    ] {
        tailscaled.set("100.64.0.7", machine);
        assert_eq!(scene.ask("100.64.0.7:52114").await.as_deref(), Ok(expected));
        assert_eq!(scene.ask("[::ffff:100.64.0.7]:52114").await.as_deref(), Ok(expected));
    }
    tailscaled.set("fd7a:115c:a1e0::7", Machine::of_user("b").called("a."));
    assert_eq!(scene.ask("[fd7a:115c:a1e0::7]:1").await.as_deref(), Ok("b@a.  may not"));
    assert_eq!((tailscaled.requests().len(), tailscaled.connections()), (13, 1));
}

#[tokio::test]
async fn who_is_not_known_there_is_nobody() {
    let scene = Scene::new();
    let nobody = "there is nothing to know the caller by";
    assert_eq!(scene.ask("100.64.0.7:1").await.unwrap_err(), nobody);
    scene.tailscaled().set("100.64.0.7", Machine::of_user(""));
    let error = scene.ask("100.64.0.7:1").await.unwrap_err();
    assert_eq!(error, "tailscaled knows a machine that has neither tags nor a user");
    scene.tailscaled().set("100.64.0.7", Machine::of_user("b").may(&json!({"action": "get"})));
    let error = scene.ask("100.64.0.7:1").await.unwrap_err();
    assert_eq!(error, "tailscaled has a capability for secrets whose value is no rule");
    scene.tailscaled().deny(true);
    let error = scene.ask("100.64.0.7:1").await.unwrap_err();
    assert_eq!(error, "tailscaled does not let this user ask it (403)");
}

#[tokio::test]
async fn a_right_that_is_taken_back_is_gone_at_the_next_request_of_a_connection() {
    let scene = Scene::new();
    let tailscaled = scene.tailscaled.unwrap();
    let (address, _drain) = serve(scene.identities, None).await;
    let client = reqwest::Client::builder().no_proxy();
    let tls = secretary_transport::tls::no_client();
    let client = client.tls_backend_preconfigured(tls).build().unwrap();
    let ask = async || {
        let answer = client.get(format!("http://{address}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let machine = || Machine::with_tags(&["tag:web"]).called("a.");
    for _ in 0..3 {
        tailscaled.set("127.0.0.1", machine().may(&get("prod/*")));
        assert_eq!(ask().await, (200, "@a. tag:web may".to_string()));
        tailscaled.set("127.0.0.1", machine());
        assert_eq!(ask().await, (200, "@a. tag:web may not".to_string()));
        tailscaled.remove("127.0.0.1");
        assert_eq!(ask().await.0, 500);
    }
    assert_eq!(tailscaled.requests().len(), 9);
}

#[tokio::test]
async fn whatever_tailscaled_does_a_caller_is_refused_in_time_and_nothing_repeated() {
    let scene = Scene::new();
    scene.tailscaled().set("100.64.0.7", Machine::of_user("b").called("a.").may(&get("*")));
    for (fault, expected) in [
        (Fault::Status(500), "answered 500"),
        (Fault::Status(400), "answered 400"),
        (Fault::Status(204), "answered 204"),
        (Fault::Redirect, "answered 302"),
        (Fault::Garbage, "answered what is no answer"),
        (Fault::NoHttp, "does not speak HTTP"),
        (Fault::Truncate, "broke its answer off"),
        (Fault::Close, "closed the connection without an answer"),
        (Fault::Huge, "answered with more than 256 KiB"),
        (Fault::Hang, "took too long to answer"),
        (Fault::Late(3000), "took too long to answer"),
        (Fault::Trickle(50), "took too long to answer"),
    ] {
        scene.tailscaled().fail(Some(fault));
        let start = Instant::now();
        let error = scene.ask("100.64.0.7:1").await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(3), "{fault:?}: {:?}", start.elapsed());
        assert_eq!(error, format!("tailscaled {expected}"), "{fault:?}");
        assert!(!error.contains(CANARY));
        // And none of it lasts.
        scene.tailscaled().fail(None);
        assert_eq!(scene.ask("100.64.0.7:1").await.as_deref(), Ok("b@a.  may"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_restart_of_tailscaled_is_not_noticed_by_callers_after_it() {
    let mut scene = Scene::new();
    let machine = || Machine::of_user("b").called("a.");
    scene.tailscaled().set("100.64.0.7", machine());
    for _ in 0..10 {
        assert!(scene.ask("100.64.0.7:1").await.is_ok());
        // At once, so that the client has not heard of it.
        scene.tailscaled().disconnect();
        assert!(scene.ask("100.64.0.7:1").await.is_ok());
    }
    scene.tailscaled().fail(Some(Fault::CloseAfterwards));
    for _ in 0..10 {
        assert!(scene.ask("100.64.0.7:1").await.is_ok());
    }
    let before = scene.tailscaled().connections();
    scene.tailscaled().fail(None);
    assert!(before >= 10, "{before}");
    scene.tailscaled = None;
    let error = scene.ask("100.64.0.7:1").await.unwrap_err();
    assert_eq!(error, "tailscaled can't be reached at its socket");
    scene.tailscaled = Some(Tailscaled::start(&scene.socket()));
    scene.tailscaled().set("100.64.0.7", machine());
    assert_eq!(scene.ask("100.64.0.7:1").await.as_deref(), Ok("b@a.  may not"));
}

#[tokio::test]
async fn many_callers_at_once_are_each_who_they_are() {
    let scene = Scene::new();
    for number in 0..100 {
        let machine = Machine::of_user(&format!("user{number}")).called("a.");
        scene.tailscaled().set(&format!("100.64.1.{number}"), machine);
    }
    let asked = (0..300).map(|number| {
        let scene = &scene;
        async move { scene.ask(&format!("100.64.1.{}:{}", number % 100, 1000 + number)).await }
    });
    let mut asked: Vec<_> = asked.map(Box::pin).collect();
    // All are under way before the first is waited for.
    let waker = std::task::Waker::noop();
    for one in &mut asked {
        let _ = one.as_mut().poll(&mut std::task::Context::from_waker(waker));
    }
    for (number, one) in asked.into_iter().enumerate() {
        assert_eq!(one.await, Ok(format!("user{}@a.  may not", number % 100)));
    }
    assert!(scene.tailscaled().connections() <= 64);
}
