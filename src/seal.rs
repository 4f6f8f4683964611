//! Sealing, with the keys found at the start: NaCl keys, or data keys of AWS KMS.

use std::ffi::OsStr;

use secretary_envelope::{NaclBox, PublicKey, SecretKey};
use secretary_secret::Secret;

use crate::cli::SealKeys;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::keys::{self, Found, Lookup, WEAK_HINT};
use crate::kms::KeyService;

/// Largest secret that is sealed, in bytes.
pub const MAX_SECRET: usize = 64 << 20;

/// Most secrets that are sealed at once, a line each.
pub const MAX_LINES: usize = 65_536;

/// Seals secrets with the keys found at the start.
pub enum Sealer<'a> {
    /// Under the key that two NaCl keys agree on.
    Nacl(NaclBox),
    /// Under data keys of AWS KMS.
    Kms(KeyService<'a>),
}

/// How many data keys of a key service several secrets are sealed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKeys {
    /// One each.
    Own,
    /// One for all.
    Shared,
}

impl<'a> Sealer<'a> {
    /// Finds the keys that the flags, the environment or `./keys/` have. A chosen AWS KMS key comes
    /// before NaCl keys, whatever there is of them, as in the Go program.
    ///
    /// # Errors
    ///
    /// When a key is missing, wrong or weak.
    pub fn find(flags: &'a SealKeys, environ: &'a Environ) -> Result<Self, Failure> {
        let service = KeyService::new(flags.kms_key_id.as_deref(), &flags.kms, environ, environ);
        if service.is_chosen() {
            service.check()?;
            return Ok(Self::Kms(service));
        }
        if !flags.kms.kms_context.is_empty() {
            let message = "--kms-context is for AWS KMS, and no key of AWS KMS is chosen";
            return Err(Failure::new(Code::Usage, message).hint(
                "add --kms-key-id, or leave --kms-context out: NaCl tokens are bound to nothing",
            ));
        }
        let to: Found<PublicKey> = required(keys::SEAL_TO, flags.public_key.as_deref(), environ)?;
        let with: Found<SecretKey> =
            required(keys::SEAL_WITH, flags.private_key.as_deref(), environ)?;
        let agreed = NaclBox::agree(&with.key, &to.key);
        agreed.map(Self::Nacl).map_err(|weak| {
            Failure::new(Code::Configuration, format!("{}: {weak}", to.place)).hint(WEAK_HINT)
        })
    }

    /// Whether it uses data keys at all.
    pub fn has_data_keys(&self) -> bool {
        matches!(self, Self::Kms(_))
    }

    /// The tokens for `secrets`, in their order.
    ///
    /// # Errors
    ///
    /// When AWS KMS makes no data keys, or the system has no random bytes to give.
    pub fn seal_all(
        &self,
        secrets: &[Secret],
        data_keys: DataKeys,
    ) -> Result<Vec<String>, Failure> {
        let sealed: Result<_, _> = match self {
            Self::Nacl(agreed) => secrets.iter().map(|secret| agreed.seal(secret)).collect(),
            // Nobody is asked for nothing.
            Self::Kms(_) if secrets.is_empty() => Ok(Vec::new()),
            Self::Kms(service) => {
                let count = if data_keys == DataKeys::Shared { 1 } else { secrets.len() };
                let keys = service.generate(count)?;
                let each = keys.iter().cycle().zip(secrets);
                each.map(|((key, wrapped), secret)| key.seal(wrapped, secret)).collect()
            }
        };
        sealed.map_err(|error| Failure::new(Code::General, format!("no random bytes: {error}")))
    }
}

fn required<K: keys::Key>(
    lookup: Lookup,
    flag: Option<&OsStr>,
    environ: &Environ,
) -> Result<Found<K>, Failure> {
    lookup.find(flag, environ)?.ok_or_else(|| {
        Failure::new(
            Code::Configuration,
            format!("there is no {} to encrypt with", lookup.what),
        )
        .detail(format!("looked for: {}", lookup.places()))
        .hint("run this in the folder that holds keys/, or make key pairs with `secretary genkeys`")
    })
}
