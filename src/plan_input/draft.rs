//! The inventory in the making: identities, the ledger, and what no list could be read whole for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    Place,
    document::{Document, Problem, Resource},
    kinds::{self, Kind},
    references::{self, Source},
    value::{Fact, Node},
};
use crate::model::{
    Gap, Inventory, InventoryBuilder, Listener, LoadBalancerId, NetworkLoadBalancer, NlbListener, Reading, RegionId,
    Scope, Unit, UnitState, is_network_balancer, plan_code,
};

/// Who a value names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The resource with this identity: a Terraform address, an attribute of one, or an id of the cloud.
    One(String),
    /// Nobody.
    Nobody,
    /// It cannot be told; why.
    Unknown(&'static str),
}

impl Named {
    pub(super) fn id(self) -> Option<String> {
        match self {
            Self::One(id) => Some(id),
            Self::Nobody | Self::Unknown(_) => None,
        }
    }
}

/// The lists whose completeness the judgements ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Eips,
    ClassicBalancers,
}

/// A load balancer that a control plane has in front, and that the product makes or changes itself.
struct Front {
    /// The mesh's or cluster's type and address.
    owner: (String, String),
    scope: Scope,
    id: LoadBalancerId,
    /// What makes it public, where that is known.
    public: Option<String>,
}

/// What is public of one control plane.
#[derive(Default)]
struct Entrances {
    scope: Scope,
    why: BTreeSet<String>,
    ids: Vec<String>,
}

/// An EIP and what it is bound to.
struct Bound {
    association: String,
    scope: Scope,
    instance: String,
}

pub(super) struct Draft<'a> {
    pub document: &'a Document,
    pub builder: InventoryBuilder,
    place: &'a Place,
    /// Addresses by the id that the cloud gave, where it is known already.
    by_id: BTreeMap<&'a str, &'a str>,
    regions: BTreeSet<RegionId>,
    not_whole: BTreeSet<List>,
    fronts: Vec<Front>,
    api_servers: BTreeSet<LoadBalancerId>,
    bound: Vec<Bound>,
    parts: BTreeMap<&'static str, Parts<'a>>,
}

/// Resources of one type that are parts of others, by whom they belong to.
#[derive(Default)]
struct Parts<'a> {
    by_owner: BTreeMap<String, Vec<&'a Resource>>,
    /// Those that may belong to anybody.
    of_somebody: Vec<&'a Resource>,
}

