//! Old clients and new daemons, new clients and old daemons: what is as safe as it was, and what refuses it.

use std::sync::Arc;

use secretary_daemon::client::{Answers, Cause, Settings};
use secretary_daemon::protocol::DECRYPT_PATH;
use secretary_daemon::service::Fresh;
use serde_json::json;

use crate::client::{Scene, old_status};
use crate::support::{Peer, Reply, Setup, World};

#[tokio::test]
async fn an_old_client_is_answered_by_a_new_daemon() {
    let world = World::new();
    let daemon = world.daemon().await;
    for app in &world.apps {
        for secret in &app.secrets {
            let message = app.message(secret, "");
            let answer = daemon.post(app.form(&message)).await;
            assert_eq!(answer.status, 200);
            let said = app.open(&answer.body);
            let plaintext = base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                &secret.plaintext,
            );
            assert_eq!(said["PlaintextSecret"], plaintext);
            assert!(said["TokenSHA256"].is_string() && said["RequestID"].is_null(), "{said}");
            // The Go program's requests have nothing in them that differs, and it may send one twice.
            assert_eq!(daemon.post(app.form(&message)).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_daemon_that_wants_fresh_requests_answers_new_clients_alone() {
    let world = World::new();
    let daemon = world.daemon_with(Setup { fresh: Fresh::Required, ..Setup::default() }).await;
    let app = &world.apps[0];
    let answered = app.client(&daemon.url()).open_all(&app.asked(&[0, 1, 2])).await;
    assert!(answered.is_ok_and(|answered| answered.secrets.iter().all(Result::is_ok)));
    let answer = daemon.post(app.form(&app.message(&app.secrets[0], ""))).await;
    let expected = "Expected a request with RequestID and IssuedAt, as newer clients send it\n";
    assert_eq!((answer.status, answer.body.as_slice()), (400, expected.as_bytes()));
    // One without the other is none of either.
    let id = "A".repeat(43) + "=";
    for more in [
        format!(r#","RequestID":"{id}""#),
        r#","IssuedAt":"2026-11-22T06:00:00Z""#.to_string(),
        r#","RequestID":null,"IssuedAt":"2026-11-22T06:00:00Z""#.to_string(),
        r#","RequestID":"AAAA","IssuedAt":"2026-11-22T06:00:00Z""#.to_string(),
        format!(r#","RequestID":"{id}","IssuedAt":"now""#),
    ] {
        let answer = daemon.post(app.form(&app.message(&app.secrets[0], &more))).await;
        assert_eq!(answer.status, 400, "{more}");
    }
}

/// As [`Scene::new`], with an old daemon, and a client that takes its answers or does not.
async fn old_daemon(answers: Answers) -> Scene {
    let mut scene = Scene::new().await;
    let app = &scene.world.apps[0];
    scene.client = app.client_with(Settings { answers, ..app.settings(&scene.fake.url()) });
    scene.answer(old_status, Peer::answer_as_old);
    scene
}

#[tokio::test]
async fn a_new_client_is_answered_by_an_old_daemon_unless_it_wants_more() {
    let scene = old_daemon(Answers::BoundOrOld).await;
    let app = &scene.world.apps[0];
    for secrets in [&[0][..], &[5], &[7], &[0, 1, 2, 3, 4, 5, 6, 7]] {
        let answered = scene.client.open_all(&app.asked(secrets)).await.expect("answers");
        assert!(answered.is_old);
        for (secret, &n) in answered.secrets.iter().zip(secrets) {
            assert!(secret.as_ref().is_ok_and(|it| it.expose() == app.secrets[n].plaintext));
        }
    }
    let scene = old_daemon(Answers::Bound).await;
    assert_eq!(scene.ask(1).await, Err(Cause::Unbound));
    assert_eq!(scene.ask(3).await, Err(Cause::Unbound));
}

/// The request opens with the same keys as an answer. The Go client takes it for one, with an empty plaintext.
#[tokio::test]
async fn an_echo_is_no_answer_of_an_old_daemon_either() {
    for answers in [Answers::BoundOrOld, Answers::Bound] {
        let scene = old_daemon(answers).await;
        for spaces in ["", " ", "\n", "\r\n\t"] {
            scene.fake.answer(move |received| async move {
                let form = secretary_daemon::form::parse(
                    Some("application/x-www-form-urlencoded"),
                    &received.body,
                );
                let mut envelope = form.expect("a form").envelope;
                envelope.insert_str(20, spaces);
                Reply::new(200, envelope)
            });
            let expected = if spaces.is_empty() { Cause::Echo } else { Cause::Unreadable };
            // The last secret is empty, as what an echo seems to say is.
            for n in [0, 7] {
                let asked = scene.world.apps[0].asked(&[n]);
                let outcome = scene.client.open_all(&asked).await;
                assert_eq!(outcome.map(|_| ()), Err(expected.clone()));
            }
        }
    }
}

/// This is as it was, and the reason for `--require-bound-answers`: an old daemon's answers are all alike.
#[tokio::test]
async fn a_replayed_answer_of_an_old_daemon_passes_if_it_is_as_long_and_nothing_more_is_wanted() {
    let mut longer = 0;
    for answers in [Answers::BoundOrOld, Answers::Bound] {
        let scene = old_daemon(answers).await;
        let app = &scene.world.apps[0];
        for (recorded, asked) in (0..8).flat_map(|n| (0..8).map(move |m| (n, m))) {
            let token = &app.secrets[recorded].token;
            let answer = scene.peer.answer_as_old(&json!({"RequestedSecret": token}));
            scene.answer(old_status, move |_, _| answer.clone());
            let outcome = scene.client.open_all(&app.asked(&[asked])).await;
            let len = |n: usize| app.secrets[n].plaintext.len();
            match outcome.map(|mut answered| answered.secrets.remove(0).expect("a plaintext")) {
                Ok(plaintext) => {
                    assert_eq!((answers, len(recorded)), (Answers::BoundOrOld, len(asked)));
                    assert_eq!(plaintext.expose(), app.secrets[recorded].plaintext);
                }
                Err(cause) if answers == Answers::Bound => assert_eq!(cause, Cause::Unbound),
                Err(cause) => {
                    assert_eq!(cause, Cause::OtherToken);
                    assert_ne!(len(recorded), len(asked));
                    longer += 1;
                }
            }
        }
    }
    // Four of the eight secrets are as long as each other.
    assert_eq!(longer, 64 - 4 * 4 - 4);
}

#[tokio::test]
async fn a_message_without_a_plaintext_is_none_with_an_empty_one() {
    let scene = old_daemon(Answers::BoundOrOld).await;
    let peer: Arc<Peer> = scene.peer.clone();
    let app = &scene.world.apps[0];
    for (message, expected) in [
        (json!({}), Some(Cause::Unreadable)),
        (json!(null), Some(Cause::Unreadable)),
        (json!({"PlaintextSecret": null}), Some(Cause::Unreadable)),
        (json!({"plaintextsecret": ""}), None),
        (json!({"PlaintextSecret": ""}), None),
        (json!({"PlaintextSecret": "", "PlaintextSecrets": []}), Some(Cause::OtherRequest)),
        (json!({"PlaintextSecret": 0}), Some(Cause::Unreadable)),
        (json!([]), Some(Cause::Unreadable)),
    ] {
        let answer = peer.say(&message);
        scene.answer(old_status, move |_, _| answer.clone());
        let outcome = scene.client.open_all(&app.asked(&[7])).await;
        assert_eq!(outcome.err(), expected, "{message}");
        let outcome = scene.client.open_all(&app.asked(&[0])).await;
        let expected = expected.unwrap_or(Cause::OtherToken);
        assert_eq!(outcome.map(|_| ()), Err(expected), "{message}");
    }
    assert_eq!(scene.fake.received(DECRYPT_PATH).len(), 16);
}
