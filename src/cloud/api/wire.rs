//! The untidy wire, made tidy once. Replies write numbers as text, flags as 0 and 1, lists with or
//! without a wrapper, and nothing as `""`, `null` or absence. The types here take all of that, but
//! remember what was wrong instead of failing the whole reply, so that one bad field neither turns
//! into "safe" nor hides the fields beside it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// Longest text that a field may hold. Real ones stay below two kilobytes, `meta_data` aside.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Longest excerpt of a wrong value in a message.
const MAX_SHOWN: usize = 40;

/// What is wrong with a field: `Spec.LoadBalancer.PilotPublicEip is missing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.what)
    }
}

/// Collects what is wrong with one reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a problem.
    pub fn note(&mut self, field: &'static str, what: impl Into<String>) {
        self.0.push(Problem { field, what: what.into() });
    }

    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first three as one sentence, for the coverage ledger.
    pub fn summary(&self) -> String {
        let mut texts: Vec<String> = self.0.iter().take(3).map(ToString::to_string).collect();
        if self.0.len() > 3 {
            texts.push(format!("{} more", self.0.len() - 3));
        }
        texts.join("; ")
    }

    /// Adds what another reply, or another part of this one, had.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// One field of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The key is not there.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// Something of another type; the text shows what, escaped and cut.
    Wrong(String),
    /// As it should be.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Lenient: absent and `null` are none; a value of another type is a problem and none.
    pub fn optional(self, field: &'static str, problems: &mut Problems) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Null => None,
            Self::Wrong(seen) => {
                problems.note(field, format!("is {seen}"));
                None
            }
        }
    }

    /// Strict: anything but a value is a problem.
    pub fn required(self, field: &'static str, problems: &mut Problems) -> Option<T> {
        match self {
            Self::Missing => problems.note(field, "is missing"),
            Self::Null => problems.note(field, "is null"),
            Self::Wrong(seen) => problems.note(field, format!("is {seen}")),
            Self::Value(value) => return Some(value),
        }
        None
    }
}

impl Field<String> {
    /// Lenient: absent, `null` and `""` are empty text.
    pub fn text(self, field: &'static str, problems: &mut Problems) -> String {
        self.optional(field, problems).unwrap_or_default()
    }

    /// Strict: there has to be some text.
    pub fn required_text(self, field: &'static str, problems: &mut Problems) -> Option<String> {
        let text = self.required(field, problems)?;
        if text.is_empty() {
            problems.note(field, "is empty");
            return None;
        }
        Some(text)
    }
}

/// A type that one JSON scalar can hold.
pub trait FromScalar: Sized {
    /// `None` where the scalar holds no such value.
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self>;
}

/// A JSON scalar that is not `null`.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "the boolean {value}"),
            Self::Unsigned(value) => write!(f, "the number {value}"),
            Self::Signed(value) => write!(f, "the number {value}"),
            Self::Float(value) => write!(f, "the number {value}"),
            Self::Text(text) => {
                let shown: String = text.chars().take(MAX_SHOWN).collect();
                let rest = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "the text \"{}{rest}\"", shown.escape_debug())
            }
        }
    }
}

/// Strict: a flag that is not `true` or `false` says nothing, `"false"` and `0` included.
impl FromScalar for bool {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Bool(value) => Some(value),
            _ => None,
        }
    }
}

/// Text, also where the wire has a number or a boolean.
impl FromScalar for String {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => (text.len() <= MAX_TEXT_BYTES).then(|| text.to_owned()),
            Scalar::Bool(value) => Some(value.to_string()),
            Scalar::Unsigned(value) => Some(value.to_string()),
            Scalar::Signed(value) => Some(value.to_string()),
            Scalar::Float(_) => None,
        }
    }
}

/// As text, in its smallest form: there are hundred thousands of these.
impl FromScalar for Box<str> {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => (text.len() <= MAX_TEXT_BYTES).then(|| text.into()),
            other => String::from_scalar(other).map(String::into_boxed_str),
        }
    }
}

