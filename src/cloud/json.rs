//! The first look at a reply: is it whole, sound JSON of the expected kind, and does it carry an error?
//!
//! A generic JSON reader keeps the last of two equal keys and a struct with defaults accepts `[]`;
//! either could make an exposure disappear, so both are refused here, before any type is filled.

use std::{borrow::Cow, cell::RefCell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::request::TopLevel;

/// Deepest nesting accepted.
const DEEPEST: u32 = 64;

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("the reply is empty")]
    Empty,
    #[error("the reply is not UTF-8 text")]
    NotText,
    #[error("the reply is cut off")]
    Truncated,
    #[error("the reply is not JSON")]
    Syntax,
    #[error("the reply is {found} where {expected} is due")]
    TopLevel { expected: &'static str, found: &'static str },
    #[error("the reply has the key {key:?} twice in one object")]
    DuplicateKey { key: String },
    #[error("the reply is nested more than {DEEPEST} levels deep")]
    TooDeep,
}

impl Problem {
    /// True where another try may well bring a sound reply.
    pub(super) fn is_garbled(&self) -> bool {
        matches!(self, Self::Empty | Self::NotText | Self::Truncated | Self::Syntax)
    }
}

/// The fields of a reply's top level that say whether it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    /// `Code`, `code` or `errorCode`.
    pub(super) code: String,
    /// True where the field was `Code`, which no reply uses for anything else.
    pub(super) capital_code: bool,
    /// `Message`, `message` or `errorMessage`.
    pub(super) message: String,
    /// `RequestId`, `requestId` or `request_id`.
    pub(super) request_id: String,
    /// `Success`, where there is one.
    pub(super) success: Option<bool>,
    /// `AccessDeniedDetail.AuthAction`: the RAM action that is missing.
    pub(super) auth_action: String,
    /// What the top level is.
    pub(super) array: bool,
}

impl Envelope {
    /// True if the reply is an error although the status may say otherwise.
    pub(super) fn is_fault(&self) -> bool {
        if self.success == Some(false) {
            return true;
        }
        let fine = matches!(self.code.to_ascii_lowercase().as_str(), "" | "200" | "ok" | "success" | "0");
        !fine && (self.capital_code || !self.message.is_empty())
    }
}

/// Checks a body and picks out its envelope. `expected` is `None` for error bodies, of any kind.
pub(super) fn check(body: &[u8], expected: Option<TopLevel>) -> Result<Envelope, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::NotText)?;
    if text.trim().is_empty() {
        return Err(Problem::Empty);
    }
    let found = RefCell::new(Found::default());
    let mut reader = serde_json::Deserializer::from_str(text);
    let walked =
        Walk { found: &found, depth: 0, place: Place::Top }.deserialize(&mut reader).and_then(|()| reader.end());
    let Found { envelope, problem, kind } = found.into_inner();
    if let Some(problem) = problem {
        return Err(problem);
    }
    if let Err(error) = walked {
        return Err(if error.is_eof() { Problem::Truncated } else { Problem::Syntax });
    }
    let due = match expected {
        None => return Ok(envelope),
        // An error may come as an object where a list is due.
        Some(TopLevel::Array) if kind == "an object" && envelope.is_fault() => return Ok(envelope),
        Some(TopLevel::Array) => "an array",
        Some(TopLevel::Object) => "an object",
    };
    if kind == due { Ok(envelope) } else { Err(Problem::TopLevel { expected: due, found: kind }) }
}

#[derive(Default)]
struct Found {
    envelope: Envelope,
    problem: Option<Problem>,
    kind: &'static str,
}

/// Where in the document a value stands, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Code { capital: bool },
    Message,
    RequestId,
    Success,
    AccessDenied,
    AuthAction,
    Elsewhere,
}

impl Place {
    fn of_key(self, key: &str) -> Self {
        match (self, key) {
            (Self::Top, "Code") => Self::Code { capital: true },
            (Self::Top, "code" | "errorCode") => Self::Code { capital: false },
            (Self::Top, "Message" | "message" | "errorMessage") => Self::Message,
            (Self::Top, "RequestId" | "requestId" | "request_id") => Self::RequestId,
            (Self::Top, "Success" | "success") => Self::Success,
            (Self::Top, "AccessDeniedDetail" | "accessDeniedDetail") => Self::AccessDenied,
            (Self::AccessDenied, "AuthAction") => Self::AuthAction,
            _ => Self::Elsewhere,
        }
    }
}

/// Walks one value.
struct Walk<'a> {
    found: &'a RefCell<Found>,
    depth: u32,
    place: Place,
}

