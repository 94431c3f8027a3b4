//! Whether the internet can address an endpoint at all, from sources that are independent of one
//! another: what the product says (its flag, its endpoint, its EIP id), what the EIP inventory
//! says, and what the balancer says of itself.
//!
//! One positive sign makes an endpoint exposed, whatever the others say. It is private only where
//! every sign was read and denies. Signs that disagree are reported, none is preferred.

use std::{collections::BTreeSet, net::IpAddr};

use crate::model::{
    Changing, Cluster, Eip, EipId, Endpoint, EndpointJudgement, EndpointKind, Entrance, Exposure, Family, Listener,
    ListenerSetting, LoadBalancer, LoadBalancerId, Mesh, NetworkLoadBalancer, Reading, ResourceKind, Scope,
    SecurityGroupId, Sign, is_protected, mesh_runs, ports,
};

use super::{
    index::{self, Balancer, Index},
    public_address::{self, Host, PublicAddress},
    staleness,
};

/// An endpoint whose exposure is judged, with what the next steps need to know of it.
pub(super) struct Assessed<'a> {
    /// Complete but for its access rows.
    pub judgement: EndpointJudgement,
    pub scope: &'a Scope,
    pub front: Option<Front<'a>>,
    /// Families in which it has a public address, sorted; empty unless exposed.
    pub families: Vec<Family>,
    /// The port of the public endpoint, else of the internal one, else what the product uses.
    pub port: u16,
    /// The mesh's or cluster's own security group; `None` where it has none that is known.
    pub security_group_id: Option<&'a SecurityGroupId>,
    /// Further balancers with a public address that lead to the same endpoint, each as if it were
    /// the only one.
    pub others: Vec<Assessed<'a>>,
}

/// The balancer on the public path of an endpoint.
pub(super) struct Front<'a> {
    pub id: LoadBalancerId,
    pub balancer: Balancer<'a>,
    /// True if the product itself names this balancer and nothing says that the public address
    /// leads anywhere else. Else another balancer may be on the path too, so that what filters
    /// here proves nothing.
    pub certain: bool,
}

/// Every endpoint of the inventory, sorted by account, region, resource and kind.
pub(super) fn endpoints<'a>(index: &Index<'a>) -> Vec<Assessed<'a>> {
    let meshes = index.inventory.meshes().iter().flat_map(mesh_subjects);
    let clusters = index.inventory.clusters().iter().map(cluster_subject);
    let mut endpoints: Vec<_> = meshes.chain(clusters).map(|subject| assess(index, subject)).collect();
    endpoints.sort_unstable_by(|one, other| one.judgement.endpoint.cmp(&other.judgement.endpoint));
    endpoints
}

/// One entrance and whose it is.
struct Subject<'a> {
    endpoint: Endpoint,
    name: &'a str,
    tags: &'a std::collections::BTreeMap<String, String>,
    scope: &'a Scope,
    entrance: &'a Entrance,
    security_group_id: Option<&'a SecurityGroupId>,
    /// Balancers that lead to it too.
    others: &'a [LoadBalancerId],
    eip_offered: Option<bool>,
    state: &'a str,
}

/// The entrances of a mesh. Where the canary pilot could not be read nothing is said of it: no
/// document says that there is one, and the pilot's own signs are unread by the same failure.
fn mesh_subjects(mesh: &Mesh) -> Vec<Subject<'_>> {
    let mut entrances = vec![(EndpointKind::IstioPilot, &mesh.pilot), (EndpointKind::MeshApiServer, &mesh.api_server)];
    if let Reading::Value(canary) = &mesh.canary_pilot {
        entrances.push((EndpointKind::IstioPilotCanary, canary));
    }
    let subject = |(kind, entrance)| Subject {
        endpoint: Endpoint {
            account_id: mesh.scope.account_id.clone(),
            region_id: mesh.scope.region_id.clone(),
            resource_kind: ResourceKind::Mesh,
            resource_id: mesh.service_mesh_id.as_str().to_owned(),
            kind,
        },
        name: &mesh.name,
        tags: &mesh.tags,
        scope: &mesh.scope,
        entrance,
        security_group_id: Some(&mesh.security_group_id).filter(|id| !id.is_empty()),
        others: &[],
        eip_offered: Some(true),
        state: &mesh.state,
    };
    entrances.into_iter().filter(|(kind, entrance)| exists(*kind, entrance)).map(subject).collect()
}

