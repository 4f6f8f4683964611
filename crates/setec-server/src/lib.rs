//! Named, versioned secrets, encrypted at rest, by the rules of setec.
//!
//! | module | what it knows |
//! |---|---|
//! | [`version`] | numbers of versions, and sets of them |
//! | [`record`] | the rules: what a write makes of a secret's versions |
//! | [`seal`] | values under a data key, and that under a key-encryption key |
//! | [`store`] | where sealed values are: compare, and commit |
//! | [`outbox`] | that no write is without its audit line, and waits for one sync |
//! | [`vault`] | the operations: the one place that has both store and data keys |
//! | [`caller`], [`rule`] | who calls, and what they may do |
//! | [`identity`] | how they are known |
//! | [`policy`] | what the operator lets them do |
//! | [`audit`], [`metrics`] | what is written down, and counted |
//! | [`gate`] | whether the store is open yet |
//! | [`server`] | setec's calls over HTTP |
//!
//! Data goes one way. A write reads the record, asks the rules, seals under the number they gave, and commits if the
//! record is still the same. A read looks up the record, then the value, and opens it.

pub mod audit;
pub mod caller;
mod few;
pub mod gate;
pub mod identity;
pub mod metrics;
pub mod outbox;
pub mod policy;
pub mod record;
pub mod rule;
pub mod seal;
pub mod server;
pub mod store;
pub mod tell;
mod to_its_end;
pub mod vault;
pub mod version;

pub use caller::{Caller, Principal};
pub use identity::{Evidence, Identities, Unidentified};
pub use outbox::{Outbox, OutboxError};
pub use policy::Policy;
pub use record::{Change, Record, Revision, RuleError};
pub use rule::{Pattern, Rule, Rules};
pub use seal::Sealed;
pub use secretary_setec_api::Action;
pub use store::{AnyStore, MemoryStore, Note, Outcome, SqliteStore, Store, StoreError};
pub use vault::{Info, Value, Vault, VaultError};
pub use version::{Version, VersionSet};

/// Runs what does not need a runtime, as all of this crate.
#[cfg(test)]
fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("it asks for neither network nor time").block_on(future)
}
