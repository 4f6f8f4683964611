//! Who has an address in a tailnet, and what its policy lets them do: tailscaled is asked at every call.
//!
//! ```text
//! GET /localapi/v0/whois?addr=100.64.0.7%3A52114
//! Host: local-tailscaled.sock
//!
//! {"Node":{"Name":"web.example.ts.net.","Tags":["tag:web"]},"UserProfile":{"LoginName":"tagged-devices"},
//!  "CapMap":{"tailscale.com/cap/secrets":[{"action":["get"],"secret":["prod/*"]}]}}
//! ```
//!
//! Nothing of what it says is repeated but a status.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url};
use secretary_secret::Secret;
use secretary_serve::Peer;
use secretary_setec_api::rule::{CAPABILITY, OLD_CAPABILITY};
use secretary_transport::http::{self, BodyError};
use secretary_transport::obstacle::of_transport;
use secretary_transport::{Cut, Obstacle};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Known, Names, Unidentified};
use crate::caller::Principal;
use crate::rule::Rule;

/// The host that tailscaled wants to be asked as. It answers 403 to others.
const WHOIS: &str = "http://local-tailscaled.sock/localapi/v0/whois";

/// For a question, all in all.
const TIME: Duration = Duration::from_secs(2);

/// The most bytes of an answer.
const LIMIT: usize = 256 << 10;

/// How many questions are under way at once. The others wait, within their time.
const CONCURRENCY: usize = 64;

/// The tailscaled of this machine.
pub(super) struct Tailscale {
    socket: PathBuf,
    http: Client,
    turns: Semaphore,
}

impl Tailscale {
    pub(super) fn new(socket: PathBuf) -> Self {
        let http = http::socket_client(&socket, TIME);
        Self { socket, http, turns: Semaphore::new(CONCURRENCY) }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whose address it is. One that is not in the tailnet is nothing to go by.
    pub(super) async fn identify(&self, peer: &Peer) -> Result<Option<Known>, Unidentified> {
        if !came_by_tailnet(peer) {
            return Ok(None);
        }
        let asked = timeout(TIME, self.ask(peer.address)).await;
        let answer = asked.unwrap_or_else(|_| Err(unidentified("took too long to answer")))?;
        let Some(answer) = answer else { return Ok(None) };
        let mut known = parse(answer.expose()).map_err(unidentified)?;
        known.principal.ip = Some(peer.address.ip());
        Ok(Some(known))
    }

    async fn ask(&self, address: SocketAddr) -> Result<Option<Secret>, Unidentified> {
        let _turn = self.turns.acquire().await.expect("it is never closed");
        let url = url(address);
        let response = match self.get(url.clone()).await {
            // A connection that was kept, and that tailscaled closed meanwhile.
            Err(Cut::Broken) => self.get(url).await,
            other => other,
        };
        let response = response.map_err(|cut| unidentified(sentence(&cut)))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::FORBIDDEN => {
                return Err(unidentified("does not let this user ask it (403)"));
            }
            status => return Err(unidentified(&format!("answered {}", status.as_u16()))),
        }
        http::body(response, LIMIT).await.map(Some).map_err(|error| match error {
            BodyError::TooLarge => unidentified("answered with more than 256 KiB"),
            BodyError::Broken(_) => unidentified("broke its answer off"),
        })
    }

    async fn get(&self, url: Url) -> Result<Response, Cut> {
        self.http.get(url).send().await.map_err(|error| match of_transport(&error) {
            // A socket that is not there is an error of the system as one is that ends a connection.
            Cut::Broken if error.is_connect() => Cut::Unreachable(Obstacle::NoConnection),
            cut => cut,
        })
    }
}

/// Whether a connection was made by the tailnet, from one of its addresses to one of its addresses: on another network
/// anybody can have such an address, and tailscaled would say whose it is in the tailnet. Without a network device of
/// its own tailscaled hands connections on from this machine.
fn came_by_tailnet(peer: &Peer) -> bool {
    let of_tailnet = |address: SocketAddr| match address.ip().to_canonical() {
        // 100.64.0.0/10, and fd7a:115c:a1e0::/48.
        IpAddr::V4(address) => matches!(address.octets(), [100, 64..=127, ..]),
        IpAddr::V6(address) => matches!(address.segments(), [0xfd7a, 0x115c, 0xa1e0, ..]),
    };
    peer.address.ip().to_canonical().is_loopback()
        || of_tailnet(peer.address) && of_tailnet(peer.local)
}

