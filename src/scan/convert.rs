//! From the wire to the model, field by field: what every resource's file shares.

use std::collections::BTreeMap;

use crate::{
    cloud::api::wire::{Field, List, Problems, Tag, is_plain_id},
    model::{AccountId, Reading, RegionId, Scope},
};

/// Where a resource lives.
pub(super) fn scope(account_id: &AccountId, region_id: &RegionId) -> Scope {
    Scope { account_id: account_id.clone(), region_id: region_id.clone() }
}

/// Text that may be none: absent, `null` and `""` are. A value of another type is unread.
pub(super) fn text_reading<T: From<String>>(
    field: Field<String>,
    name: &'static str,
    problems: &mut Problems,
) -> Reading<T> {
    let wrong = matches!(field, Field::Wrong(_));
    match field.optional(name, problems) {
        Some(text) if !text.is_empty() => Reading::Value(T::from(text)),
        _ if wrong => Reading::Unread,
        _ => Reading::Absent,
    }
}

/// A flag whose absence says nothing: only `true` and `false` count.
pub(super) fn strict_flag(field: Field<bool>, name: &'static str, problems: &mut Problems) -> Reading<bool> {
    field.required(name, problems).map_or(Reading::Unread, Reading::Value)
}

/// A flag that not every reply has. Another type, `null` included, is a problem.
pub(super) fn optional_flag(field: Field<bool>, name: &'static str, problems: &mut Problems) -> Reading<bool> {
    match field {
        Field::Missing => Reading::Absent,
        other => strict_flag(other, name, problems),
    }
}

/// An identifier that may go into a URL; anything else is a problem.
pub(super) fn plain_id(field: Field<String>, name: &'static str, problems: &mut Problems) -> Option<String> {
    let id = field.required_text(name, problems)?;
    if !is_plain_id(&id) {
        problems.note(name, format!("is no identifier: \"{}\"", escaped(&id)));
        return None;
    }
    Some(id)
}

/// As [`plain_id`], of a reference that may be none.
pub(super) fn plain_id_reading<T: From<String>>(
    field: Field<String>,
    name: &'static str,
    problems: &mut Problems,
) -> Reading<T> {
    match text_reading::<String>(field, name, problems) {
        Reading::Value(id) if is_plain_id(&id) => Reading::Value(T::from(id)),
        Reading::Value(id) => {
            problems.note(name, format!("is no identifier: \"{}\"", escaped(&id)));
            Reading::Unread
        }
        Reading::Absent => Reading::Absent,
        Reading::Unread => Reading::Unread,
    }
}

/// An identifier that the product always gives: an empty one says that there is none, a missing one
/// says nothing.
pub(super) fn required_id_reading<T: From<String>>(
    field: Field<String>,
    name: &'static str,
    problems: &mut Problems,
) -> Reading<T> {
    if matches!(field, Field::Missing) {
        problems.note(name, "is missing");
        return Reading::Unread;
    }
    plain_id_reading(field, name, problems)
}

/// Tags by key.
pub(super) fn tags(list: List<Tag>, name: &'static str, problems: &mut Problems) -> BTreeMap<String, String> {
    list.tags(name, problems).into_iter().collect()
}

/// Notes a region that is not the one that was asked.
pub(super) fn same_region(field: Field<String>, asked: &RegionId, problems: &mut Problems) -> Result<(), WrongRegion> {
    let region = field.text("RegionId", problems);
    if region.is_empty() || region == asked.as_str() { Ok(()) } else { Err(WrongRegion { region: escaped(&region) }) }
}

/// A reply speaks of another region than the one that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongRegion {
    pub(super) region: String,
}

/// At most forty characters, with control and format characters escaped.
pub(super) fn escaped(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}
