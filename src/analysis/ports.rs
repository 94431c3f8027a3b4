//! The ports that matter on a balancer: those on which control planes listen, and the listeners
//! that are not switched off.

use crate::model::{Listener, NlbListener};

/// Kubernetes API servers (6443) and Istio's pilot: plain discovery (15010), discovery over mutual
/// TLS in its older and newer form (15011, 15012), debugging and metrics (15014), webhooks (15017).
pub(super) const CONTROL_PLANE: [u16; 6] = [6443, 15010, 15011, 15012, 15014, 15017];

/// Listeners in any state but `stopped` are taken to serve: other words are not documented.
pub(super) fn is_stopped(status: &str) -> bool {
    status.eq_ignore_ascii_case("stopped")
}

/// `tcp` or `udp`: the rest of the vendor's words are protocols on top of TCP.
pub(super) fn transport(protocol: &str) -> &'static str {
    if protocol.eq_ignore_ascii_case("udp") { "udp" } else { "tcp" }
}

/// The control-plane ports that running TCP listeners of a classic balancer serve, sorted.
pub(super) fn control_plane_ports(listeners: &[Listener]) -> Vec<u16> {
    let serves = |port: &u16| {
        listeners.iter().any(|listener| {
            listener.listener_port == *port
                && transport(&listener.listener_protocol) == "tcp"
                && !is_stopped(&listener.status)
        })
    };
    CONTROL_PLANE.into_iter().filter(serves).collect()
}

/// The control-plane ports that running TCP listeners of a network load balancer serve, sorted.
pub(super) fn network_control_plane_ports(listeners: &[NlbListener]) -> Vec<u16> {
    let serves = |port: &u16| {
        listeners.iter().any(|listener| {
            (listener.start_port..=listener.end_port).contains(port)
                && transport(&listener.listener_protocol) == "tcp"
                && !is_stopped(&listener.listener_status)
        })
    };
    CONTROL_PLANE.into_iter().filter(serves).collect()
}
