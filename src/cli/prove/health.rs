//! The data plane: which proxies are connected, and whether they get what is sent to them.
//!
//! The cloud lists the proxies of a mesh that are connected, by the names of their pods, and says of none to which cluster
//! it belongs. With one cluster that is plain; with several, they are counted together, and automatic mode is refused.

use futures::future;

use super::{
    ask::{Ask, sound},
    clusters,
};
use crate::{
    cloud::api::{
        servicemesh::{self, Proxy, ProxyStatus},
        wire::{Field, Problems},
    },
    remediate::{ClusterHealth, Endpoint, Target, Unread},
};

/// What the mesh says of its proxies.
pub(super) struct Proxies {
    pub(super) clusters: Vec<ClusterHealth>,
    pub(super) attributed: bool,
}

/// Reads the proxies of a pilot. The data plane does not go by API servers.
pub(super) async fn read(ask: &Ask<'_>, target: &Target) -> Result<Proxies, Unread> {
    let (Endpoint::Pilot(mesh) | Endpoint::CanaryPilot(mesh)) = &target.endpoint else {
        return Ok(Proxies { clusters: Vec::new(), attributed: true });
    };
    let request = servicemesh::describe_service_mesh_proxy_status(mesh.as_str());
    let (status, clusters) =
        future::join(ask.one::<ProxyStatus>(&request), clusters::of_mesh(ask, mesh.as_str())).await;
    let mut problems = Problems::default();
    let listed = status?.proxy_status.required("ProxyStatus", None, &mut problems);
    let clusters = clusters?;
    let (mut connected, mut behind) = (0_u32, 0_u32);
    for proxy in listed {
        proxy.proxy_id.clone().required_text("ProxyId", &mut problems);
        connected = connected.saturating_add(1);
        behind = behind.saturating_add(u32::from(is_behind(&proxy, &mut problems)));
    }
    let mut names = clusters.into_iter();
    let (name, attributed) = match (names.next(), names.next()) {
        (Some(only), None) => (only, true),
        // Of no cluster there are no proxies to tell apart.
        (None, _) => (mesh.as_str().to_owned(), connected == 0),
        (Some(_), Some(_)) => (mesh.as_str().to_owned(), false),
    };
    let all = ClusterHealth { cluster: name, proxies: connected, connected, behind };
    sound(Some(Proxies { clusters: vec![all], attributed }), &problems)
}

/// `STALE` or `NOT SENT` in any of the four. A word that is not documented says nothing.
fn is_behind(proxy: &Proxy, problems: &mut Problems) -> bool {
    let fields: [(&Field<String>, &'static str); 4] = [
        (&proxy.cluster_synced, "ClusterSynced"),
        (&proxy.listener_synced, "ListenerSynced"),
        (&proxy.route_synced, "RouteSynced"),
        (&proxy.endpoint_synced, "EndpointSynced"),
    ];
    let mut behind = false;
    for (field, name) in fields {
        let word = field.clone().required_text(name, problems).unwrap_or_default().to_ascii_uppercase();
        match word.replace('_', " ").as_str() {
            "SYNCED" => {}
            "STALE" | "NOT SENT" => behind = true,
            _ => problems.note(name, "is a word that nobody documents"),
        }
    }
    behind
}