/// A whole number, also as text. Empty text is none of it, see [`Lenient`].
impl FromScalar for u64 {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Unsigned(value) => Some(value),
            Scalar::Signed(value) => Self::try_from(value).ok(),
            Scalar::Text(text) => text.trim().parse().ok(),
            Scalar::Bool(_) | Scalar::Float(_) => None,
        }
    }
}

/// A port, also as text.
impl FromScalar for u16 {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        u64::from_scalar(scalar).and_then(|number| Self::try_from(number).ok())
    }
}

/// A flag whose absence and falsehood are harmless: `true`, `"true"`, `1` and `"1"` are true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lenient(pub bool);

impl FromScalar for Lenient {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Bool(value) => Some(Self(value)),
            Scalar::Unsigned(value) => Some(Self(value != 0)),
            Scalar::Text("true" | "True" | "TRUE" | "1") => Some(Self(true)),
            Scalar::Text("false" | "False" | "FALSE" | "0" | "") => Some(Self(false)),
            _ => None,
        }
    }
}

impl<'de, T: FromScalar> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor<T>(std::marker::PhantomData<T>);

        impl<T: FromScalar> FieldVisitor<T> {
            fn scalar<E>(scalar: Scalar<'_>) -> Result<Field<T>, E> {
                Ok(T::from_scalar(scalar).map_or_else(|| Field::Wrong(scalar.to_string()), Field::Value))
            }
        }

        impl<'de, T: FromScalar> Visitor<'de> for FieldVisitor<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Self::scalar(Scalar::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Self::scalar(Scalar::Unsigned(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Self::scalar(Scalar::Signed(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Self::scalar(Scalar::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Self::scalar(Scalar::Text(value))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Field::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Wrong("a list".to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Wrong("an object".to_owned()))
            }
        }

        deserializer.deserialize_any(FieldVisitor(std::marker::PhantomData))
    }
}

/// A nested object. `[]`, which a derived struct would take for one, is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<T>(pub Field<T>);

impl<T: Default> Object<T> {
    /// The object; an empty one where there is none, so that its own fields say what is missing.
    /// `None` where something else stands in its place: then its fields are unread, not absent.
    pub fn read(self, field: &'static str, problems: &mut Problems) -> Option<T> {
        match self.0 {
            Field::Value(value) => Some(value),
            Field::Missing | Field::Null => Some(T::default()),
            // Empty text is an empty object from a gateway that was born with XML.
            Field::Wrong(seen) if seen == EMPTY_TEXT => Some(T::default()),
            Field::Wrong(seen) => {
                problems.note(field, format!("is {seen}"));
                None
            }
        }
    }
}

/// How [`Scalar`] shows `""`.
const EMPTY_TEXT: &str = "the text \"\"";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Object(Field::Wrong(Scalar::Bool(value).to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Object(Field::Wrong(Scalar::Unsigned(value).to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Object(Field::Wrong(Scalar::Signed(value).to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Object(Field::Wrong(Scalar::Float(value).to_string())))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Object(Field::Wrong(Scalar::Text(value).to_string())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Object(Field::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Object(Field::Wrong("a list".to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(entries)).map(|value| Object(Field::Value(value)))
            }
        }

        deserializer.deserialize_any(ObjectVisitor(std::marker::PhantomData))
    }
}

/// A list in any dress: flat (`[…]`), wrapped (`{"EipAddress": […]}`), or empty as `[]`, `{}`,
/// `""`, `null` or an absent inner key. An absent outer key is kept apart: whether it means "none"
/// is for the reader of the reply to decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum List<T> {
    /// The key is not there.
    #[default]
    Missing,
    /// Something that is no list; the text shows what.
    Wrong(String),
    /// As it should be. Elements of another shape are [`Field::Wrong`].
    Items(Vec<Field<T>>),
}

impl<T> List<T> {
    /// Strict: an absent key is a problem, unless the reply itself counts zero items.
    pub fn required(self, field: &'static str, total: Option<u64>, problems: &mut Problems) -> Vec<T> {
        if matches!(self, Self::Missing) && total != Some(0) {
            problems.note(field, "is missing");
            return Vec::new();
        }
        self.optional(field, problems)
    }

    /// Lenient: an absent key is an empty list. Bad elements are problems and left out.
    pub fn optional(self, field: &'static str, problems: &mut Problems) -> Vec<T> {
        match self {
            Self::Missing => Vec::new(),
            Self::Wrong(seen) => {
                problems.note(field, format!("is {seen}"));
                Vec::new()
            }
            Self::Items(items) => items.into_iter().filter_map(|item| item.required(field, problems)).collect(),
        }
    }
}

impl<T> List<T> {
    /// For pages: what is wrong with the list itself, and its elements. An absent key is a problem,
    /// unless the reply itself counts zero items.
    pub(super) fn into_page(self, field: &'static str, total: Option<u64>) -> (Problems, Vec<Field<T>>) {
        let mut problems = Problems::default();
        match self {
            Self::Missing if total == Some(0) => {}
            Self::Missing => problems.note(field, "is missing"),
            Self::Wrong(seen) => problems.note(field, format!("is {seen}")),
            Self::Items(items) => return (problems, items),
        }
        (problems, Vec::new())
    }
}

impl Field<u64> {
    /// A total as token-paged lists have it: some say 0 whatever they hold.
    pub(super) fn total_beside_token(&self) -> Option<u64> {
        self.value().copied().filter(|total| *total > 0)
    }
}

/// The identifier of an element, for telling repeats; empty where it has none.
pub(super) fn element_id<T>(element: &Field<T>, id: impl Fn(&T) -> &Field<String>) -> String {
    element.value().and_then(|value| id(value).value().cloned()).unwrap_or_default()
}

/// What may be an element of a [`List`]: a scalar, or an object through [`Object`].
pub trait Element: Sized {
    /// Reads one element; a wrong one is [`Field::Wrong`], never an error.
    fn element<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Field<Self>, D::Error>;
}

/// Makes wire structs usable as list elements.
macro_rules! object_elements {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::cloud::api::wire::Element for $name {
            fn element<'de, D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$crate::cloud::api::wire::Field<Self>, D::Error> {
                <$crate::cloud::api::wire::Object<Self> as serde::Deserialize>::deserialize(deserializer)
                    .map(|object| object.0)
            }
        }
    )+};
}
pub(crate) use object_elements;

impl Element for String {
    fn element<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Field<Self>, D::Error> {
        Field::deserialize(deserializer)
    }
}

/// Carries [`Element::element`] through serde's sequence reader.
struct Slot<T>(Field<T>);

impl<'de, T: Element> Deserialize<'de> for Slot<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::element(deserializer).map(Self)
    }
}

