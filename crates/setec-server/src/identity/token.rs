//! Who has a token: `Authorization: Bearer st_…`.
//!
//! ```toml
//! [[token]]
//! name = "ci"
//! sha256 = "3e3c0f4a4d1c9b0f4b8e8f4ee2a3f3e6b1c1a7a7b6cc52cbb1a0f8a7f5d1f0aa"
//! expires = 2027-01-01T00:00:00Z
//! ```
//!
//! The file has hashes, so that nobody who reads it can use what is in it. They are without salt and quick to compute,
//! which is enough for 32 random bytes; what else is taken for a token is not checked beyond its length. Two entries may
//! have one name, so that a new token can be handed out before the old one is taken back.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::AUTHORIZATION;
use secretary_secret::Secret;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use toml::value::{Datetime, Offset};
use toml::{Spanned, Value};
use x509_cert::der::DateTime;

use super::file::{Lines, text_of, wrong};
use super::{Evidence, FileError, Known, Names, Unidentified};
use crate::caller::Principal;
use crate::rule::Rules;

/// What our tokens begin with, so that who finds one knows what it is.
pub const PREFIX: &str = "st_";

/// The most bytes of a file of tokens.
pub const LARGEST_FILE: u64 = super::file::LIMIT;

/// The random bytes of a token of ours.
const RANDOM: usize = 32;

/// The least bytes of a token: a password must not do for one.
const SHORTEST: usize = 20;

/// The most bytes of a name.
const LONGEST_NAME: usize = 64;

/// The most bytes of a wrong key that is repeated: `expires_at` is one, and a token is at least twice as long.
const LONGEST_KEY: usize = 10;

/// The most entries of a file: each call is compared with all of them.
const MOST: usize = 10_000;

/// SHA-256 of a token.
type Hash = [u8; 32];

/// The hashes of all tokens.
#[derive(Debug)]
pub(super) struct Tokens(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    /// With its kind, as a policy has it.
    name: String,
    hash: Hash,
    expires: Option<SystemTime>,
}

impl Tokens {
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        parse(&text_of(path)?).map_err(|what| wrong(path, what))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whose token it is. There is nothing to go by without the header; one with something else in it is wrong.
    pub(super) fn identify(&self, evidence: Evidence<'_>) -> Result<Option<Known>, Unidentified> {
        let mut headers = evidence.headers.get_all(AUTHORIZATION).iter();
        let Some(header) = headers.next() else { return Ok(None) };
        let name = match (bearer(header.as_bytes()), headers.next()) {
            (Some(token), None) => self.name_of(token, SystemTime::now),
            _ => Err("the caller's Authorization is not one token"),
        };
        let name = name.map_err(|why| Unidentified(why.to_string()))?;
        let ip = Some(evidence.peer.address.ip());
        let principal = Principal { ip, user: name.into(), ..Principal::default() };
        Ok(Some(Known {
            principal,
            names: Names::from_iter([name.into()]),
            rules: Rules::default(),
        }))
    }

    /// Every hash is compared, whichever it is.
    fn name_of(
        &self,
        token: &[u8],
        now: impl FnOnce() -> SystemTime,
    ) -> Result<&str, &'static str> {
        if token.len() < SHORTEST {
            return Err("the caller's token is shorter than one may be");
        }
        let hash: Hash = Sha256::digest(token).into();
        let mut found = None;
        for entry in &self.0 {
            if bool::from(entry.hash.ct_eq(&hash)) {
                found = Some(entry);
            }
        }
        match found {
            None => Err("the caller's token is not known"),
            Some(entry) if entry.expires.is_some_and(|end| end <= now()) => {
                Err("the caller's token has expired")
            }
            Some(entry) => Ok(&entry.name),
        }
    }
}

/// The token in a header. The word before it has no case.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (word, token) = header.split_at_checked("Bearer ".len())?;
    word.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Whether `text` is that of a file of tokens.
