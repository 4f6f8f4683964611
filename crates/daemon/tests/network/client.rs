//! What the client takes for an answer, whom it asks, and how often.

use std::sync::Arc;
use std::time::Duration;

use secretary_daemon::client::{Cause, Client};
use secretary_daemon::protocol::{DECRYPT_PATH, STATUS_PATH};
use secretary_daemon::refusal::Refusal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::{Fake, Peer, Received, Reply, Send, World};

/// An app, and something at the URL of its daemon.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) fake: Fake,
    pub(crate) peer: Arc<Peer>,
    pub(crate) client: Client,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let (world, fake) = (World::new(), Fake::start().await);
        let client = world.apps[0].client(&fake.url());
        let peer = Arc::new(Peer::new(&world, 0));
        Self { world, fake, peer, client }
    }

    /// As [`Self::new`], and the client has so much time.
    pub(crate) async fn with_timeout(timeout: Duration) -> Self {
        let mut scene = Self::new().await;
        let settings = scene.world.apps[0].settings(&scene.fake.url());
        let settings = secretary_daemon::client::Settings { timeout, ..settings };
        scene.client = scene.world.apps[0].client_with(settings);
        scene
    }

    /// Says `status` of itself, and answers what `answer` makes of the message in a request.
    pub(crate) fn answer(
        &self,
        status: impl Fn() -> Reply + std::marker::Send + Sync + 'static,
        answer: impl Fn(&Peer, &Value) -> Reply + std::marker::Send + Sync + 'static,
    ) {
        let peer = self.peer.clone();
        self.fake.answer(move |received: Received| {
            let reply = match received.path.as_str() {
                STATUS_PATH => status(),
                _ => answer(&peer, &peer.read(&received)),
            };
            async move { reply }
        });
    }

    /// What comes of asking for the first `count` secrets, from the first again when there are no more: plaintexts that
    /// are right, or why there is none.
    pub(crate) async fn ask(&self, count: usize) -> Result<Vec<Result<(), Cause>>, Cause> {
        let app = &self.world.apps[0];
        let numbers: Vec<_> = (0..app.secrets.len()).cycle().take(count).collect();
        let answered = self.client.open_all(&app.asked(&numbers)).await?;
        assert_eq!(answered.secrets.len(), count);
        let check = |(result, n): (Result<secretary_secret::Secret, Cause>, usize)| {
            result.map(|secret| assert_eq!(secret.expose(), app.secrets[n].plaintext))
        };
        Ok(answered.secrets.into_iter().zip(numbers).map(check).collect())
    }

    pub(crate) fn requests(&self) -> usize {
        self.fake.received(DECRYPT_PATH).len()
    }
}

