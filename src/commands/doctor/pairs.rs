//! Which private key belongs to which public key, by content and not by name.

use secretary_envelope::{NaclBox, SecretKey};

use super::report::Report;
use super::ring::Ring;

pub(super) fn check(ring: &Ring, report: &mut Report) {
    for private in &ring.private {
        let own = private.key.public_key();
        let twin = twin_of(&private.place);
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

/// Where the public half is that goes by the same name.
fn twin_of(place: &str) -> String {
    let (folder, name) = place.split_at(place.rfind('/').map_or(0, |slash| slash + 1));
    format!("{folder}{}", name.replace("private", "public").replace("PRIVATE", "PUBLIC"))
}

/// The flaw of the design: the two keys that encrypt also decrypt. A config private key and a master
/// public key are known by the names of their files or variables.
pub(super) fn check_who_can_decrypt(ring: &Ring, report: &mut Report) {
    let seals_with = ["config-private-key.pem", "$CONFIG_PRIVATE_KEY", "$PRIVATE_KEY"];
    let seals_to = ["master-public-key.pem", "$MASTER_PUBLIC_KEY", "$PUBLIC_KEY"];
    let is_one_of =
        |place: &str, names: [&str; 3]| names.contains(&place.rsplit('/').next().unwrap_or(place));
    for private in ring.private.iter().filter(|private| is_one_of(&private.place, seals_with)) {
        for public in ring.public.iter().filter(|public| is_one_of(&public.place, seals_to)) {
            report.warning(
                format!(
                    "whoever has {} and {} can decrypt every token made with them",
                    private.place, public.place
                ),
                "a NaCl box opens from both ends, so these two keys read all secrets, old ones in the git history too; give them only to people who may",
            );
        }
    }
}
