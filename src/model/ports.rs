//! The ports that matter on a balancer: those on which control planes listen, and the listeners
//! that are not switched off.

use std::collections::BTreeSet;

use super::{Listener, NlbListener};

/// On which Kubernetes API servers listen, those of clusters and those of meshes.
pub const API_SERVER: u16 = 6443;

/// API servers and Istio's pilot: plain discovery (15010), discovery over mutual
/// TLS in its older and newer form (15011, 15012), debugging and metrics (15014), webhooks (15017).
pub const CONTROL_PLANE: [u16; 6] = [API_SERVER, 15010, 15011, 15012, 15014, 15017];

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

/// The ports of running TCP listeners of a classic balancer that are control planes', or forward to one that is; sorted.
pub fn ports_before_control_planes(listeners: &[Listener]) -> Vec<u16> {
    let leads_to_one = |one: &&Listener| {
        let ports = [Some(one.listener_port), one.backend_server_port];
        ports.into_iter().flatten().any(|port| CONTROL_PLANE.contains(&port))
    };
    let running = listeners.iter().filter(|one| transport(&one.listener_protocol) == "tcp" && !is_stopped(&one.status));
    let ports: BTreeSet<u16> = running.filter(leads_to_one).map(|one| one.listener_port).collect();
    ports.into_iter().collect()
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
