//! What a run looked at. The absence of a finding says that it is fixed only where everything that its rule looks at
//! is known: a port whose gate was not read, or a path that was not followed, repairs nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, Subject, grounds::Input};
use crate::model::{
    AccessRow, AclJudgement, Bounds, Connectivity, ConsumerKind, EndpointJudgement, EndpointKind, Exposure, Gap,
    PortVerdict, ResourceJudgement, ResourceKind, SecurityGroupJudgement, StalenessVerdict, Unit, UnitState,
    is_network_balancer,
};

/// Products whose reads say what there is and who can reach it. What else is read says whether it is still needed.
const PRODUCTS: [&str; 7] = ["sts", "servicemesh", "cs", "ecs", "vpc", "slb", "nlb"];

/// Lists that are asked for in every region that is looked at, and nowhere else.
const LISTS_OF_A_REGION: [&str; 2] = ["DescribeClustersV1", "DescribeEipAddresses"];

/// Account, region, kind and id of a resource that was judged.
type Place<'a> = (&'a str, &'a str, ResourceKind, &'a str);

/// What a run looked at.
pub(crate) struct Seen<'a> {
    run: &'a Run,
    endpoints: BTreeMap<(Place<'a>, EndpointKind), &'a EndpointJudgement>,
    resources: BTreeMap<Place<'a>, &'a ResourceJudgement>,
    groups: BTreeMap<Place<'a>, &'a SecurityGroupJudgement>,
    acls: BTreeMap<Place<'a>, &'a AclJudgement>,
    balancers: BTreeMap<Place<'a>, Bounds<bool>>,
    /// What was planned and not read, by account and region; an empty region is that of central hosts.
    gaps: BTreeMap<(&'a str, &'a str), Vec<&'a Gap>>,
    /// Account and region of every place that was looked at as such, so that a run over fewer regions, or one that
    /// followed a path into another region, repairs nothing there.
    scanned: BTreeSet<(&'a str, &'a str)>,
    /// Account and region of endpoints of which something is not known: behind what stands in front of them, nobody knows.
    doubtful: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Seen<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        let judgements = &run.judgements;
        let mut gaps: BTreeMap<(&str, &str), Vec<&Gap>> = BTreeMap::new();
        for gap in run.coverage.gaps() {
            gaps.entry((gap.unit.account_id.as_str(), gap.unit.region_id.as_str())).or_default().push(gap);
        }
        let lists = run.coverage.scanned_units().filter(|unit| is_list(unit));
        let endpoints = judgements.endpoints.iter().map(|judgement| {
            let at = &judgement.endpoint;
            let place = (at.account_id.as_str(), at.region_id.as_str(), at.resource_kind, at.resource_id.as_str());
            ((place, at.kind), judgement)
        });
        let resources = judgements
            .resources
            .iter()
            .map(|it| ((it.account_id.as_str(), it.region_id.as_str(), it.resource_kind, it.resource_id.as_str()), it));
        let groups = judgements.security_groups.iter().map(|it| {
            let kind = ResourceKind::SecurityGroup;
            ((it.account_id.as_str(), it.region_id.as_str(), kind, it.security_group_id.as_str()), it)
        });
        let acls = judgements
            .acls
            .iter()
            .map(|it| ((it.account_id.as_str(), it.region_id.as_str(), it.resource_kind, it.acl_id.as_str()), it));
        let balancers = judgements.unclaimed_balancers.iter().map(|it| {
            let place = (
                it.account_id.as_str(),
                it.region_id.as_str(),
                ResourceKind::LoadBalancer,
                it.load_balancer_id.as_str(),
            );
            (place, it.looks_like_control_plane)
        });
        let doubtful = judgements.endpoints.iter().filter(|it| !is_known(it)).map(|it| &it.endpoint);
        Self {
            run,
            gaps,
            scanned: lists.map(|unit| (unit.account_id.as_str(), unit.region_id.as_str())).collect(),
            endpoints: endpoints.collect(),
            resources: resources.collect(),
            groups: groups.collect(),
            acls: acls.collect(),
            balancers: balancers.collect(),
            doubtful: doubtful.map(|it| (it.account_id.as_str(), it.region_id.as_str())).collect(),
        }
    }

    /// The accounts about whose resources an absence may say something.
    pub(crate) fn accounts(&self) -> BTreeSet<&'a str> {
        let endpoints = self.endpoints.keys().map(|(place, _)| place.0);
        let resources = self.resources.keys().map(|place| place.0);
        endpoints.chain(resources).chain(self.scanned.iter().map(|(account, _)| *account)).collect()
    }

    /// Account and region of every place that was looked at.
    pub(crate) fn places(&self) -> &BTreeSet<(&'a str, &'a str)> {
        &self.scanned
    }

    /// True if the place was looked at, or was to be.
    pub(crate) fn meant_to_look_at(&self, place: &(&str, &str)) -> bool {
        let lost = |gap: &&Gap| gap.state != UnitState::Excluded && is_list(&gap.unit);
        self.scanned.contains(place) || self.gaps.get(place).is_some_and(|gaps| gaps.iter().any(lost))
    }

    /// True if the absence of a rule's finding about `subject` says that there is none. A rule that was disabled, or is
    /// no longer among the rules, looked at nothing. `rests_on` is what the finding rested on where it was found, by
    /// [`Grounds::behind`](super::Grounds::behind).
    pub(crate) fn read(&self, rule_id: &str, subject: &Subject, rests_on: &str) -> bool {
        if !self.evaluated(rule_id) || self.run.header.interrupted {
            return false;
        }
        let place = (
            subject.account_id.as_str(),
            subject.region_id.as_str(),
            subject.resource_kind,
            subject.resource_id.as_str(),
        );
        match (subject.resource_kind, subject.endpoint_kind) {
            (ResourceKind::Waiver, _) => self.knows_waiver(subject, rests_on),
            (ResourceKind::Mesh | ResourceKind::Cluster, Some(kind)) => match self.endpoints.get(&(place, kind)) {
                Some(judgement) => self.knows_endpoint(rule_id, subject, judgement, rests_on),
                None => self.is_gone(subject),
            },
            (ResourceKind::Mesh | ResourceKind::Cluster, None) => match self.resources.get(&place) {
                Some(it) => {
                    it.exposed.is_exact() && it.audit_enabled.is_exact() && !self.has_gap(subject, |id| id == place.3)
                }
                None => self.is_gone(subject),
            },
            _ => self.knows_filter(place, subject),
        }
    }

    /// What is not known of an endpoint among all that a rule looks at.
    pub(super) fn lacking(&self, rule_id: &str, it: &EndpointJudgement) -> BTreeSet<Input> {
        match it.exposure {
            Exposure::Unknown => [Input::Exposure].into(),
            Exposure::Private => BTreeSet::new(),
            Exposure::Exposed => {
                self.run.header.grounds.inputs(rule_id).into_iter().filter(|input| !knows(*input, it)).collect()
            }
        }
    }

    /// True if the absence of a rule's finding about `subject` says nothing because of what was planned and could not
    /// be read. Where nobody meant to look (another scope, a disabled rule) nothing was missed.
    pub(crate) fn missed(&self, rule_id: &str, subject: &Subject, rests_on: &str) -> bool {
        if subject.resource_kind == ResourceKind::Waiver
            || !self.evaluated(rule_id)
            || self.read(rule_id, subject, rests_on)
        {
            return false;
        }
        let lost = |gap: &&Gap| matches!(gap.state, UnitState::Denied | UnitState::Failed);
        let follows_paths = self.run.header.grounds.inputs(rule_id).contains(&Input::Need);
        self.run.header.interrupted
            || self.gaps_of(subject).any(|gap| lost(&gap))
            // Paths lead into other regions and accounts.
            || (follows_paths && subject.endpoint_kind.is_some() && self.looked_at(subject)
                && self.run.coverage.gaps().any(|gap| lost(&gap)))
    }

    fn evaluated(&self, rule_id: &str) -> bool {
        let rules = &self.run.header.rules;
        rules.is_empty() || rules.contains(rule_id)
    }

    fn looked_at(&self, subject: &Subject) -> bool {
        self.scanned.contains(&(subject.account_id.as_str(), subject.region_id.as_str()))
    }

    /// What was not read of the subject's region and of its account as a whole.
    fn gaps_of<'s>(&'s self, subject: &'s Subject) -> impl Iterator<Item = &'s Gap> {
        let (account, region) = (subject.account_id.as_str(), subject.region_id.as_str());
        let central = self.gaps.get(&(account, "")).filter(|_| !region.is_empty());
        let places = [self.gaps.get(&(account, region)), central];
        places.into_iter().flatten().flatten().copied()
    }

    /// True if a list was not read that could have shown the subject, or a read about one of the resources.
    fn has_gap(&self, subject: &Subject, is_about: impl Fn(&str) -> bool) -> bool {
        self.gaps_of(subject).filter(|gap| matters(gap, subject)).any(|gap| {
            let id = gap.unit.resource_id.as_str();
            id.is_empty() || is_about(id)
        })
    }

    /// True if all that could have shown the mesh or cluster was read.
    fn is_gone(&self, subject: &Subject) -> bool {
        self.looked_at(subject) && !self.has_gap(subject, |id| id == subject.resource_id)
    }

    fn knows_endpoint(&self, rule_id: &str, subject: &Subject, it: &EndpointJudgement, rests_on: &str) -> bool {
        let own = [
            Some(subject.resource_id.as_str()),
            it.load_balancer_id.as_ref().map(|id| id.as_str()),
            it.eip_id.as_ref().map(|id| id.as_str()),
            it.product_eip_id.as_ref().map(|id| id.as_str()),
        ];
        let gates: BTreeSet<&str> = it.access.iter().flat_map(|row| &row.gates).map(|gate| gate.id.as_str()).collect();
        if !it.unread.is_empty() || self.has_gap(subject, |id| own.contains(&Some(id)) || gates.contains(id)) {
            return false;
        }
        match it.exposure {
            Exposure::Unknown => false,
            // Then every sign was read, and nothing else matters.
            Exposure::Private => true,
            Exposure::Exposed => {
                let grounds = &self.run.header.grounds;
                let inputs = grounds.inputs(rule_id);
                // What would open a path may lie in what was not read of any other.
                let paths_read = !inputs.contains(&Input::Consumers) || self.run.coverage.complete();
                paths_read && inputs.into_iter().all(|input| knows(input, it)) && grounds.has_logs_of(rests_on)
            }
        }
    }

    /// A group, list, balancer or address is judged by what stands behind it, wherever that is in the region.
    fn knows_filter(&self, place: Place<'_>, subject: &Subject) -> bool {
        let whole = self.looked_at(subject) && !self.has_gap(subject, |_| true);
        let certain = match (self.groups.get(&place), self.acls.get(&place), self.balancers.get(&place)) {
            (Some(it), _, _) => {
                let bounds = [it.admits_untrusted, it.world_open, it.world_open_by_union];
                bounds.iter().all(Bounds::is_exact) && it.unresolved.is_empty()
            }
            (_, Some(it), _) => {
                it.enabled_but_empty.is_exact() && it.admits_untrusted.is_exact() && it.unresolved.is_empty()
            }
            (_, _, Some(it)) => it.is_exact(),
            _ => true,
        };
        whole && certain && !self.doubtful.contains(&(place.0, place.1))
    }

    /// Waivers are looked up in a file, not in the cloud: another runner's file says nothing of ours, and what a waiver
    /// accepts was looked for only where the run looked.
    fn knows_waiver(&self, subject: &Subject, rests_on: &str) -> bool {
        self.run.header.grounds.knows_waiver(&subject.resource_id, rests_on)
            && !self.run.coverage.leaves_out(&subject.account_id, &subject.region_id)
    }
}

