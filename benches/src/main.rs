//! Opening tokens in memory: what our whole way costs beside the bare cryptography and libsodium.
//!
//! ```text
//! secretary-bench           prints the table; leaves with 1 when a limit is missed
//! secretary-bench tokens N  prints both keys and N tokens, for processes.py
//! secretary-bench peak CMD  runs CMD and prints its peak memory in bytes, for the same
//! ```
//!
//! Everything runs in one process, in turns and on one thread, and the fastest of many rounds
//! counts: a busy machine makes all of them slower, and none of them faster.

mod peak;
mod rivals;
mod sample;
mod timing;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use secretary_envelope::{NaclBox, Opener, Text};

use crate::rivals::{Bare, Sodium};
use crate::sample::Sample;
use crate::timing::{fastest, in_turns};

/// Ours may take this many times as long as decoding and opening alone.
const OVER_BARE: f64 = 1.5;
/// Ours has to open this many tokens in the time libsodium opens one.
const OF_SODIUM: f64 = 0.9;
/// A token among many may cost this many times one among few.
const GROWTH: f64 = 2.0;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report(),
        ["tokens", count] => match count.parse() {
            Ok(count) => printed(Sample::of(count)),
            Err(_) => usage(),
        },
        ["peak", ref command @ ..] => match peak::of(command) {
            Ok(bytes) => printed(bytes),
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        _ => usage(),
    }
}

fn printed(result: impl Display) -> ExitCode {
    print!("{result}");
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: secretary-bench [tokens N | peak CMD [ARG...]]");
    ExitCode::from(2)
}

fn report() -> ExitCode {
    let met = [beside_others(), growth(), agreement()];
    ExitCode::from(u8::from(met.contains(&false)))
}

fn beside_others() -> bool {
    let sample = Sample::of(10_000);
    let (opener, bare, sodium) = (sample.opener(), Bare::of(&sample), Sodium::of(&sample));
    let expected = sample.plaintext_sum();
    let [ours, bare, sodium] = in_turns(
        300,
        [&mut || open(&opener, &sample.text), &mut || bare.open_all(), &mut || sodium.open_all()],
        expected,
    );
    println!("10,000 tokens of 32 bytes          ns/token     tokens/s");
    for (name, time) in [
        ("ours: find, open, join", ours),
        ("bare: base64, XSalsa20-Poly1305", bare),
        ("libsodium: base64, open_afternm", sodium),
    ] {
        let seconds = time.as_secs_f64() / sample.len() as f64;
        println!("  {name:<32} {:>8.0} {:>12.0}", seconds * 1e9, 1.0 / seconds);
    }
    let over_bare = ratio(ours, bare);
    let of_sodium = ratio(sodium, ours);
    let first = verdict("time of ours / bare", over_bare, "<=", OVER_BARE);
    let second = verdict("speed of ours / libsodium", of_sodium, ">=", OF_SODIUM);
    first && second
}

fn growth() -> bool {
    println!("growth                             ns/token");
    let per_token = [100, 1_000, 10_000, 50_000].map(|count| {
        let sample = Sample::of(count);
        let opener = sample.opener();
        let time = fastest(2_000_000 / count, || open(&opener, &sample.text));
        println!("  {count:>6} tokens                    {:>8.0}", nanos(time) / count as f64);
        nanos(time) / count as f64
    });
    verdict("one of 50,000 / one of 100", per_token[3] / per_token[0], "<=", GROWTH)
}

/// One agreement costs as much as a hundred tokens, so it must be made once and not for each.
fn agreement() -> bool {
    let sample = Sample::of(1);
    let (own, peer) = (&sample.own, &sample.peer);
    let agreed = sample.opener();
    let agree = fastest(2_000, || u64::from(NaclBox::agree(own, peer).is_ok()));
    let one = fastest(20_000, || open(&agreed, &sample.text));
    println!("one key agreement                  {:>8.0} ns", nanos(agree));
    println!("one token after it                 {:>8.0} ns", nanos(one));
    println!("  agreement / token                {:>8.1}", ratio(agree, one));

    let many = Sample::of(100);
    let opener = many.opener();
    let agreed = fastest(2_000, || open(&opener, &many.text));
    let from_keys = fastest(2_000, || open(&many.fresh_opener(), &many.text));
    let agreements = ratio(from_keys.saturating_sub(agreed), agree);
    verdict("agreements for 100 tokens", agreements, "<=", 1.5)
}

/// Our whole way: the tokens are found and opened, and the text is put together again.
fn open(opener: &Opener, text: &str) -> u64 {
    let text = Text::parse(text.as_bytes());
    let opened = opener.open_all(text.tokens()).and_then(|opening| opening.finish(&[], Vec::new()));
    let Ok(opened) = opened else { return 0 };
    text.replaced(opened.iter()).filter(|part| part.len() == sample::PLAINTEXT).map(sum).sum()
}

/// What keeps the optimizer from leaving the opening out, and shows that all open the same.
fn sum(plaintext: &[u8]) -> u64 {
    plaintext.first().copied().map_or(0, u64::from) + 1
}

fn verdict(what: &str, value: f64, relation: &str, limit: f64) -> bool {
    let met = if relation == "<=" { value <= limit } else { value >= limit };
    let word = if met { "ok" } else { "MISSED" };
    println!("  {what:<32} {value:>8.2}   limit {relation} {limit}   {word}");
    met
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