/// A canary row exists only where a canary pilot does: one of its endpoint, EIP id and balancer is
/// set.
fn exists(kind: EndpointKind, entrance: &Entrance) -> bool {
    kind != EndpointKind::IstioPilotCanary
        || text(&entrance.public_endpoint).is_some()
        || text(&entrance.intranet_endpoint).is_some()
        || set_id(&entrance.eip_id, EipId::is_empty).is_some()
        || set_id(&entrance.load_balancer_id, LoadBalancerId::is_empty).is_some()
}

fn cluster_subject(cluster: &Cluster) -> Subject<'_> {
    Subject {
        endpoint: Endpoint {
            account_id: cluster.scope.account_id.clone(),
            region_id: cluster.scope.region_id.clone(),
            resource_kind: ResourceKind::Cluster,
            resource_id: cluster.cluster_id.as_str().to_owned(),
            kind: EndpointKind::ClusterApiServer,
        },
        name: &cluster.name,
        tags: &cluster.tags,
        scope: &cluster.scope,
        entrance: &cluster.api_server,
        security_group_id: cluster.security_group_id.value(),
        others: &cluster.other_load_balancers,
        eip_offered: cluster.offers_eip_change(),
        state: &cluster.state,
    }
}

fn assess<'a>(index: &Index<'a>, subject: Subject<'a>) -> Assessed<'a> {
    let addresses = text(&subject.entrance.public_endpoint).map(public_address::parse).unwrap_or_default();
    let front = front(index, &subject, &addresses);
    let evidence = Evidence::gather(index, &subject, &addresses, front.as_ref());
    let exposure = evidence.exposure();
    let exposed = exposure == Exposure::Exposed;
    let port = port_of(&subject, &addresses);
    let eips = front.as_ref().map_or(&[][..], |front| index.eips_on(&subject.scope.account_id, &front.id));
    let eip = public_eip(index, &subject, &addresses, eips);
    let product_eip_id = set_id(&subject.entrance.eip_id, EipId::is_empty).cloned();
    let eip_id = eip
        .map(|eip| eip.allocation_id.clone())
        .or_else(|| front.as_ref().and_then(network_eip_id))
        .or_else(|| product_eip_id.clone());
    let judgement = EndpointJudgement {
        resource_name: subject.name.to_owned(),
        tags: subject.tags.clone(),
        protected_by: protected_by(index, &subject, front.as_ref(), eips),
        exposure,
        contradictions: contradictions(index, &subject, &evidence, &addresses, front.as_ref(), eips),
        unread: if exposure == Exposure::Unknown { evidence.unread } else { Vec::new() },
        public_address: if exposed { public_address_of(eip, &addresses, front.as_ref()) } else { None },
        private_address: private_address_of(&subject, eip, front.as_ref()),
        eip_id: if exposed { eip_id } else { None },
        product_eip_id,
        load_balancer_id: front.as_ref().map(|front| front.id.clone()),
        access: Vec::new(),
        staleness: staleness::without_exposure(exposure),
        bound_by: None,
        changing: if exposed { changing(&subject, front.as_ref(), port) } else { Changing::default() },
        signs: evidence.positive,
        endpoint: subject.endpoint.clone(),
    };
    let others = if exposed { others(index, &subject, &judgement, front.as_ref(), port) } else { Vec::new() };
    Assessed {
        families: if exposed {
            families(&addresses, &judgement, front.as_ref(), names_all(index, &subject))
        } else {
            Vec::new()
        },
        others,
        port,
        scope: subject.scope,
        security_group_id: subject.security_group_id,
        front,
        judgement,
    }
}

/// What a change would start from.
fn changing(subject: &Subject<'_>, front: Option<&Front<'_>>, port: u16) -> Changing {
    let certain = front.filter(|front| front.certain && subject.others.iter().all(|other| *other == front.id));
    let listeners = match certain.map(|front| front.balancer) {
        Some(Balancer::Classic(Some(balancer))) => balancer.listeners.value().map(Vec::as_slice).unwrap_or_default(),
        _ => &[],
    };
    let setting = |listener: &Listener| ListenerSetting {
        port: listener.listener_port,
        protocol: listener.listener_protocol.to_ascii_lowercase(),
        acl_status: listener.acl_status.value().map(|status| status.to_ascii_lowercase()),
        acl_type: listener.acl_type.to_ascii_lowercase(),
        acl_ids: listener.acl_ids.clone(),
    };
    let mut listeners: Vec<ListenerSetting> =
        listeners.iter().filter(|one| !ports::is_stopped(&one.status)).map(setting).collect();
    listeners.sort_by(|one, other| (one.port, &one.protocol).cmp(&(other.port, &other.protocol)));
    Changing {
        eip_offered: subject.eip_offered,
        state: subject.state.to_owned(),
        listeners,
        other_ports: other_ports(subject.endpoint.kind, front, port),
    }
}

