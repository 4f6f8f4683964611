//! Which keys in reach open which tokens.

use std::cell::OnceCell;

use secretary_envelope::{Kind, NaclBox, Opener, PublicKey, SecretKey, Text, Token};

use super::report::Report;
use super::ring::Ring;
use super::uses::Decrypt;
use crate::failure::{Failure, shown};
use crate::keys::Found;
use crate::kms;

/// Every two keys in reach; those that `decrypt` uses by itself come first.
pub(super) struct Trial<'a> {
    couples: Vec<Couple<'a>>,
    has_default: bool,
    /// Tokens go to a daemon, whatever keys are here.
    by_daemon: bool,
    /// Who would be asked for secrets by name, or why nobody.
    server: &'a Result<(), Failure>,
}

/// A private and a public key, and the box they make once it is needed.
struct Couple<'a> {
    private: &'a Found<SecretKey>,
    public: &'a Found<PublicKey>,
    opener: OnceCell<Option<Opener>>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(decrypt: &'a Decrypt, ring: &'a Ring) -> Self {
        let default = decrypt.private.as_ref().zip(decrypt.public.as_ref());
        let ring = ring
            .private
            .iter()
            .flat_map(|private| ring.public.iter().map(move |public| (private, public)));
        let couple = |(private, public)| Couple { private, public, opener: OnceCell::new() };
        Self {
            couples: default.into_iter().chain(ring).map(couple).collect(),
            has_default: default.is_some(),
            by_daemon: decrypt.by_daemon,
            server: &decrypt.server,
        }
    }

    /// Tries each token of `text`; `places` names them.
    pub(super) fn check(
        &self,
        text: &Text<'_>,
        places: impl Iterator<Item = String>,
        report: &mut Report,
    ) {
        for (token, place) in text.tokens().zip(places) {
            match token.kind() {
                Kind::Setec => {
                    check_name(&token, &place, self.server, report);
                    continue;
                }
                Kind::Nacl if !self.by_daemon => {}
                _ => {
                    self.check_form(&token, &place, report);
                    continue;
                }
            }
            let opened = self.couples.iter().position(|couple| couple.opens(&token));
            let names = |n: usize| {
                format!("{} and {}", self.couples[n].private.place, self.couples[n].public.place)
            };
            match opened {
                Some(0) if self.has_default => {
                    report.ok(format!("{place}: decrypt opens it with {}", names(0)));
                }
                Some(n) => report.warning(
                    format!(
                        "{place}: opens with {}, which decrypt does not use by itself",
                        names(n)
                    ),
                    "give them to decrypt by --private-key and --config-key",
                ),
                None => report.problem(
                    format!("{place}: no two keys in reach open it"),
                    "it was sealed for other keys, or was changed or cut",
                ),
            }
        }
    }

    /// A token that only AWS KMS or the daemon opens. They are not asked: that would be a use of the key, and be on
    /// record.
    fn check_form(&self, token: &Token<'_>, place: &str, report: &mut Report) {
        let tag = token.kind().tag();
        let well_formed = format!("{place}: a {tag} token, well formed");
        match token.plaintext_len() {
            Ok(_) if self.by_daemon => {
                report.note(format!("{well_formed}; the daemon is not asked here"));
            }
            Ok(_) if kms::IS_BUILT_IN => {
                report.note(format!("{well_formed}; AWS KMS is not asked here"));
            }
            Ok(_) => report.problem(
                format!("{place}: a KMS token, and this secretary was built without AWS KMS"),
                "use the full build, which has the feature `aws`",
            ),
            Err(damage) => {
                let hint = "copy the whole token again from where it was encrypted";
                report.problem(format!("{place}: {damage}"), hint);
            }
        }
    }
}

/// A token that names a secret. `server` is who would be asked for it; that is not done, because it would be on record.
fn check_name(token: &Token<'_>, place: &str, server: &Result<(), Failure>, report: &mut Report) {
    let name = match token.reference() {
        Ok(reference) => shown(reference.to_string()),
        Err(damage) => {
            let hint = "a token is ENC[SETEC,NAME] or ENC[SETEC,NAME@VERSION]";
            return report.problem(format!("{place}: {damage}"), hint);
        }
    };
    let named = format!("{place}: a SETEC token for {name}");
    match server {
        Ok(()) => report.note(format!("{named}; the secrets server is not asked here")),
        Err(failure) => report.problem(
            format!("{named}, and {}", failure.message()),
            failure.hint_text().unwrap_or_default(),
        ),
    }
}

impl Couple<'_> {
    fn opens(&self, token: &Token<'_>) -> bool {
        let agree = || NaclBox::agree(&self.private.key, &self.public.key).ok().map(Opener::from);
        let opener = self.opener.get_or_init(agree).as_ref();
        opener.is_some_and(|opener| opener.open_all(std::iter::once(*token)).is_ok())
    }
}
