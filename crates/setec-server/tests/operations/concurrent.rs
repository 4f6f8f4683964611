//! On eight threads: whatever they were answered, the operations on each secret have an order.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use secretary_setec_server::{Store, Vault};

use super::model::{Answer, Operation};
use super::order::{self, overlaps};
use super::random::Random;
use super::{folder, memory, sqlite};

const THREADS: u64 = 8;
const EACH: u64 = 7;
const ROUNDS: u64 = 300;

type Call = order::Call<Answer>;

fn has_order(calls: &[Call]) -> bool {
    order::has_order(calls, Answer::clone)
}

/// Has all threads do things to two secrets at once.
fn round<S: Store>(vault: &Vault<S>, number: u64) -> Vec<Call> {
    let (clock, start): (AtomicU64, Barrier) = (AtomicU64::new(0), Barrier::new(THREADS as usize));
    let now = || clock.fetch_add(1, Ordering::SeqCst);
    let thread = |thread: u64| {
        let mut random = Random(number * THREADS + thread);
        start.wait();
        let call = |_| {
            let name = format!("{number}/{}", random.one_of(&["a", "b"]));
            let operation = Operation::random(&mut random);
            let began = now();
            let answer = operation.run(vault, &name);
            Call { name, operation, answer, began, ended: now() }
        };
        (0..EACH).map(call).collect::<Vec<Call>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || thread(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn every_round_has_an_order<S: Store>(vault: &Vault<S>) {
    let mut at_once = 0;
    for number in 0..ROUNDS {
        let calls = round(vault, number);
        at_once += overlaps(&calls);
        for name in ["a", "b"] {
            let name = format!("{number}/{name}");
            let its: Vec<Call> = calls.iter().filter(|call| call.name == name).cloned().collect();
            assert!(has_order(&its), "{its:#?}");
        }
    }
    assert!(at_once as u64 > ROUNDS * 10, "only {at_once} pairs ran at once: this shows nothing");
}

#[test]
fn a_memory_store_answers_in_an_order() {
    every_round_has_an_order(&memory());
}

#[test]
fn a_file_answers_in_an_order() {
    let (_folder, path) = folder();
    every_round_has_an_order(&sqlite(&path));
}

/// The search itself can say no.
#[test]
fn a_lost_write_and_an_old_value_have_no_order() {
    let call = |operation, answer, began, ended| Call {
        name: "a".to_string(),
        operation,
        answer,
        began,
        ended,
    };
    let put = |value: &[u8], version, began, ended| {
        call(Operation::Put(value.to_vec()), Answer::Version(version), began, ended)
    };
    let get = |value: &[u8], version, began, ended| {
        call(Operation::Get(version), Answer::Value(value.to_vec(), version), began, ended)
    };
    assert!(has_order(&[put(b"a", 1, 0, 3), put(b"b", 2, 1, 2), get(b"b", 2, 4, 5)]));
    assert!(has_order(&[put(b"a", 2, 0, 3), put(b"b", 1, 1, 2)]));
    // Both got the same number; one got its number after the other, and had ended before; a deleted one was read.
    assert!(!has_order(&[put(b"a", 1, 0, 3), put(b"b", 1, 1, 2)]));
    assert!(!has_order(&[put(b"a", 2, 0, 1), put(b"b", 1, 2, 3)]));
    let delete = call(Operation::Delete, Answer::Done, 2, 3);
    assert!(!has_order(&[put(b"a", 1, 0, 1), delete.clone(), get(b"a", 1, 4, 5)]));
    assert!(has_order(&[put(b"a", 1, 0, 1), delete, get(b"a", 1, 2, 5)]));
}
