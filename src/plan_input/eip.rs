//! What EIPs are bound to: `alicloud_eip_association` (`website/docs/r/eip_association.html.markdown`). Whether a balancer is a
//! control plane's is found where the control planes are.

use super::{
    document::Resource,
    draft::{Draft, List, Named},
    value::Fact,
};
use crate::model::{Eip, EipId, VpcId, plan_code};

/// Words of `instance_type` for what never stands in front of a control plane; `SlbInstance` does, and others that are not
/// known may.
const OTHERS: [&str; 5] = ["EcsInstance", "HaVip", "Nat", "NetworkInterface", "IpAddress"];

pub(super) fn read(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let instance_type = values.field("instance_type").text();
    let is_other = instance_type.value().is_some_and(|word| OTHERS.contains(&word));
    let instance = match draft.named(resource, values.field("instance_id"), &["instance_id"]) {
        Named::One(id) => id,
        Named::Nobody | Named::Unknown(_) if is_other => return,
        Named::Nobody => {
            draft.not_whole(List::Eips);
            return draft.unknown(resource, plan_code::NOT_READ, "instance_id names nothing".to_owned());
        }
        Named::Unknown(why) => {
            draft.not_whole(List::Eips);
            let message = format!("instance_id {why}: what the EIP is bound to cannot be told");
            return draft.unknown(resource, plan_code::LATER, message);
        }
    };
    if is_other {
        return;
    }
    let scope = draft.scope(resource);
    let named = draft.named(resource, values.field("allocation_id"), &["allocation_id"]).id();
    let eip = named.as_ref().and_then(|id| draft.document.resource(id));
    // Before it is there it is called what the configuration calls it: two that are not known yet are two.
    let ip_address = eip.map(|eip| match eip.values().field("ip_address").text() {
        Fact::Value(address) => address.to_owned(),
        _ => format!("{}.ip_address", eip.address),
    });
    let tags = eip.map(|eip| eip.values().field("tags").texts().collect()).unwrap_or_default();
    // One EIP is bound to one thing; two that seem to be the same are two.
    let is_taken = |id: &String| draft.builder.eips.iter().any(|eip| eip.allocation_id.as_str() == id);
    let allocation_id = named.filter(|id| !is_taken(id)).unwrap_or_else(|| resource.address.clone());
    draft.binds(resource, &instance);
    draft.builder.eips.push(Eip {
        scope,
        allocation_id: EipId::from(allocation_id),
        ip_address: ip_address.unwrap_or_default(),
        status: "InUse".to_owned(),
        instance_id: instance,
        instance_type: instance_type.set().unwrap_or_default(),
        private_ip_address: values.field("private_ip_address").text().set().unwrap_or_default(),
        vpc_id: values.field("vpc_id").text().set().map(VpcId::from).unwrap_or_default(),
        service_managed: false,
        tags,
    });
}
