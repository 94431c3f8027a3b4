//! Lists of which judgements and findings hold many equal copies: the ranges that a filter admits,
//! the rules to blame, the references of a rule.

use std::{collections::HashSet, hash::Hash, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An immutable list, cheap to clone: a copy is the same list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shared<T>(Arc<[T]>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(items: Vec<T>) -> Self {
        if items.is_empty() { Self::default() } else { Self(items.into()) }
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from(Vec::from_iter(items))
    }
}

impl<'a, T> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

/// Makes equal values one, of types whose copies are the same thing: [`Shared`], [`Text`](super::Text), ids.
#[derive(Clone, Debug)]
pub struct Pool<T>(HashSet<T>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    /// Replaces the value by the first equal one that was shown.
    pub fn share(&mut self, value: &mut T) {
        match self.0.get(value) {
            Some(known) => value.clone_from(known),
            None => {
                self.0.insert(value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_become_one() {
        let mut pool = Pool::default();
        let (mut one, mut other) = (Shared::from(vec![1, 2]), Shared::from(vec![1, 2]));
        assert!(!Arc::ptr_eq(&one.0, &other.0));
        pool.share(&mut one);
        pool.share(&mut other);
        assert!(Arc::ptr_eq(&one.0, &other.0));
        let mut third = Shared::from(vec![2]);
        pool.share(&mut third);
        assert_eq!(*third, [2]);
    }
}
