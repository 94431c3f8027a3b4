//! Elastic IPs on control planes: which slots there are, and how an EIP comes and goes. Neither happens at once: an EIP is
//! `Unassociating` before it is `Available` and `Associating` before it is `InUse`, and what its slot shows changes at the
//! end.

use serde_json::{Value, json};

use super::{
    collection::{at, values_at},
    draft::{Draft, reset, set, text_at},
    kind::Kind,
    world::Account,
};

/// A place that one EIP can be bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Slot {
    Pilot(String),
    CanaryPilot(String),
    ApiServer(String),
    /// The API server of a cluster.
    Cluster(String),
}

/// What a mesh says of a slot, by path.
struct MeshFields {
    /// The canary pilot has none.
    flag: &'static str,
    eip: &'static str,
    balancer: &'static str,
    endpoint: &'static str,
    /// In the additional status.
    status: &'static str,
}

const PILOT: MeshFields = MeshFields {
    flag: "Spec.LoadBalancer.PilotPublicEip",
    eip: "Spec.LoadBalancer.PilotPublicEipId",
    balancer: "Spec.LoadBalancer.PilotPublicLoadbalancerId",
    endpoint: "Endpoints.PublicPilotEndpoint",
    status: "PilotEIPStatus",
};

const CANARY_PILOT: MeshFields = MeshFields {
    flag: "",
    eip: "Spec.LoadBalancer.CanaryPilotPublicEipId",
    balancer: "Spec.LoadBalancer.CanaryPilotLoadBalancerId",
    endpoint: "Endpoints.PublicCanaryPilotEndpoint",
    status: "CanaryPilotEIPStatus",
};

const API_SERVER: MeshFields = MeshFields {
    flag: "Spec.LoadBalancer.ApiServerPublicEip",
    eip: "Spec.LoadBalancer.ApiServerPublicEipId",
    balancer: "Spec.LoadBalancer.ApiServerLoadbalancerId",
    endpoint: "Endpoints.PublicApiServerEndpoint",
    status: "ApiServerEIPStatus",
};

/// Where a cluster says that its API server is public.
const CLUSTER_FIELDS: [&str; 2] = ["master_url", "meta_data"];

/// What an EIP says of what it is bound to.
const EIP_FIELDS: [&str; 5] = ["InstanceId", "InstanceType", "InstanceRegionId", "PrivateIpAddress", "VpcId"];

impl Slot {
    /// The mesh or cluster.
    pub(super) fn owner(&self) -> &str {
        match self {
            Self::Pilot(id) | Self::CanaryPilot(id) | Self::ApiServer(id) | Self::Cluster(id) => id,
        }
    }

    fn mesh_fields(&self) -> Option<&'static MeshFields> {
        match self {
            Self::Pilot(_) => Some(&PILOT),
            Self::CanaryPilot(_) => Some(&CANARY_PILOT),
            Self::ApiServer(_) => Some(&API_SERVER),
            Self::Cluster(_) => None,
        }
    }

    /// What shows the slot, and where.
    fn shown_at(&self) -> (Kind, Vec<&'static str>) {
        match self.mesh_fields() {
            Some(fields) => {
                let paths = [fields.flag, fields.eip, fields.endpoint];
                (Kind::Mesh, paths.into_iter().filter(|path| !path.is_empty()).collect())
            }
            None => (Kind::Cluster, CLUSTER_FIELDS.to_vec()),
        }
    }

    /// The load balancer in front; empty where there is none.
    pub(super) fn balancer(&self, account: &Account) -> String {
        let owner = self.owner();
        if let Some(fields) = self.mesh_fields() {
            return item_text(account, Kind::Mesh, owner, fields.balancer);
        }
        let resources = account.cluster_resources.get(owner).into_iter().flatten();
        let resources = resources.filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let is_api_server = |resource: &Value| text_at(resource, "resource_info").contains("k8s_master_slb");
        let by_resource = resources.filter(is_api_server).map(|resource| text_at(&resource, "instance_id")).next();
        let config = "control_plane_endpoints_config.load_balancers_config.load_balancer_id";
        by_resource.unwrap_or_else(|| item_text(account, Kind::Cluster, owner, config))
    }

    /// The EIP that is bound, on its way there or on its way off.
    pub(super) fn eip(&self, account: &Account) -> Option<String> {
        if let Some(fields) = self.mesh_fields() {
            let eip = item_text(account, Kind::Mesh, self.owner(), fields.eip);
            if !eip.is_empty() {
                return Some(eip);
            }
        }
        let balancer = self.balancer(account);
        let spec = Kind::Eip.spec();
        let is_on_it = |values: &[Box<str>]| values.iter().any(|id| !id.is_empty() && **id == *balancer);
        let mut eips = account.collection(Kind::Eip).iter();
        eips.find(|item| is_on_it(item.values(spec, "AssociatedInstanceId"))).map(|item| item.id.to_string())
    }
}

