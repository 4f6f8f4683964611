//! The form that a request is: read as Go's `ParseForm` reads a body, and never from the URL, which proxies
//! write to their logs.

use std::collections::HashSet;

use crate::claim::Claim;
use crate::id::{AppId, TaskId};
use crate::refusal::Refusal;
use crate::version::Version;

/// What the fields say. Nothing and a missing field are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// A Marathon app.
    pub appid: String,
    /// The version of it.
    pub appversion: String,
    /// A task.
    pub taskid: String,
    /// The sealed request.
    pub envelope: String,
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Reads `body`, when `content_type` says that it is a form. A body that is said to be anything else, or nothing,
/// has no fields.
///
/// Of several fields of one name the first counts; other names are skipped.
///
/// # Errors
///
/// [`Refusal::Form`] for a content type that is none, a `%` without two hexadecimal digits behind it, a `;`, and a
/// value that is not UTF-8. Go reads the last as it is.
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Fields, Refusal> {
    match content_type.filter(|value| !value.is_empty()).map(media_type) {
        None => Ok(Fields::default()),
        Some(None) => Err(Refusal::Form),
        Some(Some(media)) if media.eq_ignore_ascii_case(FORM) => read(body).ok_or(Refusal::Form),
        Some(Some(_)) => Ok(Fields::default()),
    }
}

impl Fields {
    /// Who calls, by the Go program's rules and in its order. Only the Marathon route looks at `appid`.
    ///
    /// # Errors
    ///
    /// The first of: a version that is no time, a missing field, an app id or a task id that is none.
    pub fn claim(&self) -> Result<Claim, Refusal> {
        let version = match self.appversion.as_str() {
            "" => None,
            text => Some(Version::parse(text).ok_or(Refusal::Version)?),
        };
        let version = version.filter(|version| !version.is_unix_epoch());
        if self.taskid.is_empty()
            || self.envelope.is_empty()
            || version.is_some() && self.appid.is_empty()
        {
            return Err(Refusal::Parameters);
        }
        let task = || TaskId::parse(&self.taskid).ok_or(Refusal::TaskId);
        let Some(version) = version else { return Ok(Claim::Task(task()?)) };
        let app = AppId::parse(&self.appid).ok_or(Refusal::AppId)?;
        Ok(Claim::App { app, version, task: task()? })
    }

    /// The body of a request with these fields, in the order in which Go's client writes them.
    pub fn to_body(&self) -> String {
        let fields = [
            ("appid=", &self.appid),
            ("&appversion=", &self.appversion),
            ("&envelope=", &self.envelope),
            ("&taskid=", &self.taskid),
        ];
        fields.iter().flat_map(|(name, value)| [(*name).to_string(), escape(value)]).collect()
    }

    fn named(&mut self, name: &[u8]) -> Option<&mut String> {
        match name {
            b"appid" => Some(&mut self.appid),
            b"appversion" => Some(&mut self.appversion),
            b"taskid" => Some(&mut self.taskid),
            b"envelope" => Some(&mut self.envelope),
            _ => None,
        }
    }
}

/// `text` with a `+` for each blank and `%` with two digits for each byte that has a meaning in URLs, as Go's
/// `url.QueryEscape` writes it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn read(body: &[u8]) -> Option<Fields> {
    let mut fields = Fields::default();
    let mut seen = HashSet::new();
    for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        if pair.contains(&b';') {
            return None;
        }
        let end = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let name = unescape(&pair[..end])?;
        let value = unescape(pair.get(end + 1..).unwrap_or_default())?;
        let Some(field) = fields.named(&name) else { continue };
        let value = String::from_utf8(value).ok()?;
        if seen.insert(name) {
            *field = value;
        }
    }
    Some(fields)
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    while let Some(&byte) = rest.next() {
        plain.push(match byte {
            b'%' => {
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(16 * high + low).expect("two hexadecimal digits are a byte")
            }
            b'+' => b' ',
            _ => byte,
        });
    }
    Some(plain)
}

/// The type in a `Content-Type`, or nothing when it is malformed, by the rules of Go's `mime.ParseMediaType`. The
/// parameters have to be well-formed, and mean nothing.
fn media_type(value: &str) -> Option<&str> {
    let (media, parameters) = value.split_at(value.find(';').unwrap_or(value.len()));
    let media = media.trim();
    let (main, rest) = token(media)?;
    if !rest.is_empty() {
        let (_, rest) = token(rest.strip_prefix('/')?)?;
        rest.is_empty().then_some(main)?;
    }
    let mut names = HashSet::new();
    let mut rest = parameters.trim();
    while !rest.is_empty() && rest != ";" {
        let (name, behind) = parameter(rest)?;
        names.insert(name.to_ascii_lowercase()).then_some(())?;
        rest = behind.trim_start();
    }
    Some(media)
}

/// The name of the parameter at the start of `text`, and what is behind it.
fn parameter(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start())?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    match value.strip_prefix('"') {
        Some(quoted) => Some((name, behind_quote(quoted)?)),
        None => Some((name, token(value)?.1)),
    }
}

/// What is behind the next quote. A backslash is one, except before a character that has to be quoted.
fn behind_quote(text: &str) -> Option<&str> {
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(&text[index + 1..]),
            b'\r' | b'\n' => return None,
            b'\\' => drop(bytes.next_if(|&(_, next)| is_special(next))),
            _ => {}
        }
    }
    None
}