/// The ports of the balancer that lead to something else than the endpoint, which listens on `port`. A listener belongs to
/// it that forwards to a port of its kind.
fn other_ports(kind: EndpointKind, front: Option<&Front<'_>>, port: u16) -> Option<Vec<String>> {
    let own: &[u16] = match kind {
        EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary => &ports::PILOT,
        EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => &[ports::API_SERVER],
    };
    let is_own = |one: u16| one == port || own.contains(&one);
    let serves = |protocol: &str, first: u16, last: u16, backend: Option<u16>| {
        let transport = ports::transport(protocol);
        let mine = transport == "tcp" && ((first..=last).all(is_own) || backend.is_some_and(is_own));
        let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
        (!mine).then(|| format!("{transport}/{range}"))
    };
    let found: BTreeSet<String> = match front?.balancer {
        Balancer::Classic(balancer) => {
            let running = listed(&balancer?.listeners)?.iter().filter(|one| !ports::is_stopped(&one.status));
            let other = |one: &Listener| {
                serves(
                    &one.listener_protocol,
                    one.listener_port,
                    one.listener_port,
                    one.backend_server_port.value().copied(),
                )
            };
            running.filter_map(other).collect()
        }
        Balancer::Network(balancer) => {
            let running = listed(&balancer?.listeners)?.iter().filter(|one| !ports::is_stopped(&one.listener_status));
            running.filter_map(|one| serves(&one.listener_protocol, one.start_port, one.end_port, None)).collect()
        }
    };
    Some(found.into_iter().collect())
}

/// The elements, none where there are none, and `None` where they were not read.
fn listed<T>(reading: &Reading<Vec<T>>) -> Option<&[T]> {
    match reading {
        Reading::Value(items) => Some(items),
        Reading::Absent => Some(&[]),
        Reading::Unread => None,
    }
}

/// Ids of what is tagged never to be changed: the mesh or cluster, its balancer, and whatever EIP is bound to that or named
/// by the product.
fn protected_by(index: &Index<'_>, subject: &Subject<'_>, front: Option<&Front<'_>>, eips: &[&Eip]) -> Vec<String> {
    let resource = (subject.endpoint.resource_id.as_str(), subject.tags);
    let balancer = front.and_then(|front| match front.balancer {
        Balancer::Classic(balancer) => balancer.map(|it| (it.load_balancer_id.as_str(), &it.tags)),
        Balancer::Network(balancer) => balancer.map(|it| (it.load_balancer_id.as_str(), &it.tags)),
    });
    let named =
        set_id(&subject.entrance.eip_id, EipId::is_empty).and_then(|id| index.eip(&subject.scope.account_id, id));
    let eips = eips.iter().copied().chain(named).map(|eip| (eip.allocation_id.as_str(), &eip.tags));
    let tagged = [resource].into_iter().chain(balancer).chain(eips).filter(|(_, tags)| is_protected(tags));
    let ids: BTreeSet<String> = tagged.map(|(id, _)| id.to_owned()).collect();
    ids.into_iter().collect()
}

/// The endpoint behind each further balancer that is public, or may be.
fn others<'a>(
    index: &Index<'a>,
    subject: &Subject<'a>,
    judgement: &EndpointJudgement,
    front: Option<&Front<'a>>,
    port: u16,
) -> Vec<Assessed<'a>> {
    let behind = |id: &LoadBalancerId| {
        let balancer = index.balancer(&subject.scope.account_id, id);
        let has_eip = !index.eips_on(&subject.scope.account_id, id).is_empty() || !index.eips_listed(subject.scope);
        let (ipv4, ipv6) = match balancer {
            Balancer::Classic(Some(balancer)) if index::is_ipv6(balancer) => (has_eip, true),
            Balancer::Classic(Some(balancer)) => (has_eip || index::is_internet_facing(balancer), false),
            Balancer::Network(Some(balancer)) => {
                (has_eip || index::has_public_ipv4(balancer), index::has_public_ipv6(balancer))
            }
            Balancer::Classic(None) => (has_eip || !index.classic_balancers_listed(subject.scope), false),
            // Its list holds private balancers too, so that one which is not in it may be anything.
            Balancer::Network(None) => (true, true),
        };
        let families: Vec<Family> =
            [(ipv4, Family::Ipv4), (ipv6, Family::Ipv6)].into_iter().filter(|(is, _)| *is).map(|(_, it)| it).collect();
        (!families.is_empty()).then(|| Assessed {
            judgement: EndpointJudgement { load_balancer_id: Some(id.clone()), ..judgement.clone() },
            scope: subject.scope,
            front: Some(Front { id: id.clone(), balancer, certain: true }),
            families,
            port,
            security_group_id: subject.security_group_id,
            others: Vec::new(),
        })
    };
    subject.others.iter().filter(|id| front.is_none_or(|front| front.id != **id)).filter_map(behind).collect()
}

