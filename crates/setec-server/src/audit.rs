//! What is written down of a call, and when.
//!
//! A line has the members of setec's log, and more: `served`, the version that was handed out or made, and `result`,
//! which is one word. A line about a read is durable before the value leaves. A line about a write is there before the
//! effect, and says what was going to happen; if the disk then fails, a line `failed` with the same `id` follows.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use secretary_access::audit::queue::MAX_WAITING;
use secretary_access::audit::{AuditError, AuditLog};
use secretary_setec_api::Action;
use serde::{Serialize, Serializer};
use tokio::time::{sleep, timeout};

use crate::caller::{Caller, Principal};
use crate::outbox::{Outbox, OutboxError};
use crate::store::{Note, Store, StoreError};
use crate::tell::Tell;
use crate::version::Version;

/// The event that every call is.
const ACCESS: &str = "access";

/// The event that a write's effect did not come about.
const FAILED: &str = "failed";

/// The most bytes of a name that are written down. Longer ones are of no secret that was made here.
const MAX_NAME: usize = 4096;

/// How long a call waits for a place for its line, and how often it looks.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// The log of calls.
pub struct Audit {
    log: Arc<AuditLog>,
    outbox: Outbox,
    tell: Tell,
    fails: AtomicBool,
}

/// It is not known that a line is durable, so nothing may come of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call can't be written to the audit log")]
pub struct Unwritten;

/// One call. What is no member here is in no line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry<'a> {
    id: u64,
    principal: Who<'a>,
    action: &'static str,
    authorized: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    secret: &'a str,
    /// How long the name is, if that is not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_bytes: Option<usize>,
    #[serde(rename = "secretVersion", skip_serializing_if = "is_zero")]
    secret_version: u32,
    #[serde(skip_serializing_if = "is_zero")]
    served: u32,
    result: &'static str,
}

/// A number that only tells calls apart, so that nobody needs to be unable to guess it: a keyed hash of how many calls
/// there were, which spares each one a system call.
fn next_id() -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static CALLS: AtomicU64 = AtomicU64::new(0);
    KEY.hash_one(CALLS.fetch_add(1, Ordering::Relaxed))
}

/// A principal, in setec's members.
#[derive(Clone, Debug, Serialize)]
struct Who<'a> {
    hostname: &'a str,
    #[serde(serialize_with = "address")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The text of an address, or none.
fn address<S: Serializer>(ip: &Option<IpAddr>, out: S) -> Result<S::Ok, S::Error> {
    match ip {
        Some(address) => address.serialize(out),
        None => out.serialize_str(""),
    }
}

impl<'a> Who<'a> {
    fn of(principal: &'a Principal) -> Self {
        let Principal { hostname, user, tags, ip } = principal;
        Self { hostname, ip: *ip, user, tags }
    }
}

impl<'a> Entry<'a> {
    /// A call about the secret called `name`, or about none, that asks for a version, or for none.
    pub(crate) fn new(caller: &'a Caller, action: Action, name: &'a str, version: u32) -> Self {
        let secret = &name[..name.floor_char_boundary(MAX_NAME)];
        Self {
            id: next_id(),
            principal: Who::of(&caller.principal),
            action: action.as_str(),
            authorized: true,
            secret,
            secret_bytes: (secret.len() < name.len()).then_some(name.len()),
            secret_version: version,
            served: 0,
            result: "ok",
        }
    }

    /// The caller may not.
    pub(crate) fn denied(self) -> Self {
        Self { authorized: false, result: "denied", ..self }
    }

    /// What came of it, or is to come.
    pub(crate) fn with(self, result: &'static str) -> Self {
        Self { result, ..self }
    }

    /// The version that the answer has.
    pub(crate) fn serving(self, version: Version) -> Self {
        Self { served: version.number(), ..self }
    }
}