impl<'de, T: Element> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T> {
            /// Inside a wrapper a further object is wrong.
            wrapped: bool,
            element: std::marker::PhantomData<T>,
        }

        impl<T> ListVisitor<T> {
            fn wrong<E>(scalar: Scalar<'_>) -> Result<List<T>, E> {
                Ok(List::Wrong(scalar.to_string()))
            }
        }

        impl<'de, T: Element> serde::de::DeserializeSeed<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }

        impl<'de, T: Element> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Self::wrong(Scalar::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Self::wrong(Scalar::Unsigned(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Self::wrong(Scalar::Signed(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Self::wrong(Scalar::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                if value.is_empty() { Ok(List::Items(Vec::new())) } else { Self::wrong(Scalar::Text(value)) }
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::Items(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(Slot(item)) = elements.next_element::<Slot<T>>()? {
                    items.push(item);
                }
                Ok(List::Items(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                if self.wrapped {
                    while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                    return Ok(List::Wrong("an object".to_owned()));
                }
                let mut list = List::Items(Vec::new());
                // Wrappers have one key, whose name is often odd (`AclEntrys.AclEntry`).
                while entries.next_key::<IgnoredAny>()?.is_some() {
                    let inner = ListVisitor { wrapped: true, element: std::marker::PhantomData };
                    list = match (list, entries.next_value_seed(inner)?) {
                        (List::Items(mut items), List::Items(more)) => {
                            items.extend(more);
                            List::Items(items)
                        }
                        (List::Wrong(seen), _) | (_, List::Wrong(seen)) => List::Wrong(seen),
                        (List::Missing, other) | (other, List::Missing) => other,
                    };
                }
                Ok(list)
            }
        }

        deserializer.deserialize_any(ListVisitor { wrapped: false, element: std::marker::PhantomData })
    }
}

