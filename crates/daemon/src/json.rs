//! Reading JSON objects as Go reads them into a struct: names in any case, unknown ones passed over, of two
//! equal ones the last, and `null` in the place of a value or of the whole object is nothing at all.
//!
//! Both ends of the protocol were written in Go, and these are the rules that its clients rely on.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The JSON is none, or a member has a value of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<serde_json::Error> for Malformed {
    /// Drops the error, which may repeat what it is about.
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

/// The members of an object, their values still JSON.
#[derive(Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads one object, with nothing behind it.
    pub(crate) fn parse(json: &'a str) -> Result<Self, Malformed> {
        let object: Option<Self> = serde_json::from_str(json)?;
        Ok(object.unwrap_or_default())
    }

    /// The value of the member called `name`, unless it is missing or `null`.
    pub(crate) fn member(&self, name: &str) -> Option<&'a str> {
        let mut members = self.0.iter().rev();
        let value = members.find(|(other, _)| other.eq_ignore_ascii_case(name))?.1.get();
        Some(value).filter(|value| *value != "null")
    }

    /// The text in a member.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        self.member(name).map(text).transpose()
    }

    /// The bytes that a member has in base64, which are wiped.
    pub(crate) fn bytes(&self, name: &str) -> Result<Option<Secret>, Malformed> {
        let Some(value) = self.member(name) else { return Ok(None) };
        // One with an escape in it, which needs a copy, is a plaintext all the same.
        let copied;
        let encoded = match serde_json::from_str::<&str>(value) {
            Ok(encoded) => encoded,
            Err(_) => {
                copied = Zeroizing::new(serde_json::from_str::<String>(value)?);
                &copied
            }
        };
        let mut bytes = Secret::default();
        bytes.resize(base64::decoded_len_estimate(encoded.len()));
        let decoded = STANDARD.decode_slice(encoded, bytes.expose_mut());
        bytes.resize(decoded.map_err(|_| Malformed)?);
        Ok(Some(bytes))
    }

    /// The objects in a member that is a list, at most `limit` of them.
    pub(crate) fn objects(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Option<Vec<Object<'a>>>, Malformed> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let list: Vec<&'a RawValue> = serde_json::from_str(value)?;
        if list.len() > limit {
            return Err(Malformed);
        }
        list.into_iter()
            .map(|object| Object::parse(object.get()))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

fn text(value: &str) -> Result<Cow<'_, str>, Malformed> {
    match serde_json::from_str::<&str>(value) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => Ok(Cow::Owned(serde_json::from_str(value)?)),
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, copied when there is an escape in it.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_go_does() {
        let object = Object::parse(
            r#" {"appid":"a","APPID":"b","x":[{}],"AppId":null,"u\u006b":"\u0063"} "#,
        );
        let object = object.unwrap_or_default();
        assert_eq!(object.text("AppID"), Ok(None), "the last one counts, which is null");
        assert_eq!(object.text("uk"), Ok(Some("c".into())));
        assert_eq!(object.text("X"), Err(Malformed));
        assert_eq!(object.text("missing"), Ok(None));
        assert!(Object::parse("null").is_ok_and(|object| object.0.is_empty()));
        for text in ["", "[]", "1", "{} x", r#"{"a":1}{"#, r#"{"a"}"#, "{'a':1}"] {
            assert!(Object::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plaintext_is_base64_with_and_without_escapes() {
        let object =
            Object::parse(r#"{"a":"c2Vj/w==","b":"c2Vj\/w==","c":"c2Vj","d":"c2V","e":3,"f":""}"#);
        let object = object.unwrap_or_default();
        let bytes =
            |name| object.bytes(name).map(|bytes| bytes.map(|bytes| bytes.expose().to_vec()));
        assert_eq!(bytes("a"), Ok(Some(b"sec\xff".to_vec())));
        assert_eq!(bytes("b"), bytes("a"));
        assert_eq!(bytes("c"), Ok(Some(b"sec".to_vec())));
        assert_eq!(bytes("f"), Ok(Some(Vec::new())));
        assert_eq!((bytes("d"), bytes("e")), (Err(Malformed), Err(Malformed)));
        assert_eq!(bytes("g"), Ok(None));
    }
}
