//! Answers that are replaced, changed, or made of others.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_daemon::form;
use tokio::sync::Barrier;

use super::{May, Middle, Post, Recorded};
use crate::support::{Received, Reply};

/// Answers each request with what was recorded.
fn answer_with(middle: &Middle, recorded: Recorded) {
    middle.fake.answer(move |_| {
        let answer = Reply::new(200, recorded.answer.clone());
        async move { answer }
    });
}

/// Passes each request on, and changes its answer.
fn change(middle: &Middle, change: impl Fn(Vec<u8>) -> Vec<u8> + Clone + Send + Sync + 'static) {
    let post = middle.post.clone();
    middle.fake.answer(move |received: Received| {
        let (answer, change) = (post(received.body), change.clone());
        async move {
            let answer = answer.await;
            assert_eq!(answer.status, 200);
            Reply::new(200, change(answer.body))
        }
    });
}

#[tokio::test]
async fn an_answer_of_before_is_never_accepted() {
    let mut middle = Middle::new(1).await;
    let len = [0, 1, 2, 3, 4, 5, 6, 7].map(|secret| middle.len(secret));
    let kinds = [
        "an answer of before to the same token",
        "an answer of before to a token as long",
        "an answer of before to a longer or shorter token",
        "an answer to another app",
        "an answer to an app with the same keys",
        "an answer to many",
        "an answer to an old client",
    ];
    for (kind_number, kind) in kinds.into_iter().enumerate() {
        for _ in Middle::times(kind) {
            let (app, secret) = match kind_number {
                1 => (middle.random.below(3), middle.random.below(4)),
                4 => (2 * middle.random.below(2), middle.random.below(7)),
                _ => middle.victim(),
            };
            let recorded = middle.recorded(|of| {
                let (first, is_one) = (of.secrets[0], of.secrets.len() == 1);
                let (same_len, is_new) = (len[first] == len[secret], is_one && !of.is_old);
                let others_with_its_keys = app != 1 && of.app == 2 - app;
                match kind_number {
                    0 => is_new && of.app == app && first == secret,
                    1 => is_new && of.app == app && first != secret && same_len,
                    2 => is_new && of.app == app && !same_len,
                    3 => is_new && of.app != app && same_len,
                    4 => is_one && others_with_its_keys && same_len,
                    5 => !is_one && of.app == app,
                    _ => of.is_old && of.app == app && same_len,
                }
            });
            answer_with(&middle, recorded);
            middle.attack(kind, app, &[secret], May::Nothing).await;
        }
    }
    middle.end(&kinds);
}

/// Waits until there are two requests, and exchanges their answers.
fn exchange(middle: &Middle) {
    let both = Arc::new((Barrier::new(2), Mutex::new(Vec::<Vec<u8>>::new())));
    let post: Post = middle.post.clone();
    middle.fake.answer(move |received: Received| {
        let (post, both) = (post.clone(), both.clone());
        async move {
            if received.method == "GET" {
                return super::status(false);
            }
            let answer = post(received.body).await;
            assert_eq!(answer.status, 200);
            let number = {
                let mut answers = both.1.lock().expect("no panic");
                answers.push(answer.body);
                answers.len() - 1
            };
            both.0.wait().await;
            let answers = both.1.lock().expect("no panic");
            Reply::new(200, answers[1 - number].clone())
        }
    });
}

