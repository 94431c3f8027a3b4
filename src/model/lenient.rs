//! Reads what the vendor writes in more than one way: a number as text or a text as number, null
//! for nothing, a list bare or within an object that holds nothing else, a flag as 0 or 1. A
//! snapshot is written in one way, and saved questions hold replies as they came.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use crate::model::{AccountId, Reading, RegionId, Scope};

/// A text, a number, or null for the empty text.
pub(crate) fn text<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<T, D::Error> {
    struct TextVisitor;

    impl Visitor<'_> for TextVisitor {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_string<E>(self, text: String) -> Result<String, E> {
            Ok(text)
        }

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_unit<E>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }

    deserializer.deserialize_any(TextVisitor).map(T::from)
}

/// A text that must not be empty: what cannot be named cannot be found again.
pub(crate) fn id<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<T, D::Error> {
    let text: String = text(deserializer)?;
    if text.is_empty() { Err(de::Error::custom("an id is empty")) } else { Ok(T::from(text)) }
}

/// The id of something that may not be there: the empty text and null are none. A field that is left out stays unread,
/// which is the default of the struct.
pub(crate) fn id_reading<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Reading<T>, D::Error> {
    let text: String = text(deserializer)?;
    Ok(if text.is_empty() { Reading::Absent } else { Reading::Value(T::from(text)) })
}

/// A number, also as text.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text: String = text(deserializer)?;
    text.parse().map_err(|_| de::Error::custom(format!("`{}` is no whole number", text.escape_default())))
}

/// A number, also as text; null for none.
pub(crate) fn number_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text: String = text(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().map_err(|_| de::Error::custom(format!("`{}` is no number", text.escape_default())))?;
    Ok(Some(number))
}

/// True, false, 1, 0, or any of them as text; null is true.
pub(crate) fn enabled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    flag(deserializer).map(|flag| flag.unwrap_or(true))
}

/// The same where null is false.
pub(crate) fn set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    flag(deserializer).map(Option::unwrap_or_default)
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    struct FlagVisitor;

    impl Visitor<'_> for FlagVisitor {
        type Value = Option<bool>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true, false, 1 or 0")
        }

        fn visit_bool<E>(self, flag: bool) -> Result<Option<bool>, E> {
            Ok(Some(flag))
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<bool>, E> {
            match number {
                0 => Ok(Some(false)),
                1 => Ok(Some(true)),
                _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
            }
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<bool>, E> {
            match text {
                "" => Ok(None),
                "0" => Ok(Some(false)),
                "1" => Ok(Some(true)),
                _ if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
                _ if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
                _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
            }
        }

        fn visit_unit<E>(self) -> Result<Option<bool>, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(FlagVisitor)
}

/// A list, bare or as the only member of an object; null is the empty list.
pub(crate) fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct ItemsVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list, or an object that holds one list")
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Vec<T>, S::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                items.push(item);
            }
            Ok(items)
        }

        fn visit_map<M: MapAccess<'de>>(self, mut wrapper: M) -> Result<Vec<T>, M::Error> {
            let Some(de::IgnoredAny) = wrapper.next_key()? else {
                return Err(de::Error::custom("an object without the list that belongs there"));
            };
            let items: Option<Vec<T>> = wrapper.next_value()?;
            if wrapper.next_key::<de::IgnoredAny>()?.is_some() {
                return Err(de::Error::custom("an object with more than the list that belongs there"));
            }
            Ok(items.unwrap_or_default())
        }
    }

    deserializer.deserialize_any(ItemsVisitor(PhantomData))
}

/// A list of texts, each written in any way.
pub(crate) fn texts<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    struct One(#[serde(deserialize_with = "text")] String);

    let texts: Vec<One> = items(deserializer)?;
    Ok(texts.into_iter().map(|One(text)| T::from(text)).collect())
}

/// Port numbers; null for none given.
pub(crate) fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u16>>, D::Error> {
    #[derive(Deserialize)]
    struct One(#[serde(deserialize_with = "number")] u32);

    let ports: Option<Vec<One>> = Option::deserialize(deserializer)?;
    let narrow = |One(port): One| {
        u16::try_from(port).map_err(|_| de::Error::custom(format!("{port} is no port; ports end at 65535")))
    };
    ports.map(|ports| ports.into_iter().map(narrow).collect()).transpose()
}

/// Account and region where they are said. Saved questions need not say them.
pub(crate) fn scope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        #[serde(default, alias = "OwnerId", deserialize_with = "text")]
        account_id: AccountId,
        #[serde(default, deserialize_with = "text")]
        region_id: RegionId,
    }

    Said::deserialize(deserializer).map(|Said { account_id, region_id }| Scope { account_id, region_id })
}