/// The question about an address. A socket for both protocols has those of IPv4 in a form that tailscaled does not know.
fn url(address: SocketAddr) -> Url {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    Url::parse_with_params(WHOIS, [("addr", address.to_string())]).expect("the URL is ours")
}

fn sentence(cut: &Cut) -> &'static str {
    match cut {
        Cut::Unreachable(Obstacle::Refused) => "does not listen on its socket",
        Cut::Unreachable(Obstacle::NoHttp) => "does not speak HTTP",
        Cut::Unreachable(_) => "can't be reached at its socket",
        Cut::Broken => "closed the connection without an answer",
    }
}

fn unidentified(what: &str) -> Unidentified {
    Unidentified(format!("tailscaled {what}"))
}

#[derive(Deserialize)]
struct WhoIs<'a> {
    #[serde(rename = "Node")]
    node: Option<Node>,
    #[serde(rename = "UserProfile")]
    user: Option<User>,
    #[serde(rename = "CapMap", borrow)]
    capabilities: Option<BTreeMap<String, &'a RawValue>>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Tags")]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "LoginName")]
    login: Option<String>,
}

/// Reads an answer. A machine with tags stands for them, and not for who set it up.
pub(super) fn parse(answer: &[u8]) -> Result<Known, &'static str> {
    let answer: WhoIs<'_> =
        serde_json::from_slice(answer).map_err(|_| "answered what is no answer")?;
    let node = answer.node.ok_or("answered without a machine")?;
    let tags = node.tags.unwrap_or_default();
    let login = answer.user.and_then(|user| user.login).unwrap_or_default();
    let user = if tags.is_empty() { login } else { String::new() };
    if tags.is_empty() && user.is_empty() {
        return Err("knows a machine that has neither tags nor a user");
    }
    let names = match user.is_empty() {
        true => tags.iter().map(|tag| name_of_tag(tag)).collect(),
        false => Names::from_iter([format!("user:{user}")]),
    };
    let rules = rules(&answer.capabilities.unwrap_or_default())
        .ok_or("has a capability for secrets whose value is no rule")?;
    let hostname = node.name.unwrap_or_default();
    let principal = Principal { hostname, ip: None, user, tags };
    Ok(Known { principal, names, rules: rules.into() })
}

/// Tags have their kind in them. One that had not must not be taken for a name of another kind.
fn name_of_tag(tag: &str) -> String {
    if tag.starts_with("tag:") { tag.to_string() } else { format!("tag:{tag}") }
}

