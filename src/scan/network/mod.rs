//! The network between VPCs, read on demand: only what somebody wants to know, each thing once, and
//! none of it where nothing is wanted.
//!
//! A read either brings its object whole, or says that there is none, or fails; of a failed read
//! nothing is kept, so that no half of it can look like the whole. The reads of a round run at once.

mod acl;
mod ask;
mod cen;
mod gateway;
mod instance;
mod memory;
mod opinion;
mod private_link;
mod route;
mod transit_router;
mod vpc;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use self::ask::{Ask, Found};
use super::{
    progress::Progress,
    read::Failure,
    reader::Reader,
    region::{MAX_IN_FLIGHT, RegionScan},
};
use crate::{
    cloud::{
        api::{ecs, wire::is_plain_id},
        error::Class,
    },
    model::{
        AccountId, CenId, Inventory, InventoryBuilder, NetworkRead, RegionId, Scope, TransitRouterId, Unit, UnitState,
        VpcId, Wanted,
    },
};

pub(super) use self::memory::Memory;
pub use self::memory::Notes;

/// What one reading of the network goes by.
pub(super) struct Round<'a> {
    pub(super) readers: &'a [(AccountId, Arc<Reader>)],
    pub(super) progress: &'a Arc<dyn Progress>,
    pub(super) memory: &'a Memory,
    pub(super) inventory: &'a Inventory,
}

/// Reads that go together, because one call brings all of them.
enum Job {
    One(Wanted),
    /// Of one VPC.
    VpcAttachments(Scope, VpcId, Vec<Wanted>),
    /// Of one router.
    RouterAttachments(Scope, TransitRouterId, Vec<Wanted>),
    /// Of one CEN, which an account knows.
    TransitRouters(AccountId, CenId, Vec<Wanted>),
    /// Of one region, one after another: they may lead to the same balancer.
    EndpointServices(Vec<Wanted>),
    /// Of one region.
    SecurityGroups(Scope, Vec<Wanted>),
}

/// What is wanted without what the ledger has already, well or not.
pub fn unread(inventory: &Inventory, mut wanted: Vec<Wanted>) -> Vec<Wanted> {
    let coverage = inventory.coverage();
    // The same object may be wanted from two places: read once, it is known everywhere.
    let read: BTreeSet<(&str, &str)> =
        coverage.scanned_units().map(|unit| (unit.operation.as_str(), unit.resource_id.as_str())).collect();
    wanted.retain(|one| {
        let unit = one.unit();
        !read.contains(&(unit.operation.as_str(), unit.resource_id.as_str())) && coverage.state(&unit).is_none()
    });
    wanted
}

/// Reads that were planned together and did not come.
type Left = Vec<Wanted>;

impl Job {
    fn wanted(&self) -> &[Wanted] {
        match self {
            Self::One(wanted) => std::slice::from_ref(wanted),
            Self::VpcAttachments(_, _, wanted)
            | Self::RouterAttachments(_, _, wanted)
            | Self::TransitRouters(_, _, wanted)
            | Self::EndpointServices(wanted)
            | Self::SecurityGroups(_, wanted) => wanted,
        }
    }

    fn lane(&self) -> &'static str {
        self.wanted().first().map_or("", |wanted| wanted.read.parts().1)
    }
}

