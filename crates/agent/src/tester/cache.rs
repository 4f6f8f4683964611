//! Which handles an agent knows already, and from where: for the life of its process, without a refresh.

use std::collections::{BTreeMap, BTreeSet};

use secretary_secret::Secret;

/// Values by handle.
#[derive(Debug, Default)]
pub struct Cache(BTreeMap<String, Known>);

#[derive(Debug)]
struct Known {
    value: Secret,
    origins: BTreeSet<String>,
}

impl Cache {
    /// Keeps a value that was just fetched. What was known of the handle is forgotten, its origins too.
    pub fn keep(&mut self, handle: &str, value: Secret, origin: &str) {
        let origins = BTreeSet::from([origin.to_string()]);
        self.0.insert(handle.to_string(), Known { value, origins });
    }

    /// Notes that `origin` asks for `handle`, and answers whether it is known.
    pub fn note(&mut self, handle: &str, origin: &str) -> bool {
        let known = self.0.get_mut(handle);
        known.map(|known| known.origins.insert(origin.to_string())).is_some()
    }

    /// The value of `handle`.
    pub fn value(&self, handle: &str) -> Option<&Secret> {
        self.0.get(handle).map(|known| &known.value)
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.values().map(|known| &known.value)
    }

    /// The handles in order, each with its origins in order.
    pub fn origins(&self) -> impl ExactSizeIterator<Item = (&str, &BTreeSet<String>)> {
        self.0.iter().map(|(handle, known)| (handle.as_str(), &known.origins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_adds_an_origin_and_a_fetch_forgets_the_others() {
        let mut cache = Cache::default();
        assert!(!cache.note("h", "a"));
        cache.keep("h", Secret::from(b"1".as_slice()), "a");
        assert!(cache.note("h", "b"));
        let origins: Vec<_> = cache.origins().collect();
        assert_eq!(origins, [("h", &BTreeSet::from(["a", "b"].map(String::from)))]);
        cache.keep("h", Secret::from(b"2".as_slice()), "c");
        let origins: Vec<_> = cache.origins().collect();
        assert_eq!(origins, [("h", &BTreeSet::from(["c".to_string()]))]);
        assert_eq!(cache.value("h").expect("known").expose(), b"2");
    }
}