impl Audit {
    /// Writes to `log`, and tells when that begins to fail. What the log has lost of `store`'s changes is written again
    /// first.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub async fn open(
        log: Arc<AuditLog>,
        store: &impl Store,
        tell: Tell,
    ) -> Result<Self, OutboxError> {
        let outbox = Outbox::open(log.clone(), store).await?;
        match outbox.recovered() {
            0 => {}
            lost => tell(&format!("the audit log had lost {lost} lines, and has them again")),
        }
        Ok(Self { log, outbox, tell, fails: AtomicBool::new(false) })
    }

    /// Forgets what the store has for lines that are durable by now. It is for times without a write, and before the
    /// log's file is renamed unseen.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn settle(&self, store: &impl Store) -> Result<(), StoreError> {
        self.outbox.settle(store).await
    }

    /// Writes the line of a call, which is durable then.
    pub(crate) async fn write(&self, entry: &Entry<'_>) -> Result<(), Unwritten> {
        self.append(ACCESS, entry).await
    }

    /// Writes the line of a change, which is durable when the note is, with the change.
    pub(crate) async fn write_ahead(&self, entry: &Entry<'_>) -> Result<Note, Unwritten> {
        self.wait_for_room().await;
        self.told(self.outbox.write(ACCESS, entry).await)
    }

    /// Writes that the effect did not come about. Whether that succeeds changes nothing.
    pub(crate) async fn write_failed(&self, entry: &Entry<'_>) {
        let _ = self.append(FAILED, entry).await;
    }

    async fn append(&self, event: &str, entry: &Entry<'_>) -> Result<(), Unwritten> {
        self.wait_for_room().await;
        self.told(self.log.appending(event, entry).await.map(drop))
    }

    /// Waits while as many lines wait as may. After a while the log says no itself.
    async fn wait_for_room(&self) {
        if self.log.waiting() < MAX_WAITING {
            return;
        }
        let room = async {
            while self.log.waiting() >= MAX_WAITING {
                sleep(PAUSE).await;
            }
        };
        let _ = timeout(LONGEST_WAIT, room).await;
    }

    /// Says when it begins to fail and when that is over, and not at each line.
    fn told<T>(&self, result: Result<T, AuditError>) -> Result<T, Unwritten> {
        // A line that does not fit is about its call alone.
        let error = result.as_ref().err().filter(|error| !matches!(error, AuditError::Unfit(_)));
        let failed = self.fails.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !failed => (self.tell)(&format!(
                "calls can't be written to the audit log, so none is answered: {error}"
            )),
            None if failed => (self.tell)("calls are written to the audit log again"),
            _ => {}
        }
        result.map_err(|_| Unwritten)
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("log", &self.log).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;
    use serde_json::{Value, json};
    use std::collections::HashSet;

    fn line(principal: Principal) -> Value {
        let caller = Caller { principal, rules: [Rule::everything()].into() };
        let entry = Entry::new(&caller, Action::Get, "a/b", 0);
        let mut line = serde_json::to_value(&entry).unwrap();
        assert!(line.as_object_mut().unwrap().remove("id").unwrap().is_u64());
        line
    }

    #[test]
    fn a_line_has_the_members_that_setec_has_and_more() {
        let principal = Principal {
            hostname: "host".into(),
            ip: Some("fd7a::1".parse().unwrap()),
            user: String::new(),
            tags: vec!["tag:a".into()],
        };
        let principal_text = json!({"hostname": "host", "ip": "fd7a::1", "tags": ["tag:a"]});
        let rest = json!({"action": "get", "authorized": true, "secret": "a/b", "result": "ok"});
        let mut expected = rest.clone();
        expected["principal"] = principal_text;
        assert_eq!(line(principal), expected);
        let nobody = line(Principal::default());
        assert_eq!(nobody["principal"], json!({"hostname": "", "ip": ""}));
    }

    #[test]
    fn calls_are_told_apart() {
        let ids: HashSet<u64> = (0..10_000).map(|_| next_id()).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
