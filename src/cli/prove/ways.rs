//! What of ours reaches anything through the address that is to be closed: proxies, endpoints, store, logs, kubeconfigs.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future;
use serde_json::Value;

use crate::cloud::context::{Context, Files};

/// Something of ours, and the host that it talks to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) what: String,
    /// Empty where it could not be told: then it may be any.
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
        if way.host.is_empty() {
            return Some(way.what.clone());
        }
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
        ways.extend(of_kubeconfig(&*context.files, &path));
    }
    ways
}

/// Every server and proxy that a kubeconfig names, YAML or JSON. Of its secrets nothing is kept. One that is there and cannot be
/// read may name any host.
fn of_kubeconfig(files: &dyn Files, path: &Path) -> Vec<Way> {
    let what = format!("the kubeconfig {}", path.display());
    let unread = || vec![Way { what: format!("whoever goes by {what}, which cannot be read,"), host: String::new() }];
    let content = match files.read(path) {
        Ok(content) => content,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Vec::new(),
        Err(_) => return unread(),
    };
    let text = String::from_utf8_lossy(&content);
    if text.trim().is_empty() {
        return Vec::new();
    }
    match serde_saphyr::from_str::<Value>(&text) {
        Ok(config) => {
            let mut hosts = Vec::new();
            named(&config, &mut hosts);
            hosts.iter().filter_map(|host| Way::to(&what, host)).collect()
        }
        Err(_) => unread(),
    }
}

/// What stands under `server` and `proxy-url`, wherever.
fn named(config: &Value, hosts: &mut Vec<String>) {
    match config {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "server" || name == "proxy-url" => hosts.push(text.clone()),
                    other => named(other, hosts),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, hosts)),
        _ => {}
    }
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
    use crate::cloud::context::RealFiles;

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

    #[test]
    fn kubeconfigs_are_read_however_they_are_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        let hosts = |text: &str| -> Vec<String> {
            std::fs::write(&path, text).expect("it writes");
            of_kubeconfig(&RealFiles, &path).into_iter().map(|way| way.host).collect()
        };
        for text in [
            "clusters:\n- cluster:\n    server: https://203.0.113.7:6443\n  name: c\n",
            "clusters:\n- {name: c, cluster: {server: \"https://203.0.113.7:6443\"}}\n",
            "{\"clusters\": [{\"cluster\": {\"server\": \"https://203.0.113.7:6443\"}}]}",
            "clusters:\n- cluster:\n    'server':   'https://203.0.113.7:6443'   # a comment\n",
            "clusters:\n- cluster:\n    proxy-url: http://203.0.113.7:3128\n",
        ] {
            assert_eq!(hosts(text), ["203.0.113.7"], "{text}");
        }
        assert_eq!(hosts("clusters: [\n"), [""], "what cannot be read may name any");
        assert!(hosts("").is_empty());
        assert!(of_kubeconfig(&RealFiles, &folder.path().join("missing")).is_empty());
        assert_eq!(of_kubeconfig(&RealFiles, folder.path()).len(), 1);
    }
}
