//! The next version of an account: what writes and outside actors edit, and what they say they did.

use serde_json::Value;

use super::{
    collection::{Child, Item, at, values_at},
    kind::Kind,
    world::Account,
};

/// An account while it is changed.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) account: Account,
    /// Resource, and what happened to it.
    pub(super) notes: Vec<(String, &'static str)>,
}

impl Draft {
    pub(super) fn new(account: Account) -> Self {
        Self { account, notes: Vec::new() }
    }

    /// Writes down what happened to a resource.
    pub(super) fn note(&mut self, resource: &str, what: &'static str) {
        self.notes.push((resource.to_owned(), what));
    }

    /// The whole of an item.
    pub(super) fn value(&self, kind: Kind, id: &str) -> Option<Value> {
        self.account.collection(kind).find(id, None).next().map(Item::whole)
    }

    /// A text of an item; empty where it is missing.
    pub(super) fn text(&self, kind: Kind, id: &str, path: &str) -> String {
        self.value(kind, id).map(|value| text_at(&value, path)).unwrap_or_default()
    }

    /// Changes the first item of an id. False if there is none.
    pub(super) fn edit(&mut self, kind: Kind, id: &str, edit: impl FnOnce(&mut Value)) -> bool {
        self.edit_where(kind, |item| *item.id == *id, |value, _| edit(value))
    }

    /// Changes the first item that fits, with its entries.
    pub(super) fn edit_where(
        &mut self,
        kind: Kind,
        is_it: impl Fn(&Item) -> bool,
        edit: impl FnOnce(&mut Value, &mut Vec<Child>),
    ) -> bool {
        self.account.collection_mut(kind).edit(kind.spec(), is_it, edit)
    }

    /// Adds an item.
    pub(super) fn push(&mut self, kind: Kind, value: Value) {
        self.account.push(kind, value);
    }

    /// Removes the items of an id. False if there were none.
    pub(super) fn remove(&mut self, kind: Kind, id: &str) -> bool {
        self.account.collection_mut(kind).remove(|item| *item.id == *id)
    }
}

/// The text at a path; empty where it is missing.
pub(super) fn text_at(value: &Value, path: &str) -> String {
    values_at(value, path).into_iter().next().unwrap_or_default().into()
}

/// Sets what stands at a path, making objects on the way; null removes it.
pub(super) fn set(value: &mut Value, path: &str, new: Value) {
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let Some(fields) = value.as_object_mut() else { return };
    match path.split_once('.') {
        Some((name, rest)) => set(fields.entry(name).or_insert(Value::Null), rest, new),
        None if new.is_null() => {
            fields.remove(path);
        }
        None => {
            fields.insert(path.to_owned(), new);
        }
    }
}

/// Sets what stands at a path where something stands there.
pub(super) fn reset(value: &mut Value, path: &str, new: Value) {
    if at(value, path).is_some() {
        set(value, path, new);
    }
}
