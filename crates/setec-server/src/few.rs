//! A list that mostly has one element.

use std::slice;
use std::sync::Arc;

/// A list in the space of one element and a word. One element is in place; more are shared by all copies until one of
/// them is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    Many(Arc<Vec<T>>),
}

impl<T: Clone> Few<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(element) => slice::from_ref(element),
            Self::Many(list) => list,
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::None => &mut [],
            Self::One(element) => slice::from_mut(element),
            Self::Many(list) => Arc::<Vec<T>>::make_mut(list),
        }
    }

    pub(crate) fn insert(&mut self, place: usize, element: T) {
        match self {
            Self::None => *self = Self::One(element),
            Self::One(other) => {
                let mut list = vec![other.clone()];
                list.insert(place, element);
                *self = Self::Many(Arc::new(list));
            }
            Self::Many(list) => Arc::make_mut(list).insert(place, element),
        }
    }

    pub(crate) fn remove(&mut self, place: usize) -> T {
        match std::mem::take(self) {
            Self::None => panic!("nothing is taken out of what is empty"),
            Self::One(element) => element,
            Self::Many(list) => {
                let mut list = Arc::unwrap_or_clone(list);
                let element = list.remove(place);
                *self = match &list[..] {
                    [last] => Self::One(last.clone()),
                    _ => Self::Many(Arc::new(list)),
                };
                element
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_a_list(steps in proptest::collection::vec((any::<bool>(), any::<usize>(), any::<u8>()), 0..50)) {
            let (mut few, mut model) = (Few::default(), Vec::new());
            let mut copies = Vec::new();
            for (adds, place, element) in steps {
                copies.push((few.clone(), model.clone()));
                match model.len() {
                    len if adds => {
                        few.insert(place % (len + 1), element);
                        model.insert(place % (len + 1), element);
                    }
                    0 => {}
                    len => {
                        few.as_mut_slice()[place % len] = element;
                        model[place % len] = element;
                        prop_assert_eq!(few.remove(place % len), model.remove(place % len));
                    }
                }
                prop_assert_eq!(few.as_slice(), &model[..]);
                prop_assert_eq!(matches!(few, Few::Many(_)), model.len() > 1);
            }
            prop_assert!(copies.iter().all(|(few, model)| few.as_slice() == &model[..]));
        }
    }
}
