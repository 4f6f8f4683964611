//! What is answered.
//!
//! An answer is written as setec writes it. It is read more strictly than setec's client does: the whole body is one JSON
//! value, and what no server of secrets says is no answer. A page that something between the two ends answers with, `{}`
//! for instance, would be an empty secret otherwise.

use secretary_secret::Secret;

use crate::NO_VERSION;
use crate::json::{Bytes, Malformed, Member, Value, object};

/// The answer to a call that answers nothing. setec's documentation has `null` in its place, which is read, too.
pub const DONE: &str = "{}";

/// A version of a secret: `{"Value":"aHVudGVyMg==","Version":2}`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SecretValue {
    /// The value.
    pub value: Secret,
    /// The number of the version.
    pub version: u32,
}

/// What is known of a secret: `{"Name":"prod/db","Versions":[1,2],"ActiveVersion":1}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretInfo {
    /// Its name.
    pub name: String,
    /// The numbers of its versions, from the lowest to the highest.
    pub versions: Vec<u32>,
    /// The number of the active one.
    pub active_version: u32,
}

impl SecretValue {
    /// The body.
    pub fn encode(&self) -> Secret {
        object(&[("Value", Member::Bytes(&self.value)), ("Version", Member::Number(self.version))])
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// When it is none, or has no version.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let (mut bytes, mut version, mut has_value) = (Bytes::default(), NO_VERSION, false);
        Value::whole(body)?.members(|name, value| {
            if name.is("Value") {
                has_value = true;
                bytes.set(value)
            } else if name.is("Version") {
                value.set_number(&mut version)
            } else {
                Ok(())
            }
        })?;
        let version = some_version(version)?;
        if has_value { Ok(Self { value: bytes.into_secret(), version }) } else { Err(Malformed) }
    }
}

impl SecretInfo {
    /// The body.
    pub fn encode(&self) -> String {
        in_clear(&object(&[
            ("Name", Member::Text(&self.name)),
            ("Versions", Member::Numbers(&self.versions)),
            ("ActiveVersion", Member::Number(self.active_version)),
        ]))
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// When it is none, or has not all of the members, or an active version that is none of the versions.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Self::of(Value::whole(body)?)
    }

    fn of(value: Value<'_>) -> Result<Self, Malformed> {
        let (mut info, mut has_name) = (Self::default(), false);
        value.members(|name, value| {
            if name.is("Name") {
                has_name = true;
                value.set_text(&mut info.name)
            } else if name.is("Versions") {
                set_versions(&mut info.versions, value)
            } else if name.is("ActiveVersion") {
                value.set_number(&mut info.active_version)
            } else {
                Ok(())
            }
        })?;
        let is_one = has_name && info.versions.contains(&info.active_version);
        if is_one { Ok(info) } else { Err(Malformed) }
    }
}

fn set_versions(versions: &mut Vec<u32>, value: Value<'_>) -> Result<(), Malformed> {
    versions.clear();
    if value.is_null() {
        return Ok(());
    }
    value.items(|item| {
        versions.push(some_version(item.number()?)?);
        Ok(())
    })
}

/// The answer to a list: `[{"Name":…},…]`, or `null` when there is nothing that the caller may see.
pub fn encode_list(secrets: &[SecretInfo]) -> String {
    if secrets.is_empty() {
        return "null".to_string();
    }
    let secrets: Vec<_> = secrets.iter().map(SecretInfo::encode).collect();
    format!("[{}]", secrets.join(","))
}

/// Reads the answer to a list.
///
/// # Errors
///
/// When it is none.
pub fn decode_list(body: &[u8]) -> Result<Vec<SecretInfo>, Malformed> {
    let mut secrets = Vec::new();
    let value = Value::whole(body)?;
    if !value.is_null() {
        value.items(|item| {
            secrets.push(SecretInfo::of(item)?);
            Ok(())
        })?;
    }
    Ok(secrets)
}

/// The answer to a put: the number of the version, and nothing around it.
pub fn encode_version(version: u32) -> String {
    version.to_string()
}

/// Reads the answer to a put.
///
/// # Errors
///
/// When it is none.
pub fn decode_version(body: &[u8]) -> Result<u32, Malformed> {
    some_version(Value::whole(body)?.number()?)
}

/// Reads [`DONE`]. There may be members in it.
///
/// # Errors
///
/// When it is something else.
pub fn decode_done(body: &[u8]) -> Result<(), Malformed> {
    Value::whole(body)?.members(|_, _| Ok(()))
}

fn some_version(version: u32) -> Result<u32, Malformed> {
    if version == NO_VERSION { Err(Malformed) } else { Ok(version) }
}

/// What has no value in it is no secret.
fn in_clear(json: &Secret) -> String {
    String::from_utf8_lossy(json.expose()).into_owned()
}
