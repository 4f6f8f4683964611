//! The operations as a caller sees them: what the protocol says of each, with values.

use secretary_access::audit::AuditLog;

use super::*;
use crate::block_on;
use crate::caller::Principal;
use crate::record::{self, Change, Revision};
use crate::rule::{Pattern, Rule};
use crate::seal::{KeyFile, Sealed};
use crate::store::{Found, MemoryStore, Note, Outcome};

const KEY: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn key() -> KeyFile {
    KeyFile::parse(&Secret::from(KEY)).unwrap()
}

fn all() -> Caller {
    Caller { principal: Principal::default(), rules: [Rule::everything()].into() }
}

/// A log that nobody reads.
fn silent(store: &impl Store) -> Arc<Audit> {
    let log = AuditLog::to_writer(Box::new(std::io::sink()), "test").unwrap();
    Arc::new(block_on(Audit::open(log.into(), store, Arc::new(|_| ()))).unwrap())
}

fn open<S: Store>(store: S) -> Vault<S> {
    let audit = silent(&store);
    block_on(Vault::open(store.into(), &key(), audit, NewNames::Any)).unwrap()
}

fn vault() -> Vault<MemoryStore> {
    open(MemoryStore::default())
}

fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes())
}

fn put<S: Store>(vault: &Vault<S>, name: &str, value: &str) -> u32 {
    block_on(vault.put(&all(), name, &secret(value))).unwrap().number()
}

fn create<S: Store>(
    vault: &Vault<S>,
    name: &str,
    version: u32,
    value: &str,
) -> Result<(), VaultError> {
    block_on(vault.create_version(&all(), name, version, &secret(value)))
}

/// The value and its version, or the error in words.
fn get<S: Store>(vault: &Vault<S>, name: &str, version: u32) -> Result<(String, u32), String> {
    shown(block_on(vault.get(&all(), name, version)))
}

fn shown(value: Result<Value, VaultError>) -> Result<(String, u32), String> {
    let value = value.map_err(|error| error.to_string())?;
    let text = String::from_utf8(value.secret.expose().to_vec()).unwrap();
    Ok((text, value.version.number()))
}

fn found(value: &str, version: u32) -> Result<(String, u32), String> {
    Ok((value.to_string(), version))
}

fn not_found() -> Result<(String, u32), String> {
    Err(RuleError::NotFound.to_string())
}

/// Name, versions, active version of all secrets.
fn list<S: Store>(vault: &Vault<S>) -> Vec<(String, Vec<u32>, u32)> {
    let info = |info: Info| {
        let versions = info.versions().iter().map(Version::number).collect();
        (info.name.to_string(), versions, info.active().number())
    };
    block_on(vault.list(&all())).unwrap().into_iter().map(info).collect()
}

#[test]
fn lists_by_name_and_version() {
    let vault = vault();
    assert!(list(&vault).is_empty());
    put(&vault, "b", "1");
    assert_eq!(list(&vault), [("b".into(), vec![1], 1)]);
    put(&vault, "b", "2");
    assert_eq!(list(&vault), [("b".into(), vec![1, 2], 1)]);
    put(&vault, "a", "1");
    assert_eq!(list(&vault), [("a".into(), vec![1], 1), ("b".into(), vec![1, 2], 1)]);
    block_on(vault.activate(&all(), "b", 2)).unwrap();
    assert_eq!(list(&vault), [("a".into(), vec![1], 1), ("b".into(), vec![1, 2], 2)]);
    let rule = Rule { action: vec!["info".into()], secret: vec![Pattern::new("b*")] };
    let other = Caller { rules: [rule].into(), ..all() };
    let seen = block_on(vault.list(&other)).unwrap();
    assert_eq!(seen.iter().map(|info| &*info.name).collect::<Vec<_>>(), ["b"]);
    assert_eq!(block_on(vault.info(&all(), "b")).unwrap(), seen[0]);
    assert!(matches!(
        block_on(vault.info(&all(), "c")),
        Err(VaultError::Rule(RuleError::NotFound))
    ));
}

