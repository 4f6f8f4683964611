//! Which private key belongs to which public key, by content and not by name.

use secretary_envelope::{NaclBox, SecretKey};

use super::report::Report;
use super::ring::Ring;

pub(super) fn check(ring: &Ring, report: &mut Report) {
    for private in &ring.private {
        let own = private.key.public_key();
        let twin = private.place.replace("private", "public").replace("PRIVATE", "PUBLIC");
        let mut halves = ring.public.iter().filter(|public| public.key == own).peekable();
        let named = ring.public.iter().find(|public| public.place == twin && public.key != own);
        if let Some(other) = named {
            report.problem(
                format!("{} is not the public half of {}", other.place, private.place),
                "one of them was replaced; find out which tokens each opens before you remove one",
            );
        } else if halves.peek().is_none() {
            report.note(format!("{} has no public half in reach", private.place));
        }
        for public in halves {
            report.ok(format!("{} is the private half of {}", private.place, public.place));
        }
        for public in ring.public.iter().filter(|public| public.key.is_really(&private.key)) {
            report.problem(
                format!("{} holds the private key of {}", public.place, private.place),
                "replace it by the public half, and the pair too if others could read it",
            );
        }
    }
    // Any private key shows whether the agreed key would depend on it.
    let any = SecretKey::from(&[1; 32]);
    for public in &ring.public {
        if let Err(weak) = NaclBox::agree(&any, &public.key) {
            let hint = "get the right public key from who made the pair";
            report.problem(format!("{}: {weak}", public.place), hint);
        }
    }
}
