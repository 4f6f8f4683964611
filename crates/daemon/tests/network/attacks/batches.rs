//! Requests for several secrets: that they are split, and what is given in the place of their answers.

use std::sync::Arc;

use secretary_daemon::protocol::STATUS_PATH;

use super::{May, Middle, Recorded, status};
use crate::support::{Received, Reply};

/// Says this about the daemon, and answers each request with one of what was recorded, in turn.
fn answer_with(middle: &Middle, is_new: bool, recorded: Vec<Recorded>) {
    let turn = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    middle.fake.answer(move |received: Received| {
        let number = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let answer = match received.path.as_str() {
            STATUS_PATH => status(is_new),
            _ => Reply::new(200, recorded[number % recorded.len()].answer.clone()),
        };
        async move { answer }
    });
}

#[tokio::test]
async fn a_daemon_that_seems_to_be_an_old_one_is_believed_no_more_for_that() {
    let mut middle = Middle::new(6).await;
    let kinds = [
        "a status that says less, and answers of before",
        "a status that says less, and answers to an old client",
    ];
    for (is_old, kind) in [false, true].into_iter().zip(kinds) {
        for _ in Middle::times(kind) {
            let (app, first) = (middle.random.below(3), middle.random.below(4));
            let secrets = [first, (first + 1) % 4];
            let answers = secrets.map(|secret| {
                middle.recorded(|of| of.app == app && of.is_old == is_old && of.secrets == [secret])
            });
            answer_with(&middle, false, answers.to_vec());
            middle.attack(kind, app, &secrets, May::Nothing).await;
        }
    }
    middle.end(&kinds);
}

#[tokio::test]
async fn an_answer_to_many_belongs_to_one_request_and_its_order() {
    let mut middle = Middle::new(7).await;
    let kinds = [
        "an answer to the same tokens in another order",
        "an answer to one for many",
        "an answer to fewer or more",
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        for turn in Middle::times(kind) {
            let app = middle.random.below(3);
            let secrets: &[usize] = match number {
                2 => [&[0, 1, 2][..], &[0], &[2, 3, 0, 1], &[2, 3, 2]][turn % 4],
                _ => [[0, 1], [1, 0], [3, 2]][turn % 3].as_slice(),
            };
            let recorded = middle.recorded(|of| {
                let is_many = of.secrets.len() > 1;
                let reversed = of.secrets.iter().rev().eq(secrets);
                of.app == app
                    && match number {
                        0 => is_many && reversed,
                        1 => !is_many && of.secrets[0] == secrets[0],
                        _ => is_many,
                    }
            });
            answer_with(&middle, true, vec![recorded]);
            middle.attack(kind, app, secrets, May::Nothing).await;
        }
    }
    middle.end(&kinds);
}