/// The product's text, if it says something.
fn text(reading: &Reading<String>) -> Option<&str> {
    reading.value().map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// The product's id, if it gives one.
fn set_id<T>(reading: &Reading<T>, is_empty: impl Fn(&T) -> bool) -> Option<&T> {
    reading.value().filter(|id| !is_empty(id))
}

/// The balancer on the public path: the one that the product names, else the one to which its EIP
/// or its public address leads.
fn front<'a>(index: &Index<'a>, subject: &Subject<'a>, addresses: &[PublicAddress]) -> Option<Front<'a>> {
    let leads = leads(index, subject, addresses);
    let front = |id: LoadBalancerId, certain| {
        let balancer = index.balancer(&subject.scope.account_id, &id);
        Front { id, balancer, certain }
    };
    if let Some(id) = set_id(&subject.entrance.load_balancer_id, LoadBalancerId::is_empty) {
        let nothing_else = !subject.entrance.eip_id.is_unread()
            && !subject.entrance.public_endpoint.is_unread()
            && leads.iter().all(|lead| lead.is_only(id) || subject.others.iter().any(|other| lead.is_only(other)));
        return Some(front(id.clone(), nothing_else));
    }
    let bound = leads.iter().filter_map(|lead| match lead {
        Lead::To(id) => Some(id),
        Lead::Nowhere | Lead::Untold => None,
    });
    let id = bound.into_iter().find(|id| is_balancer(index, subject.scope, id))?;
    // The product names no balancer, but all that it names leads to this one.
    let nothing_else = !subject.entrance.load_balancer_id.is_unread()
        && !subject.entrance.eip_id.is_unread()
        && !subject.entrance.public_endpoint.is_unread()
        && leads.iter().all(|lead| matches!(lead, Lead::To(other) if other == id));
    Some(front(id.clone(), nothing_else))
}

/// Where an EIP or a public address leads.
enum Lead {
    /// To whatever has this id; need not be a balancer.
    To(LoadBalancerId),
    /// Everything was read and nothing has it.
    Nowhere,
    /// Something that was not read may have it.
    Untold,
}

impl Lead {
    /// True if it leads to the balancer or nowhere.
    fn is_only(&self, id: &LoadBalancerId) -> bool {
        match self {
            Self::To(other) => other == id,
            Self::Nowhere => true,
            Self::Untold => false,
        }
    }
}

/// Where the product's EIP and its public addresses lead.
fn leads(index: &Index<'_>, subject: &Subject<'_>, addresses: &[PublicAddress]) -> Vec<Lead> {
    let scope = subject.scope;
    let bound = |eip: &Eip| match eip.instance_id.as_str() {
        "" => Lead::Nowhere,
        id => Lead::To(LoadBalancerId::from(id)),
    };
    let unless = |listed: bool| if listed { Lead::Nowhere } else { Lead::Untold };
    let balancers_listed = index.classic_balancers_listed(scope) && index.network_balancers_listed(scope);
    let of_address = |address: &PublicAddress| {
        let host = address.host.to_string();
        if let Some(eip) = index.eip_with_address(&scope.account_id, &host) {
            return bound(eip);
        }
        match index.balancer_named(&scope.account_id, &host) {
            Some(id) => Lead::To(id.clone()),
            None => unless(index.eips_listed(scope) && balancers_listed),
        }
    };
    let of_eip = |id| match index.eip(&scope.account_id, id) {
        Some(eip) => bound(eip),
        None => unless(index.eips_listed(scope)),
    };
    let product = set_id(&subject.entrance.eip_id, EipId::is_empty).map(of_eip);
    product.into_iter().chain(addresses.iter().map(of_address)).collect()
}

fn is_balancer(index: &Index<'_>, scope: &Scope, id: &LoadBalancerId) -> bool {
    id.as_str().starts_with("lb-") || !matches!(index.balancer(&scope.account_id, id), Balancer::Classic(None))
}

/// Why the silence of a mesh says nothing: one that does not run is being made, changed or taken down, and what it says of
/// itself is of the time before or after.
fn unsettled(subject: &Subject<'_>) -> Option<String> {
    let is_settled = subject.endpoint.resource_kind != ResourceKind::Mesh || mesh_runs(subject.state);
    (!is_settled).then(|| {
        let state: String = subject.state.escape_debug().take(40).collect();
        format!("the mesh does not run, and is in the state \"{state}\"")
    })
}

/// What each sign says.
#[derive(Default)]
struct Evidence {
    /// Sorted, without repeats.
    positive: Vec<Sign>,
    /// Signs that were read and deny.
    negative: Vec<Sign>,
    /// A sentence for each sign that could not be read, sorted.
    unread: Vec<String>,
}

impl Evidence {
    fn gather(
        index: &Index<'_>,
        subject: &Subject<'_>,
        addresses: &[PublicAddress],
        front: Option<&Front<'_>>,
    ) -> Self {
        let mut evidence = Self::default();
        evidence.product(subject, addresses);
        match front {
            Some(front) => evidence.balancer(index, subject.scope, front),
            None => evidence.no_balancer(index, subject),
        }
        if front.is_some() && subject.entrance.load_balancer_id.is_unread() {
            evidence.unread.push("the load balancer in front could not be read".to_owned());
        }
        evidence.unread.extend(unsettled(subject));
        evidence.positive.sort_unstable();
        evidence.positive.dedup();
        evidence.unread.sort_unstable();
        evidence.unread.dedup();
        evidence
    }

    fn exposure(&self) -> Exposure {
        match (self.positive.is_empty(), self.unread.is_empty()) {
            (false, _) => Exposure::Exposed,
            (true, true) => Exposure::Private,
            (true, false) => Exposure::Unknown,
        }
    }

    /// `None` where the sign could not be read.
    fn record(&mut self, sign: Sign, says: Option<bool>, what: &str) {
        match says {
            Some(true) => self.positive.push(sign),
            Some(false) => self.negative.push(sign),
            None => self.unread.push(format!("{what} could not be read")),
        }
    }

    /// The signs of the mesh's or cluster's own reply.
    fn product(&mut self, subject: &Subject<'_>, addresses: &[PublicAddress]) {
        let entrance = subject.entrance;
        // The API has no flag for the canary pilot.
        if subject.endpoint.kind != EndpointKind::IstioPilotCanary {
            match entrance.public_flag {
                Reading::Absent => {}
                Reading::Value(flag) => self.record(Sign::PublicFlag, Some(flag), "the public flag"),
                Reading::Unread => self.record(Sign::PublicFlag, None, "the public flag"),
            }
        }
        let endpoint = (!entrance.public_endpoint.is_unread()).then(|| text(&entrance.public_endpoint).is_some());
        self.record(Sign::PublicEndpoint, endpoint, "the public endpoint");
        // Clusters do not name their EIP.
        if subject.endpoint.kind != EndpointKind::ClusterApiServer {
            let id = (!entrance.eip_id.is_unread()).then(|| set_id(&entrance.eip_id, EipId::is_empty).is_some());
            self.record(Sign::EipId, id, "the id of its EIP");
        }
        if addresses.iter().any(|address| matches!(address.host, Host::Ip(IpAddr::V6(_)))) {
            self.positive.push(Sign::Ipv6Address);
        }
    }

    /// Without a balancer the other sources have nothing to be asked about. A cluster's balancer
    /// also counts as absent where no public balancer of the region could be it, so that the
    /// lists of public balancers must have been read.
    fn no_balancer(&mut self, index: &Index<'_>, subject: &Subject<'_>) {
        if subject.entrance.load_balancer_id.is_unread() {
            self.unread.push("the load balancer in front could not be read".to_owned());
        }
        if subject.endpoint.kind != EndpointKind::ClusterApiServer {
            return;
        }
        for (listed, what) in [
            (index.eips_listed(subject.scope), "EIPs"),
            (index.classic_balancers_listed(subject.scope), "classic load balancers"),
            (index.network_balancers_listed(subject.scope), "network load balancers"),
        ] {
            if !listed {
                self.unread.push(unlisted(what, subject.scope));
            }
        }
    }

    /// The signs of the EIP inventory and of the balancer itself.
    fn balancer(&mut self, index: &Index<'_>, scope: &Scope, front: &Front<'_>) {
        if !index.eips_on(&scope.account_id, &front.id).is_empty() {
            self.positive.push(Sign::EipOnLoadBalancer);
        } else if index.eips_listed(scope) {
            self.negative.push(Sign::EipOnLoadBalancer);
        } else {
            self.unread.push(unlisted("EIPs", scope));
        }
        match front.balancer {
            Balancer::Classic(Some(balancer)) => self.classic(balancer),
            Balancer::Network(Some(balancer)) => self.network(balancer),
            Balancer::Classic(None) if !index.classic_balancers_listed(scope) => {
                self.unread.push(unlisted("classic load balancers", scope));
            }
            Balancer::Network(None) if !index.network_balancers_listed(scope) => {
                self.unread.push(unlisted("network load balancers", scope));
            }
            // Only public classic balancers are asked for: one that is in no list is not public.
            Balancer::Classic(None) => {}
            // Network balancers are asked for whatever they are: the inventories disagree.
            Balancer::Network(None) => {
                self.unread
                    .push(format!("{} is named by the product and in no list of network load balancers", front.id));
            }
        }
    }

    fn classic(&mut self, balancer: &LoadBalancer) {
        if index::is_internet_facing(balancer) {
            self.positive.push(Sign::InternetLoadBalancer);
        } else if !balancer.address_type.eq_ignore_ascii_case("intranet") {
            self.unread.push(format!("the address type of {} could not be read", balancer.load_balancer_id));
        }
        if index::is_ipv6(balancer) {
            self.positive.push(Sign::Ipv6Address);
        }
    }

    fn network(&mut self, balancer: &NetworkLoadBalancer) {
        match balancer.address_type.value() {
            Some(kind) if kind.eq_ignore_ascii_case("internet") => self.positive.push(Sign::InternetLoadBalancer),
            Some(_) => {}
            None => self.unread.push(format!("the address type of {} could not be read", balancer.load_balancer_id)),
        }
        if balancer.addresses.iter().any(|zone| !zone.public_ipv4_address.is_empty() || !zone.allocation_id.is_empty())
        {
            self.positive.push(Sign::NlbPublicAddress);
        }
        if index::has_public_ipv6(balancer) {
            self.positive.push(Sign::Ipv6Address);
        }
    }

    fn affirms(&self, sign: Sign) -> bool {
        self.positive.contains(&sign)
    }

    fn denies(&self, sign: Sign) -> bool {
        self.negative.contains(&sign)
    }
}

fn unlisted(what: &str, scope: &Scope) -> String {
    format!("the {what} of {} could not be listed", scope.region_id)
}

/// Sentences about signs that deny what another affirms.
fn contradictions(
    index: &Index<'_>,
    subject: &Subject<'_>,
    evidence: &Evidence,
    addresses: &[PublicAddress],
    front: Option<&Front<'_>>,
    eips: &[&Eip],
) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(denials(subject, evidence, front, eips));
    said.extend(product_eip(index, subject, front, eips));
    said.extend(strange_addresses(addresses, eips));
    said.sort_unstable();
    said.dedup();
    said
}

