//! The EIP that an action names: where it is, whether it is free or locked, and what insures that it stays.

use super::ask::{Ask, sound};
use crate::{
    cloud::{
        api::{
            vpc::{self, EipAddress, EipAddresses},
            wire::{Field, Problems},
        },
        page::Paging,
    },
    model::{EipId, LoadBalancerId, RegionId},
    remediate::{EipState, EipStatus, PLAN_TAG, Prepared, Unread},
};

/// Reads one EIP. A list that was read whole and does not hold it says that there is none.
pub(super) async fn read(ask: &Ask<'_>, region: &RegionId, id: &EipId) -> Result<EipAddress, Unread> {
    let request = vpc::describe_eip_addresses_by_id(region.as_str(), &[id.as_str().to_owned()]);
    let all = listed(ask, &request).await?;
    let own = |eip: &EipAddress| eip.allocation_id.value().is_some_and(|known| known == id.as_str());
    match (all.iter().find(|eip| own(eip)), all.is_empty()) {
        (Some(eip), _) => Ok(eip.clone()),
        (None, true) => Err(Unread::NotFound),
        (None, false) => Err(Unread::Schema("AllocationId".to_owned())),
    }
}

/// The EIPs on a classic balancer; there is one at most.
pub(super) async fn on(ask: &Ask<'_>, region: &RegionId, id: &LoadBalancerId) -> Result<Vec<EipAddress>, Unread> {
    let request = vpc::describe_eip_addresses_of(region.as_str(), id.as_str());
    let all = listed(ask, &request).await?;
    let elsewhere = |eip: &EipAddress| eip.instance_id.value().is_none_or(|on| on != id.as_str());
    if all.iter().any(elsewhere) { Err(Unread::Schema("InstanceId".to_owned())) } else { Ok(all) }
}

async fn listed(ask: &Ask<'_>, request: &crate::cloud::request::ReadRequest) -> Result<Vec<EipAddress>, Unread> {
    let listing = ask.list::<EipAddresses>(request, Paging::page_number(vpc::EIPS_PAGE_SIZE)).await?;
    let mut problems = listing.head;
    let items: Vec<_> =
        listing.items.into_iter().filter_map(|item| item.required("EipAddresses", &mut problems)).collect();
    sound(Some(items), &problems)
}

/// What guards look at.
pub(super) fn state(eip: &EipAddress) -> Result<EipState, Unread> {
    let mut problems = Problems::default();
    let status = eip.status.clone().required_text("Status", &mut problems);
    let status = match status.as_deref() {
        Some("Available") => Some(EipStatus::Available),
        Some("InUse") => Some(EipStatus::InUse),
        Some("Associating" | "Unassociating" | "Releasing") => Some(EipStatus::Moving),
        Some(_) => {
            problems.note("Status", "is a word that nobody documents");
            None
        }
        None => None,
    };
    // No text says that it is on nothing; no field says nothing.
    if matches!(eip.instance_id, Field::Missing) {
        problems.note("InstanceId", "is missing");
    }
    let on = eip.instance_id.clone().text("InstanceId", &mut problems);
    if on.is_empty() && status == Some(EipStatus::InUse) {
        problems.note("InstanceId", "is empty for an EIP in use");
    }
    let service_managed = eip.service_managed.clone().required("ServiceManaged", &mut problems);
    let business = eip.business_status.clone().required_text("BusinessStatus", &mut problems);
    let charge = eip.charge_type.clone().required_text("ChargeType", &mut problems);
    let locks = eip.operation_locks.clone().optional("OperationLocks", &mut problems);
    let state = status.zip(service_managed).map(|(status, managed)| EipState {
        status,
        load_balancer: Some(on).filter(|id| !id.is_empty()).map(LoadBalancerId::from),
        service_managed: managed.0,
        locked: !locks.is_empty(),
        business_normal: business.as_deref() == Some("Normal"),
        prepaid: charge.as_deref().is_some_and(is_prepaid),
    });
    sound(state, &problems)
}

fn is_prepaid(charge: &str) -> bool {
    charge.eq_ignore_ascii_case("PrePaid")
}

/// Protection and tag. A prepaid EIP has no protection, and needs none.
pub(super) fn prepared(eip: &EipAddress) -> Result<Prepared, Unread> {
    let mut problems = Problems::default();
    let prepaid = eip.charge_type.value().is_some_and(|charge| is_prepaid(charge));
    let protected = match &eip.deletion_protection {
        Field::Missing | Field::Null if prepaid => Some(false),
        field => field.clone().required("DeletionProtection", &mut problems),
    };
    let tags = eip.tags.clone().tags("Tags", &mut problems);
    let tag = tags.into_iter().find(|(key, _)| key == PLAN_TAG).map(|(_, value)| value);
    sound(protected.map(|protected| Prepared { protected, tag, ..Prepared::default() }), &problems)
}
