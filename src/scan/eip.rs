//! Elastic IPs: the second inventory of what is public.

use super::convert::{escaped, plain_id, same_region, scope, tags};
use crate::{
    cloud::api::{vpc::EipAddress, wire::Problems},
    model::{Eip, Scope},
};

/// An EIP and the region it names if that is not the one asked.
pub(super) fn listed(wire: EipAddress, asked: &Scope, problems: &mut Problems) -> Option<(Eip, Option<String>)> {
    let wrong_region = same_region(wire.region_id, &asked.region_id, problems).err().map(|wrong| wrong.region);
    let allocation_id = plain_id(wire.allocation_id, "AllocationId", problems)?;
    let status = wire.status.text("Status", problems);
    let instance_id = wire.instance_id.text("InstanceId", problems);
    let instance_type = wire.instance_type.text("InstanceType", problems);
    // Free addresses have neither; an address in use without owner would look harmless by mistake.
    let bound = !matches!(status.as_str(), "Available" | "Releasing");
    if bound && (instance_id.is_empty() || status.is_empty()) {
        let text = format!("is empty for {} in status \"{}\"", escaped(&allocation_id), escaped(&status));
        problems.note(if status.is_empty() { "Status" } else { "InstanceId" }, text);
    }
    // One that cannot be read is bound to nothing that anybody would look for.
    if !instance_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)) {
        let text = format!("of {} is no id: \"{}\"", escaped(&allocation_id), escaped(&instance_id));
        problems.note("InstanceId", text);
    }
    let eip = Eip {
        scope: scope(&asked.account_id, &asked.region_id),
        allocation_id: allocation_id.into(),
        ip_address: wire.ip_address.required_text("IpAddress", problems).unwrap_or_default(),
        status,
        instance_id,
        instance_type,
        private_ip_address: wire.private_ip_address.text("PrivateIpAddress", problems),
        vpc_id: wire.vpc_id.text("VpcId", problems).into(),
        service_managed: wire.service_managed.optional("ServiceManaged", problems).is_some_and(|flag| flag.0),
        tags: tags(wire.tags, "Tags", problems),
    };
    Some((eip, wrong_region))
}
