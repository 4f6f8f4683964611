//! What is tried again, and for how long.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secretary_daemon::client::{Cause, Settings};
use secretary_daemon::protocol::DECRYPT_PATH;
use secretary_daemon::refusal::Refusal;
use secretary_transport::Obstacle;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::client::{Scene, old_status};
use crate::support::{Peer, Reply};

/// Answers so many requests in this way, and then as it should.
fn fail_first(scene: &Scene, times: usize, failure: Reply) {
    let count = AtomicUsize::new(0);
    scene.answer(old_status, move |peer, request| {
        match count.fetch_add(1, Ordering::SeqCst) < times {
            true => failure.clone(),
            false => peer.answer(request),
        }
    });
}

#[tokio::test(start_paused = true)]
async fn of_all_statuses_two_are_tried_again() {
    let scene = Scene::with_timeout(Duration::from_secs(5)).await;
    let late =
        |last| Err(Cause::Late { timeout: Duration::from_secs(5), last: Some(Box::new(last)) });
    for status in 201..=599 {
        // A sentence of ours changes nothing about that.
        for body in ["", "Too many requests, try again\n"] {
            scene.fake.forget();
            scene.answer(old_status, move |_, _| Reply::new(status, body));
            let outcome = scene.ask(1).await;
            // An answer with one of these has no body.
            let is_known = !body.is_empty() && ![204, 304].contains(&status);
            let cause = match is_known {
                true => Cause::Refused(Refusal::Overloaded),
                false => Cause::Status(status),
            };
            let again = matches!(status, 429 | 503);
            assert_eq!(scene.requests() > 1, again, "{status}");
            match status {
                300..=399 => assert_eq!(outcome, Err(Cause::Redirect(status))),
                _ if again => assert_eq!(outcome, late(cause)),
                _ => assert_eq!(outcome, Err(cause)),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_for_and_each_attempt_is_a_request_of_its_own() {
    for status in [429, 503] {
        let scene = Scene::new().await;
        fail_first(&scene, 9, Reply::new(status, ""));
        let begun = Instant::now();
        assert_eq!(scene.ask(1).await, Ok(vec![Ok(())]));
        // Evenly random up to 50 ms, 100 ms, .. 1.6 s, 2 s, 2 s, 2 s.
        assert!(begun.elapsed() < Duration::from_millis(9200), "{:?}", begun.elapsed());
        let requests = scene.fake.received(DECRYPT_PATH);
        assert_eq!(requests.len(), 10);
        let messages: Vec<_> = requests.iter().map(|request| scene.peer.read(request)).collect();
        let ids: HashSet<_> = messages.iter().map(|message| &message["RequestID"]).collect();
        assert_eq!(ids.len(), 10, "the daemon takes an id once");
        let envelopes: HashSet<_> = requests.iter().map(|request| &request.body).collect();
        assert_eq!(envelopes.len(), 10);
        assert!(messages.iter().all(|message| message["IssuedAt"].is_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_daemon_says_how_long_it_wants_to_be_left_alone() {
    let elapsed = |header: &'static str, status| async move {
        let scene = Scene::new().await;
        fail_first(&scene, 1, Reply::new(status, "").with("Retry-After", header));
        let begun = Instant::now();
        assert_eq!(scene.ask(1).await, Ok(vec![Ok(())]), "{header}");
        begun.elapsed().as_millis()
    };
    for status in [429, 503] {
        assert!((3000..3051).contains(&elapsed("3", status).await));
        assert!((1000..1051).contains(&elapsed(" 1 ", status).await));
        // Nobody can have a client wait for ever.
        assert!((10_000..10_051).contains(&elapsed("999999999", status).await));
        for nothing in ["", "0", "-1", "1.5", "soon", "Fri, 31 Dec 2027 23:59:59 GMT"] {
            assert!((0..51).contains(&elapsed(nothing, status).await), "{nothing}");
        }
    }
}

/// There is no point in waiting for what comes after the time.
#[tokio::test(start_paused = true)]
async fn who_has_less_time_than_that_gives_up_at_once() {
    let scene = Scene::with_timeout(Duration::from_secs(5)).await;
    scene.answer(old_status, |_, _| Reply::new(503, "").with("Retry-After", "6"));
    let begun = Instant::now();
    assert!(matches!(scene.ask(1).await, Err(Cause::Late { last: Some(_), .. })));
    assert_eq!((scene.requests(), begun.elapsed().as_secs()), (1, 0));
}

#[tokio::test]
async fn a_daemon_that_starts_late_is_waited_for() {
    let scene = Scene::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let app = &scene.world.apps[0];
    let client = app.client(&format!("http://{address}"));
    scene.answer(old_status, Peer::answer);
    let to = scene.fake.address();
    tokio::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        let listener = TcpListener::bind(address).await.expect("nobody took it meanwhile");
        let (mut near, _) = listener.accept().await.expect("a client");
        let mut far = tokio::net::TcpStream::connect(to).await.expect("the daemon");
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    let answered = client.open_all(&app.asked(&[0])).await.expect("an answer");
    assert!(answered.secrets[0].is_ok());
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn a_daemon_that_never_starts_is_given_up() {
    let scene = Scene::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let app = &scene.world.apps[0];
    let timeout = Duration::from_millis(500);
    let client = app.client_with(Settings { timeout, ..app.settings(&url) });
    let begun = Instant::now();
    let last = Some(Box::new(Cause::Unreachable(Obstacle::Refused)));
    for secrets in [&[0][..], &[0, 1, 2]] {
        let outcome = client.open_all(&app.asked(secrets)).await;
        let expected = Cause::Late { timeout, last: last.clone() };
        assert_eq!(outcome.map(|_| ()), Err(expected));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// However many requests there are, and whatever each of them does.
#[tokio::test(start_paused = true)]
async fn the_time_is_for_everything_together() {
    let scene = Arc::new(Scene::with_timeout(Duration::from_secs(10)).await);
    let peer = scene.peer.clone();
    scene.fake.answer(move |received| {
        let peer = peer.clone();
        async move {
            sleep(Duration::from_secs(2)).await;
            match received.path.as_str() {
                DECRYPT_PATH => peer.answer(&peer.read(&received)),
                _ => old_status(),
            }
        }
    });
    let begun = Instant::now();
    // Two seconds for the status, and two for each eight.
    assert_eq!(scene.ask(24).await, Ok(vec![Ok(()); 24]));
    assert_eq!(begun.elapsed().as_secs(), 8);
    let begun = Instant::now();
    assert!(matches!(scene.ask(48).await, Err(Cause::Late { .. })));
    assert_eq!(begun.elapsed().as_secs(), 10);
}
