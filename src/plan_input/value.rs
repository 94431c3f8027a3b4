//! One value of a planned resource: known, null, to be known after apply, sensitive, or of another type than the provider's
//! schema has. Terraform leaves unknown values out of `after` and marks them in `after_unknown`, a tree of the same shape.

use serde_json::{Map, Value};

/// What stands in a text where the value is not known yet. It is no CIDR, number or word that anything means, so that whoever
/// reads it finds it unreadable.
pub(super) const LATER: &str = "(known after apply)";
/// The same where the value may not be shown.
const HIDDEN: &str = "(sensitive)";
/// The same where it has another type than it should.
const STRANGE: &str = "(not readable)";

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact<T> {
    Value(T),
    /// Said to be unset.
    Null,
    /// Not mentioned at all.
    Absent,
    /// Known after apply.
    Later,
    /// Marked as sensitive.
    Hidden,
    /// Of another type.
    Strange,
}

impl<T> Fact<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Why nothing is known; `None` where something is, be it that nothing is set.
    pub(super) fn why_unknown(&self) -> Option<&'static str> {
        match self {
            Self::Value(_) | Self::Null => None,
            Self::Absent => Some("is not in the plan"),
            Self::Later => Some("is known only after apply"),
            Self::Hidden => Some("is marked as sensitive"),
            Self::Strange => Some("has a type that it cannot have"),
        }
    }
}

impl Fact<&str> {
    /// For a text that is only read by whoever finds out that it cannot be read: never a guess.
    pub(super) fn or_marker(self) -> String {
        match self {
            Self::Value(text) => text.to_owned(),
            Self::Null | Self::Absent => String::new(),
            Self::Later => LATER.to_owned(),
            Self::Hidden => HIDDEN.to_owned(),
            Self::Strange => STRANGE.to_owned(),
        }
    }

    /// The text, where it is set to one that is not empty.
    pub(super) fn set(self) -> Option<String> {
        self.value().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// A place in the tree of values, with what is marked there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    unknown: Mark<'a>,
    sensitive: Mark<'a>,
}

/// A place in a tree of marks.
#[derive(Clone, Copy, Debug)]
enum Mark<'a> {
    /// Neither the value nor anything in it.
    No,
    /// The value and everything in it.
    Whole,
    Parts(&'a Value),
}

impl<'a> Mark<'a> {
    fn of(tree: Option<&'a Value>) -> Self {
        match tree {
            None | Some(Value::Null | Value::Bool(false)) => Self::No,
            Some(parts @ (Value::Object(_) | Value::Array(_))) => Self::Parts(parts),
            // A mark that is no mark is taken for one: it may hide something.
            Some(_) => Self::Whole,
        }
    }

    fn field(self, name: &str) -> Self {
        match self {
            Self::Parts(tree) => Self::of(tree.get(name)),
            whole_or_no => whole_or_no,
        }
    }

    fn item(self, index: usize) -> Self {
        match self {
            Self::Parts(tree) => Self::of(tree.get(index)),
            whole_or_no => whole_or_no,
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Whole)
    }

    fn any(self) -> bool {
        fn any_in(tree: &Value) -> bool {
            match tree {
                Value::Array(items) => items.iter().any(any_in),
                Value::Object(fields) => fields.values().any(any_in),
                Value::Null | Value::Bool(false) => false,
                _ => true,
            }
        }
        match self {
            Self::No => false,
            Self::Whole => true,
            Self::Parts(tree) => any_in(tree),
        }
    }
}

impl<'a> Node<'a> {
    pub(super) fn new(value: &'a Value, unknown: Option<&'a Value>, sensitive: Option<&'a Value>) -> Self {
        Self { value: Some(value), unknown: Mark::of(unknown), sensitive: Mark::of(sensitive) }
    }

    pub(super) fn field(self, name: &str) -> Self {
        Self {
            value: self.value.and_then(|value| value.get(name)),
            unknown: self.unknown.field(name),
            sensitive: self.sensitive.field(name),
        }
    }

    fn fact<T>(self, read: impl FnOnce(&'a Value) -> Option<T>) -> Fact<T> {
        if self.sensitive.any() {
            return Fact::Hidden;
        }
        if self.unknown.is_whole() {
            return Fact::Later;
        }
        match self.value {
            None => Fact::Absent,
            Some(Value::Null) => Fact::Null,
            Some(value) => read(value).map_or(Fact::Strange, Fact::Value),
        }
    }

    pub(super) fn text(self) -> Fact<&'a str> {
        self.fact(Value::as_str)
    }

    pub(super) fn flag(self) -> Fact<bool> {
        self.fact(Value::as_bool)
    }

    pub(super) fn number(self) -> Fact<u64> {
        self.fact(Value::as_u64)
    }

    pub(super) fn port(self) -> Fact<u16> {
        self.fact(|value| value.as_u64().and_then(|number| u16::try_from(number).ok()))
    }

    fn object(self) -> Fact<&'a Map<String, Value>> {
        self.fact(Value::as_object)
    }

    /// The elements of a list, set or block. A set of which one element is unknown has as many elements as it says.
    pub(super) fn items(self) -> Fact<Vec<Self>> {
        // Something sensitive in it does not hide how many there are.
        let whole = Self { sensitive: if self.sensitive.is_whole() { Mark::Whole } else { Mark::No }, ..self };
        let item = |(index, value)| Self {
            value: Some(value),
            unknown: self.unknown.item(index),
            sensitive: self.sensitive.item(index),
        };
        whole.fact(|value| Some(value.as_array()?.iter().enumerate().map(item).collect()))
    }

    /// The only element of a block of which there is at most one.
    pub(super) fn block(self) -> Fact<Self> {
        match self.items() {
            Fact::Value(items) => items.first().map_or(Fact::Null, |item| Fact::Value(*item)),
            Fact::Null => Fact::Null,
            Fact::Absent => Fact::Absent,
            Fact::Later => Fact::Later,
            Fact::Hidden => Fact::Hidden,
            Fact::Strange => Fact::Strange,
        }
    }

    /// The entries of a map of texts that may be shown.
    pub(super) fn texts(self) -> impl Iterator<Item = (String, String)> + 'a {
        let fields = Self { sensitive: Mark::No, ..self }.object().value();
        fields
            .into_iter()
            .flatten()
            .filter_map(move |(name, _)| Some((name.clone(), self.field(name).text().value()?.to_owned())))
    }
}
