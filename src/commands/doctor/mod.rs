//! `secretary doctor`: which keys are in reach, which belong together, what each command would use and
//! which keys open which tokens. Prints no key and no secret.

mod report;
mod ring;

use std::collections::HashMap;
use std::process::ExitCode;

use secretary_envelope::{Kind, NaclBox, Opener, PublicKey, Text, Token};

use self::report::{Level, Report};
use self::ring::Ring;
use crate::Outcome;
use crate::cli::Doctor;
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::input;
use crate::keys::{self, Lookup};
use crate::world::World;

pub(super) fn run(args: &Doctor, world: &World) -> Outcome {
    let mut report = Report::default();
    report.section("keys");
    let ring = Ring::collect(&args.path, &world.environ, &mut report);
    report.section("pairs");
    check_pairs(&ring, &mut report);
    report.section("commands");
    check_commands(&world.environ, &mut report);
    report.section("tokens");
    if args.file.is_empty() {
        for (name, text) in world.environ.sealed() {
            let name = shown(name);
            check_tokens(&ring, &text, |_| name.clone(), &mut report);
        }
    }
    for path in &args.file {
        let bytes = input::read(path, input::MAX_TEXT, world)?;
        let text = Text::parse(&bytes);
        let name = input::name_of(path);
        let positions: Vec<_> = text.positions(0..text.tokens().len()).collect();
        let place = |index: usize| format!("{name}:{}:{}", positions[index].0, positions[index].1);
        check_tokens(&ring, &text, place, &mut report);
    }
    let text = if args.json { report.json() } else { report.text() };
    world.print([text.as_bytes()])?;
    Ok(if report.count(Level::Problem) == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Code::General as u8)
    })
}

/// A private key and its public half, by content; and files that say they belong together and do not.
fn check_pairs(ring: &Ring, report: &mut Report) {
    for private in &ring.private {
        let own = private.key.public_key();
        let twin = private.place.replace("private", "public").replace("PRIVATE", "PUBLIC");
        let halves: Vec<_> = ring.public.iter().filter(|public| public.key == own).collect();
        for public in &halves {
            report.ok(format!("{} is the private half of {}", private.place, public.place));
        }
        if let Some(other) =
            ring.public.iter().find(|public| public.place == twin && public.key != own)
        {
            let text = format!("{} is not the public half of {}", other.place, private.place);
            report.problem(
                text,
                "one of them was replaced; find out which tokens each opens before you remove one",
            );
        } else if halves.is_empty() {
            report.ok(format!("{} has no public half in reach", private.place));
        }
        for public in ring.public.iter().filter(|public| public.key.is_really(&private.key)) {
            let text = format!("{} holds the private key of {}", public.place, private.place);
            report.problem(
                text,
                "replace it by the public half, and the pair too if others could read it",
            );
        }
    }
}

fn check_commands(environ: &Environ, report: &mut Report) {
    let seal_to = used::<PublicKey>("encrypt", keys::SEAL_TO, environ, report);
    let seal_with =
        used::<secretary_envelope::SecretKey>("encrypt", keys::SEAL_WITH, environ, report);
    let open_with =
        used::<secretary_envelope::SecretKey>("decrypt and exec", keys::OPEN_WITH, environ, report);
    let open_from = used::<PublicKey>("decrypt and exec", keys::OPEN_FROM, environ, report);
    if let (Some(to), Some(with)) = (&seal_to, &seal_with) {
        report.warning(
            format!("whoever has {} and {} can decrypt every token made with them", with.place, to.place),
            "a NaCl box opens from both ends, so these two keys read all secrets, old ones in the git history too; give them only to people who may",
        );
    }
    let (Some(to), Some(with), Some(own), Some(from)) = (seal_to, seal_with, open_with, open_from)
    else {
        return;
    };
    // Both ends agree on one key if each has the other's public half; or if one side is used for both.
    let as_pairs = own.key.public_key() == to.key && with.key.public_key() == from.key;
    let as_one = own.key.is(&with.key) && to.key == from.key;
    if as_pairs || as_one {
        report.ok("decrypt opens what encrypt makes");
    } else {
        report.problem(
            "decrypt can't open what encrypt makes: their keys do not belong together",
            "decrypt needs the private half of the key encrypted to, and the public half of the key encrypted with",
        );
    }
}

/// The key that `command` would use, reported.
fn used<K: keys::Key>(
    command: &str,
    lookup: Lookup,
    environ: &Environ,
    report: &mut Report,
) -> Option<keys::Found<K>> {
    let found = lookup.find::<K>(None, environ);
    match &found {
        Ok(Some(found)) => report.ok(format!("{command}: {} from {}", lookup.name(), found.place)),
        Ok(None) => {
            report.ok(format!("{command}: no {}; looked for: {}", lookup.name(), lookup.places()))
        }
        // Told where the place itself was looked at, unless that was another folder.
        Err(failure) => {
            report.problem(format!("{command}: {}", Failure::message(failure)), failure.hint_text())
        }
    }
    found.ok().flatten()
}

/// Tries each token with every two keys in reach, and says which open it.
fn check_tokens(
    ring: &Ring,
    text: &Text<'_>,
    place: impl Fn(usize) -> String,
    report: &mut Report,
) {
    let mut boxes = HashMap::new();
    for (index, token) in text.tokens().enumerate() {
        let place = place(index);
        if token.kind() == Kind::Kms {
            report.warning(
                format!("{place}: a KMS token was not tried"),
                "this version of secretary has no access to AWS KMS",
            );
            continue;
        }
        match opened_by(ring, token, &mut boxes) {
            Some((private, public)) => {
                report.ok(format!("{place}: opens with {private} and {public}"))
            }
            None => report.problem(
                format!("{place}: no two keys in reach open it"),
                "it was sealed for other keys, or was changed or cut",
            ),
        }
    }
}

fn opened_by<'a>(
    ring: &'a Ring,
    token: &Token<'_>,
    boxes: &mut HashMap<(usize, usize), Option<Opener>>,
) -> Option<(&'a str, &'a str)> {
    for (n, private) in ring.private.iter().enumerate() {
        for (m, public) in ring.public.iter().enumerate() {
            let opener = boxes.entry((n, m)).or_insert_with(|| {
                NaclBox::agree(&private.key, &public.key).ok().map(Opener::from)
            });
            if opener.as_ref().is_some_and(|opener| opener.open_all([token].into_iter()).is_ok()) {
                return Some((&private.place, &public.place));
            }
        }
    }
    None
}
