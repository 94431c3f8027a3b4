//! Text of which an inventory holds millions of copies: the fields of security-group rules. One
//! word wide, nothing for the empty text, and shared where an [`Interner`] has seen it.

use std::{
    borrow::Borrow,
    collections::HashSet,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Immutable text, cheap to clone. Empty text is `None` inside, always.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(Option<Arc<Box<str>>>);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().map_or("", |text| text)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// As its text, so that it can be looked up by it.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Box<str>> for Text {
    fn from(text: Box<str>) -> Self {
        Self((!text.is_empty()).then(|| Arc::new(text)))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(Box::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.into_boxed_str())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Makes equal texts one.
#[derive(Clone, Debug, Default)]
pub struct Interner(HashSet<Text>);

impl Interner {
    /// Replaces the text by the first equal one that was shown.
    pub fn share(&mut self, text: &mut Text) {
        if text.is_empty() {
            return;
        }
        match self.0.get(text.as_str()) {
            Some(known) => *text = known.clone(),
            None => {
                self.0.insert(text.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_shared_and_stay_equal() {
        let mut interner = Interner::default();
        let (mut one, mut other) = (Text::from("Accept"), Text::from("Accept"));
        interner.share(&mut one);
        interner.share(&mut other);
        assert_eq!(one, other);
        assert!(matches!((&one.0, &other.0), (Some(one), Some(other)) if Arc::ptr_eq(one, other)));
        assert_eq!(Text::from(""), Text::default());
        assert_eq!(size_of::<Text>(), size_of::<usize>());
    }
}