#[test]
fn gets_the_active_version_or_the_one_asked_for() {
    let vault = vault();
    (1..=10).for_each(|n| assert_eq!(put(&vault, "a", &n.to_string()), n));
    assert_eq!(get(&vault, "a", 0), found("1", 1));
    for n in 1..=10 {
        assert_eq!(get(&vault, "a", n), found(&n.to_string(), n));
        block_on(vault.activate(&all(), "a", n)).unwrap();
        assert_eq!(get(&vault, "a", 0), found(&n.to_string(), n));
    }
    assert_eq!(get(&vault, "a", 11), not_found());
    assert_eq!(get(&vault, "b", 0), not_found());
    assert_eq!(get(&vault, "", 0), not_found());
}

#[test]
fn a_conditional_get_compares_with_the_active_number_alone() {
    let vault = vault();
    let ask = |known| {
        let value = block_on(vault.get_if_changed(&all(), "a", known));
        value.map(|value| value.map(|value| value.version.number()))
    };
    assert!(matches!(ask(1), Err(VaultError::Rule(RuleError::NotFound))));
    put(&vault, "a", "1");
    put(&vault, "a", "2");
    assert_eq!(ask(1).unwrap(), None);
    assert_eq!(ask(2).unwrap(), Some(1));
    assert_eq!(ask(77).unwrap(), Some(1));
    assert_eq!(ask(0).unwrap(), Some(1));
    block_on(vault.activate(&all(), "a", 2)).unwrap();
    assert_eq!(ask(1).unwrap(), Some(2));
    assert_eq!(ask(2).unwrap(), None);
}

#[test]
fn putting_the_latest_value_again_is_the_same_version() {
    let vault = vault();
    assert_eq!(put(&vault, "a", "x"), 1);
    assert_eq!(put(&vault, "a", "x"), 1);
    assert_eq!(put(&vault, "a", "y"), 2);
    assert_eq!(put(&vault, "a", "x"), 3);
    assert_eq!(list(&vault), [("a".into(), vec![1, 2, 3], 1)]);
}

#[test]
fn an_empty_value_is_a_value() {
    let vault = vault();
    assert_eq!(put(&vault, "a", ""), 1);
    assert_eq!(get(&vault, "a", 0), found("", 1));
    assert_eq!(put(&vault, "a", ""), 1);
    assert_eq!(put(&vault, "a", "x"), 2);
}

/// setec answers with the deleted number, and stores nothing.
#[test]
fn an_empty_value_after_the_latest_was_deleted_is_a_new_version() {
    let vault = vault();
    put(&vault, "a", "x");
    put(&vault, "a", "y");
    block_on(vault.delete_version(&all(), "a", 2)).unwrap();
    assert_eq!(put(&vault, "a", ""), 3);
    assert_eq!(get(&vault, "a", 3), found("", 3));
}

/// setec stores version 0, for which nobody can ask.
#[test]
fn behind_the_last_number_nothing_is_put_but_the_same_value() {
    let vault = vault();
    create(&vault, "a", u32::MAX, "x").unwrap();
    let put_other = block_on(vault.put(&all(), "a", &secret("y")));
    assert!(matches!(put_other, Err(VaultError::Rule(RuleError::Exhausted))));
    assert_eq!(put(&vault, "a", "x"), u32::MAX);
    assert_eq!(list(&vault), [("a".into(), vec![u32::MAX], u32::MAX)]);
}

#[test]
fn a_created_version_is_active_and_a_claimed_one_changes_nothing() {
    let vault = vault();
    create(&vault, "a", 100, "x").unwrap();
    create(&vault, "a", 7, "y").unwrap();
    assert_eq!(get(&vault, "a", 0), found("y", 7));
    for (version, value) in [(100, "z"), (7, "y")] {
        let again = create(&vault, "a", version, value);
        assert!(matches!(again, Err(VaultError::Rule(RuleError::Claimed))));
    }
    assert_eq!(get(&vault, "a", 0), found("y", 7));
    assert_eq!(get(&vault, "a", 100), found("x", 100));
    assert_eq!(put(&vault, "a", "x"), 100);
}

