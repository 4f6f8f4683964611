//! What client and daemon say to each other: JSON, inside the boxes of a [`crate::channel::Channel`].
//!
//! The Go program's messages, version 1.0:
//!
//! ```json
//! {"AppID":"/app","AppVersion":"2015-12-04T12:25:08.426Z","TaskID":"app.1","RequestedSecret":"ENC[NACL,..]","Key":"NAME"}
//! {"PlaintextSecret":"c2VjcmV0"}
//! ```
//!
//! Version 1.1 has members more, which peers of 1.0 pass over:
//!
//! ```json
//! {.., "RequestID":"<32 bytes>","IssuedAt":"2026-11-22T06:00:00Z","RequestedSecrets":[{"Key":"NAME","Secret":"ENC[..]"},..]}
//! {"PlaintextSecret":"c2VjcmV0","RequestID":"<the same>","TokenSHA256":"<64 hexadecimal digits>"}
//! {"RequestID":"<the same>","PlaintextSecrets":[{"PlaintextSecret":"c2VjcmV0","TokenSHA256":"<64>"},{"Error":"..","TokenSHA256":"<64>"},..]}
//! ```
//!
//! `RequestedSecrets` is answered by `PlaintextSecrets`, in its order. `RequestedSecret` and `Key` are its first then, so
//! that a daemon of 1.0 answers that one. `TokenSHA256` is the [`crate::token_id::TokenId`]. Binary values are
//! in base64.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::claim::Claim;
use crate::json::{Malformed, Object};
use crate::refusal::Refusal;
use crate::version::Version;

/// Where requests are sent.
pub const DECRYPT_PATH: &str = "/v1/decrypt";

/// Where a daemon says that it is there and what it can do.
pub const STATUS_PATH: &str = "/v1/status";

/// The most bytes of a request, as a form.
pub const MAX_BODY: usize = 1 << 20;

/// The most secrets of one request.
pub const MAX_SECRETS: usize = 1024;

/// The capability of answering many secrets at once, as `/v1/status` has it.
pub const BATCH: &str = "batch";

/// The capability of answers that are bound to their requests.
pub const BOUND: &str = "bound-answers";

/// Bytes of a request's id.
pub const REQUEST_ID: usize = 32;

/// What is said in the innermost box of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The app, as in the form.
    pub app_id: String,
    /// Its version, as in the form.
    pub app_version: String,
    /// The task, as in the form.
    pub task_id: String,
    /// What is asked for.
    pub secrets: Vec<Requested>,
    /// Whether they came as a list, and are to be answered as one.
    pub is_list: bool,
    /// What makes this request differ from all others; a peer of 1.0 has none.
    pub proof: Option<Proof>,
}

/// One secret that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Requested {
    /// The name of the variable that it is in, or nothing.
    pub key: String,
    /// The token.
    pub secret: String,
}

/// What makes a request differ from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Random bytes.
    pub request_id: [u8; REQUEST_ID],
    /// When it was made.
    pub issued_at: Version,
}

impl Request {
    /// Reads what a client sent.
    pub(crate) fn parse(json: &Secret) -> Result<Self, Malformed> {
        let json = str::from_utf8(json.expose()).map_err(|_| Malformed)?;
        let object = Object::parse(json)?;
        let list = object.objects("RequestedSecrets", MAX_SECRETS)?;
        let list = list.filter(|list| !list.is_empty());
        let secrets = match &list {
            Some(list) => list
                .iter()
                .map(|one| {
                    Ok(Requested { key: text_in(one, "Key")?, secret: text_in(one, "Secret")? })
                })
                .collect::<Result<_, Malformed>>()?,
            None => vec![Requested {
                key: text_in(&object, "Key")?,
                secret: text_in(&object, "RequestedSecret")?,
            }],
        };
        Ok(Self {
            app_id: text_in(&object, "AppID")?,
            app_version: text_in(&object, "AppVersion")?,
            task_id: text_in(&object, "TaskID")?,
            secrets,
            is_list: list.is_some(),
            proof: Proof::parse(&object)?,
        })
    }