/// A resource tag in any of the vendor's spellings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Tag {
    #[serde(alias = "Key", alias = "TagKey")]
    key: Field<String>,
    #[serde(alias = "Value", alias = "TagValue")]
    value: Field<String>,
}
object_elements!(Tag);

/// Most tags that a resource can have; the vendor allows 20.
const MAX_TAGS: usize = 512;

impl List<Tag> {
    /// Key and value of every tag.
    pub fn tags(self, field: &'static str, problems: &mut Problems) -> Vec<(String, String)> {
        let tags = self.optional(field, problems);
        if tags.len() > MAX_TAGS {
            problems.note(field, format!("has {} entries, more than {MAX_TAGS}", tags.len()));
            return Vec::new();
        }
        let read = |tag: Tag| {
            // One without a key may be any.
            let key = tag.key.required(field, problems);
            let value = tag.value.text(field, problems);
            Some((key?, value))
        };
        tags.into_iter().filter_map(read).collect()
    }
}

/// Reads JSON that is text inside JSON. Empty text is `None`; text that is itself a JSON string is
/// unescaped once more.
///
/// # Errors
/// What is wrong, as the second half of a sentence.
pub fn inner_json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<Option<T>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let parsed = match serde_json::from_str::<String>(text) {
        Ok(inner) if inner.trim().is_empty() => return Ok(None),
        Ok(inner) => serde_json::from_str::<Object<T>>(&inner),
        Err(_) => serde_json::from_str::<Object<T>>(text),
    };
    match parsed {
        Ok(Object(Field::Value(value))) => Ok(Some(value)),
        Ok(Object(Field::Null | Field::Missing)) => Ok(None),
        Ok(Object(Field::Wrong(seen))) => Err(format!("holds {seen} instead of a JSON object")),
        Err(_) => Err(format!("is not JSON: {}", Scalar::Text(text))),
    }
}

