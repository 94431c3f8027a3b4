//! Readers for the untidy types of the wire, for use with `#[serde(deserialize_with = "…")]`: the same
//! field is a string in one reply and a number in the next, and "none" is `""` or `null`.
//!
//! What is *not* evened out is a field that has to be there: without `#[serde(default)]` its absence
//! stays an error.

use std::fmt;

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, true or false")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(flag.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Text, also from a number or truth value; `""` and `null` are `None`.
pub fn opt_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(TextVisitor)
}

/// Text as [`opt_text`] reads it; none is the empty text.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(opt_text(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_many_spellings() {
        let read = |json: &str| opt_text(&mut serde_json::Deserializer::from_str(json)).ok();
        for (json, want) in [
            (r#""a""#, Some(Some("a"))),
            ("1", Some(Some("1"))),
            ("-1", Some(Some("-1"))),
            ("true", Some(Some("true"))),
            (r#""""#, Some(None)),
            ("null", Some(None)),
            ("[]", None),
            ("{}", None),
        ] {
            assert_eq!(read(json), want.map(|text| text.map(str::to_owned)), "{json}");
        }
    }
}