impl<'a> Round<'a> {
    /// Reads what is wanted and not yet in the ledger. Never fails: what could not be read is in the
    /// ledger of what it returns.
    pub(super) async fn read(&self, wanted: Vec<Wanted>) -> InventoryBuilder {
        let mut queues: BTreeMap<&'static str, VecDeque<Job>> = BTreeMap::new();
        let mut builder = self.empty();
        let mut planned: BTreeSet<Unit> = BTreeSet::new();
        for job in self.plan(wanted, &mut builder) {
            planned.extend(job.wanted().iter().map(Wanted::unit));
            self.progress.planned(job.wanted().len() as u64);
            queues.entry(job.lane()).or_default().push_back(job);
        }
        let mut in_flight: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut running: FuturesUnordered<BoxFuture<'_, (&'static str, u64, InventoryBuilder)>> =
            FuturesUnordered::new();
        loop {
            for (lane, queue) in &mut queues {
                let in_flight = in_flight.entry(lane).or_default();
                while *in_flight < MAX_IN_FLIGHT
                    && let Some(job) = queue.pop_front()
                {
                    *in_flight += 1;
                    let (lane, units) = (*lane, job.wanted().len() as u64);
                    running.push(self.run(job).map(move |read| (lane, units, read)).boxed());
                }
            }
            let Some((lane, units, read)) = running.next().await else { return builder };
            *in_flight.entry(lane).or_default() -= 1;
            // What came along counts too, once.
            let coverage = read.coverage();
            let came = coverage.scanned_units().chain(coverage.gaps().map(|gap| &gap.unit));
            let is_new = |unit: &&Unit| {
                let known = [builder.coverage(), self.inventory.coverage()];
                !planned.contains(*unit) && known.iter().all(|coverage| coverage.state(unit).is_none())
            };
            let more = came.filter(is_new).count() as u64;
            self.progress.planned(more);
            self.progress.finished(units + more);
            builder.merge(read);
        }
    }

    fn empty(&self) -> InventoryBuilder {
        InventoryBuilder::new(self.inventory.taken_at())
    }

    /// Sorts what is wanted into jobs. What nobody can be asked about ends here.
    fn plan(&self, mut wanted: Vec<Wanted>, builder: &mut InventoryBuilder) -> Vec<Job> {
        wanted.sort_unstable();
        wanted.dedup();
        let mut units: BTreeSet<Unit> = BTreeSet::new();
        let (mut of_vpc, mut of_router, mut of_cen) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut services, mut groups) = (BTreeMap::new(), BTreeMap::new());
        let mut jobs = Vec::new();
        for one in unread(self.inventory, wanted) {
            let unit = one.unit();
            if !units.insert(unit.clone()) {
                continue;
            }
            if let Err(failure) = self.may_ask(&one) {
                self.progress.planned(1);
                self.progress.finished(1);
                builder.gap(failure.gap(unit));
                continue;
            }
            let scope = one.scope.clone();
            let together: &mut Vec<Wanted> = match &one.read {
                NetworkRead::VpcAttachment { vpc_id, .. } => of_vpc.entry((scope, vpc_id.clone())).or_default(),
                NetworkRead::RouterAttachment { transit_router_id, .. } => {
                    of_router.entry((scope, transit_router_id.clone())).or_default()
                }
                NetworkRead::TransitRouter(id) => {
                    let cen = self.memory.cen_of(id).unwrap_or_default();
                    of_cen.entry((scope.account_id, cen)).or_default()
                }
                NetworkRead::EndpointService(_) => services.entry(scope).or_default(),
                NetworkRead::SecurityGroup(_) => groups.entry(scope).or_default(),
                _ => {
                    jobs.push(Job::One(one));
                    continue;
                }
            };
            together.push(one);
        }
        jobs.extend(of_vpc.into_iter().map(|((scope, id), wanted)| Job::VpcAttachments(scope, id, wanted)));
        jobs.extend(of_router.into_iter().map(|((scope, id), wanted)| Job::RouterAttachments(scope, id, wanted)));
        jobs.extend(of_cen.into_iter().map(|((account, id), wanted)| Job::TransitRouters(account, id, wanted)));
        jobs.extend(services.into_values().map(Job::EndpointServices));
        jobs.extend(groups.into_iter().map(|(scope, wanted)| Job::SecurityGroups(scope, wanted)));
        jobs
    }

    /// Whether there is somebody to ask, and something to ask about.
    fn may_ask(&self, wanted: &Wanted) -> Result<(), Failure> {
        let account_id = &wanted.scope.account_id;
        if !account_id.is_empty() && self.readers.iter().all(|(known, _)| known != account_id) {
            let message =
                "it belongs to an account of which this scan has no key; add the account's role to `accounts`";
            return Err(Failure::new("no-credentials", message));
        }
        if !is_plain_id(wanted.read.parts().2) {
            return Err(Failure::new("no-identifier", "what it is called is no identifier, so it cannot be asked for"));
        }
        Ok(())
    }

    /// Whom to ask: the account that it is believed to belong to, then every other one of the scan,
    /// since an account does not always see what its routes lead to.
    fn asks(&self, account_id: &AccountId, region_id: &RegionId) -> impl Iterator<Item = Ask<'a>> {
        let (own, others): (Vec<_>, Vec<_>) = self.readers.iter().partition(|(known, _)| known == account_id);
        let region_id = region_id.clone();
        let (memory, inventory) = (self.memory, self.inventory);
        own.into_iter().chain(others).map(move |(account_id, reader)| Ask {
            reader,
            scope: Scope { account_id: account_id.clone(), region_id: region_id.clone() },
            memory,
            inventory,
        })
    }

    async fn run(&self, job: Job) -> InventoryBuilder {
        match job {
            Job::One(wanted) => self.one(&wanted).await,
            Job::VpcAttachments(scope, vpc_id, wanted) => self.vpc_attachments(&scope, &vpc_id, wanted).await,
            Job::RouterAttachments(scope, id, wanted) => self.router_attachments(&scope, &id, wanted).await,
            Job::TransitRouters(account_id, cen_id, wanted) => self.transit_routers(&account_id, &cen_id, wanted).await,
            Job::EndpointServices(wanted) => {
                let mut builder = self.empty();
                for wanted in &wanted {
                    builder.merge(self.one(wanted).await);
                }
                builder
            }
            Job::SecurityGroups(scope, wanted) => self.security_groups(&scope, &wanted).await,
        }
    }

    async fn one(&self, wanted: &Wanted) -> InventoryBuilder {
        let mut builder = self.empty();
        for ask in self.asks(&wanted.scope.account_id, &wanted.scope.region_id) {
            match read(&ask, &wanted.read, &mut builder).await {
                Ok(Some(network)) => {
                    builder.network = network;
                    builder.scanned(wanted.unit());
                    return builder;
                }
                Ok(None) => {}
                Err(mut failure) => {
                    if failure.class == Some(Class::NotServed) && lists_a_region(&wanted.read) {
                        failure.state = UnitState::NotServed;
                    }
                    builder.gap(failure.gap(wanted.unit()));
                    return builder;
                }
            }
        }
        if matches!(wanted.read, NetworkRead::EndpointService(_)) {
            // An endpoint leads there, so it exists: it is somebody else's.
            let message = "no account of this scan owns the service, so what is behind it cannot be read; \
                           add the role of its owner to `accounts`";
            builder.gap(Failure::new("other-owner", message).gap(wanted.unit()));
        } else {
            builder.scanned(wanted.unit());
        }
        builder
    }

    async fn vpc_attachments(&self, scope: &Scope, vpc_id: &VpcId, mut left: Left) -> InventoryBuilder {
        let mut builder = self.empty();
        for ask in self.asks(&scope.account_id, &scope.region_id) {
            match transit_router::of_vpc(&ask, vpc_id).await {
                Ok(attachments) => settle(&mut builder, scope, attachments, &mut left),
                Err(failure) => return failed(builder, left, &failure),
            }
            if left.is_empty() {
                break;
            }
        }
        ended(builder, left)
    }

    async fn router_attachments(&self, scope: &Scope, id: &TransitRouterId, mut left: Left) -> InventoryBuilder {
        let mut builder = self.empty();
        let mut trouble = None;
        for ask in self.asks(&scope.account_id, &scope.region_id) {
            for kind in transit_router::KINDS {
                // A list that was read before holds none of these.
                if self.memory.has_listed(&ask.scope.account_id, id, kind) {
                    continue;
                }
                match transit_router::of_router(&ask, id, kind).await {
                    Ok(attachments) => {
                        settle(&mut builder, scope, attachments, &mut left);
                        self.memory.listed(&ask.scope.account_id, id, kind);
                    }
                    // They may still be of another kind.
                    Err(failure) => trouble = trouble.or(Some(failure)),
                }
                if left.is_empty() {
                    return builder;
                }
            }
        }
        match trouble {
            Some(failure) => failed(builder, left, &failure),
            None => ended(builder, left),
        }
    }

    async fn transit_routers(&self, account_id: &AccountId, cen_id: &CenId, mut left: Left) -> InventoryBuilder {
        let mut builder = self.empty();
        if cen_id.is_empty() {
            let message = "no attachment says to which CEN the router belongs, so it cannot be asked for";
            return failed(builder, left, &Failure::new("cen-unknown", message));
        }
        for ask in self.asks(account_id, &RegionId::default()) {
            let routers = match transit_router::routers(&ask, cen_id).await {
                Ok(routers) => routers,
                Err(failure) => return failed(builder, left, &failure),
            };
            let mut still = Vec::new();
            for wanted in left {
                let found = routers.iter().find(|one| one.transit_router_id.as_str() == wanted.read.parts().2);
                let Some(router) = found else {
                    still.push(wanted);
                    continue;
                };
                match transit_router::tables(&ask, router).await {
                    Ok(network) => {
                        builder.network.merge(network);
                        builder.scanned(wanted.unit());
                    }
                    Err(failure) => builder.gap(failure.gap(wanted.unit())),
                }
            }
            left = still;
            if left.is_empty() {
                break;
            }
        }
        ended(builder, left)
    }

    /// As the first reading does it: types, rules, and the lists that these refer to.
    async fn security_groups(&self, scope: &Scope, wanted: &[Wanted]) -> InventoryBuilder {
        let Some(ask) = self.asks(&scope.account_id, &scope.region_id).next() else { return self.empty() };
        let lists = [&ecs::DESCRIBE_SECURITY_GROUPS, &ecs::DESCRIBE_PREFIX_LIST_ATTRIBUTES]
            .into_iter()
            .chain([&ecs::DESCRIBE_PORT_RANGE_LIST_ENTRIES]);
        let known: Vec<(&'static str, String)> = lists
            .flat_map(|operation| {
                let coverage = self.inventory.coverage();
                let units = coverage.scanned_units().chain(coverage.gaps().map(|gap| &gap.unit));
                units
                    .filter(|unit| unit.account_id == scope.account_id && unit.region_id == scope.region_id)
                    .filter(|unit| unit.operation == operation.action())
                    .map(|unit| (operation.action(), unit.resource_id.clone()))
            })
            .collect();
        let ids: Vec<String> = wanted.iter().map(|one| one.read.parts().2.to_owned()).collect();
        // The round counts what comes.
        let silent = Arc::new(super::Silent);
        let reader = Arc::clone(ask.reader);
        let scan = RegionScan::new(reader, silent, scope.clone(), Vec::new(), self.empty(), None);
        scan.run_groups(&ids, known).await
    }
}

