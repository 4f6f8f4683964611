//! Tokens that are open as far as that goes without a service, and what each of the others waits for.

use std::collections::HashMap;
use std::ops::Range;

use secretary_secret::Secret;

use super::opened::Opened;
use super::{Failed, OpenError};
use crate::gob;
use crate::kms::{DataKey, WrappedKey};
use crate::nacl::{Forged, NONCE, TAG};
use crate::reference::{Reference, References};
use crate::token::{Damage, Kind, Token};

/// Tokens that are open, tokens that wait for their data keys, and tokens that name what a server has.
#[derive(Debug)]
pub struct Opening {
    opened: Opened,
    waiting: Waiting,
    named: Named,
}

/// What waits, and the keys it waits for. Empty, and without memory of its own, for NaCl alone.
#[derive(Debug, Default)]
struct Waiting {
    tokens: Vec<Sealed>,
    keys: Vec<WrappedKey>,
    numbers: HashMap<WrappedKey, usize>,
}

/// A token in its place among the opened ones, still encrypted.
#[derive(Debug)]
struct Sealed {
    index: usize,
    nonce: [u8; NONCE],
    tag: [u8; TAG],
    /// The number of its wrapped key.
    key: usize,
}

/// Tokens that name secrets, each by its number and that of the reference, and the references.
#[derive(Debug, Default)]
struct Named {
    tokens: Vec<(usize, usize)>,
    references: References,
}

impl Opening {
    pub(super) fn with_room_for<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Self {
        let opened = Opened::with_room_for(tokens);
        Self { opened, waiting: Waiting::default(), named: Named::default() }
    }

    /// The body of the next token, decoded where its plaintext will be.
    pub(super) fn decoded(&mut self, token: &Token<'_>) -> Result<&mut [u8], Damage> {
        let body = self.opened.room_for(token);
        let len = token.decode_body(body)?;
        Ok(&mut body[..len])
    }

    /// Moves the plaintext, which is at `place` in the decoded body, to where it stays.
    pub(super) fn keep(&mut self, place: Range<usize>) {
        self.opened.keep(place);
    }

    /// There is no plaintext of the next token.
    pub(super) fn keep_nothing(&mut self) {
        self.opened.keep(0..0);
    }

    /// The next token opens when there is its data key.
    pub(super) fn wait_for_key(&mut self, index: usize, token: &Token<'_>) -> Result<(), Damage> {
        let (sealed, wrapped, place) = Sealed::read(index, self.decoded(token)?)?;
        self.waiting.add(sealed, wrapped);
        self.keep(place);
        Ok(())
    }

    /// The next token is what a server has under that name.
    pub(super) fn wait_for_secret(&mut self, index: usize, reference: Reference) {
        self.named.tokens.push((index, self.named.references.number_of(reference)));
        self.keep_nothing();
    }

    /// The data keys that a key service has to unwrap, each once, in the order of the tokens.
    pub fn wrapped_keys(&self) -> &[WrappedKey] {
        &self.waiting.keys
    }

    /// The secrets that a secrets server has to supply, each once, in the order of the tokens.
    pub fn references(&self) -> &[Reference] {
        self.named.references.list()
    }

    /// Opens what waited. `keys` has an entry for each of [`Self::wrapped_keys`], and `secrets` one for each of
    /// [`Self::references`], in their order, and `None` for one that was not unwrapped or supplied.
    ///
    /// # Errors
    ///
    /// Every [`Failed`] token, in order.
    pub fn finish(
        self,
        keys: &[Option<DataKey>],
        secrets: Vec<Option<Secret>>,
    ) -> Result<Opened, Vec<Failed>> {
        let (opened, failed) = self.finish_each(keys, secrets);
        if failed.is_empty() { Ok(opened) } else { Err(failed) }
    }

    /// The same for who wants each token for itself. In the place of those that [`Failed`] there is nothing of use:
    /// they are still sealed, or empty.
    pub fn finish_each(
        mut self,
        keys: &[Option<DataKey>],
        secrets: Vec<Option<Secret>>,
    ) -> (Opened, Vec<Failed>) {
        let mut failed = self.open_waiting(keys);
        let is_there = |number: usize| matches!(secrets.get(number), Some(Some(_)));
        let (there, missing): (Vec<_>, Vec<_>) =
            self.named.tokens.into_iter().partition(|&(_, number)| is_there(number));
        failed.extend(missing.into_iter().map(|(index, reference)| {
            let error = OpenError::NotSupplied { reference };
            Failed { index, kind: Kind::Setec, error }
        }));
        failed.sort_by_key(|failed| failed.index);
        let secrets = secrets.into_iter().map(Option::unwrap_or_default).collect();
        self.opened.put(there, secrets);
        (self.opened, failed)
    }

    fn open_waiting(&mut self, keys: &[Option<DataKey>]) -> Vec<Failed> {
        let mut failed = Vec::new();
        for sealed in &self.waiting.tokens {
            let key = keys.get(sealed.key).and_then(Option::as_ref);
            let message = self.opened.one_mut(sealed.index);
            let result = match key {
                Some(key) => key
                    .open_in_place(&sealed.nonce, &sealed.tag, message)
                    .map_err(|Forged| OpenError::Forged),
                None => Err(OpenError::NotUnwrapped { key: sealed.key }),
            };
            if let Err(error) = result {
                failed.push(Failed { index: sealed.index, kind: Kind::Kms, error });
            }
        }
        failed
    }
}

impl Waiting {
    fn add(&mut self, mut sealed: Sealed, wrapped: WrappedKey) {
        sealed.key = match self.numbers.get(&wrapped) {
            Some(&number) => number,
            None => {
                self.keys.push(wrapped.clone());
                self.numbers.insert(wrapped, self.keys.len() - 1);
                self.keys.len() - 1
            }
        };
        self.tokens.push(sealed);
    }
}

impl Sealed {
    /// Reads the body of a token: what opens it later, its wrapped key, and the place of what is
    /// encrypted.
    fn read(index: usize, body: &[u8]) -> Result<(Self, WrappedKey, Range<usize>), Damage> {
        let payload = gob::decode(body)?;
        let wrapped = WrappedKey::new(&body[payload.wrapped_key])?;
        let message = &body[payload.message.clone()];
        let tag = message.first_chunk().ok_or(Damage::NotGob)?;
        let sealed = Self { index, nonce: payload.nonce, tag: *tag, key: 0 };
        Ok((sealed, wrapped, payload.message.start + TAG..payload.message.end))
    }
}
