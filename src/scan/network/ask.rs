//! One account and region that is asked, and how a reply becomes something to rely on.

use std::sync::Arc;

use super::Memory;
use crate::{
    cloud::{
        api::wire::{Field, Problems},
        page::{Listing, Page, Paging},
        request::{Operation, ReadRequest},
    },
    model::{Inventory, Network, Scope, Unit},
    scan::{convert::escaped, read::Failure, reader::Reader},
};

/// What a read brought: its object with all that belongs to it, or that there is none.
pub(super) type Found = Result<Option<Network>, Failure>;

/// Whom a read asks, and what is known already.
pub(super) struct Ask<'a> {
    pub(super) reader: &'a Arc<Reader>,
    /// The account that is asked, and the region of the object.
    pub(super) scope: Scope,
    pub(super) memory: &'a Memory,
    pub(super) inventory: &'a Inventory,
}

impl Ask<'_> {
    pub(super) fn region(&self) -> &str {
        self.scope.region_id.as_str()
    }

    /// The unit of a read that goes along with a wanted one.
    pub(super) fn unit(&self, operation: &Operation, id: &str) -> Unit {
        let Scope { account_id, region_id } = &self.scope;
        Unit::new(account_id, region_id, operation.product().name(), operation.action(), id)
    }

    /// A whole list without one bad element.
    pub(super) async fn items<P, W>(
        &self,
        name: &'static str,
        request: &ReadRequest,
        paging: Paging,
    ) -> Result<Vec<W>, Failure>
    where
        P: Page<Item = Field<W>, Head = Problems>,
    {
        let Listing { head: mut problems, items } = self.reader.list::<P>(request, paging).await?;
        let items = items.into_iter().filter_map(|item| item.required(name, &mut problems)).collect();
        whole(items, &problems)
    }
}

/// For what is of no use in part.
pub(super) fn whole<T>(value: T, problems: &Problems) -> Result<T, Failure> {
    if problems.is_empty() { Ok(value) } else { Err(Failure::schema(problems.summary())) }
}

/// Every element as one of ours, or a failure.
pub(super) fn each<W, T>(
    wires: Vec<W>,
    mut convert: impl FnMut(W, &mut Problems) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let mut problems = Problems::default();
    let items = wires.into_iter().filter_map(|wire| convert(wire, &mut problems)).collect();
    whole(items, &problems)
}

/// The element that was asked for, should a filter not be honoured. One without an identifier might
/// be it, so it is a failure.
pub(super) fn pick<W>(
    wires: Vec<W>,
    name: &'static str,
    id: &str,
    id_of: impl Fn(&W) -> &Field<String>,
) -> Result<Option<W>, Failure> {
    let mut problems = Problems::default();
    let mut picked = None;
    for wire in wires {
        let found = id_of(&wire).clone().required_text(name, &mut problems);
        if found.as_deref() == Some(id) {
            picked.get_or_insert(wire);
        }
    }
    whole(picked, &problems)
}

/// Holds up what is locked, for debts or otherwise. Its status stays what it was, and no document
/// says what a locked line still carries: it is no way to rely on, nor is it absent.
pub(super) fn unlocked(
    what: &str,
    id: &str,
    field: &'static str,
    business_status: Field<String>,
) -> Result<(), Failure> {
    let mut problems = Problems::default();
    let status = business_status.text(field, &mut problems);
    whole((), &problems)?;
    if status.is_empty() || status.eq_ignore_ascii_case("normal") {
        return Ok(());
    }
    Err(locked(what, id, &status))
}

/// Why what is locked is not relied on.
pub(super) fn locked(what: &str, id: &str, status: &str) -> Failure {
    let message = format!(
        "the {what} {} is \"{}\": whether it carries traffic is not known; settle what it is locked for",
        escaped(id),
        escaped(status)
    );
    Failure::new("locked", message)
}

/// Nothing where the object does not exist by a documented code.
pub(super) fn unless_gone<T>(read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Err(failure) if failure.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}