/// The token at the start of `text`, of one character or more, and what is behind it (RFC 2045 §5.1).
fn token(text: &str) -> Option<(&str, &str)> {
    let in_token = |byte: u8| byte.is_ascii_graphic() && !is_special(byte);
    let end = text.bytes().position(|byte| !in_token(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn is_special(byte: u8) -> bool {
    b"()<>@,;:\\\"/[]?=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(appid: &str, appversion: &str, taskid: &str, envelope: &str) -> Fields {
        let [appid, appversion, taskid, envelope] =
            [appid, appversion, taskid, envelope].map(str::to_string);
        Fields { appid, appversion, taskid, envelope }
    }

    fn read_form(body: &[u8]) -> Result<Fields, Refusal> {
        parse(Some(FORM), body)
    }

    #[test]
    fn the_first_of_repeated_fields_counts_and_others_are_skipped() {
        let body = b"&taskid=&x=1&taskid=2&&app%69d=%2Fdemo%2Fa+b&envelope&appid=/c&appversion=1=2&\xff=\xff";
        assert_eq!(read_form(body), Ok(fields("/demo/a b", "1=2", "", "")));
        assert_eq!(read_form(b""), Ok(Fields::default()));
    }

    #[test]
    fn a_body_that_is_no_form_is_refused() {
        for body in [
            &b"appid=%"[..],
            b"appid=%2",
            b"appid=%zz",
            b"appid=%+1",
            b"x=%zz",
            b"%zz",
            b"taskid=1;envelope=2",
            b"x;",
            b"appid=\xff",
            b"appid=%ff",
            b"taskid=1&taskid=%ff",
        ] {
            assert_eq!(read_form(body), Err(Refusal::Form), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn only_a_form_is_read_and_only_a_content_type_is_understood() {
        let read = Ok(fields("", "", "1", ""));
        for content_type in [
            "application/x-www-form-urlencoded",
            " Application/X-WWW-Form-URLEncoded ",
            "application/x-www-form-urlencoded;",
            "application/x-www-form-urlencoded ; charset=utf-8 ; a = \"b;\\\"\\c\" ;",
            "application/x-www-form-urlencoded; a=\"\"; A*0=b; A*1*=c",
        ] {
            assert_eq!(parse(Some(content_type), b"taskid=1"), read, "{content_type}");
        }
        for content_type in
            ["", "text", "text/plain", "application/json; x=y", "multipart/form-data; boundary=b"]
        {
            let nothing = Ok(Fields::default());
            assert_eq!(parse(Some(content_type), b"taskid=1"), nothing, "{content_type}");
            assert_eq!(parse(None, b"taskid=%zz"), nothing);
        }
        for content_type in [
            " ",
            ";",
            "/",
            "text/",
            "/plain",
            "text/plain/x",
            "text plain",
            "téxt/plain",
            "application/json; x",
            "application/x-www-form-urlencoded; x",
            "application/x-www-form-urlencoded; x=",
            "application/x-www-form-urlencoded; =y",
            "application/x-www-form-urlencoded;; x=y",
            "application/x-www-form-urlencoded; x=\"y",
            "application/x-www-form-urlencoded; x=y z",
            "application/x-www-form-urlencoded; x=\"a\nb\"",
            "application/x-www-form-urlencoded; x=y; X=y",
        ] {
            assert_eq!(parse(Some(content_type), b""), Err(Refusal::Form), "{content_type}");
        }
    }

    #[test]
    fn the_version_decides_who_is_asked() {
        let time = "2015-12-04T12:25:08.426Z";
        let epoch = "1970-01-01T01:00:00+01:00";
        match fields("/demo/webapp", time, "t", "e").claim() {
            Ok(Claim::App { app, version, task }) => {
                let known = (app.as_str(), version.as_str(), task.as_str());
                assert_eq!(known, ("/demo/webapp", time, "t"));
            }
            other => panic!("{other:?}"),
        }
        for (appid, appversion) in [("", ""), ("//", ""), ("/a", epoch), ("\n", epoch)] {
            let claim = fields(appid, appversion, "t", "e").claim();
            assert!(matches!(&claim, Ok(Claim::Task(task)) if task.as_str() == "t"), "{claim:?}");
        }
        for (refused, because) in [
            (fields("", "x", "", ""), Refusal::Version),
            (fields("/a", "2015-12-04", "t", "e"), Refusal::Version),
            (fields("", time, "t", "e"), Refusal::Parameters),
            (fields("/a", time, "", "e"), Refusal::Parameters),
            (fields("/a", time, "t", ""), Refusal::Parameters),
            (fields("/a", "", "", "e"), Refusal::Parameters),
            (fields("/a", epoch, "t", ""), Refusal::Parameters),
            (Fields::default(), Refusal::Parameters),
            (fields("//a", time, "\n", "e"), Refusal::AppId),
            (fields("/a", time, "a b", "e"), Refusal::TaskId),
            (fields("/a", "", "ü", "e"), Refusal::TaskId),
        ] {
            assert_eq!(refused.claim().map(|_| ()), Err(because), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn what_a_client_writes_is_what_is_read(values in proptest::array::uniform4(".*")) {
            let [appid, appversion, taskid, envelope] = values;
            let written = Fields { appid, appversion, taskid, envelope };
            prop_assert_eq!(read_form(written.to_body().as_bytes()), Ok(written));
        }
    }
}