impl Walk<'_> {
    fn fail<E: Error>(&self, problem: Problem) -> E {
        self.found.borrow_mut().problem.get_or_insert(problem);
        E::custom("refused")
    }

    fn kind(&self, kind: &'static str) {
        if self.depth == 0 {
            self.found.borrow_mut().kind = kind;
        }
    }

    fn scalar(&self, text: &str) {
        let envelope = &mut self.found.borrow_mut().envelope;
        match self.place {
            Place::Code { capital } if envelope.code.is_empty() => {
                text.clone_into(&mut envelope.code);
                envelope.capital_code = capital;
            }
            Place::Message => text.clone_into(&mut envelope.message),
            Place::RequestId => text.clone_into(&mut envelope.request_id),
            Place::Success => envelope.success = Some(!text.eq_ignore_ascii_case("false")),
            Place::AuthAction => text.clone_into(&mut envelope.auth_action),
            _ => {}
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.kind("a truth value");
        self.scalar(if flag { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.kind("a number");
        self.scalar(&number.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.kind("a number");
        if self.place != Place::Elsewhere {
            self.scalar(&number.to_string());
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.kind("a number");
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.kind("text");
        self.scalar(text);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.kind("null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.kind("an array");
        if self.depth >= DEEPEST {
            return Err(self.fail(Problem::TooDeep));
        }
        let inner = || Walk { found: self.found, depth: self.depth + 1, place: Place::Elsewhere };
        while list.next_element_seed(inner())?.is_some() {}
        if self.depth == 0 {
            self.found.borrow_mut().envelope.array = true;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.kind("an object");
        if self.depth >= DEEPEST {
            return Err(self.fail(Problem::TooDeep));
        }
        let mut keys: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(key) = map.next_key_seed(Key)? {
            let place = self.place.of_key(&key);
            if keys.contains(&key) {
                return Err(self.fail(Problem::DuplicateKey { key: super::error::printable(&key) }));
            }
            keys.insert(key);
            map.next_value_seed(Walk { found: self.found, depth: self.depth + 1, place })?;
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn object(body: &str) -> Result<Envelope, Problem> {
        check(body.as_bytes(), Some(TopLevel::Object))
    }

    #[test]
    fn unsound_bodies_are_told_apart() {
        assert_eq!(object(""), Err(Problem::Empty));
        assert_eq!(object(r#"{"a":[1,"#), Err(Problem::Truncated));
        assert_eq!(object(r#"{"a":1}}"#), Err(Problem::Syntax));
        assert_eq!(object("not json"), Err(Problem::Syntax));
        assert_eq!(check(b"{\"a\":\"\xff\"}", None), Err(Problem::NotText));
        assert_eq!(object(r#"{"a":{"b":1,"b":2}}"#), Err(Problem::DuplicateKey { key: "b".into() }));
        assert_eq!(object(r#"{"a":{"b":1,"\u0062":2}}"#), Err(Problem::DuplicateKey { key: "b".into() }));
        assert_eq!(object("[]"), Err(Problem::TopLevel { expected: "an object", found: "an array" }));
        assert_eq!(object("null"), Err(Problem::TopLevel { expected: "an object", found: "null" }));
        assert!(check(b"[{}]", Some(TopLevel::Array)).is_ok());
        assert!(check(b"{}", Some(TopLevel::Array)).is_err());
        let deep = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
        assert_eq!(object(&deep), Err(Problem::TooDeep));
        let bomb = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(check(bomb.as_bytes(), None), Err(Problem::TooDeep));
    }

    #[test]
    fn errors_hide_in_good_replies() {
        let fault = |body: &str| object(body).unwrap().is_fault();
        assert!(fault(r#"{"Code":403,"Success":false}"#));
        assert!(fault(r#"{"Code":"403"}"#));
        assert!(fault(r#"{"Success":"false"}"#));
        assert!(fault(r#"{"code":"Forbidden","message":"no"}"#));
        assert!(!fault(r#"{"Code":200,"Success":true}"#));
        assert!(!fault(r#"{"Code":"OK"}"#));
        assert!(!fault(r#"{"code":"some field of a resource"}"#));
        assert!(!fault(r#"{"Items":[{"Code":"403"}]}"#));
        let envelope = object(
            r#"{"Code":"NoPermission","Message":"m","RequestId":"R1","AccessDeniedDetail":{"AuthAction":"vpc:X"}}"#,
        );
        let envelope = envelope.unwrap();
        assert_eq!((envelope.request_id.as_str(), envelope.auth_action.as_str()), ("R1", "vpc:X"));
    }
}