#[test]
fn a_deleted_version_is_gone_and_the_active_one_stays() {
    let vault = vault();
    put(&vault, "a", "1");
    put(&vault, "a", "2");
    let delete = |version| block_on(vault.delete_version(&all(), "a", version));
    assert!(matches!(delete(1), Err(VaultError::Rule(RuleError::IsActive))));
    assert!(matches!(delete(3), Err(VaultError::Rule(RuleError::NotFound))));
    delete(2).unwrap();
    assert!(matches!(delete(2), Err(VaultError::Rule(RuleError::NotFound))));
    assert_eq!(get(&vault, "a", 2), not_found());
    assert_eq!(get(&vault, "a", 0), found("1", 1));
}

#[test]
fn a_deleted_secret_begins_anew() {
    let vault = vault();
    block_on(vault.delete(&all(), "a")).unwrap();
    put(&vault, "a", "1");
    put(&vault, "a", "2");
    block_on(vault.delete(&all(), "a")).unwrap();
    block_on(vault.delete(&all(), "a")).unwrap();
    assert_eq!(get(&vault, "a", 0), not_found());
    assert_eq!(get(&vault, "a", 1), not_found());
    assert_eq!(put(&vault, "a", "3"), 1);
    assert_eq!(get(&vault, "a", 0), found("3", 1));
}

#[test]
fn without_a_name_nothing_is_written() {
    let vault = vault();
    let value = secret("x");
    assert!(matches!(block_on(vault.put(&all(), "", &value)), Err(VaultError::EmptyName)));
    assert!(matches!(create(&vault, "", 0, "x"), Err(VaultError::EmptyName)));
    assert!(matches!(block_on(vault.activate(&all(), "", 0)), Err(VaultError::EmptyName)));
    let delete_version = |version| block_on(vault.delete_version(&all(), "", version));
    assert!(matches!(delete_version(1), Err(VaultError::Rule(RuleError::NotFound))));
    assert!(matches!(delete_version(0), Err(VaultError::ZeroVersion)));
    block_on(vault.delete(&all(), "")).unwrap();
    assert!(list(&vault).is_empty());
}

#[test]
fn version_0_is_none() {
    let vault = vault();
    put(&vault, "a", "x");
    assert!(matches!(create(&vault, "a", 0, "x"), Err(VaultError::InvalidVersion)));
    assert!(matches!(create(&vault, "_internal/a", 0, "x"), Err(VaultError::InvalidVersion)));
    assert!(matches!(block_on(vault.activate(&all(), "a", 0)), Err(VaultError::ZeroVersion)));
    assert!(matches!(block_on(vault.delete_version(&all(), "a", 0)), Err(VaultError::ZeroVersion)));
}

/// setec lets a version be created there, which then can't be deleted.
#[test]
fn names_of_the_server_can_be_read_and_not_written() {
    let store = MemoryStore::default();
    let vault = open(store);
    let name = "_internal/x";
    let sealed = vault.seal(name, Version::FIRST, &secret("theirs")).unwrap();
    let imported = record::put(None).unwrap().with(sealed);
    let outcome = block_on(vault.store.commit(name, imported, Revision::ABSENT, None));
    assert_eq!(outcome.unwrap(), Outcome::Committed);
    for error in [
        block_on(vault.put(&all(), name, &secret("x"))).map(drop),
        create(&vault, name, 9, "x"),
        block_on(vault.activate(&all(), name, 1)),
        block_on(vault.delete_version(&all(), name, 9)),
        block_on(vault.delete(&all(), name)),
        block_on(vault.put(&all(), "_internal/", &secret("x"))).map(drop),
    ] {
        assert!(matches!(error, Err(VaultError::ReservedName)));
    }
    assert_eq!(get(&vault, name, 0), found("theirs", 1));
    assert_eq!(list(&vault), [(name.to_string(), vec![1], 1)]);
    put(&vault, "_internal", "x");
}

#[test]
fn values_are_sealed_and_bound_to_their_place() {
    let vault = vault();
    put(&vault, "a", "hunter2");
    put(&vault, "b", "other");
    let sealed = |name| block_on(vault.store.value(name, Version::FIRST)).unwrap().unwrap();
    assert!(!sealed("a").as_bytes().windows(7).any(|window| window == b"hunter2"));
    let moved = record::create_version(None, Version::FIRST).unwrap().with(sealed("a"));
    assert_eq!(
        block_on(vault.store.commit("c", moved, Revision::ABSENT, None)).unwrap(),
        Outcome::Committed
    );
    assert!(matches!(
        block_on(vault.get(&all(), "c", 0)),
        Err(VaultError::Open(OpenError::Forged))
    ));
    assert_eq!(get(&vault, "a", 0), found("hunter2", 1));
}

