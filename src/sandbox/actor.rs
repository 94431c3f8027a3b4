//! Others who use the same cloud: a console user, a cost job, a pipeline. Each does one thing at the n-th call that its
//! trigger names, without asking for permission and without the faults that callers get.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    binding::{Eip, Slot},
    collection::{Child, Item},
    draft::set,
    fault::{Subject, carries},
    kind::Kind,
    plan::Plan,
    world::Account,
};

/// One deed of an outsider.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) at: Trigger,
    /// The account that is changed; the caller's where there is none.
    pub(super) account_id: Option<String>,
    pub(super) deed: Deed,
}

/// When it is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Trigger {
    /// `*` is any call.
    action: String,
    /// Parameters that the call must carry.
    #[serde(rename = "match")]
    parameters: Map<String, Value>,
    /// Counted from 1 over the calls that fit.
    pub(super) nth: u64,
    /// Before the call is looked at, or after it was answered.
    pub(super) when: Moment,
}

impl Default for Trigger {
    fn default() -> Self {
        Self { action: "*".to_owned(), parameters: Map::new(), nth: 1, when: Moment::Before }
    }
}

impl Trigger {
    pub(super) fn fits(&self, subject: Subject<'_>) -> bool {
        (self.action == "*" || self.action == subject.action)
            && self.parameters.iter().all(|(name, value)| carries(subject.parameters, name, value))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Moment {
    Before,
    After,
}

/// What is done.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Deed {
    /// Binds an EIP, over one that is bound if need be.
    Bind {
        mesh: Option<String>,
        cluster: Option<String>,
        #[serde(default)]
        slot: SlotName,
        eip: String,
    },
    Unbind {
        mesh: Option<String>,
        cluster: Option<String>,
        #[serde(default)]
        slot: SlotName,
    },
    /// Gives an EIP back, unless it is protected, prepaid or in use.
    Release { eip: String },
    /// Associates a free EIP with something that is no control plane.
    Attach { eip: String, instance: String },
    /// Sets fields of an item of a list, by path; null removes one. A listener, which has no id, is named by its balancer and
    /// its port: `lb-1/15011`; an access control list, whose id is made with it, by its name.
    Set { list: String, id: String, fields: Map<String, Value> },
    /// Replaces one list of the lists that a world keeps by id: proxies or clusters of a mesh, resources of a cluster.
    Replace { list: String, id: String, items: Vec<Value> },
    /// Sets the world's clock forward.
    AdvanceClock { ms: u64 },
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SlotName {
    #[default]
    Pilot,
    CanaryPilot,
    ApiServer,
}

/// Reads an actor of a document; the problem is a sentence for the world's author.
pub(super) fn from_value(value: Value) -> Result<Actor, String> {
    let Value::Object(mut fields) = value else { return Err("an actor is an object".to_owned()) };
    let text = |error: serde_json::Error| error.to_string();
    let at = fields.remove("at").map(Trigger::deserialize).transpose().map_err(text)?.unwrap_or_default();
    let account_id = fields.remove("account_id").map(String::deserialize).transpose().map_err(text)?;
    let deed = Deed::deserialize(Value::Object(fields)).map_err(text)?;
    match &deed {
        Deed::Bind { mesh, cluster, slot, .. } | Deed::Unbind { mesh, cluster, slot } => {
            slot_of(mesh.as_ref(), cluster.as_ref(), *slot).ok_or("name a mesh or a cluster, and not both")?;
        }
        Deed::Set { list, .. } => {
            kind_of(list).ok_or_else(|| format!("there is no list {list} whose items have an id"))?;
        }
        Deed::Replace { list, .. } if !KEYED.contains(&list.as_str()) => {
            return Err(format!("{list} is none of {}", KEYED.join(", ")));
        }
        _ => {}
    }
    Ok(Actor { at, account_id, deed })
}

/// The lists that a world keeps by id.
const KEYED: [&str; 4] =
    ["servicemesh.clusters", "servicemesh.unconnected_clusters", "servicemesh.proxy_status", "cs.resources"];

fn slot_of(mesh: Option<&String>, cluster: Option<&String>, slot: SlotName) -> Option<Slot> {
    match (mesh.cloned(), cluster.cloned()) {
        (Some(mesh), None) => Some(match slot {
            SlotName::Pilot => Slot::Pilot(mesh),
            SlotName::CanaryPilot => Slot::CanaryPilot(mesh),
            SlotName::ApiServer => Slot::ApiServer(mesh),
        }),
        (None, Some(cluster)) => Some(Slot::Cluster(cluster)),
        _ => None,
    }
}

fn kind_of(list: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| {
        let spec = kind.spec();
        let is_named = !spec.id.is_empty() || *kind == Kind::ClbListener;
        !spec.section.is_empty() && is_named && format!("{}.{}", spec.section, spec.list) == list
    })
}

/// The name by which a document means an item.
fn name_of(kind: Kind, item: &Item) -> String {
    let value = |parameter| item.values(kind.spec(), parameter).first().map_or("", |value| &**value);
    match kind {
        Kind::ClbListener => format!("{}/{}", value("LoadBalancerId"), value("ListenerPort")),
        Kind::Acl => value("AclName").to_owned(),
        _ => item.id.to_string(),
    }
}

impl Deed {
    /// The steps of the deed; none where the cloud would refuse it.
    pub(super) fn plan(&self, account: &Account) -> Plan {
        let mut plan = Plan::default();
        match self.clone() {
            Self::Bind { mesh, cluster, slot, eip } => {
                if let Some(slot) = slot_of(mesh.as_ref(), cluster.as_ref(), slot) {
                    let bound = plan.bind(account, &slot, &eip);
                    roll(&mut plan, &slot, bound, Some(eip));
                }
            }
            Self::Unbind { mesh, cluster, slot } => {
                if let Some(slot) = slot_of(mesh.as_ref(), cluster.as_ref(), slot) {
                    let bound = plan.unbind(&slot);
                    roll(&mut plan, &slot, bound, None);
                }
            }
            Self::Release { eip } => release(&mut plan, account, &eip),
            Self::Attach { eip, instance } => attach(&mut plan, account, eip, instance),
            Self::Set { list, id, fields } => {
                if let Some(kind) = kind_of(&list) {
                    plan.now(move |draft| {
                        let is_it = |item: &Item| name_of(kind, item) == id;
                        draft.edit_where(kind, is_it, |value, children| {
                            fields.into_iter().for_each(|(path, new)| match new {
                                Value::Array(new) if path == kind.spec().children => {
                                    *children = new.iter().map(Child::new).collect();
                                }
                                new => set(value, &path, new),
                            });
                        });
                        draft.note(&id, "set");
                    });
                }
            }
            Self::Replace { list, id, items } => plan.now(move |draft| {
                let account = &mut draft.account;
                let lists = match list.as_str() {
                    "servicemesh.clusters" => &mut account.mesh_clusters,
                    "servicemesh.unconnected_clusters" => &mut account.unconnected_clusters,
                    "servicemesh.proxy_status" => &mut account.proxy_status,
                    _ => &mut account.cluster_resources,
                };
                lists.insert(id.clone(), items.iter().map(|item| item.to_string().into()).collect());
                draft.note(&id, "replaced");
            }),
            Self::AdvanceClock { .. } => {}
        }
        plan
    }
}

impl Deed {
    /// The operation that the deed is, as the audit trail names it, the service, and what is changed.
    pub(super) fn audited(&self) -> Option<(&'static str, &'static str, String)> {
        match self {
            Self::Bind { mesh, cluster, slot, .. } | Self::Unbind { mesh, cluster, slot } => {
                let slot = slot_of(mesh.as_ref(), cluster.as_ref(), *slot)?;
                let (action, service) = match &slot {
                    Slot::Pilot(_) | Slot::CanaryPilot(_) => ("ModifyPilotEipResource", "ServiceMesh"),
                    Slot::ApiServer(_) => ("ModifyApiServerEipResource", "ServiceMesh"),
                    Slot::Cluster(_) => ("ModifyCluster", "CS"),
                };
                Some((action, service, slot.owner().to_owned()))
            }
            Self::Release { eip } => Some(("ReleaseEipAddress", "Vpc", eip.clone())),
            Self::Attach { eip, .. } => Some(("AssociateEipAddress", "Vpc", eip.clone())),
            Self::Set { .. } | Self::Replace { .. } | Self::AdvanceClock { .. } => None,
        }
    }
}

fn roll(plan: &mut Plan, slot: &Slot, bound: u32, wanted: Option<String>) {
    if let Slot::Cluster(cluster) = slot {
        plan.roll(cluster, None, bound, wanted);
    }
}

fn release(plan: &mut Plan, account: &Account, eip: &str) {
    let found = Eip::of(account, eip);
    if found.is_some_and(|found| found.status == "Available" && !found.is_protected && !found.is_prepaid) {
        plan.release(eip);
    }
}

fn attach(plan: &mut Plan, account: &Account, eip: String, instance: String) {
    if Eip::of(account, &eip).is_none_or(|found| found.status != "Available") {
        return;
    }
    plan.now(move |draft| {
        draft.edit(Kind::Eip, &eip, |value| {
            set(value, "Status", json!("InUse"));
            set(value, "InstanceId", json!(instance));
            let kind = if instance.starts_with("lb-") { "SlbInstance" } else { "EcsInstance" };
            set(value, "InstanceType", json!(kind));
        });
        draft.note(&eip, "eip-attached");
    });
}