/// The rules below the capability, or else below its old name.
fn rules(capabilities: &BTreeMap<String, &RawValue>) -> Option<Vec<Rule>> {
    for name in [CAPABILITY, OLD_CAPABILITY] {
        let Some(values) = capabilities.get(name) else { continue };
        let values: Option<Vec<&RawValue>> = serde_json::from_str(values.get()).ok()?;
        let rules = values.unwrap_or_default().into_iter();
        let rules: Option<Vec<_>> =
            rules.map(|value| Rule::decode(value.get().as_bytes()).ok()).collect();
        match rules {
            Some(rules) if rules.is_empty() => {}
            rules => return rules,
        }
    }
    Some(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"{"action":["get"],"secret":["a"]}"#;

    fn user_with(capabilities: &str) -> Result<Known, &'static str> {
        parse(
            format!(r#"{{"Node":{{"Name":"laptop.example.ts.net."}},"UserProfile":{{"LoginName":"alice@example.com"}},"CapMap":{capabilities}}}"#)
                .as_bytes(),
        )
    }

    fn secrets(capabilities: &str) -> Vec<String> {
        let rules = user_with(capabilities).expect("an answer").rules;
        let patterns = rules.iter().map(|rule| rule.secret.iter().map(|pattern| pattern.as_str()));
        patterns.map(|patterns| patterns.collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn on_another_network_an_address_says_nothing() {
        let came = |from: &str, to: &str| {
            let address = |text: &str| SocketAddr::new(text.parse().expect("an address"), 1);
            let (address, local) = (address(from), address(to));
            came_by_tailnet(&Peer { address, local, certificates: None })
        };
        for (from, to) in [
            ("100.64.0.1", "100.127.255.255"),
            ("fd7a:115c:a1e0::1", "fd7a:115c:a1e0:ab12::2"),
            ("::ffff:100.64.0.1", "::ffff:100.64.0.2"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
        ] {
            assert!(came(from, to), "{from} {to}");
        }
        for (from, to) in [
            ("100.64.0.1", "192.0.2.1"),
            ("192.0.2.1", "100.64.0.1"),
            ("100.63.255.255", "100.64.0.1"),
            ("100.128.0.0", "100.64.0.1"),
            ("fd7a:115c:a1e1::1", "fd7a:115c:a1e0::2"),
            ("fd7a:115c:a1e0::1", "2001:db8::1"),
        ] {
            assert!(!came(from, to), "{from} {to}");
        }
    }

    #[test]
    fn tags_beat_the_login_name() {
        let known = parse(br#"{"Node":{"Name":"web.","Tags":["tag:web","tag:prod"]},"UserProfile":{"LoginName":"alice@example.com"}}"#).expect("an answer");
        assert_eq!(known.names[..], ["tag:web", "tag:prod"]);
        assert_eq!(known.principal.tags, ["tag:web", "tag:prod"]);
        assert_eq!(
            (known.principal.user.as_str(), known.principal.hostname.as_str()),
            ("", "web.")
        );
        let known = user_with("null").expect("an answer");
        assert_eq!(known.names[..], ["user:alice@example.com"]);
        assert_eq!(known.principal.user, "alice@example.com");
        assert_eq!(known.principal.hostname, "laptop.example.ts.net.");
        assert_eq!(known.principal.tags, [""; 0]);
    }

    #[test]
    fn a_tag_is_no_name_of_another_kind() {
        let known = parse(br#"{"Node":{"Tags":["token:ci"]}}"#).expect("an answer");
        assert_eq!(known.names[..], ["tag:token:ci"]);
    }

    #[test]
    fn who_has_neither_is_nobody() {
        for answer in [
            "",
            "{",
            "null",
            "{}",
            "[]",
            r#"{"Node":null,"UserProfile":{"LoginName":"alice@example.com"}}"#,
            r#"{"Node":{"Name":"a"},"UserProfile":null}"#,
            r#"{"Node":{"Name":"a","Tags":[]},"UserProfile":{"LoginName":""}}"#,
            r#"{"Node":{"Name":"a","Tags":null},"UserProfile":{}}"#,
            r#"{"Node":{"Name":"a","Tags":"tag:web"},"UserProfile":{"LoginName":"b"}}"#,
        ] {
            assert!(parse(answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn the_old_capability_counts_where_the_new_one_has_no_rule() {
        let both = |new: &str| {
            format!(
                r#"{{"{CAPABILITY}":{new},"{OLD_CAPABILITY}":[{{"secret":["old"]}}],"other":7}}"#
            )
        };
        for (new, expected) in [
            (format!("[{RULE}]"), "a"),
            ("[]".to_string(), "old"),
            ("null".to_string(), "old"),
            // A rule that allows nothing is one all the same.
            ("[null]".to_string(), ""),
            ("[{}]".to_string(), ""),
        ] {
            assert_eq!(secrets(&both(&new)), [expected], "{new}");
        }
        let old = format!(r#"{{"{OLD_CAPABILITY}":[{RULE},{{"SECRET":["b","c"]}}]}}"#);
        assert_eq!(secrets(&old), ["a", "b c"]);
        assert_eq!(secrets("{}"), [""; 0]);
    }

    #[test]
    fn a_rule_that_is_none_refuses_the_caller() {
        for list in ["{}", "7", r#""get""#, r#"[{"action":"get"}]"#, "[{},[]]", r#"["x"]"#] {
            for name in [CAPABILITY, OLD_CAPABILITY] {
                assert!(user_with(&format!(r#"{{"{name}":{list}}}"#)).is_err(), "{list}");
            }
        }
    }

    #[test]
    fn an_address_is_asked_about_as_tailscaled_has_it() {
        for (address, query) in [
            ("100.64.0.7:52114", "addr=100.64.0.7%3A52114"),
            ("[::ffff:100.64.0.7]:52114", "addr=100.64.0.7%3A52114"),
            ("[fd7a:115c:a1e0::7]:1", "addr=%5Bfd7a%3A115c%3Aa1e0%3A%3A7%5D%3A1"),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(url(address).query(), Some(query));
        }
    }
}