/// Signs of the product that deny what is seen elsewhere, and the reverse.
fn denials(subject: &Subject<'_>, evidence: &Evidence, front: Option<&Front<'_>>, eips: &[&Eip]) -> Vec<String> {
    let mut said = Vec::new();
    let Some(seen) = strongest(subject, evidence, front, eips) else {
        return said;
    };
    if evidence.denies(Sign::PublicFlag) {
        said.push(format!("public flag is false but {seen}"));
    }
    if evidence.denies(Sign::PublicEndpoint) {
        said.push(format!("public endpoint is empty but {seen}"));
    }
    let needs_eip = !public_by_itself(evidence);
    if needs_eip && evidence.denies(Sign::EipId) {
        said.push(format!("EIP id is empty but {seen}"));
    }
    // A balancer that was not read may be public by itself.
    let read = front.filter(|front| !matches!(front.balancer, Balancer::Classic(None) | Balancer::Network(None)));
    if let Some(front) = read.filter(|_| needs_eip && evidence.denies(Sign::EipOnLoadBalancer)) {
        said.push(format!("no EIP is bound to {} but {seen}", front.id));
    }
    said
}

/// True if the balancer has a public address without an EIP of ours to be seen.
fn public_by_itself(evidence: &Evidence) -> bool {
    [Sign::InternetLoadBalancer, Sign::NlbPublicAddress, Sign::Ipv6Address]
        .into_iter()
        .any(|sign| evidence.affirms(sign))
}

