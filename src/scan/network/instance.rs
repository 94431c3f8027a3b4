//! Instances with public addresses of their own, which are no EIPs and in no list of these.

use super::ask::{Ask, Found, each};
use crate::{
    cloud::api::ecs,
    model::{Network, PublicInstance, VpcId},
    scan::convert::plain_id,
};

/// The public addresses that the instances of a VPC were given when they were made.
pub(super) async fn public(ask: &Ask<'_>, vpc_id: &VpcId) -> Found {
    let request = ecs::describe_instances_of(ask.region(), vpc_id.as_str());
    let listed = ask.items::<ecs::Instances, _>("Instances", &request, ecs::INSTANCE_PAGING).await?;
    let public_instances = each(listed, |wire, problems| {
        let id = plain_id(wire.instance_id, "InstanceId", problems)?;
        let addresses = wire.public_ip_address.required("PublicIpAddress", None, problems);
        let own = wire.vpc_attributes.read("VpcAttributes", problems)?.vpc_id.required_text("VpcId", problems)?;
        (own == vpc_id.as_str() && !addresses.is_empty()).then(|| PublicInstance {
            scope: ask.scope.clone(),
            instance_id: id.into(),
            vpc_id: vpc_id.clone(),
            public_ip_addresses: addresses.into_iter().map(Into::into).collect(),
        })
    })?;
    Ok(Some(Network { public_instances, ..Network::default() }))
}