    /// Whether it is about the same workload as the form that it came in. A Mesos task has nothing but its id.
    ///
    /// # Errors
    ///
    /// [`Refusal::OtherClaim`] or [`Refusal::OtherTask`].
    pub fn check_claim(&self, claim: &Claim) -> Result<(), Refusal> {
        let same_task = self.task_id == claim.task().as_str();
        match claim {
            Claim::App { app, version, .. } => {
                let same_version = Version::parse(&self.app_version).as_ref() == Some(version);
                let same = same_task && self.app_id == app.as_str() && same_version;
                if same { Ok(()) } else { Err(Refusal::OtherClaim) }
            }
            Claim::Task(_) => {
                if same_task {
                    Ok(())
                } else {
                    Err(Refusal::OtherTask)
                }
            }
        }
    }

    /// What a client sends.
    pub(crate) fn to_json(&self) -> Secret {
        let first = self.secrets.first();
        let wire = WireRequest {
            app_id: &self.app_id,
            app_version: &self.app_version,
            task_id: &self.task_id,
            requested_secret: first.map_or("", |first| &first.secret),
            key: first.map_or("", |first| &first.key),
            request_id: self.proof.as_ref().map(|proof| STANDARD.encode(proof.request_id)),
            issued_at: self.proof.as_ref().map(|proof| proof.issued_at.as_str()),
            requested_secrets: if self.is_list { &self.secrets } else { &[] },
        };
        to_secret(&wire)
    }
}

fn text_in(object: &Object<'_>, name: &str) -> Result<String, Malformed> {
    Ok(object.text(name)?.map(Cow::into_owned).unwrap_or_default())
}

impl Proof {
    fn parse(object: &Object<'_>) -> Result<Option<Self>, Malformed> {
        let Some(id) = object.bytes("RequestID")? else { return Ok(None) };
        let request_id = id.expose().try_into().map_err(|_| Malformed)?;
        let issued_at = object.text("IssuedAt")?.and_then(|text| Version::parse(&text));
        Ok(Some(Self { request_id, issued_at: issued_at.ok_or(Malformed)? }))
    }
}

#[derive(Serialize)]
struct WireRequest<'a> {
    #[serde(rename = "AppID")]
    app_id: &'a str,
    #[serde(rename = "AppVersion")]
    app_version: &'a str,
    #[serde(rename = "TaskID")]
    task_id: &'a str,
    #[serde(rename = "RequestedSecret")]
    requested_secret: &'a str,
    #[serde(rename = "Key")]
    key: &'a str,
    #[serde(rename = "RequestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(rename = "IssuedAt", skip_serializing_if = "Option::is_none")]
    issued_at: Option<&'a str>,
    #[serde(rename = "RequestedSecrets", skip_serializing_if = "<[_]>::is_empty")]
    requested_secrets: &'a [Requested],
}

/// What is said in the innermost box of an answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The id of the request that it answers.
    pub(crate) request_id: Option<[u8; REQUEST_ID]>,
    pub(crate) answered: Answered,
}

#[derive(Debug)]
pub(crate) enum Answered {
    One(Item),
    List(Vec<Item>),
}

impl Default for Answered {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// What became of one secret.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(crate) plaintext: Option<Secret>,
    /// Why there is none.
    pub(crate) error: Option<String>,
    /// The token, by its identity in hexadecimal digits.
    pub(crate) token: Option<String>,
}

impl Item {
    fn parse(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            plaintext: object.bytes("PlaintextSecret")?,
            error: object.text("Error")?.map(Cow::into_owned),
            token: object.text("TokenSHA256")?.map(Cow::into_owned),
        })
    }
}

impl Answer {
    /// Reads what a daemon sent.
    pub(crate) fn parse(json: &Secret) -> Result<Self, Malformed> {
        let json = str::from_utf8(json.expose()).map_err(|_| Malformed)?;
        let object = Object::parse(json)?;
        let id = object.bytes("RequestID")?;
        let id = id.map(|id| id.expose().try_into().map_err(|_| Malformed)).transpose()?;
        let answered = match object.objects("PlaintextSecrets", MAX_SECRETS)? {
            Some(list) => Answered::List(list.iter().map(Item::parse).collect::<Result<_, _>>()?),
            None => Answered::One(Item::parse(&object)?),
        };
        Ok(Self { request_id: id, answered })
    }