/// A daemon that answers many at once.
pub(crate) fn new_status() -> Reply {
    Reply::new(200, r#"{"Status":"OK","Capabilities":["x","batch"]}"#)
}

/// The Go program's.
pub(crate) fn old_status() -> Reply {
    Reply::new(200, r#"{"Status":"OK"}"#)
}

fn all_right(count: usize) -> Result<Vec<Result<(), Cause>>, Cause> {
    Ok(vec![Ok(()); count])
}

#[tokio::test]
async fn a_hundred_secrets_are_one_request_to_a_daemon_that_says_it_can() {
    let scene = Scene::new().await;
    scene.answer(new_status, Peer::answer);
    assert_eq!(scene.ask(100).await, all_right(100));
    assert_eq!((scene.fake.received(STATUS_PATH).len(), scene.requests()), (1, 1));
    assert_eq!(scene.fake.connections(), 1);
}

#[tokio::test]
async fn one_secret_needs_no_question_about_the_daemon() {
    let scene = Scene::new().await;
    scene.answer(new_status, Peer::answer);
    assert_eq!(scene.ask(1).await, all_right(1));
    assert_eq!((scene.fake.received(STATUS_PATH).len(), scene.requests()), (0, 1));
}

#[tokio::test]
async fn a_hundred_secrets_are_a_hundred_requests_to_any_other_and_eight_at_once() {
    let scene = Scene::new().await;
    let peer = scene.peer.clone();
    scene.fake.answer(move |received: Received| {
        let peer = peer.clone();
        async move {
            if received.path == STATUS_PATH {
                return old_status();
            }
            sleep(Duration::from_millis(5)).await;
            peer.answer_as_old(&peer.read(&received))
        }
    });
    assert_eq!(scene.ask(100).await, all_right(100));
    assert_eq!((scene.fake.received(STATUS_PATH).len(), scene.requests()), (1, 100));
    assert_eq!(scene.fake.most_under_way(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_says_nothing_of_batches_is_that_of_an_old_daemon() {
    let scene = Scene::new().await;
    let statuses: [Reply; 13] = [
        Reply::new(200, ""),
        Reply::new(200, "OK"),
        Reply::new(200, r#"{"Capabilities":["batch"]"#),
        Reply::new(200, r#"{"Capabilities":["batch","#),
        Reply::new(200, r#"{"Capabilities":"batch"}"#),
        Reply::new(200, r#"{"Capabilities":[["batch"]]}"#),
        Reply::new(200, r#"{"Capabilities":["batches","batch "]}"#),
        Reply::new(500, r#"{"Capabilities":["batch"]}"#),
        Reply::new(302, r#"{"Capabilities":["batch"]}"#).with("Location", "/v1/decrypt"),
        Reply::new(200, format!(r#"{{"Capabilities":["batch"],"x":"{}"}}"#, "x".repeat(1 << 16))),
        Reply::new(200, " ").sent(Send::Endless),
        Reply::new(200, r#"{"Capabilities":["batch"]}"#).sent(Send::Close),
        Reply::new(200, r#"{"Capabilities":["batch"]}"#).sent(Send::Never),
    ];
    for status in statuses {
        scene.fake.forget();
        scene.answer(
            {
                let status = status.clone();
                move || status.clone()
            },
            Peer::answer,
        );
        let begun = Instant::now();
        assert_eq!(scene.ask(3).await, all_right(3), "{status:?}");
        assert_eq!(scene.requests(), 3, "{status:?}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{status:?}");
    }
}

/// What is done to the answer about four secrets, and what comes of it.
#[tokio::test]
async fn an_answer_to_many_has_as_many_and_in_their_order() {
    let scene = Scene::new().await;
    let refused = |n: usize, refusal| {
        let mut all = vec![Ok(()); 4];
        all[n] = Err(Cause::Refused(refusal));
        Ok(all)
    };
    type Change = fn(&mut Vec<Value>);
    let changes: [(Change, _); 15] = [
        (|_| {}, all_right(4)),
        (|items| drop(items.pop()), Err(Cause::Unreadable)),
        (Vec::clear, Err(Cause::Unreadable)),
        (|items| items.push(items[0].clone()), Err(Cause::Unreadable)),
        (|items| items.swap(0, 1), Err(Cause::OtherToken)),
        (|items| items[3] = items[2].clone(), Err(Cause::OtherToken)),
        (|items| items[1]["TokenSHA256"] = json!(""), Err(Cause::OtherToken)),
        (|items| items[1]["PlaintextSecret"] = json!(""), Err(Cause::OtherToken)),
        (|items| items[1]["PlaintextSecret"] = json!("eA=="), Err(Cause::OtherToken)),
        (|items| items[1]["PlaintextSecret"] = json!("***"), Err(Cause::Unreadable)),
        (|items| items[1] = json!({}), Err(Cause::Unreadable)),
        (|items| items[1] = json!([]), Err(Cause::Unreadable)),
        (|items| items[1]["Error"] = json!("no"), Err(Cause::Unreadable)),
        (
            |items| items[2] = json!({"Error": Refusal::NotInApp.to_string()}),
            refused(2, Refusal::NotInApp),
        ),
        (
            |items| items[0] = json!({"Error": format!("{} (why)", Refusal::NotOpened)}),
            refused(0, Refusal::NotOpened),
        ),
    ];
    for (number, (change, expected)) in changes.into_iter().enumerate() {
        scene.answer(new_status, move |peer, request| {
            let mut items = peer.items(request);
            change(&mut items);
            peer.say(&json!({"RequestID": request["RequestID"], "PlaintextSecrets": items}))
        });
        assert_eq!(scene.ask(4).await, expected, "change {number}");
    }
}

#[tokio::test]
async fn some_daemons_behind_one_url_may_be_old() {
    let scene = Scene::new().await;
    // Each answers what it was asked for, and all but the first know nothing of lists.
    scene.answer(new_status, |peer, request| peer.answer_as_old(request));
    assert_eq!(scene.ask(5).await, all_right(5));
    assert_eq!(scene.requests(), 5);

    // The one that gets the list refuses what it takes for the only secret.
    scene.fake.forget();
    scene.answer(new_status, |peer, request| match request["RequestedSecrets"].as_array() {
        Some(_) => Reply::new(401, format!("{}\n", Refusal::NotInApp)),
        None => peer.answer_as_old(request),
    });
    let mut expected = vec![Ok(()); 5];
    expected[0] = Err(Cause::Refused(Refusal::NotInApp));
    assert_eq!(scene.ask(5).await, Ok(expected));
    assert_eq!(scene.requests(), 5);
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let (scene, elsewhere) = (Scene::new().await, Fake::start().await);
    for status in [301, 302, 303, 307, 308] {
        for path in [DECRYPT_PATH, "/"] {
            for base in [elsewhere.url(), scene.fake.url(), String::new()] {
                let to = format!("{base}{path}");
                scene.fake.forget();
                scene.fake.answer(move |_| {
                    let reply = Reply::new(status, "").with("Location", &to);
                    async move { reply }
                });
                assert_eq!(scene.ask(1).await, Err(Cause::Redirect(status)));
                assert_eq!((scene.requests(), scene.fake.received("/").len()), (1, 0));
            }
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_as_it_should_is_none_and_is_not_asked_for_again() {
    let scene = Scene::with_timeout(Duration::from_secs(20)).await;
    let late = Cause::Late { timeout: Duration::from_secs(20), last: None };
    let pause = Duration::from_millis(100);
    for (send, expected) in [
        (Send::Endless, Cause::LargeAnswer),
        (Send::Slowly(pause), late.clone()),
        (Send::Never, late),
        (Send::Close, Cause::Broken),
        (Send::Cut(0), Cause::Broken),
        (Send::Cut(100), Cause::Broken),
    ] {
        scene.fake.forget();
        scene.answer(old_status, move |peer, request| peer.answer(request).sent(send));
        let begun = Instant::now();
        assert_eq!(scene.ask(1).await, Err(expected), "{send:?}");
        assert!(begun.elapsed() < Duration::from_secs(21), "{send:?}");
        assert_eq!(scene.requests(), 1, "{send:?}");
    }
}