#[test]
fn a_store_opens_with_the_key_it_was_made_with() {
    let store = MemoryStore::default();
    let vault = open(store);
    put(&vault, "a", "x");
    let other = KeyFile::parse(&Secret::from(&b"AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="[..]));
    let audit = silent(&*vault.store);
    let error = block_on(Vault::open(vault.store, &other.unwrap(), audit, NewNames::Any));
    let error = error.unwrap_err();
    assert!(matches!(error, UnsealError::Unwrap(UnwrapError::KeyEncryption(_))));
}

/// A store shared with another process, which is faster `n` times.
struct Rival {
    store: MemoryStore,
    times: std::sync::atomic::AtomicUsize,
}

impl Store for Rival {
    async fn names(&self) -> Result<Vec<Box<str>>, StoreError> {
        self.store.names().await
    }

    async fn record(&self, name: &str) -> Result<Found, StoreError> {
        self.store.record(name).await
    }

    async fn value(&self, name: &str, version: Version) -> Result<Option<Sealed>, StoreError> {
        self.store.value(name, version).await
    }

    async fn commit(
        &self,
        name: &str,
        change: Change,
        expected: Revision,
        note: Option<Note>,
    ) -> Result<Outcome, StoreError> {
        use std::sync::atomic::Ordering::Relaxed;
        let is_faster =
            self.times.fetch_update(Relaxed, Relaxed, |times| times.checked_sub(1)).is_ok();
        if is_faster && name == "a" {
            let found = self.store.record(name).await?;
            let addition = record::put(found.record.as_ref()).unwrap();
            let change = addition.with(Sealed::from(b"theirs".as_slice()));
            let theirs = self.store.commit(name, change, found.revision, None).await?;
            assert_eq!(theirs, Outcome::Committed);
        }
        self.store.commit(name, change, expected, note).await
    }

    async fn notes(&self) -> Result<Vec<Note>, StoreError> {
        self.store.notes().await
    }

    async fn forget_notes(&self, through: u64) -> Result<(), StoreError> {
        self.store.forget_notes(through).await
    }

    async fn header(&self) -> Result<Option<Header>, StoreError> {
        self.store.header().await
    }

    async fn replace_header(
        &self,
        expected: Option<&Header>,
        header: &Header,
    ) -> Result<Outcome, StoreError> {
        self.store.replace_header(expected, header).await
    }
}

#[test]
fn what_another_process_changes_in_between_is_seen_and_after_some_times_given_up() {
    let rival = |times: usize| {
        let store = Rival { store: MemoryStore::default(), times: times.into() };
        open(store)
    };
    let vault = rival(3);
    create(&vault, "a", 9, "ours").unwrap();
    assert_eq!(list(&vault), [("a".into(), vec![1, 2, 3, 9], 9)]);
    let vault = rival(TRIES);
    assert!(matches!(create(&vault, "a", 999, "ours"), Err(VaultError::Contended)));
    assert_eq!(list(&vault)[0].1, (1..=TRIES as u32).collect::<Vec<_>>());
    create(&vault, "a", 999, "ours").unwrap();
}

#[test]
fn many_that_write_one_secret_all_come_to_an_end() {
    let vault = vault();
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let vault = &vault;
            scope
                .spawn(move || (0..20).for_each(|n| _ = put(vault, "a", &format!("{thread} {n}"))));
        }
    });
    assert_eq!(block_on(vault.info(&all(), "a")).unwrap().versions().len(), 640);
}

/// A server runs them on threads it moves them between.
#[test]
fn all_operations_can_move_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    let (vault, value, caller) = (vault(), secret("x"), all());
    is_send(vault.list(&caller));
    is_send(vault.get(&caller, "a", 0));
    is_send(vault.get_if_changed(&caller, "a", 1));
    is_send(vault.info(&caller, "a"));
    is_send(vault.put(&caller, "a", &value));
    is_send(vault.create_version(&caller, "a", 1, &value));
    is_send(vault.activate(&caller, "a", 1));
    is_send(vault.delete_version(&caller, "a", 1));
    is_send(vault.delete(&caller, "a"));
}
