//! Whether what several threads were answered can have come about: there is an order of the operations, in which none
//! comes before one that had ended when it began, and in which one after the other they are answered the same.
//!
//! Operations on different secrets have nothing to do with one another, so each secret has an order of its own. It is
//! looked for as Wing and Gong did, without looking twice at the same operations left in the same state.

use std::collections::HashSet;

use super::model::{Answer, Model, Operation};

/// An operation that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Call<A> {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) answer: A,
    pub(crate) began: u64,
    pub(crate) ended: u64,
}

/// Whether the calls of one secret have an order. Of what the model answers, `seen` is what a caller sees.
pub(crate) fn has_order<A: PartialEq>(calls: &[Call<A>], seen: impl Fn(&Answer) -> A) -> bool {
    assert!(calls.len() <= 64, "the calls left are the bits of a number");
    let all = (1_u128 << calls.len()) - 1;
    find_order(calls, &seen, all as u64, &Model::default(), &mut HashSet::new())
}

fn find_order<A: PartialEq>(
    calls: &[Call<A>],
    seen: &impl Fn(&Answer) -> A,
    left: u64,
    state: &Model,
    looked_at: &mut HashSet<(u64, Model)>,
) -> bool {
    if left == 0 {
        return true;
    }
    if !looked_at.insert((left, state.clone())) {
        return false;
    }
    let is_left = |number: &usize| left & (1 << number) != 0;
    let first_end = (0..calls.len()).filter(is_left).map(|number| calls[number].ended).min();
    (0..calls.len()).filter(is_left).any(|number| {
        let call = &calls[number];
        // One that began after another had ended can't be the next.
        if Some(call.began) > first_end {
            return false;
        }
        let mut next = state.clone();
        seen(&next.run(&call.operation)) == call.answer
            && find_order(calls, seen, left & !(1 << number), &next, looked_at)
    })
}

/// How many pairs of calls about one secret were under way at the same time.
pub(crate) fn overlaps<A>(calls: &[Call<A>]) -> usize {
    let pairs = calls.iter().enumerate().flat_map(|(n, a)| calls[..n].iter().map(move |b| (a, b)));
    pairs.filter(|(a, b)| a.name == b.name && a.began < b.ended && b.began < a.ended).count()
}