    /// What a daemon sends.
    pub(crate) fn to_json(&self) -> Secret {
        let request_id = self.request_id.map(|id| STANDARD.encode(id));
        match &self.answered {
            Answered::One(item) => {
                to_secret(&WireAnswer { item: Some(item.into()), request_id, list: None })
            }
            Answered::List(list) => {
                let list = Some(list.iter().map(WireItem::from).collect());
                to_secret(&WireAnswer { item: None, request_id, list })
            }
        }
    }
}

#[derive(Serialize)]
struct WireAnswer<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    item: Option<WireItem<'a>>,
    #[serde(rename = "RequestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(rename = "PlaintextSecrets", skip_serializing_if = "Option::is_none")]
    list: Option<Vec<WireItem<'a>>>,
}

#[derive(Serialize)]
struct WireItem<'a> {
    #[serde(rename = "PlaintextSecret", skip_serializing_if = "Option::is_none")]
    plaintext: Option<Base64<'a>>,
    #[serde(rename = "Error", skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(rename = "TokenSHA256", skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> From<&'a Item> for WireItem<'a> {
    fn from(item: &'a Item) -> Self {
        Self {
            plaintext: item.plaintext.as_ref().map(Base64),
            error: item.error.as_deref(),
            token: item.token.as_deref(),
        }
    }
}

/// Plaintext as the text it is sent as, which is wiped.
struct Base64<'a>(&'a Secret);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(self.0.expose())))
    }
}

fn to_secret(value: &impl Serialize) -> Secret {
    let mut json = Secret::with_capacity(512);
    serde_json::to_writer(&mut json, value).expect("text with text as its keys is JSON");
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let one = |n: u8| Requested { key: format!("K{n}"), secret: format!("ENC[NACL,{n}]") };
        Request {
            app_id: "/a".into(),
            app_version: "2015-12-04T12:25:08.426Z".into(),
            task_id: "t<&>".into(),
            secrets: vec![one(1), one(2)],
            is_list: true,
            proof: Some(Proof {
                request_id: [7; 32],
                issued_at: Version::parse("2026-11-22T06:00:00Z").expect("a time"),
            }),
        }
    }

    #[test]
    fn a_request_says_the_same_on_the_other_side() {
        let sent = request();
        assert_eq!(Request::parse(&sent.to_json()), Ok(sent.clone()));
        let old =
            Request { secrets: sent.secrets[..1].to_vec(), is_list: false, proof: None, ..sent };
        assert_eq!(Request::parse(&old.to_json()), Ok(old));
    }

    #[test]
    fn a_request_of_a_list_is_one_of_its_first_to_an_old_daemon() {
        let json = request().to_json();
        let text = str::from_utf8(json.expose()).expect("text");
        let expected = r#"{"AppID":"/a","AppVersion":"2015-12-04T12:25:08.426Z","TaskID":"t<&>","RequestedSecret":"ENC[NACL,1]","Key":"K1","#;
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn an_answer_says_the_same_on_the_other_side() {
        let item = |text: &str| Item {
            plaintext: Some(Secret::from(text.as_bytes())),
            error: None,
            token: Some("ab".into()),
        };
        let one = Answer { request_id: None, answered: Answered::One(item("secret")) };
        let text = one.to_json();
        assert_eq!(text.expose(), br#"{"PlaintextSecret":"c2VjcmV0","TokenSHA256":"ab"}"#);
        let refused = Item { error: Some("no".into()), ..Item::default() };
        let list = Answered::List(vec![item("a"), refused]);
        let list = Answer { request_id: Some([9; 32]), answered: list };
        let read = Answer::parse(&list.to_json()).expect("its own");
        assert_eq!(read.request_id, Some([9; 32]));
        let Answered::List(items) = read.answered else { panic!("a list") };
        assert_eq!(items[0].plaintext, Some(Secret::from(b"a".as_slice())));
        assert_eq!((items[1].plaintext.is_some(), items[1].error.as_deref()), (false, Some("no")));
    }

    #[test]
    fn a_request_id_has_32_bytes_and_a_time() {
        for members in [
            r#""RequestID":"AAAA","IssuedAt":"2026-11-22T06:00:00Z""#,
            r#""RequestID":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=""#,
            r#""RequestID":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","IssuedAt":"now""#,
            r#""RequestID":3"#,
        ] {
            let json = Secret::from(format!("{{{members}}}").into_bytes());
            assert_eq!(Request::parse(&json), Err(Malformed), "{members}");
        }
    }
}
