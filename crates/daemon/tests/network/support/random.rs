//! Numbers that look random and come again with their seed (SplitMix64, Steele, Lea and Flood 2014).

/// A source of such numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    pub(crate) seed: u64,
    state: u64,
}

impl Random {
    /// The numbers of `seed`, or of the one in `$ATTACKS_SEED`, to have those of a failure again.
    pub(crate) fn new(seed: u64) -> Self {
        let given = std::env::var("ATTACKS_SEED");
        let seed = given.map_or(seed, |seed| seed.parse().expect("$ATTACKS_SEED is a number"));
        Self { seed, state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    /// One of `list`.
    pub(crate) fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}
