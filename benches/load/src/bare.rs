//! What the cryptography of one request costs by itself.

use std::hint::black_box;
use std::time::{Duration, Instant};

use secretary_daemon::channel::Channel;
use secretary_envelope::{NaclBox, Token};
use secretary_secret::Secret;

use crate::raw;
use crate::scene::Scene;

/// The shortest time in which the boxes of one request are opened, and those of its answer sealed: two and two, because
/// there is a service key, and the secret itself. Keys are agreed upon before, as in the daemon.
pub fn one_request(scene: &Scene) -> Duration {
    let workload = &scene.apps[0];
    let deploy = (workload.deploy.public_key(), workload.service.public_key());
    let channel = Channel::of_daemon(scene.master_private(), &deploy.0, Some(&deploy.1));
    let channel = channel.expect("no weak keys");
    let secrets = NaclBox::agree(scene.master_private(), &scene.config()).expect("no weak keys");
    let request = channel.seal(&raw::message(workload)).expect("random bytes");
    let token = workload.secrets[0].token.as_bytes();
    // As long as a real answer, which has the request's id and the token's hash in it.
    let answer = Secret::from(vec![b'x'; 220]);
    let work = || {
        let opened = channel.open(black_box(request.as_bytes()));
        let secret = secrets.open(&Token::parse(black_box(token)).expect("a token"));
        let sealed = channel.seal(black_box(&answer));
        assert!(opened.is_ok() && secret.is_ok() && sealed.is_ok(), "all of it was done");
    };
    (0..2000).map(|_| time(work)).min().unwrap_or_default()
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