/// True if the identifier may stand in a URL or a list of ids: `^[A-Za-z0-9_-]{1,64}$`.
pub fn is_plain_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", default)]
    struct Item {
        id: Field<String>,
    }
    object_elements!(Item);

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Reply {
        items: List<Item>,
        names: List<String>,
        flag: Field<bool>,
        number: Field<u64>,
        nested: Object<Item>,
        tags: List<Tag>,
    }

    fn reply(text: &str) -> Reply {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_list_is_read_in_every_dress() {
        for text in [r#"{"Items":[{"Id":"a"}]}"#, r#"{"Items":{"Item":[{"Id":"a"}]}}"#] {
            let mut problems = Problems::default();
            let items = reply(text).items.required("Items", None, &mut problems);
            assert_eq!((items.len(), problems.is_empty()), (1, true), "{text}");
        }
        for text in
            [r#"{"Items":[]}"#, r#"{"Items":{}}"#, r#"{"Items":""}"#, r#"{"Items":null}"#, r#"{"Items":{"Item":""}}"#]
        {
            let mut problems = Problems::default();
            let items = reply(text).items.required("Items", None, &mut problems);
            assert_eq!((items.len(), problems.is_empty()), (0, true), "{text}");
        }
    }

    #[test]
    fn an_absent_list_is_a_problem_unless_the_reply_counts_none() {
        let mut problems = Problems::default();
        reply("{}").items.required("Items", Some(0), &mut problems);
        assert!(problems.is_empty());
        reply("{}").items.required("Items", None, &mut problems);
        reply(r#"{"Items":7}"#).items.required("Items", Some(0), &mut problems);
        assert_eq!(problems.summary(), "Items is missing; Items is the number 7");
    }

    #[test]
    fn a_bad_element_is_a_problem_and_does_not_hide_the_others() {
        let mut problems = Problems::default();
        let items = reply(r#"{"Items":[{"Id":"a"},[],7,{"Id":"b"}]}"#).items.required("Items", None, &mut problems);
        assert_eq!(items.len(), 2);
        assert_eq!(problems.summary(), "Items is a list; Items is the number 7");
    }

    #[test]
    fn a_flag_is_never_false_by_mistake() {
        for text in
            [r#"{"Flag":"false"}"#, r#"{"Flag":0}"#, r#"{"Flag":null}"#, "{}", r#"{"Flag":[]}"#, r#"{"Flag":{}}"#]
        {
            let mut problems = Problems::default();
            assert_eq!(reply(text).flag.required("Flag", &mut problems), None, "{text}");
            assert!(!problems.is_empty(), "{text}");
        }
    }

    #[test]
    fn numbers_come_as_text_too() {
        for text in [r#"{"Number":7}"#, r#"{"Number":"7"}"#] {
            assert_eq!(reply(text).number, Field::Value(7), "{text}");
        }
        assert!(matches!(reply(r#"{"Number":-7}"#).number, Field::Wrong(_)));
    }

    #[test]
    fn an_empty_list_is_no_object() {
        let mut problems = Problems::default();
        reply(r#"{"Nested":[]}"#).nested.read("Nested", &mut problems);
        assert_eq!(problems.summary(), "Nested is a list");
    }

    #[test]
    fn tags_come_in_three_spellings() {
        let text =
            r#"{"Tags":{"Tag":[{"Key":"a","Value":"1"},{"TagKey":"b","TagValue":"2"},{"key":"c","value":"3"}]}}"#;
        let tags = reply(text).tags.tags("Tags", &mut Problems::default());
        assert_eq!(tags, [("a", "1"), ("b", "2"), ("c", "3")].map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn json_inside_json_is_read_leniently() {
        assert_eq!(inner_json::<Item>(""), Ok(None));
        assert_eq!(inner_json::<Item>("{}"), Ok(Some(Item::default())));
        let item = Item { id: Field::Value("a".to_owned()) };
        assert_eq!(inner_json::<Item>(r#"{"Id":"a","other":1}"#).as_ref(), Ok(&Some(item)));
        let escaped = serde_json::to_string(r#"{"Id":"a"}"#).unwrap_or_default();
        assert_eq!(inner_json::<Item>(&escaped).ok().flatten().map(|item| item.id), Some(Field::Value("a".to_owned())));
        assert!(inner_json::<Item>("<html>").is_err());
        assert!(inner_json::<Item>("[]").is_err());
    }

    #[test]
    fn wrong_values_are_shown_escaped_and_cut() {
        let text = format!("{{\"Nested\":\"\\u001b[2J{}\"}}", "x".repeat(100));
        let mut problems = Problems::default();
        reply(&text).nested.read("Nested", &mut problems);
        assert!(problems.summary().starts_with("Nested is the text \"\\u{1b}[2Jxx"), "{}", problems.summary());
        assert!(problems.summary().len() < 100);
    }

    #[test]
    fn ids_for_urls_are_plain() {
        assert!(is_plain_id("c1-abc_D9"));
        for bad in ["", "..", "a/b", "a b", "a%2f", "é", &"x".repeat(65)] {
            assert!(!is_plain_id(bad), "{bad}");
        }
    }
}
