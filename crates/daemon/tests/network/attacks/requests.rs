//! Requests that are replaced, repeated, changed, or given out as another app's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secretary_daemon::form::{self, Fields};

use super::{May, Middle};
use crate::support::{Received, Reply, VERSION};

/// Passes on what `change` makes of each request, and the answer back. How many the daemon answered is counted.
fn pass_changed(
    middle: &Middle,
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> Arc<AtomicUsize> {
    let (post, answered) = (middle.post.clone(), Arc::new(AtomicUsize::new(0)));
    let count = answered.clone();
    middle.fake.answer(move |received: Received| {
        let (answer, count) = (post(change(received.body)), count.clone());
        async move {
            let answer = answer.await;
            count.fetch_add(usize::from(answer.status == 200), Ordering::SeqCst);
            answer
        }
    });
    answered
}

#[tokio::test]
async fn the_daemon_answers_a_request_once() {
    let mut middle = Middle::new(8).await;
    let kinds = ["a request of before", "the request twice"];
    for _ in Middle::times(kinds[0]) {
        let (app, secret) = middle.victim();
        let recorded = middle.recorded(|of| of.app == app && !of.is_old);
        let answered = pass_changed(&middle, move |_| recorded.request.clone());
        middle.attack(kinds[0], app, &[secret], May::Nothing).await;
        assert_eq!(answered.load(Ordering::SeqCst), 0, "seed {}", middle.random.seed);
    }
    for _ in Middle::times(kinds[1]) {
        let (app, secret) = middle.victim();
        let post = middle.post.clone();
        middle.fake.answer(move |received: Received| {
            let post = post.clone();
            async move {
                let (first, second) =
                    tokio::join!(post(received.body.clone()), post(received.body.clone()));
                let third = post(received.body).await;
                let (good, bad) =
                    if first.status == 200 { (first, second) } else { (second, first) };
                assert_eq!((good.status, bad.status, third.status), (200, 400, 400));
                third
            }
        });
        middle.attack(kinds[1], app, &[secret], May::Nothing).await;
    }
    middle.end(&kinds);
}

/// Two requests are turned round, and their answers are given to whom they belong: that is no more than a slow network.
#[tokio::test]
async fn what_is_late_or_in_another_order_is_right_all_the_same() {
    let mut middle = Middle::new(9).await;
    let kind = "the request, delayed and after others";
    for _ in Middle::times(kind) {
        let (app, secret) = middle.victim();
        let (post, between) = (middle.post.clone(), middle.recorded(|of| of.app == app));
        let turn = Arc::new(AtomicUsize::new(0));
        middle.fake.answer(move |received: Received| {
            let (post, turn, between) = (post.clone(), turn.clone(), between.request.clone());
            async move {
                if received.method == "GET" {
                    return super::status(false);
                }
                if turn.fetch_add(1, Ordering::SeqCst) == 0 {
                    for _ in 0..5 {
                        tokio::task::yield_now().await;
                    }
                    let _ = post(between).await;
                }
                post(received.body).await
            }
        });
        let outcome = middle.ask(app, &[secret, 3]).await;
        assert_eq!(outcome, (true, 2), "seed {}", middle.random.seed);
        middle.judge(kind, outcome, May::TheRight);
    }
    middle.end(&[kind]);
}

fn fields(form: &[u8]) -> Fields {
    form::parse(Some("application/x-www-form-urlencoded"), form).expect("a form")
}

#[tokio::test]
async fn a_request_is_of_the_app_that_sealed_it() {
    let mut middle = Middle::new(10).await;
    let kind = "the request as another app's";
    for number in Middle::times(kind) {
        let (app, secret) = middle.victim();
        // Every other one with the same keys.
        let other = if number % 2 == 0 && app != 1 { 2 - app } else { (app + 1) % 3 };
        let other = middle.app(other);
        let (id, task) = (other.id.clone(), other.task.clone());
        let answered = pass_changed(&middle, move |form| {
            let mut fields = fields(&form);
            match number % 4 {
                0 | 1 => (fields.appid, fields.taskid) = (id.clone(), task.clone()),
                2 => fields.appid = id.clone(),
                // As if there was no app, and with a second field of each name.
                _ => {
                    fields.appversion = String::new();
                    let more = format!("&appid={id}&taskid={task}&appversion={VERSION}");
                    return (fields.to_body() + &more).into_bytes();
                }
            }
            fields.to_body().into_bytes()
        });
        middle.attack(kind, app, &[secret], May::Nothing).await;
        assert_eq!(answered.load(Ordering::SeqCst), 0, "seed {}", middle.random.seed);
    }
    middle.end(&[kind]);
}

#[tokio::test]
async fn a_request_with_a_bit_changed_is_none_or_the_same() {
    let mut middle = Middle::new(11).await;
    let kind = "a request with a bit changed";
    let mut answered_in_all = 0;
    for _ in Middle::times(kind) {
        let (app, secret) = middle.victim();
        let (at, bit) = (middle.random.below(1 << 16), 1 << middle.random.below(8));
        let answered = pass_changed(&middle, move |mut form| {
            let at = at % form.len();
            form[at] ^= bit;
            form
        });
        middle.attack(kind, app, &[secret], May::TheRight).await;
        answered_in_all += answered.load(Ordering::SeqCst);
    }
    // `%2f` is `%2F`, and the last character of base64 has bits without a meaning.
    assert!(answered_in_all < 30, "{answered_in_all} were answered");
    middle.end(&[kind]);
}

#[tokio::test]
async fn an_answer_is_no_request() {
    let mut middle = Middle::new(12).await;
    let kind = "an answer as a request";
    for _ in Middle::times(kind) {
        let (app, secret) = middle.victim();
        let recorded = middle.recorded(|of| of.app == app);
        let forged = middle.app(app).form_around(&String::from_utf8_lossy(&recorded.answer));
        let answered = pass_changed(&middle, move |_| forged.clone());
        middle.attack(kind, app, &[secret], May::Nothing).await;
        assert_eq!(answered.load(Ordering::SeqCst), 0, "seed {}", middle.random.seed);
    }
    middle.end(&[kind]);
}

/// Nothing that he sends makes the client wait or ask again for long.
#[tokio::test]
async fn a_client_that_is_lied_to_gives_up_at_once() {
    let middle = Middle::new(13).await;
    let client = middle.app(0).client_with(middle.settings(0));
    middle.fake.answer(|_| async { Reply::new(400, "Failed to parse JSON request\n") });
    assert_eq!(middle.ask_by(&client, 0, &[0]).await, (true, 0));
    assert_eq!(middle.fake.received(secretary_daemon::protocol::DECRYPT_PATH).len(), 1);
}