fn item_text(account: &Account, kind: Kind, id: &str, path: &str) -> String {
    let item = account.collection(kind).find(id, None).next();
    item.map(|item| text_at(&item.whole(), path)).unwrap_or_default()
}

/// An EIP as far as it matters here; `None` if it does not exist.
pub(super) struct Eip {
    pub(super) status: String,
    pub(super) region: String,
    pub(super) is_locked: bool,
    pub(super) is_protected: bool,
    pub(super) is_prepaid: bool,
}

impl Eip {
    pub(super) fn of(account: &Account, id: &str) -> Option<Self> {
        let eip = account.collection(Kind::Eip).find(id, None).next()?.whole();
        let business = text_at(&eip, "BusinessStatus");
        Some(Self {
            status: text_at(&eip, "Status"),
            region: text_at(&eip, "RegionId"),
            is_locked: !matches!(business.as_str(), "" | "Normal")
                || !values_at(&eip, "OperationLocks.LockReason.LockReason").is_empty(),
            is_protected: text_at(&eip, "DeletionProtection") == "true",
            is_prepaid: text_at(&eip, "ChargeType").eq_ignore_ascii_case("PrePaid"),
        })
    }

    pub(super) fn is_in_transition(&self) -> bool {
        matches!(self.status.as_str(), "Associating" | "Unassociating" | "Releasing")
    }
}

impl Draft {
    /// An EIP leaves its slot. False if none is bound.
    pub(super) fn begin_unbind(&mut self, slot: &Slot) -> bool {
        let Some(eip) = slot.eip(&self.account) else { return false };
        self.edit(Kind::Eip, &eip, |value| set(value, "Status", json!("Unassociating")));
        self.note(&eip, "eip-unassociating");
        true
    }

    /// The EIP has left: it is free, and its slot shows nothing public any more.
    pub(super) fn finish_unbind(&mut self, slot: &Slot) {
        let Some(eip) = slot.eip(&self.account) else { return };
        if self.text(Kind::Eip, &eip, "Status") != "Unassociating" {
            return;
        }
        self.keep_former(slot, &eip);
        self.edit(Kind::Eip, &eip, |value| {
            set(value, "Status", json!("Available"));
            EIP_FIELDS.iter().for_each(|path| reset(value, path, json!("")));
        });
        match slot.mesh_fields() {
            Some(fields) => {
                self.edit(Kind::Mesh, slot.owner(), |value| {
                    reset(value, fields.flag, json!(false));
                    reset(value, fields.eip, json!(""));
                    reset(value, fields.endpoint, json!(""));
                });
                self.show_status(slot, "not_in_use");
            }
            None => {
                self.edit(Kind::Cluster, slot.owner(), |value| {
                    edit_text(value, "master_url", |url| set(url, "api_server_endpoint", Value::Null));
                    edit_text(value, "meta_data", |data| reset(data, "Capabilities.PublicSLB", json!(false)));
                });
            }
        }
        self.note(&eip, "eip-available");
        self.note(slot.owner(), "unbound");
    }

    /// An EIP is on its way to a slot. False if it is not free.
    pub(super) fn begin_bind(&mut self, slot: &Slot, eip: &str) -> bool {
        let is_free = Eip::of(&self.account, eip).is_some_and(|found| found.status == "Available" && !found.is_locked);
        if !is_free || slot.eip(&self.account).is_some() {
            return false;
        }
        let balancer = slot.balancer(&self.account);
        self.edit(Kind::Eip, eip, |value| {
            set(value, "Status", json!("Associating"));
            set(value, "InstanceId", json!(balancer));
            set(value, "InstanceType", json!("SlbInstance"));
        });
        self.note(eip, "eip-associating");
        true
    }