/// The affirming sign that is hardest to argue with, in words.
fn strongest(subject: &Subject<'_>, evidence: &Evidence, front: Option<&Front<'_>>, eips: &[&Eip]) -> Option<String> {
    let id = front.map(|front| front.id.as_str()).unwrap_or_default();
    if let Some(eip) = eips.first() {
        return Some(format!("EIP {} is bound to {id}", eip.allocation_id));
    }
    if evidence.affirms(Sign::InternetLoadBalancer) {
        return Some(format!("{id} is internet-facing"));
    }
    if evidence.affirms(Sign::NlbPublicAddress) {
        return Some(format!("{id} has a public address"));
    }
    if let Some(endpoint) = text(&subject.entrance.public_endpoint) {
        return Some(format!("the public endpoint is {}", quoted(endpoint)));
    }
    if evidence.affirms(Sign::Ipv6Address) {
        return Some(format!("{id} has a public IPv6 address"));
    }
    if let Some(eip_id) = set_id(&subject.entrance.eip_id, EipId::is_empty) {
        return Some(format!("EIP {eip_id} is named as bound"));
    }
    evidence.affirms(Sign::PublicFlag).then(|| "public flag is true".to_owned())
}

/// The EIP that the product names against the EIP inventory.
fn product_eip(index: &Index<'_>, subject: &Subject<'_>, front: Option<&Front<'_>>, eips: &[&Eip]) -> Vec<String> {
    let mut said = Vec::new();
    let Some(named) = set_id(&subject.entrance.eip_id, EipId::is_empty) else {
        return said;
    };
    for eip in eips.iter().filter(|eip| eip.allocation_id != *named) {
        let id = front.map(|front| front.id.as_str()).unwrap_or_default();
        said.push(format!(
            "EIP bound behind the service's back: {} is bound to {id}, but the product names {named}",
            eip.allocation_id
        ));
    }
    let elsewhere = index
        .eip(&subject.scope.account_id, named)
        .filter(|eip| !eip.instance_id.is_empty() && front.is_some_and(|front| front.id.as_str() != eip.instance_id));
    if let Some(eip) = elsewhere {
        said.push(format!("the product names EIP {named}, which is bound to {}", quoted(&eip.instance_id)));
    }
    said
}

