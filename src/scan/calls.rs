//! The calls behind the jobs of a region's plan: asks, converts, and says what went wrong. Nothing
//! here decides what to ask next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    cluster::{self, ApiServerBalancers, ClusterRead},
    convert::{WrongRegion, same_region},
    eip, load_balancer, mesh, network_load_balancer,
    read::{Failure, Read},
    reader::Reader,
    region::Job,
    security_group::{self, GroupType},
};
use crate::{
    cloud::{
        api::{
            cs, ecs, nlb, servicemesh, slb, vpc,
            wire::{Field, List, Problems},
        },
        page::Paging,
        request::ReadRequest,
    },
    model::{
        Acl, ClusterId, DataPlaneCluster, Eip, Listener, LoadBalancer, Mesh, MeshId, NetworkInterface,
        NetworkLoadBalancer, NlbListener, PortRangeList, PrefixList, Scope, SecurityGroup,
    },
};

/// What each of several resources of one call brought.
type Each<T> = Vec<(String, Read<T>)>;

/// What a job brought.
pub(super) enum Outcome {
    Clusters(Read<Vec<ClusterRead>>),
    Eips(Read<Vec<Eip>>),
    InternetBalancers(Read<Vec<LoadBalancer>>),
    InternetNetworkBalancers(Read<Vec<NetworkLoadBalancer>>),
    MeshDetail(MeshId, Read<Option<Mesh>>),
    MeshClusters(MeshId, Read<Option<Vec<DataPlaneCluster>>>),
    ClusterDetail(ClusterId, Read<Option<ClusterRead>>),
    ClusterResources(ClusterId, Read<ApiServerBalancers>),
    Balancers(Each<Option<LoadBalancer>>),
    Listeners(Each<Option<Vec<Listener>>>),
    Acl(String, Read<Option<Acl>>),
    GroupTypes(Each<Option<GroupType>>),
    GroupRules(String, Read<Option<SecurityGroup>>),
    PrefixList(String, Read<Option<PrefixList>>),
    PortRangeList(String, Read<Option<PortRangeList>>),
    Interfaces(String, Read<Vec<NetworkInterface>>),
    NetworkBalancer(String, Read<Option<NetworkLoadBalancer>>),
    NetworkListeners(Each<Option<Vec<NlbListener>>>),
}

/// Does a job.
pub(super) async fn run(reader: Arc<Reader>, scope: Scope, job: Job) -> Outcome {
    let call = Call { reader: &reader, scope: &scope, region: scope.region_id.as_str() };
    match job {
        Job::Clusters => Outcome::Clusters(call.clusters().await),
        Job::Eips => Outcome::Eips(call.eips().await),
        Job::InternetBalancers => Outcome::InternetBalancers(call.internet_balancers().await),
        Job::InternetNetworkBalancers => Outcome::InternetNetworkBalancers(call.internet_network_balancers().await),
        Job::MeshDetail(asked) => {
            let read = call.mesh_detail(&asked).await;
            Outcome::MeshDetail(asked, read)
        }
        Job::MeshClusters(id) => {
            let read = call.mesh_clusters(&id).await;
            Outcome::MeshClusters(id, read)
        }
        Job::ClusterDetail(asked) => {
            let read = call.cluster_detail(&asked).await;
            Outcome::ClusterDetail(asked, read)
        }
        Job::ClusterResources(id) => {
            let read = call.cluster_resources(&id).await;
            Outcome::ClusterResources(id, read)
        }
        Job::Balancers(ids) => Outcome::Balancers(call.balancers(&ids).await),
        Job::Listeners(ids) => Outcome::Listeners(call.listeners(&ids).await),
        Job::Acl(id) => {
            let read = call.acl(&id).await;
            Outcome::Acl(id, read)
        }
        Job::GroupTypes(ids) => Outcome::GroupTypes(call.group_types(&ids).await),
        Job::GroupRules(id) => {
            let read = call.group_rules(&id).await;
            Outcome::GroupRules(id, read)
        }
        Job::PrefixList(id) => {
            let read = call.prefix_list(&id).await;
            Outcome::PrefixList(id, read)
        }
        Job::PortRangeList(id) => {
            let read = call.port_range_list(&id).await;
            Outcome::PortRangeList(id, read)
        }
        Job::Interfaces(id) => {
            let read = call.interfaces(&id).await;
            Outcome::Interfaces(id, read)
        }
        Job::NetworkBalancer(id) => {
            let read = call.network_balancer(&id).await;
            Outcome::NetworkBalancer(id, read)
        }
        Job::NetworkListeners(ids) => Outcome::NetworkListeners(call.network_listeners(&ids).await),
    }
}