    /// The EIP has arrived: it is in use, and its slot shows the address.
    pub(super) fn finish_bind(&mut self, slot: &Slot, eip: &str) {
        if self.text(Kind::Eip, eip, "Status") != "Associating" {
            return;
        }
        let balancer = slot.balancer(&self.account);
        let address = self.text(Kind::Eip, eip, "IpAddress");
        let private = self.text(Kind::Clb, &balancer, "Address");
        let vpc = self.text(Kind::Clb, &balancer, "VpcId");
        self.edit(Kind::Eip, eip, |value| {
            set(value, "Status", json!("InUse"));
            reset(value, "InstanceRegionId", value.get("RegionId").cloned().unwrap_or_default());
            reset(value, "PrivateIpAddress", json!(private));
            reset(value, "VpcId", json!(vpc));
        });
        let former = self.former_endpoint(slot);
        let (kind, _) = slot.shown_at();
        self.edit(kind, slot.owner(), |value| match slot.mesh_fields() {
            Some(fields) => {
                if !fields.flag.is_empty() {
                    set(value, fields.flag, json!(true));
                }
                set(value, fields.eip, json!(eip));
                set(value, fields.endpoint, json!(endpoint_text(slot, &address, &former)));
            }
            None => {
                let endpoint = endpoint_text(slot, &address, &former);
                edit_text(value, "master_url", |url| set(url, "api_server_endpoint", json!(endpoint)));
                edit_text(value, "meta_data", |data| set(data, "Capabilities.PublicSLB", json!(true)));
            }
        });
        self.show_status(slot, "exist");
        self.restore_former(slot, eip);
        self.note(eip, "eip-in-use");
        self.note(slot.owner(), "bound");
    }

    /// Remembers what the EIP and its slot showed, so that the same EIP on the same slot shows the same again.
    fn keep_former(&mut self, slot: &Slot, eip: &str) {
        let (kind, paths) = slot.shown_at();
        let keep = |value: &Value, paths: &[&str]| -> Vec<(String, Value)> {
            paths.iter().map(|path| ((*path).to_owned(), at(value, path).cloned().unwrap_or_default())).collect()
        };
        let shown = self.value(kind, slot.owner()).map(|value| keep(&value, &paths)).unwrap_or_default();
        let bound = self.value(Kind::Eip, eip).map(|value| keep(&value, &EIP_FIELDS)).unwrap_or_default();
        self.account.former.insert(slot.clone(), Former { eip: eip.to_owned(), shown, bound });
    }

    fn restore_former(&mut self, slot: &Slot, eip: &str) {
        let Some(former) = self.account.former.get(slot).filter(|former| former.eip == eip).cloned() else { return };
        let (kind, _) = slot.shown_at();
        let restore = |value: &mut Value, fields: Vec<(String, Value)>| {
            fields.into_iter().for_each(|(path, old)| set(value, &path, old));
        };
        self.edit(kind, slot.owner(), |value| restore(value, former.shown));
        self.edit(Kind::Eip, eip, |value| restore(value, former.bound));
    }

    /// The endpoint that the slot showed last, for its scheme and port.
    fn former_endpoint(&self, slot: &Slot) -> String {
        let path = match slot.mesh_fields() {
            Some(fields) => fields.endpoint,
            None => "master_url",
        };
        let shown = self.account.former.get(slot).map_or(&[][..], |former| &former.shown);
        let text = shown.iter().find(|(known, _)| known == path).and_then(|(_, value)| value.as_str());
        match (slot, text.unwrap_or_default()) {
            (Slot::Cluster(_), url) => {
                let url: Value = serde_json::from_str(url).unwrap_or_default();
                text_at(&url, "api_server_endpoint")
            }
            (_, endpoint) => endpoint.to_owned(),
        }
    }

    /// Where a world says itself what the additional status is, it follows.
    fn show_status(&mut self, slot: &Slot, word: &str) {
        let Some(fields) = slot.mesh_fields() else { return };
        let Some(status) = self.account.additional_status.get_mut(slot.owner()) else { return };
        let mut value: Value = serde_json::from_str(status).unwrap_or_default();
        reset(&mut value, fields.status, json!(word));
        *status = value.to_string().into();
    }
}

/// What an EIP and its slot showed while they were together.
#[derive(Clone, Debug)]
pub(super) struct Former {
    eip: String,
    shown: Vec<(String, Value)>,
    bound: Vec<(String, Value)>,
}

/// The public endpoint at an address, in the scheme and with the port of the former one.
fn endpoint_text(slot: &Slot, address: &str, former: &str) -> String {
    let (scheme, rest) = former.split_once("://").map_or(("", former), |(scheme, rest)| (scheme, rest));
    let port = rest.rsplit_once(':').map_or("", |(_, port)| port);
    match (slot, port) {
        (Slot::Pilot(_) | Slot::CanaryPilot(_), "") => format!("{address}:15011"),
        (Slot::Pilot(_) | Slot::CanaryPilot(_), port) => format!("{address}:{port}"),
        (_, "") => format!("https://{address}:6443"),
        (_, port) => format!("{}://{address}:{port}", if scheme.is_empty() { "https" } else { scheme }),
    }
}

/// Changes JSON within a text; a text that is none is left alone.
fn edit_text(value: &mut Value, path: &str, edit: impl FnOnce(&mut Value)) {
    let text = text_at(value, path);
    let Ok(mut inner) = serde_json::from_str::<Value>(&text) else { return };
    edit(&mut inner);
    set(value, path, json!(inner.to_string()));
}