#[tokio::test]
async fn answers_to_requests_under_way_are_not_exchanged() {
    let mut middle = Middle::new(2).await;
    let kinds = [
        "an answer to another request that is under way",
        "an answer to another app's request that is under way",
    ];
    for _ in Middle::times(kinds[0]) {
        let (app, first) = (middle.random.below(3), middle.random.below(4));
        exchange(&middle);
        middle.attack(kinds[0], app, &[first, (first + 1) % 4], May::Nothing).await;
    }
    for _ in Middle::times(kinds[1]) {
        let (first, secret) = (middle.random.below(3), middle.random.below(4));
        let second = (first + 1 + middle.random.below(2)) % 3;
        exchange(&middle);
        let secrets = [secret];
        let (one, other) = tokio::join!(middle.ask(first, &secrets), middle.ask(second, &secrets));
        middle.judge(kinds[1], (one.0 && other.0, one.1 + other.1), May::Nothing);
    }
    middle.end(&kinds);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_made_of_parts_is_none() {
    let mut middle = Middle::new(3).await;
    let kinds =
        ["an answer that is cut off", "an answer with a part left out", "an answer made of two"];
    let mut longest = 0;
    for number in Middle::times(kinds[0]) {
        // At every byte: answers with a service key have some 500 and the others some 300.
        let app = if number < 1000 { 0 } else { 1 };
        let end = if number < 1000 { number } else { number - 1000 };
        change(&middle, move |answer| answer[..end % answer.len()].to_vec());
        middle.attack(kinds[0], app, &[0], May::Nothing).await;
        longest =
            longest.max(middle.recorded(|of| of.app == app && of.secrets == [0]).answer.len());
    }
    assert!((300..500).contains(&longest), "not at every byte any more: {longest}");
    for _ in Middle::times(kinds[1]) {
        let (app, secret) = middle.victim();
        let part = (middle.random.below(1 << 16), middle.random.below(1 << 16));
        change(&middle, move |answer| without_a_part(&answer, part));
        middle.attack(kinds[1], app, &[secret], May::Nothing).await;
    }
    for _ in Middle::times(kinds[2]) {
        let (app, secret) = middle.victim();
        let other = middle.recorded(|of| of.app == app && of.secrets == [secret]).answer;
        let at = middle.random.below(1000);
        change(&middle, move |answer| made_of_both(&answer, &other, at));
        middle.attack(kinds[2], app, &[secret], May::Nothing).await;
    }
    middle.end(&kinds);
}

/// The bytes in a token.
fn sealed(token: &[u8]) -> Vec<u8> {
    STANDARD.decode(&token["ENC[NACL,".len()..token.len() - 1]).expect("base64")
}

fn token(sealed: &[u8]) -> Vec<u8> {
    format!("ENC[NACL,{}]", STANDARD.encode(sealed)).into_bytes()
}

/// A member that is left out is this: nobody without the keys can do it in another way.
fn without_a_part(answer: &[u8], (start, len): (usize, usize)) -> Vec<u8> {
    let mut bytes = sealed(answer);
    let start = start % bytes.len();
    let len = 1 + len % (bytes.len() - start);
    bytes.drain(start..start + len);
    token(&bytes)
}

/// Nonce, tag and ciphertext, each of one of two answers, or both one behind the other.
fn made_of_both(answer: &[u8], other: &[u8], at: usize) -> Vec<u8> {
    let (one, two) = (sealed(answer), sealed(other));
    match at % 5 {
        0 => [answer, other].concat(),
        1 => [other, answer].concat(),
        2 => token(&[&one[..24], &two[24..]].concat()),
        3 => token(&[&one[..40], &two[40..]].concat()),
        _ => {
            let at = 1 + at % (one.len().min(two.len()) - 1);
            token(&[&one[..at], &two[at..]].concat())
        }
    }
}

#[tokio::test]
async fn an_answer_with_a_bit_changed_is_none() {
    let mut middle = Middle::new(4).await;
    let kind = "an answer with a bit changed";
    for number in Middle::times(kind) {
        let (app, secret) = middle.victim();
        let (at, bit) = (middle.random.below(1 << 16), 1 << middle.random.below(8));
        // Every other one in what is sealed, where none is without meaning.
        let (in_text, may) =
            if number % 2 == 0 { (true, May::TheRight) } else { (false, May::Nothing) };
        change(&middle, move |mut answer| {
            let mut bytes = if in_text { answer.split_off(0) } else { sealed(&answer) };
            let at = at % bytes.len();
            bytes[at] ^= bit;
            if in_text { bytes } else { token(&bytes) }
        });
        middle.attack(kind, app, &[secret], may).await;
    }
    middle.end(&[kind]);
}

/// The envelope in a form.
fn envelope(form: &[u8]) -> Vec<u8> {
    let fields = form::parse(Some("application/x-www-form-urlencoded"), form).expect("a form");
    fields.envelope.into_bytes()
}

#[tokio::test]
async fn the_request_is_no_answer() {
    let mut middle = Middle::new(5).await;
    let kinds = ["the request itself", "the request itself, written in another way"];
    for kind in kinds {
        for number in Middle::times(kind) {
            let (app, secret) = middle.victim();
            let is_same = kind == kinds[0];
            middle.fake.answer(move |received: Received| async move {
                let mut answer = envelope(&received.body);
                // White space in a token is no part of it, so that this opens.
                if !is_same {
                    let at = "ENC[NACL,".len() + number % (answer.len() - 16);
                    answer.insert(at, b" \t\r\n"[number % 4]);
                }
                Reply::new(200, answer)
            });
            middle.attack(kind, app, &[secret], May::Nothing).await;
        }
    }
    middle.end(&kinds);
}