///
/// # Errors
///
/// What is wrong with it, and where, without a word of it.
pub fn check(text: &str) -> Result<(), String> {
    match text.len() as u64 >= LARGEST_FILE {
        true => Err("it has a mebibyte or more".to_string()),
        false => parse(text).map(|_| ()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    token: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    sha256: String,
    expires: Option<Value>,
}

/// Reads a file. What is wrong is not repeated: somebody may have written a token down where its hash should be. A short
/// key alone is.
fn parse(text: &str) -> Result<Tokens, String> {
    let lines = Lines::new(text);
    let document: Document = toml::from_str(text).map_err(|error| {
        let line = lines.of(error.span().map_or(0, |span| span.start));
        format!("line {line}: {}", told(error.message()))
    })?;
    if document.token.len() > MOST {
        return Err(format!("there are more than {MOST} tokens"));
    }
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for written in document.token {
        let line = lines.of(written.span().start);
        let entry = entry(written.into_inner()).map_err(|what| format!("line {line}: {what}"))?;
        if !seen.insert(entry.hash) {
            return Err(format!("line {line}: this hash is there twice"));
        }
        entries.push(entry);
    }
    Ok(Tokens(entries))
}

/// What the library says of a text, if it repeats nothing of it but a key that can't be a token.
fn told(message: &str) -> &str {
    let field = message.strip_prefix("unknown field `");
    // The last one is the library's, whatever is in the key.
    let key = field.and_then(|rest| rest.rsplit_once("`, expected "));
    match key {
        Some((key, _)) if is_plain_key(key) => message,
        _ => "it takes entries of TOML, each `[[token]]` with name, sha256 and perhaps expires",
    }
}

/// Whether a key is one that was mistyped, and neither a token nor a part of one that has a `=` in it.
fn is_plain_key(key: &str) -> bool {
    key.len() <= LONGEST_KEY
        && !key.starts_with(PREFIX)
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn entry(written: Written) -> Result<Entry, &'static str> {
    let Written { name, sha256, expires } = written;
    if !is_name(&name) {
        return Err(BAD_NAME);
    }
    let hash =
        hash(&sha256).ok_or("sha256 takes 64 hexadecimal digits, and not the token itself")?;
    let expires = expires.map(|value| time(&value)).map(|end| {
        end.ok_or("expires takes a point in time with its offset, such as 2027-01-01T00:00:00Z")
    });
    Ok(Entry { name: format!("token:{name}"), hash, expires: expires.transpose()? })
}

const BAD_NAME: &str =
    "a token's name is 1 to 64 letters, digits and . _ - @ /, and does not begin as a token does";

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@/".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with(PREFIX)
}

fn hash(text: &str) -> Option<Hash> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair[0] << 4 | pair[pair.len() - 1]).collect();
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

/// A point in time, as TOML has them or in a string. Without an offset it would be another one on another machine.
fn time(value: &Value) -> Option<SystemTime> {
    let written: Datetime = match value {
        Value::Datetime(written) => *written,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let (date, time) = (written.date?, written.time?);
    let minutes = match written.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => minutes,
    };
    let second = time.second.unwrap_or_default().min(59);
    let local = DateTime::new(date.year, date.month, date.day, time.hour, time.minute, second);
    let local = i64::try_from(local.ok()?.unix_duration().as_secs()).ok()?;
    let seconds = u64::try_from(local - i64::from(minutes) * 60).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A token that has just been made.
#[derive(Debug)]
pub struct Minted {
    /// The token, for who is to use it.
    pub token: Secret,
    /// What the file of tokens needs of it.
    pub entry: String,
}

/// A token can't be made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The name is not one.
    #[error("{BAD_NAME}")]
    Name,
    /// The end is no point in time.
    #[error("its end takes a point in time with its offset, such as 2027-01-01T00:00:00Z")]
    Expires,
    /// The end is over.
    #[error("its end has passed, so nobody could use it")]
    Expired,
    /// The system has no random bytes.
    #[error("this machine has no random numbers")]
    NoRandom,
}

/// Makes a token of 32 random bytes.
///
/// # Errors
///
/// [`MintError`].
pub fn mint(name: &str, expires: Option<&str>) -> Result<Minted, MintError> {
    if !is_name(name) {
        return Err(MintError::Name);
    }
    if let Some(text) = expires {
        let end = time(&Value::String(text.to_string())).ok_or(MintError::Expires)?;
        // By the clock of this machine, as the server goes by that of its own.
        if end <= SystemTime::now() {
            return Err(MintError::Expired);
        }
    }
    let mut random = Secret::default();
    random.resize(RANDOM);
    getrandom::fill(random.expose_mut()).map_err(|_| MintError::NoRandom)?;
    let mut token = Secret::from(PREFIX.as_bytes());
    token.resize(PREFIX.len() + (RANDOM * 4).div_ceil(3));
    let encoded =
        URL_SAFE_NO_PAD.encode_slice(random.expose(), &mut token.expose_mut()[PREFIX.len()..]);
    encoded.expect("it has as many bytes as that takes");
    let hash = Hex(Sha256::digest(token.expose()).into());
    let end = expires.map_or(String::new(), |end| format!("expires = \"{end}\"\n"));
    let entry = format!("[[token]]\nname = \"{name}\"\nsha256 = \"{hash}\"\n{end}");
    Ok(Minted { token, entry })
}

struct Hex(Hash);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests;
