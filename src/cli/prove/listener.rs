//! What a fence changes, what it must leave as it is, and what insures it: the access control of a listener, the rest of its
//! settings, and the list that was made for it.

use super::ask::{Ask, sound};
use crate::{
    cloud::{
        api::{
            slb::{self, AccessControlListAttribute, AccessControlLists, Listener, ListenerAttribute, Listeners},
            wire::Problems,
        },
        page::Paging,
    },
    model::{AclId, LoadBalancerId, RegionId},
    remediate::{AclKind, AclSetting, Action, Change, ListenerSettings, Prepared, Standing, Unread},
};

/// The access control of a TCP listener.
pub(super) async fn setting(
    ask: &Ask<'_>,
    region: &RegionId,
    balancer: &LoadBalancerId,
    port: u16,
) -> Result<AclSetting, Unread> {
    let request = slb::describe_load_balancer_listeners(region.as_str(), &[balancer.as_str().to_owned()]);
    let listing = ask.list::<Listeners>(&request, Paging::next_token(slb::LISTENERS_PAGE_SIZE)).await?;
    let mut problems = listing.head;
    let all: Vec<Listener> =
        listing.items.into_iter().filter_map(|item| item.required("Listeners", &mut problems)).collect();
    let mut found = None;
    for listener in all {
        let own_port = listener.listener_port.clone().required("ListenerPort", &mut problems) == Some(port);
        let protocol = listener.listener_protocol.clone().required_text("ListenerProtocol", &mut problems);
        if own_port && protocol.is_some_and(|word| word.eq_ignore_ascii_case("tcp")) {
            found = Some(listener);
        }
    }
    if !problems.is_empty() {
        return Err(Unread::Schema(problems.summary()));
    }
    let Some(listener) = found else {
        return Err(Unread::Failed(format!("the balancer {balancer} has no TCP listener on port {port}")));
    };
    of(listener)
}

fn of(listener: Listener) -> Result<AclSetting, Unread> {
    let mut problems = Problems::default();
    let status = listener.acl_status.required_text("AclStatus", &mut problems);
    let on = match status.map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("on") => true,
        Some("off") => false,
        Some(_) => {
            problems.note("AclStatus", "is neither on nor off");
            false
        }
        None => false,
    };
    if !on {
        // The rest may be stale, or not be there.
        return sound(Some(AclSetting::off()), &problems);
    }
    let kind = listener.acl_type.required_text("AclType", &mut problems);
    let kind = match kind.map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("white") => Some(AclKind::White),
        Some("black") => Some(AclKind::Black),
        Some(_) => {
            problems.note("AclType", "is neither white nor black");
            None
        }
        None => None,
    };
    let single = listener.acl_id.text("AclId", &mut problems);
    let several = listener.acl_ids.optional("AclIds", &mut problems);
    let mut ids: Vec<AclId> =
        several.into_iter().chain([single]).filter(|id| !id.is_empty()).map(AclId::from).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        problems.note("AclIds", "names no list although access control is on");
    }
    sound(kind.map(|kind| AclSetting { on, kind, ids }), &problems)
}

/// What a TCP listener is set to beside its access control, all of it.
pub(super) async fn settings(
    ask: &Ask<'_>,
    region: &RegionId,
    balancer: &LoadBalancerId,
    port: u16,
) -> Result<ListenerSettings, Unread> {
    let request = slb::describe_tcp_listener_attribute(region.as_str(), balancer.as_str(), port);
    let listener: ListenerAttribute = ask.one(&request).await?;
    match listener.port() == Some(u64::from(port)) && listener.text("AclStatus").is_some() {
        true => Ok(listener.beside_access_control()),
        false => Err(Unread::Schema("ListenerPort, AclStatus".to_owned())),
    }
}

/// Whether every list of before is there and holds something: an empty white list lets everybody in.
pub(super) async fn still_lists(ask: &Ask<'_>, region: &RegionId, ids: &[AclId]) -> Result<Standing, Unread> {
    for id in ids {
        match entries(ask, region, id.as_str()).await {
            Ok(held) if held.is_empty() => return Ok(Standing::No),
            Ok(_) => {}
            Err(Unread::NotFound) => return Ok(Standing::No),
            Err(unread) => return Err(unread),
        }
    }
    Ok(Standing::Yes)
}

/// The list of the action's name with its entries. Of several, one that holds all that is planned.
pub(super) async fn prepared(ask: &Ask<'_>, region: &RegionId, action: &Action) -> Result<Prepared, Unread> {
    let Change::Fence { entries: wanted, .. } = &action.change else { return Ok(Prepared::default()) };
    let name = action.acl_name();
    let request = slb::describe_access_control_lists_named(region.as_str(), &name);
    let listing = ask.list::<AccessControlLists>(&request, Paging::page_number(slb::ACLS_PAGE_SIZE)).await?;
    let mut problems = listing.head;
    let mut ids = Vec::new();
    for item in listing.items {
        let Some(list) = item.required("Acls", &mut problems) else { continue };
        let own = list.acl_name.required_text("AclName", &mut problems);
        let id = list.acl_id.required_text("AclId", &mut problems);
        // Whether the filter is exact is not documented.
        if own.as_ref() == Some(&name) {
            ids.extend(id);
        }
    }
    let mut ids = sound(Some(ids), &problems)?;
    ids.sort();
    let mut best: Option<(usize, (AclId, Vec<String>))> = None;
    for id in &ids {
        let held = entries(ask, region, id).await?;
        let whole = wanted.iter().filter(|entry| held.contains(entry)).count();
        if best.as_ref().is_none_or(|(most, _)| whole > *most) {
            best = Some((whole, (id.as_str().into(), held)));
        }
    }
    let acl = best.map(|(_, acl)| acl);
    let ids = ids.into_iter().map(AclId::from);
    let others = ids.filter(|id| acl.as_ref().is_some_and(|(best, _)| best != id)).collect();
    Ok(Prepared { acl, others, ..Prepared::default() })
}

async fn entries(ask: &Ask<'_>, region: &RegionId, id: &str) -> Result<Vec<String>, Unread> {
    let paging = Paging::Numbered { number: "Page", size: "PageSize", per_page: slb::ENTRIES_PAGE_SIZE };
    let request = slb::describe_access_control_list_attribute(region.as_str(), id);
    let listing = ask.list::<AccessControlListAttribute>(&request, paging).await?;
    let (mut problems, head) = listing.head;
    if head.acl_id.value().is_none_or(|answered| answered != id) {
        problems.note("AclId", "names another list");
    }
    let mut all = Vec::new();
    for item in listing.items {
        let entry = item.required("AclEntrys", &mut problems);
        let text = entry.and_then(|entry| entry.acl_entry_ip.required("AclEntryIP", &mut problems));
        all.extend(text.map(String::from));
    }
    all.sort();
    sound(Some(all), &problems)
}
