//! Requests for many: in as few parts as the daemon takes, and each no larger than it takes.

use std::sync::Arc;

use secretary_daemon::client::Cause;
use secretary_daemon::protocol::{DECRYPT_PATH, MAX_BODY, MAX_SECRETS, STATUS_PATH};
use secretary_envelope::nacl::OVERHEAD;
use serde_json::Value;

use crate::client::new_status;
use crate::support::{Fake, Peer, Received, Sealed, World};

/// What came of asking for some secrets.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// How many secrets were in each request, in their order.
    requests: Vec<usize>,
    /// The numbers of those that are too large.
    too_large: Vec<usize>,
}

/// The app with this number asks for `secrets`, each of which is asked for once and comes back right, or is too large.
async fn ask(world: &World, app: usize, secrets: &[Sealed]) -> Outcome {
    let (fake, peer) = (Fake::start().await, Arc::new(Peer::new(world, app)));
    let daemon = peer.clone();
    fake.answer(move |received: Received| {
        let reply = match received.path.as_str() {
            STATUS_PATH => new_status(),
            _ => daemon.answer(&daemon.read(&received)),
        };
        async move { reply }
    });
    let asked: Vec<_> = secrets.iter().map(Sealed::asked).collect();
    let client = world.apps[app].client(&fake.url());
    let answered = client.open_all(&asked).await.expect("answers");
    let mut too_large = Vec::new();
    for (number, (result, secret)) in answered.secrets.iter().zip(secrets).enumerate() {
        match result {
            Ok(plaintext) => assert_eq!(plaintext.expose(), secret.plaintext),
            Err(cause) => {
                assert_eq!(*cause, Cause::TooLarge);
                too_large.push(number);
            }
        }
    }
    let mut requests = Vec::new();
    let mut order = Vec::new();
    for received in fake.received(DECRYPT_PATH) {
        assert!(received.body.len() <= MAX_BODY, "{}", received.body.len());
        let tokens = tokens(&peer.read(&received));
        requests.push(tokens.len());
        order.extend(tokens);
    }
    let expected = secrets.iter().enumerate().filter(|(number, _)| !too_large.contains(number));
    assert!(expected.map(|(_, secret)| &secret.token).eq(&order), "each once, and in their order");
    Outcome { requests, too_large }
}

fn tokens(message: &Value) -> Vec<String> {
    let text = |token: &Value| token.as_str().expect("a text").to_string();
    match message["RequestedSecrets"].as_array() {
        Some(list) => list.iter().map(|one| text(&one["Secret"])).collect(),
        None => vec![text(&message["RequestedSecret"])],
    }
}

/// A secret whose token has about so many bytes.
fn sealed(world: &World, token: usize, key: &str) -> Sealed {
    let len = token.saturating_sub(10) / 4 * 3;
    world.seal(key, &vec![b'x'; len.saturating_sub(OVERHEAD)])
}

const WITH_SERVICE_KEY: usize = 0;
const WITHOUT: usize = 1;

#[tokio::test]
async fn a_request_has_no_more_secrets_than_a_daemon_answers() {
    let world = World::new();
    let short = sealed(&world, 100, "A");
    for (count, expected) in [
        (2, vec![2]),
        (MAX_SECRETS - 1, vec![1023]),
        (MAX_SECRETS, vec![1024]),
        (MAX_SECRETS + 1, vec![1024, 1]),
        (2 * MAX_SECRETS + 2, vec![1024, 1024, 2]),
    ] {
        let secrets = vec![short.clone(); count];
        for app in [WITH_SERVICE_KEY, WITHOUT] {
            let outcome = ask(&world, app, &secrets).await;
            assert_eq!(outcome, Outcome { requests: expected.clone(), too_large: vec![] });
        }
    }
}

#[tokio::test]
async fn a_request_is_as_large_as_a_daemon_takes_and_no_larger() {
    let world = World::new();
    let kib = |kib: usize| sealed(&world, kib * 1024, "NAME");
    // Names are escaped, each character as six.
    let name = "\u{1}".repeat(500);
    let named: Vec<_> = (0..300).map(|_| sealed(&world, 100, &name)).collect();
    let many: Vec<_> = (0..600).map(|_| sealed(&world, 1000, "NAME")).collect();
    // What is first is in a request twice, for old daemons.
    let large_first: Vec<_> = std::iter::once(kib(200)).chain(many[..200].to_vec()).collect();
    let large_last: Vec<_> = many[..200].iter().cloned().chain([kib(200)]).collect();
    let all_large: Vec<_> = (0..8).map(|_| kib(120)).collect();
    for (secrets, requests) in [
        (named, vec![145, 145, 10]),
        (many, vec![433, 167]),
        (large_first, vec![46, 155]),
        (large_last, vec![201]),
        (all_large, vec![2, 2, 2, 2]),
        (vec![kib(300), kib(300), kib(1)], vec![1, 1, 1]),
    ] {
        for app in [WITH_SERVICE_KEY, WITHOUT] {
            let expected = Outcome { requests: requests.clone(), too_large: vec![] };
            assert_eq!(ask(&world, app, &secrets).await, expected);
        }
    }
}

/// In one box more, a token may have fewer bytes.
#[tokio::test]
async fn a_token_that_fits_into_no_request_keeps_no_other_from_being_opened() {
    let world = World::new();
    let kib = |kib: usize| sealed(&world, kib * 1024, "NAME");
    let secrets = [kib(1), kib(500), kib(1), kib(600), kib(800), kib(1), kib(1)];
    for (app, too_large, requests) in
        [(WITH_SERVICE_KEY, vec![3, 4], vec![1, 1, 1, 2]), (WITHOUT, vec![4], vec![1, 1, 1, 1, 2])]
    {
        assert_eq!(ask(&world, app, &secrets).await, Outcome { requests, too_large });
    }
}