/// Does a read that goes alone.
async fn read(ask: &Ask<'_>, read: &NetworkRead, builder: &mut InventoryBuilder) -> Found {
    match read {
        NetworkRead::VSwitches(id) => vpc::v_switches(ask, id).await,
        NetworkRead::RouteEntries { route_table_id, vpc_id } => route::entries(ask, route_table_id, vpc_id).await,
        NetworkRead::VpcPeer(id) => vpc::peer(ask, id).await,
        NetworkRead::RouterInterface(id) => route::interface(ask, id).await,
        NetworkRead::Vpn(id) => gateway::vpn(ask, id).await,
        NetworkRead::Cen(id) => cen::cen(ask, id).await,
        NetworkRead::Association { attachment_id, .. } => transit_router::associations(ask, attachment_id).await,
        NetworkRead::Propagations { table_id, .. } => transit_router::propagations(ask, table_id).await,
        NetworkRead::TransitRouterEntries { table_id, transit_router_id } => {
            transit_router::entries(ask, table_id, transit_router_id, builder).await
        }
        NetworkRead::NetworkAcl(id) => acl::network_acl(ask, id).await,
        NetworkRead::Endpoints(id) => private_link::endpoints(ask, id).await,
        NetworkRead::EndpointService(id) => private_link::service(ask, id).await,
        NetworkRead::Nat(id) => gateway::nat(ask, id).await,
        NetworkRead::Instances(id) => instance::public(ask, id).await,
        NetworkRead::Opinion(id) => opinion::opinion(ask, id, builder).await,
        // These go together with others of their kind.
        NetworkRead::VpcAttachment { .. }
        | NetworkRead::RouterAttachment { .. }
        | NetworkRead::TransitRouter(_)
        | NetworkRead::SecurityGroup(_) => Ok(None),
    }
}

