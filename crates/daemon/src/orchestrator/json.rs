//! JSON as orchestrators answer it, read more strictly than Go reads it.
//!
//! Go takes names in any case, the last of two members of a name, an array or `null` for nothing, and bytes that
//! are no UTF-8. Here a name is what it is in the orchestrator's documentation, a member that is read and comes
//! twice makes the answer unreadable, and so does anything behind it. Members that are not read are skipped,
//! whatever is in them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::refusal::{Refusal, Upstream};

/// Reads `body`, an object as a whole. Of what is wrong with it nothing is said, because there may be secrets in it.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8], from: Upstream) -> Result<T, Refusal> {
    let read = serde_json::from_slice(body).map(|Object(read)| read);
    read.map_err(|_| Refusal::Unreadable(from))
}

/// A `T` that is an object. What `serde` derives for a struct would take an array, too.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// A string that need not be UTF-8: one user's bad label must not make the whole cluster's answer unreadable.
///
/// It is borrowed unless there are escapes in it. Control characters may stand in it as they are, which JSON forbids.
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, [u8]>);

impl Text<'_> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, or nothing when it is no UTF-8.
    pub(super) fn as_str(&self) -> Option<&str> {
        str::from_utf8(&self.0).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(bytes.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        id: Text<'a>,
        #[serde(borrow, default)]
        inner: Option<Object<Inner<'a>>>,
    }

    #[derive(serde::Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }

    fn read_members(body: &[u8]) -> Result<Members<'_>, Refusal> {
        read(body, Upstream::Mesos)
    }

    #[test]
    fn members_that_are_not_read_are_skipped_whatever_they_are() {
        let deep = format!(r#"{{"x":{}{},"id":"a"}}"#, "[".repeat(5000), "]".repeat(5000));
        for body in [
            &br#"{"id":"a"}"#[..],
            b" \r\n{\"ID\":1,\"id\":\"a\",\"x\":1e999,\"x\":[{\"id\":2}],\"Id\":null,\"inner\":null} ",
            b"{\"x\":\"\xff\\ud800\",\"id\":\"a\"}",
            deep.as_bytes(),
        ] {
            assert_eq!(read_members(body).expect("read").id.as_bytes(), b"a");
        }
    }

    #[test]
    fn what_is_no_such_object_is_unreadable() {
        let inside = br#"{"id":"a","inner":{"name":"b"}}"#;
        assert!(read_members(inside).is_ok_and(|read| read.inner.is_some()));
        for body in [
            &b""[..],
            b"null",
            b"[]",
            br#"["a"]"#,
            b"<html></html>",
            b"{}",
            b"\xef\xbb\xbf{\"id\":\"a\"}",
            br#"{"Id":"a"}"#,
            br#"{"id":"a","id":"a"}"#,
            br#"{"id":"a"}{"#,
            br#"{"id":"a"} trailing"#,
            br#"{"id":"a""#,
            br#"{"id":"a",}"#,
            br#"{"id":'a'}"#,
            br#"{"id":1}"#,
            br#"{"id":null}"#,
            br#"{"id":[97]}"#,
            br#"{"id":"a","x":01}"#,
            br#"{"id":"a","inner":["b"]}"#,
            br#"{"id":"a","inner":{"name":"b","name":"b"}}"#,
            b"{\"x\xff\":1,\"id\":\"a\"}",
        ] {
            let refused = read_members(body).map(|_| ());
            assert_eq!(
                refused,
                Err(Refusal::Unreadable(Upstream::Mesos)),
                "{}",
                body.escape_ascii()
            );
        }
    }

    #[test]
    fn a_text_need_not_be_utf_8() {
        let read = read_members(b"{\"id\":\"\xff\\n\"}").expect("read");
        assert_eq!((read.id.as_bytes(), read.id.as_str()), (&b"\xff\n"[..], None));
        let read = read_members(b"{\"id\":\"a\nb\"}").expect("read");
        assert_eq!(read.id.as_str(), Some("a\nb"));
        let read = read_members(br#"{"id":"\u00fc\/"}"#).expect("read");
        assert_eq!(read.id.as_str(), Some("ü/"));
        let inner = r#"{"id":"\ud800","inner":{"name":"b"}}"#;
        let read = read_members(inner.as_bytes()).expect("read");
        assert_eq!(read.id.as_str(), None);
        assert_eq!(read.inner.expect("there").0.name.as_str(), Some("b"));
    }
}