/// Public endpoint strings that name something other than the EIP, or nothing public.
fn strange_addresses(addresses: &[PublicAddress], eips: &[&Eip]) -> Vec<String> {
    let mut said = Vec::new();
    for address in addresses {
        match &address.host {
            Host::Ip(IpAddr::V4(ip)) => {
                let bound = eips.iter().any(|eip| eip.ip_address == ip.to_string());
                if !eips.is_empty() && !bound {
                    said.push(format!("the public endpoint names {ip}, which is not the address of the bound EIP"));
                }
                if ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared(*ip) {
                    said.push(format!("the public endpoint names {ip}, which is a private address"));
                }
            }
            Host::Ip(IpAddr::V6(_)) => {}
            // A domain name has a dot; anything else is no host at all.
            Host::Name(name) if name.contains('.') => {}
            Host::Name(name) => said.push(format!("the public endpoint holds no address: {}", quoted(name))),
        }
    }
    said
}

/// 100.64.0.0/10, which carriers and the cloud itself use inside.
fn is_shared(ip: std::net::Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0b1100_0000 == 64
}

/// Text of the cloud inside a sentence of ours: control characters escaped, length bounded.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The EIP through which the endpoint is public: on the balancer the one that the product names if
/// it is there, else the first; without one there, the product's, else the one with the endpoint's
/// address.
fn public_eip<'a>(
    index: &Index<'a>,
    subject: &Subject<'a>,
    addresses: &[PublicAddress],
    eips: &[&'a Eip],
) -> Option<&'a Eip> {
    let account_id = &subject.scope.account_id;
    let named = set_id(&subject.entrance.eip_id, EipId::is_empty);
    let agreed = eips.iter().find(|eip| Some(&eip.allocation_id) == named);
    agreed
        .or(eips.first())
        .copied()
        .or_else(|| addresses.iter().find_map(|address| index.eip_with_address(account_id, &address.host.to_string())))
        .or_else(|| named.and_then(|id| index.eip(account_id, id)))
}

