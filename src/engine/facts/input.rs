//! What each fact about an endpoint is drawn from, so that a later run can tell whether it looked at the same.

use crate::findings::Input::{self, Consumers, Exposure, Need, Ports, Strangers, Trail};

/// What a fact about an endpoint is drawn from; nothing where its own description is enough. `None` for a name that is
/// no such fact.
pub(in crate::engine) fn inputs(fact: &str) -> Option<&'static [Input]> {
    Some(match fact {
        "subject" | "kind" | "account_id" | "region_id" | "resource_kind" | "resource_id" | "resource_name"
        | "tags" | "private_address" => &[],
        "exposure"
        | "exposed"
        | "signs"
        | "contradictions"
        | "unread"
        | "public_address"
        | "eip_id"
        | "product_eip_id"
        | "load_balancer_id"
        | "eip_unknown_to_product" => &[Exposure],
        "ports"
        | "open_to_untrusted"
        | "unverified_gate_only"
        | "private_sources_only"
        | "open_ports"
        | "unverified_ports"
        | "private_ports"
        | "untrusted"
        | "open_sources"
        | "unverified_sources"
        | "private_sources"
        | "witness"
        | "blame"
        | "fix_set"
        | "gates"
        | "access_report" => &[Ports],
        "staleness" | "staleness_reason" | "staleness_confidence" | "after_migration" | "deciding" => &[Need],
        "consumers"
        | "needed_consumers"
        | "misrouted_consumers"
        | "proposed_allowlist"
        | "proposal_complete"
        | "narrowing"
        | "silent_consumers"
        | "platform_disagrees"
        | "steps"
        | "one_step_away" => &[Need, Consumers],
        "unexpected_clients" | "probed" => &[Strangers],
        "unattributed_traffic" => &[Need, Strangers],
        "open_beyond_need" => &[Need, Consumers, Ports],
        "required_and_fenced" => &[Need, Ports],
        "bound_by" => &[Trail],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::engine::{SubjectKind, facts::FactTable};

    #[test]
    fn every_fact_about_an_endpoint_says_what_it_is_drawn_from() {
        for fact in FactTable::of(SubjectKind::Endpoint).facts {
            assert!(super::inputs(fact.name).is_some(), "{}", fact.name);
        }
    }
}
