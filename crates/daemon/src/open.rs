//! Opening what was granted, and nothing else.

use secretary_envelope::opener::OpenError;
use secretary_envelope::{DataKey, Kind, Opener, PublicKey, SecretKey};
use secretary_secret::Secret;

use crate::key_service::{KeyService, KeyServiceError};
use crate::refusal::Refusal;
use crate::workload::Granted;

/// What opens tokens: the master's private keys, of which old ones still open what was sealed for them, and a key service.
pub(crate) struct Openers<K> {
    /// One for each master key, the current one first; none without a config key.
    nacl: Vec<Opener>,
    key_service: K,
}

impl<K: KeyService> Openers<K> {
    pub(crate) fn new(masters: &[SecretKey], config: Option<&PublicKey>, key_service: K) -> Self {
        let pair = |config: &PublicKey| {
            let opener = |master: &SecretKey| Opener::new(Some((master.copy(), config.clone())));
            masters.iter().map(opener).collect()
        };
        Self { nacl: config.map(pair).unwrap_or_default(), key_service }
    }

    /// Opens each of `granted`, in their order. The key service is asked once for all of them.
    pub(crate) async fn open_all(&self, granted: &[Granted<'_>]) -> Vec<Result<Secret, Refusal>> {
        let mut results: Vec<_> = granted.iter().map(|granted| self.open(granted)).collect();
        let waiting: Vec<_> = (0..results.len()).filter(|&n| results[n].is_none()).collect();
        if !waiting.is_empty() {
            let sealed: Vec<_> = waiting.iter().map(|&n| &granted[n]).collect();
            for (n, result) in waiting.into_iter().zip(self.open_by_key_service(&sealed).await) {
                results[n] = Some(result);
            }
        }
        results.into_iter().map(|result| result.unwrap_or(Err(Refusal::Internal))).collect()
    }

    /// The secret, or nothing when the key service is needed for it.
    fn open(&self, granted: &Granted<'_>) -> Option<Result<Secret, Refusal>> {
        let token = std::iter::once(granted.token());
        if granted.token().kind() == Kind::Kms {
            // One that is damaged must not keep the others from being opened.
            let damaged = Opener::default().open_all(token).is_err();
            return damaged.then_some(Err(Refusal::Damaged));
        }
        let mut refusal = Refusal::NoNacl;
        for opener in &self.nacl {
            match opener.open_all(token.clone()).and_then(|opening| opening.finish(&[], Vec::new()))
            {
                Ok(opened) => {
                    return Some(opened.iter().next().map(Secret::from).ok_or(Refusal::Internal));
                }
                Err(failed) => refusal = reason(failed.first().map(|failed| failed.error)),
            }
        }
        Some(Err(refusal))
    }

    async fn open_by_key_service(&self, granted: &[&Granted<'_>]) -> Vec<Result<Secret, Refusal>> {
        let tokens = granted.iter().map(|granted| granted.token());
        let Ok(opening) = Opener::default().open_all(tokens) else {
            return granted.iter().map(|_| Err(Refusal::Damaged)).collect();
        };
        let unwrapped = self.key_service.unwrap_all(opening.wrapped_keys()).await;
        let (keys, errors): (Vec<Option<DataKey>>, Vec<_>) = unwrapped
            .into_iter()
            .map(|result| match result {
                Ok(key) => (Some(key), None),
                Err(error) => (None, Some(error)),
            })
            .unzip();
        let (opened, failed) = opening.finish_each(&keys, Vec::new());
        let mut results: Vec<_> = opened.iter().map(|secret| Ok(Secret::from(secret))).collect();
        for failed in failed {
            let error = match failed.error {
                OpenError::NotUnwrapped { key } => errors.get(key).copied().flatten(),
                _ => None,
            };
            results[failed.index] = Err(error.map_or(Refusal::Damaged, |error| match error {
                KeyServiceError::Refused => Refusal::KeyServiceRefused,
                KeyServiceError::Failed => Refusal::KeyServiceFailed,
                KeyServiceError::NotBuiltIn => Refusal::NoKms,
            }));
        }
        results
    }
}

fn reason(error: Option<OpenError>) -> Refusal {
    match error {
        Some(OpenError::Damaged(_)) => Refusal::Damaged,
        Some(OpenError::NoKey) => Refusal::NoNacl,
        _ => Refusal::NotOpened,
    }
}
