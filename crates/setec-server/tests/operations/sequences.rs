//! On one thread, and with the store closed and opened in between.

use std::collections::BTreeMap;

use secretary_setec_server::{SqliteStore, Store, Vault, Version};

use super::model::{Model, Operation};
use super::random::Random;
use super::{block_on, caller, folder, memory, sqlite};

/// How many sequences share a store: opening one takes longer the more is in it.
const TOGETHER: u64 = 250;

/// Sequences that `cargo test` has time for.
const SOME: u64 = 4_000;
const MANY: u64 = 100_000;

const NAMES: [&str; 3] = ["a", "b", "a/b"];

/// One sequence, on names of its own. `again` closes the store and opens it, at any time.
fn run<S: Store>(
    number: u64,
    mut vault: Vault<S>,
    again: impl Fn(Vault<S>) -> Vault<S>,
) -> Vault<S> {
    let mut random = Random(number);
    let mut models = BTreeMap::<String, Model>::new();
    for step in 0..random.below(30) + 1 {
        if random.below(100) == 0 {
            vault = again(vault);
        }
        let name = format!("{number}/{}", random.one_of(&NAMES));
        let operation = Operation::random(&mut random);
        let answer = operation.run(&vault, &name);
        let expected = models.entry(name.clone()).or_default().run(&operation);
        assert_eq!(answer, expected, "sequence {number}, step {step}: {operation:?} of {name}");
    }
    assert_eq!(listed(&vault, &format!("{number}/")), expected(&models), "sequence {number}");
    vault
}

type List = Vec<(String, Vec<u32>, u32)>;

fn listed<S: Store>(vault: &Vault<S>, prefix: &str) -> List {
    let infos = block_on(vault.list(&caller())).expect("a list");
    let listed = infos.iter().filter(|info| info.name.starts_with(prefix)).map(|info| {
        let versions = info.versions().iter().map(Version::number).collect();
        (info.name.to_string(), versions, info.active().number())
    });
    listed.collect()
}

fn expected(models: &BTreeMap<String, Model>) -> List {
    let there = models.iter().filter(|(_, model)| !model.versions.is_empty());
    let listed = there.map(|(name, model)| {
        (name.clone(), model.versions.keys().copied().collect(), model.active)
    });
    listed.collect()
}

fn in_memory(count: u64) {
    for first in (0..count).step_by(TOGETHER as usize) {
        (first..first + TOGETHER).fold(memory(), |vault, number| run(number, vault, |vault| vault));
    }
}

fn in_a_file(count: u64) {
    for first in (0..count).step_by(TOGETHER as usize) {
        let (_folder, path) = folder();
        let again = |vault: Vault<SqliteStore>| {
            drop(vault);
            sqlite(&path)
        };
        (first..first + TOGETHER).fold(sqlite(&path), |vault, number| run(number, vault, again));
    }
}

#[test]
fn a_memory_store_does_as_the_model_does() {
    in_memory(SOME);
}

#[test]
fn a_file_does_as_the_model_does() {
    in_a_file(SOME);
}

#[test]
#[ignore = "takes minutes, and `scripts/test` has them"]
fn a_memory_store_does_as_the_model_does_100_000_times() {
    in_memory(MANY);
}

#[test]
#[ignore = "takes minutes, and `scripts/test` has them"]
fn a_file_does_as_the_model_does_100_000_times() {
    in_a_file(MANY);
}
