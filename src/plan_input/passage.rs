//! Ways from the internet to a private balancer that no EIP of its own tells of: DNAT entries of a NAT gateway
//! (`alicloud_forward_entry`), endpoints of a global accelerator (`alicloud_ga_endpoint_group`, `alicloud_ga_basic_endpoint`,
//! `alicloud_ga_basic_endpoint_group`) and anycast EIPs (`alicloud_eipanycast_anycast_eip_address_attachment`), by the provider's
//! pages of these names. Who gets through them is not judged: unless one cannot lead to a control plane, the answer is unknown.

use super::{
    document::Resource,
    draft::Draft,
    value::{Fact, Node},
};
use crate::model::ports::CONTROL_PLANE;

/// How a resource type leads from the internet to something private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// To an address and port.
    Dnat,
    /// To each endpoint in the blocks of this name.
    Endpoints(&'static str),
    /// To what its argument of this name says.
    Endpoint(&'static str),
    /// The same, if it has an endpoint at all.
    Group(&'static str),
}

/// What never stands in front of a control plane, in the words of `type`, `endpoint_type` and `bind_instance_type`: virtual
/// machines, their interfaces, storage, and balancers for HTTP.
const OTHERS: [&str; 5] = ["ECS", "ENI", "NetworkInterface", "OSS", "ALB"];

pub(super) fn read(draft: &mut Draft<'_>, resource: &Resource, passage: Passage) {
    let values = resource.values();
    let (may_lead, what) = match passage {
        Passage::Dnat => (!is_beside_control_planes(values), "a DNAT entry"),
        Passage::Endpoints(blocks) => {
            let endpoints = values.field(blocks).items();
            // A group has endpoints: a list without any says nothing of where they are.
            let others = endpoints
                .value()
                .is_some_and(|all| !all.is_empty() && all.into_iter().all(|it| is_other(it.field("type"))));
            (!others, "a global accelerator")
        }
        Passage::Endpoint("bind_instance_type") => (!is_other(values.field("bind_instance_type")), "an anycast EIP"),
        Passage::Endpoint(argument) => (!is_other(values.field(argument)), "a global accelerator"),
        Passage::Group(argument) => {
            let has_none = [argument, "endpoint_address"].iter().all(|name| values.field(name).text() == Fact::Null);
            (!has_none && !is_other(values.field(argument)), "a global accelerator")
        }
    };
    if may_lead {
        let why =
            format!("{what} may lead from the internet to a load balancer of a control plane, which is not judged");
        draft.not_read(resource, &why);
    }
}

fn is_other(kind: Node<'_>) -> bool {
    kind.text().value().is_some_and(|word| OTHERS.iter().any(|other| other.eq_ignore_ascii_case(word)))
}

/// True if it is known that an entry leads to no port on which control planes listen.
fn is_beside_control_planes(values: Node<'_>) -> bool {
    if values.field("ip_protocol").text().value().is_some_and(|word| word.eq_ignore_ascii_case("udp")) {
        return true;
    }
    let port = |text: &str| text.parse::<u16>().ok();
    // One port, or the first and the last of several; `any` is all.
    let ports = values.field("internal_port").text().value().and_then(|text| match text.split_once('/') {
        Some((first, last)) => Some((port(first)?, port(last)?)),
        None => port(text).map(|port| (port, port)),
    });
    ports.is_some_and(|(first, last)| first <= last && !CONTROL_PLANE.iter().any(|port| (first..=last).contains(port)))
}