/// The parts of one resource, and those of which nobody knows whether they are.
pub(super) struct PartsOf<'a> {
    pub certain: Vec<&'a Resource>,
    pub possible: Vec<&'a Resource>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(document: &'a Document, place: &'a Place, now: DateTime<Utc>) -> Self {
        let mut by_id = BTreeMap::new();
        let has_own_id = |kind: &str| Kind::of(kind).is_some() || OWN_IDS.contains(&kind);
        for resource in document.resources.iter().filter(|resource| has_own_id(&resource.kind)) {
            if let Fact::Value(id) = resource.values().field("id").text() {
                by_id.insert(id, resource.address.as_str());
            }
        }
        let mut draft = Self {
            document,
            builder: InventoryBuilder::new(now),
            place,
            by_id,
            regions: BTreeSet::new(),
            not_whole: BTreeSet::new(),
            fronts: Vec::new(),
            api_servers: BTreeSet::new(),
            bound: Vec::new(),
            parts: BTreeMap::new(),
        };
        for resource in &document.resources {
            if let Some((part, argument)) = Kind::of(&resource.kind).and_then(kinds::owner_argument) {
                let owner = draft.named(resource, resource.values().field(argument), &[argument]);
                let parts = draft.parts.entry(part).or_default();
                match owner {
                    Named::One(id) => parts.by_owner.entry(id).or_default().push(resource),
                    Named::Nobody | Named::Unknown(_) => parts.of_somebody.push(resource),
                }
            }
        }
        draft
    }

    /// The resources of a type that belong to the resource.
    pub(super) fn parts(&self, part: &str, owner: &Resource) -> PartsOf<'a> {
        let parts = self.parts.get(part);
        PartsOf {
            certain: parts.and_then(|parts| parts.by_owner.get(&owner.address)).cloned().unwrap_or_default(),
            possible: parts.map(|parts| parts.of_somebody.clone()).unwrap_or_default(),
        }
    }

    /// Enters a resource into the ledger; a gap that is found later wins.
    pub(super) fn plan(&mut self, resource: &Resource) {
        let unit = self.unit(resource, &resource.kind);
        self.builder.scanned(unit);
    }

    pub(super) fn scope(&mut self, resource: &Resource) -> Scope {
        let region_id = self.document.region(resource).map_or_else(|| self.place.region_id.clone(), RegionId::from);
        self.regions.insert(region_id.clone());
        Scope { account_id: self.place.account_id.clone(), region_id }
    }

    fn unit(&mut self, resource: &Resource, operation: &str) -> Unit {
        let scope = self.scope(resource);
        let product = kinds::product(&resource.kind);
        Unit::new(&scope.account_id, &scope.region_id, product, operation, &resource.address)
    }

    /// Something that decides is not known.
    pub(super) fn unknown(&mut self, resource: &Resource, code: &str, message: String) {
        let unit = self.unit(resource, &resource.kind);
        self.gap(unit, code, message);
    }

    fn gap(&mut self, unit: Unit, code: &str, message: String) {
        self.builder.gap(Gap {
            unit,
            state: UnitState::Failed,
            code: code.to_owned(),
            message,
            request_id: String::new(),
        });
    }

    pub(super) fn not_read(&mut self, resource: &Resource, why: &str) {
        self.not_whole.insert(List::Eips);
        self.unknown(resource, plan_code::NOT_READ, why.to_owned());
    }

    /// The plan as a whole, or a resource of it that cannot be looked at, keeps everything from being known.
    pub(super) fn problem(&mut self, problem: &Problem) {
        let matters = problem.address.is_empty() || Kind::of(&problem.kind).is_some();
        if !matters {
            return;
        }
        let product = kinds::product(&problem.kind);
        let (account_id, region_id) = (&self.place.account_id, &self.place.region_id);
        let unit = Unit::new(account_id, region_id, product, &problem.kind, &problem.address);
        self.not_whole.insert(List::Eips);
        self.gap(unit, plan_code::INCOMPLETE, problem.message.clone());
    }

    /// A list of which a member may be missing.
    pub(super) fn not_whole(&mut self, list: List) {
        self.not_whole.insert(list);
    }

    /// Who the argument names. What is known by its id in the plan is called by its address.
    pub(super) fn named(&self, resource: &Resource, node: Node<'_>, path: &[&str]) -> Named {
        match node.text() {
            Fact::Value("") | Fact::Null => Named::Nobody,
            Fact::Value(id) => Named::One(self.identity_of(id)),
            fact @ (Fact::Absent | Fact::Later) => {
                match references::of(self.document, resource, path).only().and_then(|source| self.identity(source)) {
                    Some(id) => Named::One(id),
                    None => Named::Unknown(fact.why_unknown().unwrap_or_default()),
                }
            }
            fact @ (Fact::Hidden | Fact::Strange) => Named::Unknown(fact.why_unknown().unwrap_or_default()),
        }
    }

    /// Whom a list of ids names, where all of them are known; with why not.
    pub(super) fn all_named(&self, resource: &Resource, argument: &str) -> Result<Vec<String>, &'static str> {
        let node = resource.values().field(argument);
        let unknown = |fact: Fact<()>| fact.why_unknown().unwrap_or_default();
        let items = match node.items() {
            Fact::Value(items) => items,
            Fact::Null => return Ok(Vec::new()),
            // Of what is in it already nothing can be said by what it refers to: a constant beside a planned resource leaves no
            // trace in the configuration.
            Fact::Absent | Fact::Later => return Err(unknown(Fact::Later)),
            Fact::Hidden => return Err(unknown(Fact::Hidden)),
            Fact::Strange => return Err(unknown(Fact::Strange)),
        };
        let (mut ids, mut later) = (Vec::new(), 0);
        for item in items {
            match item.text() {
                Fact::Value(id) => ids.push(self.identity_of(id)),
                Fact::Later => later += 1,
                fact => return Err(fact.why_unknown().unwrap_or("has an element that is null")),
            }
        }
        if later > 0 {
            let sources = references::of(self.document, resource, &[argument]);
            let found: Option<BTreeSet<String>> = sources.found.iter().map(|source| self.identity(source)).collect();
            let found = found.filter(|found| !sources.others && found.len() == later);
            ids.extend(found.ok_or_else(|| unknown(Fact::Later))?);
        }
        Ok(ids)
    }

    fn identity_of(&self, id: &str) -> String {
        self.by_id.get(id).map_or_else(|| id.to_owned(), |address| (*address).to_owned())
    }

    /// True if the identity is that of a planned resource of the kind.
    pub(super) fn is_planned(&self, kind: Kind, id: &str) -> bool {
        self.document.resource(id).is_some_and(|resource| Kind::of(&resource.kind) == Some(kind))
    }

    /// A balancer in front of a control plane, and what makes it public.
    pub(super) fn front(&mut self, owner: &Resource, id: &LoadBalancerId, public: Option<String>) {
        let scope = self.scope(owner);
        let owner = (owner.kind.clone(), owner.address.clone());
        self.fronts.push(Front { owner, scope, id: id.clone(), public });
    }

    /// An EIP is bound to something.
    pub(super) fn binds(&mut self, association: &Resource, instance: &str) {
        let scope = self.scope(association);
        let association = association.address.clone();
        self.bound.push(Bound { association, scope, instance: instance.to_owned() });
    }

    /// A planned balancer is handed to a cluster, whose API server the product then puts behind it.
    pub(super) fn serves_api_server(&mut self, id: &LoadBalancerId) {
        self.api_servers.insert(id.clone());
    }

    /// The inventory. What the plan holds of each list is all there will be, but where a member may be missing.
    pub(super) fn finish(mut self) -> Inventory {
        self.tell_of_strangers();
        self.tell_of_fronts();
        self.turn_public_sides_out();
        self.add_api_servers();
        let account_id = self.place.account_id.clone();
        if self.regions.is_empty() {
            self.regions.insert(self.place.region_id.clone());
        }
        for region_id in std::mem::take(&mut self.regions) {
            for (list, product, operation) in [
                (None, "servicemesh", "DescribeServiceMeshes"),
                (None, "cs", "DescribeClustersV1"),
                (None, "nlb", "ListLoadBalancers"),
                (Some(List::ClassicBalancers), "slb", "DescribeLoadBalancers"),
                (Some(List::Eips), "vpc", "DescribeEipAddresses"),
            ] {
                if list.is_none_or(|list| !self.not_whole.contains(&list)) {
                    self.builder.scanned(Unit::new(&account_id, &region_id, product, operation, ""));
                }
            }
        }
        self.builder.build()
    }

    /// A balancer that is there already, in another hand, may be a control plane's.
    fn tell_of_strangers(&mut self) {
        for bound in std::mem::take(&mut self.bound) {
            if self.fronts.iter().any(|front| front.id.as_str() == bound.instance) {
                continue;
            }
            let product = match bound.instance.as_str() {
                id if is_network_balancer(id) => "nlb",
                id if id.starts_with("lb-") => "slb",
                // An attribute of a control plane that is none of the balancers that it is known by.
                id if id.contains('.') && self.document.resource(id).is_none() => {
                    self.not_whole.insert(List::Eips);
                    "vpc"
                }
                _ => continue,
            };
            let Scope { account_id, region_id } = bound.scope;
            let unit = Unit::new(&account_id, &region_id, product, "alicloud_eip_association", &bound.instance);
            let message = format!(
                "{} binds an EIP to it, and it is not in the plan: it may stand in front of a control plane",
                bound.association
            );
            self.gap(unit, plan_code::NOT_IN_PLAN, message);
        }
    }

    /// Of several balancers the one that is public stands in front.
    fn turn_public_sides_out(&mut self) {
        let mut public: BTreeSet<&str> = self.builder.eips.iter().map(|eip| eip.instance_id.as_str()).collect();
        let classic = self.builder.load_balancers.iter();
        let internet = classic.filter(|it| it.address_type != "intranet" || it.address_ip_version == "ipv6");
        public.extend(internet.map(|it| it.load_balancer_id.as_str()));
        let network = self.builder.network_load_balancers.iter();
        let intranet = |it: &NetworkLoadBalancer| it.address_type.value().is_some_and(|word| word == "Intranet");
        public.extend(network.filter(|it| !intranet(it)).map(|it| it.load_balancer_id.as_str()));
        for cluster in &mut self.builder.clusters {
            let Reading::Value(front) = &mut cluster.api_server.load_balancer_id else { continue };
            let others = &mut cluster.other_load_balancers;
            if !public.contains(front.as_str())
                && let Some(other) = others.iter_mut().find(|other| public.contains(other.as_str()))
            {
                std::mem::swap(front, other);
            }
        }
    }

    /// Who gets through a balancer that the product makes is not in the plan. Of a private one nobody asks.
    fn tell_of_fronts(&mut self) {
        let mut owners: BTreeMap<(String, String), Entrances> = BTreeMap::new();
        for front in std::mem::take(&mut self.fronts) {
            let eip = self.builder.eips.iter().find(|eip| eip.instance_id == front.id.as_str());
            let classic = self.builder.load_balancers.iter().any(|it| it.load_balancer_id == front.id);
            let network = self.builder.network_load_balancers.iter().any(|it| it.load_balancer_id == front.id);
            let bound = eip.map(|eip| format!("{} is bound to it", eip.allocation_id));
            let Some(public) = front.public.or(bound).filter(|_| !classic && !network) else { continue };
            let owner = owners.entry(front.owner).or_default();
            owner.scope = front.scope;
            owner.why.insert(public);
            owner.ids.push(front.id.as_str().to_owned());
        }
        for ((kind, address), Entrances { scope, why, ids }) in owners {
            let unit = Unit::new(&scope.account_id, &scope.region_id, kinds::product(&kind), &kind, &address);
            let why: Vec<String> = why.into_iter().collect();
            let message = format!(
                "{}; the access control of {} is not in the plan, so that who will get in cannot be told; after apply, \
                 `portcullis scan` tells",
                why.join(", "),
                ids.join(" and ")
            );
            self.gap(unit, plan_code::NOT_IN_PLAN, message);
        }
    }
}

