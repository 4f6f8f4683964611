//! A man in the middle of a new client and a new daemon. He can do with requests and answers whatever needs no key, and
//! ten thousand times it brings him nothing.
//!
//! He succeeds if a client accepts a plaintext that is not that of its token, or one that did not come as the answer to
//! this very request; if the daemon answers a request that it did not get from a client, or got before; or if he sees
//! a plaintext. That he can keep answers from arriving is not to be prevented.
//!
//! Say `ATTACKS_SEED=...` to have those of a failure again.

mod answers;
mod batches;
mod requests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use secretary_daemon::client::{Client, Settings};
use secretary_daemon::protocol::{DECRYPT_PATH, STATUS_PATH};

use crate::support::{App, Daemon, Fake, Random, Received, Reply, World};

/// How many attacks there are of each kind.
const ATTACKS: [(&str, usize); 26] = [
    ("an answer of before to the same token", 500),
    ("an answer of before to a token as long", 900),
    ("an answer of before to a longer or shorter token", 300),
    ("an answer to another app", 300),
    ("an answer to an app with the same keys", 600),
    ("an answer to many", 300),
    ("an answer to an old client", 900),
    ("an answer to another request that is under way", 400),
    ("an answer to another app's request that is under way", 400),
    ("an answer that is cut off", 1500),
    ("an answer with a bit changed", 1200),
    ("an answer with a part left out", 400),
    ("an answer made of two", 400),
    ("the request itself", 300),
    ("the request itself, written in another way", 300),
    ("a status that says less, and answers of before", 200),
    ("a status that says less, and answers to an old client", 200),
    ("an answer to the same tokens in another order", 300),
    ("an answer to one for many", 300),
    ("an answer to fewer or more", 200),
    ("a request of before", 300),
    ("the request twice", 300),
    ("the request, delayed and after others", 100),
    ("the request as another app's", 300),
    ("a request with a bit changed", 500),
    ("an answer as a request", 200),
];

#[test]
fn there_are_ten_thousand_attacks() {
    let all: usize = ATTACKS.iter().map(|(_, count)| count).sum();
    assert!(all >= 10_000, "{all}");
}

/// Posts a form to the daemon.
type Post = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Reply> + Send + Sync>;

/// What a client may accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Nothing.
    Nothing,
    /// The right plaintexts, because what was done may have changed nothing, or nothing but the time.
    TheRight,
}

/// The man in the middle, with what he recorded, and the clients and the daemon on both of his sides.
struct Middle {
    random: Random,
    fake: Fake,
    post: Post,
    clients: Vec<Client>,
    recorded: Vec<Recorded>,
    /// All answers that he saw.
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    tried: BTreeMap<&'static str, usize>,
    world: Arc<World>,
    _daemon: Daemon,
}

