//! Requests that were recorded and are sent to the daemon again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_access::time::rfc3339;
use secretary_daemon::form;
use secretary_daemon::freshness::{Freshness, MAX_IDS, WINDOW};
use secretary_daemon::refusal::Refusal;
use serde_json::Value;

use crate::support::{App, Reply, Setup, World};

/// The members that make a request a new one, made so many seconds from now.
fn proof(number: u64, seconds: i64) -> String {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let from_now = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    let time = if seconds < 0 { now - from_now } else { now + from_now };
    format!(r#","RequestID":"{}","IssuedAt":"{}""#, STANDARD.encode(id), rfc3339(time))
}

/// The form of a new client's request for the first secret.
fn request(app: &App, number: u64, seconds: i64) -> Vec<u8> {
    app.form(&app.message(&app.secrets[0], &proof(number, seconds)))
}

fn says(reply: &Reply, status: u16, sentence: &str) -> bool {
    reply.status == status && String::from_utf8_lossy(&reply.body).starts_with(sentence)
}

const REPLAYED: &str = "The request was sent before";
const STALE: &str = "The request was made more than 5 minutes ago or ahead";

#[tokio::test]
async fn a_thousand_replays_are_refused_a_thousand_times() {
    let world = World::new();
    let daemon = world.daemon().await;
    let recorded: Vec<_> = (0..100)
        .map(|number| request(&world.apps[usize::from(number % 3 == 0)], number, 0))
        .collect();
    for form in &recorded {
        assert_eq!(daemon.post(form.clone()).await.status, 200);
    }
    for turn in 0..1000 {
        // In another order than they came.
        let reply = daemon.post(recorded[turn * 37 % 100].clone()).await;
        assert!(says(&reply, 400, REPLAYED), "{reply:?}");
    }
    // The same ids in other boxes, with other times, for other secrets, or by another app, are the same.
    for (number, app) in (0..100).zip(world.apps.iter().cycle()) {
        let form = app.form(&app.message(&app.secrets[number % 8], &proof(number as u64, 60)));
        assert!(says(&daemon.post(form).await, 400, REPLAYED));
    }
}

/// The daemon forgets an id when the request is too old anyway: there is no moment in between.
#[test]
fn after_five_minutes_they_are_too_old_and_never_good_again() {
    let freshness = Freshness::new(MAX_IDS);
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let requests: Vec<_> = (0..1000_i64)
        .map(|number| {
            let mut id = [7; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            // Clients' clocks are ahead and behind.
            (id, 1_800_000_000 + number % 600 - 300)
        })
        .collect();
    for (id, made_at) in &requests {
        assert_eq!(freshness.admit(id, *made_at, start), Ok(()));
    }
    for second in 0..=2 * WINDOW.as_secs() + 10 {
        let now = start + Duration::from_secs(second);
        for (id, made_at) in requests.iter().skip(second as usize % 7).step_by(7) {
            let is_old = 1_800_000_000 + second as i64 - made_at > 300;
            let expected = if is_old { Refusal::Stale } else { Refusal::Replayed };
            assert_eq!(freshness.admit(id, *made_at, now), Err(expected));
        }
    }
}

#[tokio::test]
async fn a_request_is_good_for_five_minutes_by_the_clock_of_the_daemon() {
    let world = World::new();
    let daemon = world.daemon().await;
    let app = &world.apps[0];
    for (number, seconds, is_fresh) in [
        (1, 0, true),
        (2, -295, true),
        (3, 295, true),
        (4, -302, false),
        (5, 302, false),
        (6, -1_000_000, false),
        (7, 1_000_000_000, false),
    ] {
        let reply = daemon.post(request(app, number, seconds)).await;
        match is_fresh {
            true => assert_eq!(reply.status, 200, "{seconds}"),
            false => assert!(says(&reply, 400, STALE), "{seconds}: {reply:?}"),
        }
    }
}

/// By eight threads, each with a runtime of its own.
#[tokio::test]
async fn of_two_thousand_requests_at_once_with_the_same_id_one_is_answered() {
    let world = World::new();
    let daemon = world.daemon().await;
    let form = request(&world.apps[0], 1, 0);
    let fields = form::parse(Some("application/x-www-form-urlencoded"), &form).expect("a form");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (service, fields) = (daemon.service.clone(), fields.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    let peer = [127, 0, 0, 1].into();
                    let all = (0..250).map(|_| service.answer(&fields, peer));
                    futures_util::future::join_all(all).await
                })
            })
        })
        .collect();
    let answers: Vec<_> =
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    let replayed = answers.iter().filter(|answer| **answer == Err(Refusal::Replayed)).count();
    let granted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((granted, replayed, answers.len()), (1, 1999, 2000));
}

/// An audit log that is kept for looking at.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The decisions.
    fn decisions(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("no panic").clone();
        let lines = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
        let lines = lines.map(|line| line.expect("JSON"));
        lines.filter(|line| line["event"] == "decision").collect()
    }
}

/// With one recorded request, its app could be kept from asking, and the disk be filled.
#[tokio::test]
async fn replays_take_nothing_from_what_the_app_may_ask_and_few_lines() {
    let world = World::new();
    let lines = Lines::default();
    let setup = Setup { per_second: 1, audit: Box::new(lines.clone()), ..Setup::default() };
    // As many at once as one request may have.
    let daemon = world.daemon_with(setup).await;
    let app = &world.apps[0];
    let many: Vec<_> = (0..200).map(|n| &app.secrets[n % 8]).collect();
    let list: Vec<_> = many
        .iter()
        .map(|secret| format!(r#"{{"Key":"{}","Secret":"{}"}}"#, secret.key, secret.token))
        .collect();
    let more = format!(r#"{},"RequestedSecrets":[{}]"#, proof(1, 0), list.join(","));
    let recorded = app.form(&app.message(many[0], &more));
    let stale = request(app, 2, -400);
    assert_eq!(daemon.post(recorded.clone()).await.status, 200);
    assert_eq!(lines.decisions().len(), 200);
    let begun = Instant::now();
    for _ in 0..300 {
        assert!(says(&daemon.post(recorded.clone()).await, 400, REPLAYED));
        assert!(says(&daemon.post(stale.clone()).await, 400, STALE));
    }
    let written = lines.decisions().split_off(200);
    // A hundred, and ten a second.
    let most = 102 + begun.elapsed().as_secs() as usize * 10 + 10;
    assert!((100..most).contains(&written.len()), "{} lines", written.len());
    assert!(written.iter().all(|line| line["reason"] == "replayed" || line["reason"] == "stale"));
    // 824 are left, or a few more by now.
    for number in 0..800 {
        assert_eq!(daemon.post(request(app, 10 + number, 0)).await.status, 200, "{number}");
    }
}