/// The port of ACK's API servers.
const API_SERVER: u16 = 6443;

impl Draft<'_> {
    /// The listeners that the product makes. Those of a classic balancer have an access control that is not in the plan.
    fn add_api_servers(&mut self) {
        let serves = |id: &LoadBalancerId| self.api_servers.contains(id);
        for balancer in self.builder.load_balancers.iter_mut().filter(|it| serves(&it.load_balancer_id)) {
            if let Reading::Value(listeners) = &mut balancer.listeners
                && listeners.iter().all(|listener| listener.listener_port != API_SERVER)
            {
                listeners.push(Listener {
                    listener_port: API_SERVER,
                    listener_protocol: "tcp".to_owned(),
                    ..Listener::default()
                });
            }
        }
        for balancer in self.builder.network_load_balancers.iter_mut().filter(|it| serves(&it.load_balancer_id)) {
            if let Reading::Value(listeners) = &mut balancer.listeners {
                listeners.push(NlbListener {
                    listener_id: format!("{}/{API_SERVER}", balancer.load_balancer_id),
                    start_port: API_SERVER,
                    end_port: API_SERVER,
                    listener_protocol: "TCP".to_owned(),
                    listener_status: String::new(),
                });
            }
        }
    }

    /// What a source is called by: the resource itself by its address, what else it names by the attribute behind that.
    /// `None` for attributes that may repeat an id of another resource.
    fn identity(&self, source: &Source<'_>) -> Option<String> {
        let resource = self.document.resource(source.address)?;
        let makes_others = match (Kind::of(&resource.kind), source.attribute) {
            (Some(Kind::Cluster(_)), "slb_id" | "security_group_id")
            | (Some(Kind::Mesh), "api_server_loadbalancer_id" | "pilot_public_loadbalancer_id" | "security_group_id") =>
            {
                return Some(format!("{}.{}", source.address, source.attribute));
            }
            (Some(Kind::Cluster(_) | Kind::Mesh), _) => true,
            (Some(_), _) => false,
            (None, _) if OWN_IDS.contains(&resource.kind.as_str()) => false,
            (None, _) => return None,
        };
        // Of an element of several, only the resource is told.
        let is_own = source.attribute == "id"
            || (source.attribute.is_empty() && !makes_others)
            || (source.attribute == "allocation_id" && EIPS.contains(&resource.kind.as_str()));
        is_own.then(|| source.address.to_owned())
    }
}

const EIPS: [&str; 2] = ["alicloud_eip", "alicloud_eip_address"];

/// Types that have no part in it, whose ids are their own: what an EIP may be bound to, and what a rule may belong to.
const OWN_IDS: [&str; 11] = [
    "alicloud_alb_load_balancer",
    "alicloud_ecs_network_interface",
    "alicloud_eip",
    "alicloud_eip_address",
    "alicloud_havip",
    "alicloud_instance",
    "alicloud_nat_gateway",
    "alicloud_network_interface",
    "alicloud_vpc",
    "alicloud_vpn_gateway",
    "alicloud_vswitch",
];