/// Reads that ask for everything of a kind, of which a region without the product has nothing.
fn lists_a_region(read: &NetworkRead) -> bool {
    matches!(read, NetworkRead::Endpoints(_) | NetworkRead::Nat(_) | NetworkRead::Instances(_))
}

/// Enters what a list of attachments brought: the wanted ones, and those that came along.
fn settle(builder: &mut InventoryBuilder, scope: &Scope, attachments: Vec<transit_router::Listed>, left: &mut Left) {
    for transit_router::Listed { attachment, failure } in attachments {
        let id = attachment.transit_router_attachment_id.as_str().to_owned();
        let unit = match left.iter().position(|wanted| wanted.read.parts().2 == id) {
            Some(place) => left.swap_remove(place).unit(),
            None => {
                let transit_router_id = attachment.transit_router_id.clone();
                let attachment_id = attachment.transit_router_attachment_id.clone();
                let read = NetworkRead::RouterAttachment { attachment_id, transit_router_id };
                Wanted { scope: scope.clone(), read }.unit()
            }
        };
        if let Some(failure) = failure {
            builder.gap(failure.gap(unit));
            continue;
        }
        builder.scanned(unit);
        builder.network.transit_router_attachments.push(attachment);
    }
}

fn failed(mut builder: InventoryBuilder, left: Left, failure: &Failure) -> InventoryBuilder {
    left.iter().for_each(|wanted| builder.gap(failure.gap(wanted.unit())));
    builder
}

/// Everybody was asked and nobody has these: they do not exist.
fn ended(mut builder: InventoryBuilder, left: Left) -> InventoryBuilder {
    left.iter().for_each(|wanted| builder.scanned(wanted.unit()));
    builder
}