/// An exchange of before.
#[derive(Clone, Debug)]
struct Recorded {
    app: usize,
    secrets: Vec<usize>,
    /// Whether it was an old client's.
    is_old: bool,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Middle {
    /// He has recorded requests for each secret of each app, of new clients and of old ones, and some for several.
    async fn new(seed: u64) -> Self {
        let world = Arc::new(World::new());
        let daemon = world.daemon().await;
        let fake = Fake::start().await;
        let clients = world.apps.iter().map(|app| app.client(&fake.url())).collect();
        let seen = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let post: Post = {
            let (post, seen) = (daemon.poster(), seen.clone());
            Arc::new(move |body| {
                let (answer, seen) = (post(body), seen.clone());
                Box::pin(async move {
                    let answer = answer.await;
                    seen.lock().expect("no panic").push(answer.body.clone());
                    answer
                })
            })
        };
        let (random, recorded, tried) = (Random::new(seed), Vec::new(), BTreeMap::new());
        let mut middle =
            Self { random, fake, post, clients, recorded, seen, tried, world, _daemon: daemon };
        for app in 0..middle.world.apps.len() {
            for secret in 0..middle.world.apps[app].secrets.len() {
                middle.record(app, &[secret]).await;
                middle.record_old(app, secret).await;
            }
            for secrets in [[0, 1], [1, 0], [2, 3]] {
                middle.record(app, &secrets).await;
            }
        }
        middle
    }

    /// Passes a client's request on and its answer back.
    fn pass(&self) {
        let post = self.post.clone();
        self.fake.answer(move |received: Received| {
            let post = post.clone();
            async move {
                match received.path.as_str() {
                    STATUS_PATH => status(true),
                    _ => post(received.body).await,
                }
            }
        });
    }

    async fn record(&mut self, app: usize, secrets: &[usize]) {
        self.pass();
        let (_, accepted) = self.ask(app, secrets).await;
        assert_eq!(accepted, secrets.len(), "nothing is done to this one");
        let request = self.fake.received(DECRYPT_PATH).pop().expect("a request").body;
        let answer = self.seen.lock().expect("no panic").pop().expect("an answer");
        let secrets = secrets.to_vec();
        self.recorded.push(Recorded { app, secrets, is_old: false, request, answer });
        self.forget();
    }

    async fn record_old(&mut self, app: usize, secret: usize) {
        let (number, app) = (app, &self.world.apps[app]);
        let request = app.form(&app.message(&app.secrets[secret], ""));
        let answer = (self.post)(request.clone()).await;
        assert_eq!(answer.status, 200);
        let (secrets, answer) = (vec![secret], answer.body);
        self.recorded.push(Recorded { app: number, secrets, is_old: true, request, answer });
        self.forget();
    }

    fn forget(&self) {
        self.fake.forget();
        self.seen.lock().expect("no panic").clear();
    }

    /// One of what was recorded and `fits`.
    fn recorded(&mut self, fits: impl Fn(&Recorded) -> bool) -> Recorded {
        let fitting: Vec<&Recorded> = self.recorded.iter().filter(|of| fits(of)).collect();
        (*self.random.one_of(&fitting)).clone()
    }

    /// An app, and one of its secrets that is not empty.
    fn victim(&mut self) -> (usize, usize) {
        (self.random.below(3), self.random.below(7))
    }

    fn len(&self, secret: usize) -> usize {
        self.world.apps[0].secrets[secret].plaintext.len()
    }

    /// What the client of `app` says of `secrets`: whether all plaintexts that it accepts are right, and how many those
    /// are.
    async fn ask(&self, app: usize, secrets: &[usize]) -> (bool, usize) {
        self.ask_by(&self.clients[app], app, secrets).await
    }

    async fn ask_by(&self, client: &Client, app: usize, secrets: &[usize]) -> (bool, usize) {
        let app = &self.world.apps[app];
        let Ok(answered) = client.open_all(&app.asked(secrets)).await else { return (true, 0) };
        assert_eq!(answered.secrets.len(), secrets.len());
        let accepted = answered.secrets.iter().zip(secrets);
        let accepted = accepted.filter_map(|(result, &n)| Some((result.as_ref().ok()?, n)));
        let right: Vec<_> =
            accepted.map(|(secret, n)| secret.expose() == app.secrets[n].plaintext).collect();
        (right.iter().all(|&right| right), right.len())
    }

    /// Has the client of `app` ask for `secrets`, and looks what came of it.
    async fn attack(&mut self, kind: &'static str, app: usize, secrets: &[usize], may: May) {
        let outcome = self.ask(app, secrets).await;
        self.judge(kind, outcome, may);
    }

    fn judge(&mut self, kind: &'static str, (right, accepted): (bool, usize), may: May) {
        *self.tried.entry(kind).or_default() += 1;
        let context = || format!("{kind}, number {}, seed {}", self.tried[kind], self.random.seed);
        assert!(
            !self.fake.received(DECRYPT_PATH).is_empty(),
            "nothing was attacked: {}",
            context()
        );
        assert!(right, "a wrong plaintext was accepted: {}", context());
        assert!(may == May::TheRight || accepted == 0, "a plaintext was accepted: {}", context());
        for received in self.fake.received(DECRYPT_PATH) {
            assert!(!has_plaintext(&received.body), "a plaintext was sent: {}", context());
        }
        for answer in self.seen.lock().expect("no panic").iter() {
            assert!(!has_plaintext(answer), "a plaintext was answered: {}", context());
        }
        self.forget();
    }

    /// How many attacks of this kind there are to be.
    fn times(kind: &str) -> std::ops::Range<usize> {
        let found = ATTACKS.iter().find(|(name, _)| *name == kind);
        0..found.expect("a kind in the table").1
    }

    /// Counts what was done against the table.
    fn end(self, kinds: &[&str]) {
        let planned: BTreeMap<_, _> =
            ATTACKS.into_iter().filter(|(kind, _)| kinds.contains(kind)).collect();
        assert_eq!(planned.len(), kinds.len());
        assert_eq!(self.tried, planned);
    }

    fn app(&self, app: usize) -> &App {
        &self.world.apps[app]
    }

    /// The settings of a client that he is in the middle of.
    fn settings(&self, app: usize) -> Settings {
        self.app(app).settings(&self.fake.url())
    }
}

/// What `/v1/status` says, as it is, or as an old daemon has it.
fn status(is_new: bool) -> Reply {
    let more = if is_new { r#","Capabilities":["bound-answers","batch"]"# } else { "" };
    Reply::new(200, format!(r#"{{"Status":"OK"{more}}}"#))
}

/// All plaintexts that are long enough to be known begin with the same words.
fn has_plaintext(bytes: &[u8]) -> bool {
    let has = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    has(b"plaintext-") || has(b"cGxhaW50ZXh0L")
}
