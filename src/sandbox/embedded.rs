//! The worlds that the program ships.

/// A shipped world: the document, and the list of what is wrong in it.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedWorld {
    /// The folder's name.
    pub name: &'static str,
    /// `world.json`.
    pub world_json: &'static str,
    /// `planted.yaml`: what a scan must find, no more and no less.
    pub planted_yaml: &'static str,
}

/// Embeds `worlds/<name>/{world.json, planted.yaml}`.
macro_rules! embed {
    ($($name:literal),+ $(,)?) => {
        &[$(EmbeddedWorld {
            name: $name,
            world_json: include_str!(concat!("worlds/", $name, "/world.json")),
            planted_yaml: include_str!(concat!("worlds/", $name, "/planted.yaml")),
        }),+]
    };
}

/// Every shipped world, `demo` first.
pub fn worlds() -> &'static [EmbeddedWorld] {
    embed![
        "demo",
        "clean",
        "empty",
        // One for each trap of the API that would change a verdict.
        "acl-of-the-other-family",
        "acl-per-listener",
        "balancer-is-not-exposure",
        "balancer-missing",
        "canary-only",
        "cluster-acl-field",
        "destination-narrowed",
        "eip-names-no-balancer",
        "eip-on-intranet-balancer",
        "eips-not-served",
        "flag-missing",
        "forbidden-is-unknown",
        "ipv6-endpoint",
        "json-in-json",
        "letter-case",
        "list-not-found",
        "lists-in-rules",
        "nlb-allow-only",
        "nlb-internet",
        "nlb-ipv6-internet",
        "no-listener-runs",
        "nobody-claims-it",
        "one-port-twice",
        "paged-eips",
        "paged-rules",
        "priority-is-a-number",
        "region-not-served",
        "second-port-open",
        "shifting-pages",
        "shifting-rules",
        "token-expires",
        "two-balancers",
        // One for each family of what is between a mesh and its clusters, and of what becomes of clusters.
        "path-same-vpc",
        "path-peering",
        "path-transit-router",
        "path-basic-cen",
        "path-vpn",
        "path-router-interface",
        "path-private-link",
        "path-filters",
        "path-route-mode-pods",
        "platform-disagrees",
        "egress-refused",
        "cluster-states",
        "canary-without-revision",
        "eip-gone",
        "api-server-staleness",
    ]
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;
    use crate::sandbox::World;

    #[test]
    fn every_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/worlds");
        let folders: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder of worlds")
            .map(|entry| entry.expect("a folder").file_name().to_string_lossy().into_owned())
            .collect();
        let embedded: BTreeSet<String> = worlds().iter().map(|world| world.name.to_owned()).collect();
        assert_eq!(folders, embedded, "name the folder in embedded.rs");
    }

    #[test]
    fn every_world_reads_without_warning() {
        for world in worlds() {
            let read = World::named(world.name).unwrap_or_else(|error| panic!("{}: {error}", world.name));
            assert!(read.warnings().is_empty(), "{}: {:?}", world.name, read.warnings());
            assert!(read.first_access_key().is_some(), "{}: a scan needs a key", world.name);
        }
    }
}