/// The ids of all meshes, listed afresh.
pub(super) async fn mesh_ids(reader: &Reader) -> Result<BTreeSet<String>, Failure> {
    let reply: servicemesh::ServiceMeshes = reader.one(&servicemesh::describe_service_meshes()).await?;
    let mut problems = Problems::default();
    let meshes = reply.service_meshes.required("ServiceMeshes", None, &mut problems);
    let ids: BTreeSet<String> = meshes
        .into_iter()
        .filter_map(|mesh| {
            let info = mesh.service_mesh_info.read("ServiceMeshInfo", &mut problems)?;
            info.service_mesh_id.required_text("ServiceMeshId", &mut problems)
        })
        .collect();
    if problems.is_empty() { Ok(ids) } else { Err(Failure::schema(problems.summary())) }
}

/// The ids of all clusters of a region, listed afresh.
pub(super) async fn cluster_ids(reader: &Reader, scope: &Scope) -> Result<BTreeSet<String>, Failure> {
    let call = Call { reader, scope, region: scope.region_id.as_str() };
    let read = call.clusters().await;
    match read.failure {
        Some(failure) => Err(failure),
        None => Ok(read.value.into_iter().map(|read| read.cluster.cluster_id.as_str().to_owned()).collect()),
    }
}

/// The data-plane clusters of one mesh.
pub(super) async fn data_plane(reader: &Reader, scope: &Scope, id: &MeshId) -> Read<Option<Vec<DataPlaneCluster>>> {
    Call { reader, scope, region: scope.region_id.as_str() }.mesh_clusters(id).await
}

/// One classic balancer, for its address.
pub(super) async fn balancer(reader: &Reader, scope: &Scope, id: &str) -> Result<LoadBalancer, Failure> {
    let call = Call { reader, scope, region: scope.region_id.as_str() };
    only(call.balancers(&[id.to_owned()]).await)
}

/// The listeners of one classic balancer.
pub(super) async fn listeners(reader: &Reader, scope: &Scope, id: &str) -> Result<Vec<Listener>, Failure> {
    let call = Call { reader, scope, region: scope.region_id.as_str() };
    only(call.listeners(&[id.to_owned()]).await)
}

/// One network balancer, without its listeners.
pub(super) async fn network_balancer(reader: &Reader, scope: &Scope, id: &str) -> Result<NetworkLoadBalancer, Failure> {
    let call = Call { reader, scope, region: scope.region_id.as_str() };
    only(vec![(id.to_owned(), call.network_balancer(id).await)])
}

/// The listeners of one network balancer.
pub(super) async fn network_listeners(reader: &Reader, scope: &Scope, id: &str) -> Result<Vec<NlbListener>, Failure> {
    let call = Call { reader, scope, region: scope.region_id.as_str() };
    only(call.network_listeners(&[id.to_owned()]).await)
}

/// What the one resource of a call brought, if it is whole.
fn only<T>(each: Each<Option<T>>) -> Result<T, Failure> {
    match each.into_iter().next().map(|(_, read)| (read.value, read.failure)) {
        Some((Some(value), None)) => Ok(value),
        Some((_, Some(failure))) => Err(failure),
        _ => Err(Failure::new("not-in-reply", "the reply does not hold the resource that was asked for")),
    }
}

/// Where the calls of a job go.
struct Call<'a> {
    reader: &'a Reader,
    scope: &'a Scope,
    region: &'a str,
}

