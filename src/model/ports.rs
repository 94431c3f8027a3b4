//! The ports that matter on a balancer: those on which control planes listen, and the listeners
//! that are not switched off.

use std::collections::BTreeSet;

use super::{Listener, NlbListener};

/// On which Kubernetes API servers listen, those of clusters and those of meshes.
pub const API_SERVER: u16 = 6443;

/// API servers and Istio's pilot: plain discovery (15010), discovery over mutual
/// TLS in its older and newer form (15011, 15012), debugging and metrics (15014), webhooks (15017).
pub const CONTROL_PLANE: [u16; 6] = [API_SERVER, 15010, 15011, 15012, 15014, 15017];

/// Those of a pilot among them.
pub const PILOT: [u16; 5] = [15010, 15011, 15012, 15014, 15017];

/// Listeners in any state but `stopped` are taken to serve: other words are not documented.
pub fn is_stopped(status: &str) -> bool {
    status.eq_ignore_ascii_case("stopped")
}

/// `tcp` or `udp`: the rest of the vendor's words are protocols on top of TCP.
pub fn transport(protocol: &str) -> &'static str {
    if protocol.eq_ignore_ascii_case("udp") { "udp" } else { "tcp" }
}

/// The control-plane ports that running TCP listeners of a classic balancer serve, sorted.
pub fn control_plane_ports(listeners: &[Listener]) -> Vec<u16> {
    let serves = |port: &u16| {
        listeners.iter().any(|listener| {
            listener.listener_port == *port
                && transport(&listener.listener_protocol) == "tcp"
                && !is_stopped(&listener.status)
        })
    };
    CONTROL_PLANE.into_iter().filter(serves).collect()
}

/// Where listeners of a balancer lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leads {
    /// The ports of listeners that lead to a control plane, each with the control plane's port; sorted.
    pub certain: Vec<(u16, u16)>,
    /// Some other listener may lead to one: the reply did not say to which port it forwards.
    pub possible: bool,
}

impl Leads {
    /// The ports of the listeners, each once.
    pub fn ports(&self) -> Vec<u16> {
        let ports: BTreeSet<u16> = self.certain.iter().map(|(port, _)| *port).collect();
        ports.into_iter().collect()
    }
}

/// Where the running TCP listeners of a classic balancer lead: by their own port, and by the one to which they forward. A
/// group of servers with ports of their own is taken for no control plane, as most balancers lead to one.
pub fn leads(listeners: &[Listener]) -> Leads {
    let is_one = |port: &u16| CONTROL_PLANE.contains(port);
    let running =
        || listeners.iter().filter(|one| transport(&one.listener_protocol) == "tcp" && !is_stopped(&one.status));
    let to = |one: &Listener| {
        let (port, backend) = (one.listener_port, one.backend_server_port.value().copied());
        [Some(port), backend].into_iter().flatten().filter(is_one).map(move |led| (port, led))
    };
    let certain: BTreeSet<(u16, u16)> = running().flat_map(to).collect();
    let possible = running().any(|one| one.backend_server_port.is_unread() && !is_one(&one.listener_port));
    Leads { certain: certain.into_iter().collect(), possible }
}

/// Where the running TCP listeners of a network load balancer lead: to the ports that they have themselves, as far as their
/// replies say.
pub fn network_leads(listeners: &[NlbListener]) -> Leads {
    let ports = network_control_plane_ports(listeners);
    Leads { certain: ports.into_iter().map(|port| (port, port)).collect(), possible: false }
}

/// The control-plane ports that running TCP listeners of a network load balancer serve, sorted.
pub fn network_control_plane_ports(listeners: &[NlbListener]) -> Vec<u16> {
    let serves = |port: &u16| {
        listeners.iter().any(|listener| {
            (listener.start_port..=listener.end_port).contains(port)
                && transport(&listener.listener_protocol) == "tcp"
                && !is_stopped(&listener.listener_status)
        })
    };
    CONTROL_PLANE.into_iter().filter(serves).collect()
}
