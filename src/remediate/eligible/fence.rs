//! Fencing: a white list of its own in front of an endpoint that is needed and open to others as well.

use super::{
    AclId, AclKind, AclSetting, AddressSet, Change, EndpointKind, FENCE_RULES, Family, IpNet, Known, LoadBalancerId,
    NEW_PLAN, PortVerdict, Reason, Reasons, has_open_finding,
};
use crate::{
    model::{AccessRow, EndpointJudgement, ListenerSetting},
    netset::Block,
};

/// More entries are more than can be made sure of in the calls that there are for it.
const MOST_ENTRIES: usize = 200;

pub(super) fn fence(known: Known<'_>, reasons: &mut Reasons) -> Option<Change> {
    let judged = known.judged;
    has_open_finding(known.findings, &FENCE_RULES, reasons);
    if judged.load_balancer_id.as_ref().is_some_and(LoadBalancerId::is_network) {
        reasons.add(
            "it is needed, and a network load balancer has no access control list",
            "its security groups are narrowed by hand: `explain` shows the rules",
        );
        return None;
    }
    let row = open_row(judged, reasons);
    let entries = entries(known, row, reasons);
    let row = row?;
    let before = setting(judged, row, reasons)?;
    Some(Change::Fence { port: row.port, before, entries })
}

/// The one listener that others get through. What other listeners let in stays, and would undo the change.
fn open_row<'a>(judged: &'a EndpointJudgement, reasons: &mut Reasons) -> Option<&'a AccessRow> {
    let is_open = |row: &&AccessRow| row.verdict == PortVerdict::Open;
    let named = |rows: &[&AccessRow]| {
        rows.iter()
            .map(|row| format!("{}/{} over {}", row.protocol, row.port, row.family))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let unknown: Vec<&AccessRow> = judged.access.iter().filter(|row| row.verdict == PortVerdict::Unknown).collect();
    if !unknown.is_empty() {
        reasons.add(format!("who can reach it is unknown on {}", named(&unknown)), "everything in front of it is read");
    }
    let open: Vec<&AccessRow> = judged.access.iter().filter(is_open).collect();
    let elsewhere: Vec<&AccessRow> = open.iter().copied().filter(|row| !is_own(judged.endpoint.kind, row)).collect();
    if !elsewhere.is_empty() {
        reasons.add(
            format!("others get in where nobody looked for consumers: {}", named(&elsewhere)),
            "those listeners are closed or fenced by hand",
        );
        return None;
    }
    match open.as_slice() {
        [] => {
            reasons.add("it is needed, and no port is open to others", "one is, which needs nothing done now");
            None
        }
        [row] => Some(row),
        several => {
            reasons.add(
                format!("{} are open, and a change is about one listener", named(several)),
                "all but one are closed or fenced by hand: `explain` shows how",
            );
            None
        }
    }
}

/// A port that consumers of the endpoint use, over a family that has a list of its own here.
fn is_own(kind: EndpointKind, row: &AccessRow) -> bool {
    let port = match kind {
        EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary => matches!(row.port, 15010..=15012),
        EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => row.port == 6443,
    };
    port && row.protocol == "tcp" && row.family == Family::Ipv4
}

/// The listener's access control, if a call can give it back.
fn setting(judged: &EndpointJudgement, row: &AccessRow, reasons: &mut Reasons) -> Option<AclSetting> {
    let on_port: Vec<&ListenerSetting> = judged.changing.listeners.iter().filter(|one| one.port == row.port).collect();
    let [listener] = on_port.as_slice() else {
        reasons.add(
            format!("the listener of port {} is not known for certain", row.port),
            "a scan of this version reads the listeners of its one load balancer",
        );
        return None;
    };
    if listener.protocol != "tcp" {
        reasons.add(format!("its listener speaks {}, not TCP", listener.protocol), "the listener is fenced by hand");
        return None;
    }
    let kind = match listener.acl_type.as_str() {
        "white" => Some(AclKind::White),
        "black" => Some(AclKind::Black),
        _ => None,
    };
    let mut ids: Vec<AclId> = listener.acl_ids.clone();
    ids.sort();
    ids.dedup();
    match (listener.acl_status.as_deref(), kind, ids.len()) {
        (Some("off"), _, _) => Some(AclSetting::off()),
        (Some("on"), Some(kind), 1) => Some(AclSetting { on: true, kind, ids }),
        (Some("on"), Some(_), count) => {
            reasons.add(
                format!("its listener uses {count} access control lists, and a call can give back one"),
                "the listener uses one list, or none",
            );
            None
        }
        _ => {
            reasons.add("the access control of its listener was not read", "a new scan reads it");
            None
        }
    }
}

/// Whom the listener's access control lets in as it is.
fn let_in(row: &AccessRow, reasons: &mut Reasons) -> AddressSet {
    let (set, inexact) = row.let_in_by_listener();
    for list in inexact {
        reasons.add(
            format!("whom {list} lets in now is not known exactly, and a fence opens nothing that is closed"),
            "its entries are read",
        );
    }
    set
}

/// Why a list that was planned may not be attached now: the listener has come to refuse what it lets in.
pub(super) fn opens(known: Known<'_>, port: u16, entries: &[String]) -> Option<Reason> {
    let mut rows = known.judged.access.iter();
    let row = rows.find(|row| row.port == port && row.protocol == "tcp" && row.family == Family::Ipv4);
    let now = row.map_or_else(AddressSet::default, |row| row.let_in_by_listener().0);
    let required: AddressSet = known.required.iter().copied().collect();
    let planned: AddressSet = entries.iter().filter_map(|entry| Block::parse(entry).ok()).collect();
    let block = planned.subtract(&now.union(&required)).cover().first().map(ToString::to_string)?;
    Some(Reason {
        why: format!("its listener refuses {block} now, and the new list would let it in"),
        until: NEW_PLAN.to_owned(),
    })
}

/// Whoever needs it, whoever is trusted, the blocks of the VPCs, and what the vendor requires: IPv4 only, as the EIP is. Who
/// is refused now stays refused, trusted or not: somebody may have had a reason. Only the vendor's ranges are let in anew,
/// since the service depends on them.
fn entries(known: Known<'_>, row: Option<&AccessRow>, reasons: &mut Reasons) -> Vec<String> {
    let staleness = &known.judged.staleness;
    if !staleness.proposal_complete || staleness.proposed_allowlist.is_empty() {
        reasons.add(
            "not all addresses are known from which it is used: whoever is missing would be cut off",
            "the addresses of every consumer that needs it are read",
        );
    }
    let v4 =
        |blocks: &[IpNet]| -> AddressSet { blocks.iter().filter(|it| matches!(it, IpNet::V4(_))).copied().collect() };
    let now = row.map_or_else(AddressSet::full, |row| let_in(row, reasons));
    let needed = v4(&staleness.proposed_allowlist);
    if let Some(block) = needed.subtract(&now).cover().first() {
        reasons.add(
            format!("{block} is needed, and its listener refuses it now"),
            "the list of its listener is corrected by hand",
        );
    }
    let set = needed.union(&v4(&staleness.also_admit).intersect(&now)).union(&v4(known.required));
    let entries: Vec<String> = set.cover().iter().map(ToString::to_string).collect();
    if entries.len() > MOST_ENTRIES {
        reasons.add(format!("the list would have {} entries", entries.len()), format!("it has at most {MOST_ENTRIES}"));
    }
    entries
}
