//! What of ours reaches anything through the address that is to be closed: proxies, endpoints, store, logs, kubeconfigs.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future;

use crate::cloud::context::Context;

/// Something of ours, and the host that it talks to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) what: String,
    pub(crate) host: String,
}

impl Way {
    /// `None` for a text that names no host.
    pub(crate) fn to(what: &str, url: &str) -> Option<Self> {
        host_of(url).map(|host| Self { what: what.to_owned(), host })
    }
}

/// How long a name may take.
const RESOLVING: Duration = Duration::from_secs(2);

/// What uses one of the addresses, sorted. A name that cannot be resolved may stand for any.
pub(super) async fn using(ways: &BTreeSet<Way>, addresses: &BTreeSet<IpAddr>) -> Vec<String> {
    let asked = ways.iter().map(|way| async move {
        let found = resolve(&way.host).await;
        match found {
            Some(found) if found.is_disjoint(addresses) => None,
            Some(_) => Some(format!("{} ({})", way.what, way.host)),
            None => Some(format!("{} ({}, which cannot be resolved,)", way.what, way.host)),
        }
    });
    future::join_all(asked).await.into_iter().flatten().collect()
}

async fn resolve(host: &str) -> Option<BTreeSet<IpAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some([address].into());
    }
    let looked = tokio::time::timeout(RESOLVING, tokio::net::lookup_host((host, 443))).await;
    let found: BTreeSet<IpAddr> = looked.ok()?.ok()?.map(|address| address.ip()).collect();
    (!found.is_empty()).then_some(found)
}

/// The variables that a proxy, or a kubeconfig's cluster, is named by.
const PROXIES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// Where logs and credentials come and go, by the variables that say so.
const SERVICES: [(&str, &str); 3] = [
    ("the traces", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("the traces", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ("the credentials", "ALIBABA_CLOUD_CREDENTIALS_URI"),
];

/// Ways that the environment names: proxies, the clusters of kubeconfigs, the cluster that this runs in, and where logs
/// and credentials come and go.
pub(crate) fn of_environment(context: &Context) -> BTreeSet<Way> {
    let var = |name: &str| context.env.var(name).filter(|value| !value.trim().is_empty());
    let proxies = PROXIES.iter().filter_map(|name| Way::to(&format!("the proxy of {name}"), &var(name)?));
    let within =
        var("KUBERNETES_SERVICE_HOST").map(|host| Way { what: "the cluster that this runs in".to_owned(), host });
    let services = SERVICES.iter().filter_map(|(what, name)| Way::to(what, &var(name)?));
    let mut ways: BTreeSet<Way> = proxies.chain(within).chain(services).collect();
    let named = var("KUBECONFIG").map(|list| std::env::split_paths(&list).collect::<Vec<PathBuf>>());
    let usual = || context.env.home().map(|home| vec![home.join(".kube/config")]);
    for path in named.or_else(usual).unwrap_or_default() {
        ways.extend(of_kubeconfig(context, &path));
    }
    ways
}

/// Every server that a kubeconfig names. Of its secrets nothing is kept.
fn of_kubeconfig(context: &Context, path: &Path) -> Vec<Way> {
    let Ok(content) = context.files.read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&content);
    let what = format!("the kubeconfig {}", path.display());
    let servers = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("server:"));
    servers.filter_map(|server| Way::to(&what, server.trim().trim_matches(['"', '\'']))).collect()
}

/// The host of a URL, of `host:port`, or of a bare host.
fn host_of(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        // More than one colon without brackets is a bare IPv6 address.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_whatever_names_them() {
        for (text, host) in [
            ("http://user:pw@203.0.113.7:3128/", "203.0.113.7"),
            ("203.0.113.7:6443", "203.0.113.7"),
            ("https://[2001:db8::1]:6443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("postgres://a:b@Store.Example:5432/db?x=1", "store.example"),
        ] {
            assert_eq!(Way::to("x", text).map(|way| way.host).as_deref(), Some(host), "{text}");
        }
        assert_eq!(Way::to("x", "  "), None);
    }
}