/// True for a list that is asked for in every region that is looked at.
fn is_list(unit: &Unit) -> bool {
    unit.resource_id.is_empty() && LISTS_OF_A_REGION.contains(&unit.operation.as_str())
}

/// True if what was not read could have shown something of the subject. That a product does not serve the region is an
/// answer, but not where it served the subject before.
fn matters(gap: &Gap, subject: &Subject) -> bool {
    let product = gap.unit.product.as_str();
    if gap.state != UnitState::NotServed {
        return PRODUCTS.contains(&product);
    }
    match product {
        "cs" => subject.resource_kind == ResourceKind::Cluster,
        "servicemesh" => subject.resource_kind == ResourceKind::Mesh,
        // Many regions have no network load balancers; what is behind one names it.
        "nlb" => is_network_balancer(&subject.resource_id),
        product => PRODUCTS.contains(&product),
    }
}

/// True if an input of an exposed endpoint is known.
fn knows(input: Input, it: &EndpointJudgement) -> bool {
    match input {
        Input::Exposure | Input::Trail => true,
        Input::Ports => !it.access.is_empty() && it.access.iter().all(is_known_row),
        Input::Need => it.staleness.verdict != StalenessVerdict::Unknown,
        Input::Consumers => {
            let consumers = it.staleness.consumers.iter().filter(|consumer| consumer.kind != ConsumerKind::Client);
            it.staleness.verdict != StalenessVerdict::Unknown
                && consumers.into_iter().all(|consumer| consumer.path.connectivity != Connectivity::Unknown)
        }
        Input::Strangers => it.staleness.strangers_known,
    }
}

fn is_known_row(row: &AccessRow) -> bool {
    row.verdict != PortVerdict::Unknown
        && row.verdict_bounds.is_exact()
        && row.complete
        && row.gates.iter().all(|gate| gate.complete)
}

/// True if it is known whether the endpoint is exposed, and who can reach it if it is.
fn is_known(it: &EndpointJudgement) -> bool {
    match it.exposure {
        Exposure::Unknown => false,
        Exposure::Private => true,
        Exposure::Exposed => it.access.iter().all(is_known_row),
    }
}