impl Call<'_> {
    async fn clusters(&self) -> Read<Vec<ClusterRead>> {
        let paging = Paging::Numbered { number: "page_number", size: "page_size", per_page: cs::CLUSTERS_PAGE_SIZE };
        let listing = match self.reader.list::<cs::Clusters>(&cs::describe_clusters_v1(self.region), paging).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let mut items = Items::new(listing.head);
        let clusters = items.convert("clusters", listing.items, |wire, problems| {
            let read = cluster::listed(wire, self.scope, problems)?;
            let wrong = read.wrong_region.clone();
            Some((read, wrong))
        });
        items.read(clusters)
    }

    async fn eips(&self) -> Read<Vec<Eip>> {
        let paging = Paging::page_number(vpc::EIPS_PAGE_SIZE);
        let request = vpc::describe_eip_addresses(self.region);
        let listing = match self.reader.list::<vpc::EipAddresses>(&request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let mut items = Items::new(listing.head);
        let eips =
            items.convert("EipAddresses", listing.items, |wire, problems| eip::listed(wire, self.scope, problems));
        items.read(eips)
    }

    async fn internet_balancers(&self) -> Read<Vec<LoadBalancer>> {
        self.balancer_list(&slb::describe_internet_load_balancers(self.region)).await
    }

    async fn balancer_list(&self, request: &ReadRequest) -> Read<Vec<LoadBalancer>> {
        let paging = Paging::page_number(slb::BALANCERS_PAGE_SIZE);
        let listing = match self.reader.list::<slb::LoadBalancers>(request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let mut items = Items::new(listing.head);
        let balancers = items.convert("LoadBalancers", listing.items, |wire, problems| {
            load_balancer::listed(wire, self.scope, problems)
        });
        items.read(balancers)
    }

    async fn internet_network_balancers(&self) -> Read<Vec<NetworkLoadBalancer>> {
        let request = nlb::list_load_balancers(self.region);
        let listing = match self.reader.list::<nlb::LoadBalancers>(&request, Paging::next_token(nlb::PAGE_SIZE)).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let mut items = Items::new(listing.head);
        let balancers = items.convert("LoadBalancers", listing.items, |wire, problems| {
            network_load_balancer::convert(wire, self.scope, problems)
        });
        items.read(balancers)
    }

    async fn mesh_detail(&self, asked: &MeshId) -> Read<Option<Mesh>> {
        let request = servicemesh::describe_service_mesh_detail(asked.as_str());
        let reply: servicemesh::ServiceMeshDetail = match self.reader.one(&request).await {
            Ok(reply) => reply,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let Some(wire) = reply.service_mesh.0.required("ServiceMesh", &mut problems) else {
            return Read::nothing(Failure::schema(problems.summary()));
        };
        let detail = mesh::detailed(wire, asked, &self.scope.account_id, &mut problems);
        let mut failure = schema(&problems);
        let mut detail = detail;
        if let Some(mesh) = &mut detail
            && mesh.scope.region_id != self.scope.region_id
        {
            let seen = super::convert::escaped(mesh.scope.region_id.as_str());
            failure.get_or_insert_with(|| Failure::wrong_region(&seen));
            mesh.scope = self.scope.clone();
        }
        Read { value: detail, failure }
    }

    async fn mesh_clusters(&self, id: &MeshId) -> Read<Option<Vec<DataPlaneCluster>>> {
        let request = servicemesh::describe_clusters_in_service_mesh(id.as_str());
        let reply: servicemesh::MeshClusters = match self.reader.one(&request).await {
            Ok(reply) => reply,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let clusters = mesh::data_plane(reply.clusters, &mut problems);
        whole_or_nothing(clusters, &problems)
    }

    async fn cluster_detail(&self, asked: &ClusterId) -> Read<Option<ClusterRead>> {
        let request = cs::describe_cluster_detail(self.region, asked.as_str());
        let wire: cs::Cluster = match self.reader.one(&request).await {
            Ok(wire) => wire,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let read = cluster::detailed(wire, asked, self.scope, &mut problems);
        let wrong_region = read.as_ref().and_then(|read| read.wrong_region.as_deref());
        let failure = schema(&problems).or_else(|| wrong_region.map(Failure::wrong_region));
        Read { value: read, failure }
    }

    async fn cluster_resources(&self, id: &ClusterId) -> Read<ApiServerBalancers> {
        let request = cs::describe_cluster_resources(self.region, id.as_str());
        let resources: List<cs::Resource> = match self.reader.one(&request).await {
            Ok(resources) => resources,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let List::Items(resources) = resources else {
            return Read::nothing(Failure::schema("the reply is no list".to_owned()));
        };
        let balancer = cluster::api_server_balancer(resources, &mut problems);
        Read { value: balancer, failure: schema(&problems) }
    }

    async fn balancers(&self, ids: &[String]) -> Each<Option<LoadBalancer>> {
        let read = self.balancer_list(&slb::describe_load_balancers(self.region, ids)).await;
        if ids.len() > 1 && read.failure.as_ref().is_some_and(Failure::may_be_about_one) {
            let mut each = Vec::new();
            for id in ids {
                let one =
                    self.balancer_list(&slb::describe_load_balancers(self.region, std::slice::from_ref(id))).await;
                each.extend(share(std::slice::from_ref(id), one, |balancer| {
                    balancer.load_balancer_id.as_str().to_owned()
                }));
            }
            return each;
        }
        share(ids, read, |balancer| balancer.load_balancer_id.as_str().to_owned())
    }

    async fn listeners(&self, ids: &[String]) -> Each<Option<Vec<Listener>>> {
        let each = self.listeners_of(ids).await;
        if ids.len() == 1 || !each.iter().any(|(_, read)| read.failure.as_ref().is_some_and(Failure::may_be_about_one))
        {
            return each;
        }
        let mut again = Vec::new();
        for id in ids {
            again.extend(self.listeners_of(std::slice::from_ref(id)).await);
        }
        again
    }

    async fn listeners_of(&self, ids: &[String]) -> Each<Option<Vec<Listener>>> {
        let request = slb::describe_load_balancer_listeners(self.region, ids);
        let paging = Paging::next_token(slb::LISTENERS_PAGE_SIZE);
        let listing = match self.reader.list::<slb::Listeners>(&request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return each_failed(ids, &failure),
        };
        let mut sorted = Sorted::new(ids, &listing.head);
        for wire in listing.items {
            sorted.add(wire, "Listeners", load_balancer::listener);
        }
        sorted.finish(|listener| (listener.listener_port, listener.listener_protocol.clone()))
    }

    async fn acl(&self, id: &str) -> Read<Option<Acl>> {
        let paging = Paging::Numbered { number: "Page", size: "PageSize", per_page: slb::ENTRIES_PAGE_SIZE };
        let request = slb::describe_access_control_list_attribute(self.region, id);
        let listing = match self.reader.list::<slb::AccessControlListAttribute>(&request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let (mut problems, head) = listing.head;
        let mut acl = load_balancer::acl(&head, self.scope, id, &mut problems);
        for wire in listing.items {
            let entry = wire.required("AclEntrys", &mut problems);
            acl.entries.extend(entry.and_then(|entry| load_balancer::acl_entry(entry, &mut problems)));
        }
        acl.entries.sort_unstable();
        // A list with a hole in it would admit less than it does.
        whole_or_nothing(acl, &problems)
    }

    async fn group_types(&self, ids: &[String]) -> Each<Option<GroupType>> {
        let each = self.group_types_of(ids).await;
        if ids.len() == 1 || !each.iter().any(|(_, read)| read.failure.as_ref().is_some_and(Failure::may_be_about_one))
        {
            return each;
        }
        let mut again = Vec::new();
        for id in ids {
            again.extend(self.group_types_of(std::slice::from_ref(id)).await);
        }
        again
    }

    async fn group_types_of(&self, ids: &[String]) -> Each<Option<GroupType>> {
        let request = ecs::describe_security_groups(self.region, ids);
        let paging = Paging::next_token(ecs::GROUPS_PAGE_SIZE);
        let listing = match self.reader.list::<ecs::SecurityGroups>(&request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return each_failed(ids, &failure),
        };
        let (list_problems, region) = listing.head;
        let mut items = Items::new(list_problems);
        items.note_region(region, self.scope);
        let types = items.convert("SecurityGroups", listing.items, |wire, problems| {
            security_group::group_type(wire, problems).map(|found| (found, None))
        });
        share(ids, items.read(types), |(id, _)| id.clone())
            .into_iter()
            .map(|(id, read)| (id, read.map(|found| found.map(|(_, group_type)| group_type))))
            .collect()
    }

    async fn group_rules(&self, id: &str) -> Read<Option<SecurityGroup>> {
        let request = ecs::describe_security_group_attribute(self.region, id);
        let paging = Paging::next_token(ecs::RULES_PAGE_SIZE);
        let listing = match self.reader.list::<ecs::SecurityGroupAttribute>(&request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let (mut list_problems, head) = listing.head;
        let mut group = security_group::group(&head, self.scope, id, &mut list_problems);
        if let Err(WrongRegion { region }) = same_region(head.region_id, &self.scope.region_id, &mut list_problems) {
            return Read::nothing(Failure::wrong_region(&region));
        }
        let mut rule_problems = Problems::default();
        group.permissions.reserve_exact(listing.items.len());
        for wire in listing.items {
            if let Some(rule) = wire.required("Permissions", &mut list_problems) {
                group.permissions.push(security_group::rule(rule, &mut rule_problems));
            }
        }
        group.permissions.sort_by(|one, other| one.security_group_rule_id.cmp(&other.security_group_rule_id));
        if !list_problems.is_empty() {
            // A rule is missing, and it may be the one that decides.
            return Read::nothing(Failure::schema(list_problems.summary()));
        }
        Read { value: Some(group), failure: schema(&rule_problems) }
    }

    async fn prefix_list(&self, id: &str) -> Read<Option<PrefixList>> {
        let reply = self.reader.one(&ecs::describe_prefix_list_attributes(self.region, id)).await;
        let wire: ecs::PrefixListAttributes = match reply {
            Ok(wire) => wire,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let list = security_group::prefix_list(wire, self.scope, id, &mut problems);
        whole_or_nothing(list, &problems)
    }

    async fn port_range_list(&self, id: &str) -> Read<Option<PortRangeList>> {
        let reply = self.reader.one(&ecs::describe_port_range_list_entries(self.region, id)).await;
        let wire: ecs::PortRangeListEntries = match reply {
            Ok(wire) => wire,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let list = security_group::port_range_list(wire, self.scope, id, &mut problems);
        whole_or_nothing(list, &problems)
    }

    async fn interfaces(&self, group_id: &str) -> Read<Vec<NetworkInterface>> {
        let request = ecs::describe_network_interfaces(self.region, group_id);
        let paging = Paging::next_token(ecs::INTERFACES_PAGE_SIZE);
        let listing = match self.reader.list::<ecs::NetworkInterfaces>(&request, paging).await {
            Ok(listing) => listing,
            Err(failure) => return Read::nothing(failure),
        };
        let mut items = Items::new(listing.head);
        let interfaces = items.convert("NetworkInterfaceSets", listing.items, |wire, problems| {
            security_group::interface(wire, self.scope, problems).map(|interface| (interface, None))
        });
        items.read(interfaces)
    }

    async fn network_balancer(&self, id: &str) -> Read<Option<NetworkLoadBalancer>> {
        let reply = self.reader.one(&nlb::get_load_balancer_attribute(self.region, id)).await;
        let wire: nlb::LoadBalancer = match reply {
            Ok(wire) => wire,
            Err(failure) => return Read::nothing(failure),
        };
        let mut problems = Problems::default();
        let converted = network_load_balancer::convert(wire, self.scope, &mut problems);
        let wrong = converted.as_ref().and_then(|(_, wrong)| wrong.clone());
        let balancer = converted.map(|(balancer, _)| balancer).filter(|balancer| {
            let same = balancer.load_balancer_id.as_str() == id;
            if !same {
                problems.note("LoadBalancerId", "names another balancer");
            }
            same
        });
        let failure = schema(&problems).or_else(|| wrong.as_deref().map(Failure::wrong_region));
        Read { value: balancer, failure }
    }

    async fn network_listeners(&self, ids: &[String]) -> Each<Option<Vec<NlbListener>>> {
        let each = self.network_listeners_of(ids).await;
        if ids.len() == 1 || !each.iter().any(|(_, read)| read.failure.as_ref().is_some_and(Failure::may_be_about_one))
        {
            return each;
        }
        let mut again = Vec::new();
        for id in ids {
            again.extend(self.network_listeners_of(std::slice::from_ref(id)).await);
        }
        again
    }

    async fn network_listeners_of(&self, ids: &[String]) -> Each<Option<Vec<NlbListener>>> {
        let request = nlb::list_listeners(self.region, ids);
        let listing = match self.reader.list::<nlb::Listeners>(&request, Paging::next_token(nlb::PAGE_SIZE)).await {
            Ok(listing) => listing,
            Err(failure) => return each_failed(ids, &failure),
        };
        let mut sorted = Sorted::new(ids, &listing.head);
        for wire in listing.items {
            sorted.add(wire, "Listeners", network_load_balancer::listener);
        }
        sorted.finish(|listener| (listener.start_port, listener.listener_id.clone()))
    }
}

/// The items of one list with what is wrong with them. One bad item fails the list, and keeps the
/// others: they may hold a positive sign.
struct Items {
    problems: Problems,
    wrong_region: Option<String>,
}

impl Items {
    fn new(problems: Problems) -> Self {
        Self { problems, wrong_region: None }
    }

    fn note_region(&mut self, region: Field<String>, scope: &Scope) {
        if let Err(wrong) = same_region(region, &scope.region_id, &mut self.problems) {
            self.wrong_region.get_or_insert(wrong.region);
        }
    }

    fn convert<W, T>(
        &mut self,
        name: &'static str,
        wires: Vec<Field<W>>,
        mut convert: impl FnMut(W, &mut Problems) -> Option<(T, Option<String>)>,
    ) -> Vec<T> {
        let mut converted = Vec::with_capacity(wires.len());
        for wire in wires {
            let Some(wire) = wire.required(name, &mut self.problems) else { continue };
            let Some((item, wrong_region)) = convert(wire, &mut self.problems) else { continue };
            if self.wrong_region.is_none() {
                self.wrong_region = wrong_region;
            }
            converted.push(item);
        }
        converted
    }

    fn read<T>(self, value: Vec<T>) -> Read<Vec<T>> {
        let failure = schema(&self.problems).or_else(|| self.wrong_region.as_deref().map(Failure::wrong_region));
        Read { value, failure }
    }
}

/// Items of a call for several resources, sorted by resource.
struct Sorted<T> {
    by_id: BTreeMap<String, Sorting<T>>,
    /// What concerns all of them, or nobody knows which.
    common: Problems,
}

/// The items of one resource.
struct Sorting<T> {
    items: Vec<T>,
    problems: Problems,
    /// An item could not be read: nothing is known of the whole then.
    hole: bool,
}

impl<T> Sorted<T> {
    fn new(ids: &[String], list_problems: &Problems) -> Self {
        let nothing = || Sorting { items: Vec::new(), problems: Problems::default(), hole: false };
        let by_id = ids.iter().map(|id| (id.clone(), nothing())).collect();
        Self { by_id, common: list_problems.clone() }
    }

    /// Adds an item under the resource that it names; `Err` names the resource of a bad one.
    fn add<W>(
        &mut self,
        wire: Field<W>,
        name: &'static str,
        convert: impl FnOnce(W, &mut Problems) -> Result<(String, T), String>,
    ) {
        let Some(wire) = wire.required(name, &mut self.common) else { return };
        let mut problems = Problems::default();
        let (id, item) = match convert(wire, &mut problems) {
            Ok((id, item)) => (id, Some(item)),
            Err(id) => (id, None),
        };
        let Some(sorting) = self.by_id.get_mut(&id) else {
            if problems.is_empty() {
                problems.note(
                    name,
                    format!("holds an item of \"{}\", which was not asked for", super::convert::escaped(&id)),
                );
            }
            self.common.extend(problems);
            return;
        };
        sorting.hole |= item.is_none();
        sorting.items.extend(item);
        sorting.problems.extend(problems);
    }

    fn finish<K: Ord>(self, key: impl Fn(&T) -> K) -> Each<Option<Vec<T>>> {
        let common = self.common;
        self.by_id
            .into_iter()
            .map(|(id, Sorting { mut items, mut problems, hole })| {
                items.sort_by_key(&key);
                problems.extend(common.clone());
                let failure = schema(&problems);
                (id, Read { value: (!hole && common.is_empty()).then_some(items), failure })
            })
            .collect()
    }
}

/// What each of the resources got of a call for several; one that the reply does not hold failed.
fn share<T>(ids: &[String], read: Read<Vec<T>>, id_of: impl Fn(&T) -> String) -> Each<Option<T>> {
    let mut found: BTreeMap<String, T> = read.value.into_iter().map(|item| (id_of(&item), item)).collect();
    ids.iter()
        .map(|id| {
            let value = found.remove(id);
            let absent = || Failure::new("not-in-reply", "the reply does not hold the resource that was asked for");
            let failure = match (&value, &read.failure) {
                (_, Some(failure)) => Some(failure.clone()),
                (Some(_), None) => None,
                (None, None) => Some(absent()),
            };
            (id.clone(), Read { value, failure })
        })
        .collect()
}

fn each_failed<T>(ids: &[String], failure: &Failure) -> Each<Option<T>> {
    ids.iter().map(|id| (id.clone(), Read { value: None, failure: Some(failure.clone()) })).collect()
}

fn schema(problems: &Problems) -> Option<Failure> {
    (!problems.is_empty()).then(|| Failure::schema(problems.summary()))
}

/// For what is of no use in part.
fn whole_or_nothing<T>(value: T, problems: &Problems) -> Read<Option<T>> {
    match schema(problems) {
        None => Read::whole(Some(value)),
        Some(failure) => Read::nothing(failure),
    }
}