fn network_eip_id(front: &Front<'_>) -> Option<EipId> {
    let Balancer::Network(Some(balancer)) = front.balancer else {
        return None;
    };
    balancer.addresses.iter().map(|zone| &zone.allocation_id).find(|id| !id.is_empty()).cloned()
}

fn public_address_of(eip: Option<&Eip>, addresses: &[PublicAddress], front: Option<&Front<'_>>) -> Option<String> {
    let of_eip = eip.map(|eip| eip.ip_address.clone()).filter(|address| !address.is_empty());
    let of_endpoint = || addresses.first().map(|address| address.host.to_string());
    let of_balancer = || match front?.balancer {
        Balancer::Classic(Some(balancer)) if index::is_public_by_itself(balancer) => Some(balancer.address.clone()),
        Balancer::Network(Some(balancer)) => network_public_address(balancer),
        _ => None,
    };
    of_eip.or_else(of_endpoint).or_else(of_balancer).filter(|address| !address.is_empty())
}

fn network_public_address(balancer: &NetworkLoadBalancer) -> Option<String> {
    let ipv4 = balancer.addresses.iter().map(|zone| &zone.public_ipv4_address);
    let ipv6 = balancer.addresses.iter().map(|zone| &zone.ipv6_address).filter(|_| index::has_public_ipv6(balancer));
    ipv4.chain(ipv6).find(|address| !address.is_empty()).cloned()
}

fn private_address_of(subject: &Subject<'_>, eip: Option<&Eip>, front: Option<&Front<'_>>) -> Option<String> {
    let of_endpoint = text(&subject.entrance.intranet_endpoint)
        .and_then(|text| public_address::parse(text).into_iter().next())
        .map(|address| address.host.to_string());
    let of_balancer = || match front?.balancer {
        Balancer::Classic(Some(balancer)) if !index::is_public_by_itself(balancer) => Some(balancer.address.clone()),
        Balancer::Network(Some(balancer)) => {
            balancer.addresses.iter().map(|zone| &zone.private_ipv4_address).find(|ip| !ip.is_empty()).cloned()
        }
        _ => None,
    };
    let of_eip = || eip.map(|eip| eip.private_ip_address.clone());
    let set = |address: &String| !address.is_empty();
    of_endpoint.filter(set).or_else(|| of_balancer().filter(set)).or_else(|| of_eip().filter(set))
}

/// True if every source that could name an IPv4 address of the endpoint was read.
fn names_all(index: &Index<'_>, subject: &Subject<'_>) -> bool {
    let entrance = subject.entrance;
    index.eips_listed(subject.scope) && !entrance.eip_id.is_unread() && !entrance.public_endpoint.is_unread()
}

/// Families in which the endpoint has, or may have, a public address. An EIP is IPv4. Where
/// nothing tells, it is IPv4 as well: that is what the product's own switch gives.
fn families(
    addresses: &[PublicAddress],
    judgement: &EndpointJudgement,
    front: Option<&Front<'_>>,
    names_all: bool,
) -> Vec<Family> {
    let balancer = front.map(|front| front.balancer);
    let ipv4 = judgement.eip_id.is_some()
        || !names_all
        || addresses.iter().any(|address| matches!(address.host, Host::Ip(IpAddr::V4(_))))
        || match balancer {
            Some(Balancer::Classic(Some(balancer))) => index::is_internet_facing(balancer) && !index::is_ipv6(balancer),
            Some(Balancer::Network(Some(balancer))) => {
                index::has_public_ipv4(balancer) || balancer.address_type.is_unread()
            }
            _ => false,
        };
    let ipv6 = addresses.iter().any(|address| matches!(address.host, Host::Ip(IpAddr::V6(_))))
        || match balancer {
            Some(Balancer::Classic(Some(balancer))) => index::is_ipv6(balancer),
            Some(Balancer::Network(Some(balancer))) => index::has_public_ipv6(balancer),
            _ => false,
        };
    match (ipv4, ipv6) {
        (true, true) => vec![Family::Ipv4, Family::Ipv6],
        (false, true) => vec![Family::Ipv6],
        (_, false) => vec![Family::Ipv4],
    }
}

fn port_of(subject: &Subject<'_>, addresses: &[PublicAddress]) -> u16 {
    let public = addresses.iter().find_map(|address| address.port);
    let intranet = || {
        let addresses = public_address::parse(text(&subject.entrance.intranet_endpoint)?);
        addresses.into_iter().find_map(|address| address.port)
    };
    public.or_else(intranet).unwrap_or(match subject.endpoint.kind {
        EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary => 15011,
        EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => 6443,
    })
}
