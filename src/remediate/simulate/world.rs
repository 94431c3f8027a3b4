//! Draws a world: endpoints, what hangs on them, two plans over the same of them, and who carries them out.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use super::{
    prng::Prng,
    site::Site,
    weather::{HOUR, MINUTE},
};
use crate::{
    model::{AccountId, AclId, ClusterId, EipId, LoadBalancerId, MeshId, RegionId},
    remediate::{
        AclKind, AclSetting, Action, Change, CloudTime, Endpoint, Errand, Limits, Mode, Plan, Selection, Target,
    },
};

/// The cloud's time at the beginning.
pub(super) const EPOCH: u64 = 1_700_000_000_000;

pub(super) const ACCOUNT: &str = "1000000000000001";

/// What people decided, which does not change with a site.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    /// The change window, from and until.
    pub(super) window: (u64, u64),
    /// Needed, and valid.
    pub(super) approvals: (u32, u32),
    pub(super) owner_told: bool,
    pub(super) agreeing: bool,
}

/// A drawn world.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) sites: Vec<Site>,
    pub(super) plans: Vec<Arc<Plan>>,
    pub(super) selections: Vec<Selection>,
    pub(super) decided: Decided,
}

impl World {
    pub(super) fn draw(prng: &mut Prng) -> Self {
        let count = prng.between(1, 4);
        let mut sites: Vec<Site> = Vec::new();
        for number in 0..count {
            let drawn = site(prng, number, &sites);
            sites.push(drawn);
        }
        // Budgets are the account's, whatever the plan.
        let limits = limits(prng);
        let plans: Vec<Arc<Plan>> =
            ["a", "b"].into_iter().map(|name| Arc::new(plan(prng, name, &sites, &limits))).collect();
        let selections = plans.iter().map(|plan| selection(prng, plan)).collect();
        let window = match prng.below(20) {
            0 => (10 * MINUTE, 40 * MINUTE),
            1 | 2 => (0, prng.between(1, 30) * MINUTE),
            _ => (0, 72 * HOUR),
        };
        let decided = Decided {
            window,
            approvals: if prng.chance(20) { (2, 1) } else { (1, 1) },
            owner_told: !prng.chance(300),
            agreeing: !prng.chance(300),
        };
        Self { sites, plans, selections, decided }
    }

    pub(super) fn errand(&self, plan: usize) -> Option<Errand> {
        let (plan, selection) = (self.plans.get(plan)?, self.selections.get(plan)?);
        Some(Errand::Apply { plan: plan.clone(), selection: selection.clone(), run: format!("run-{}", plan.id) })
    }
}

fn site(prng: &mut Prng, number: u64, others: &[Site]) -> Site {
    // Two components of one mesh, now and then.
    let owner = if prng.chance(150) { 0 } else { number };
    let mesh = MeshId::from(format!("mesh-{owner}"));
    let drawn = match prng.below(8) {
        0 | 1 => Endpoint::ClusterApiServer(ClusterId::from(format!("cluster-{number}"))),
        2 => Endpoint::MeshApiServer(mesh),
        3 => Endpoint::CanaryPilot(mesh),
        _ => Endpoint::Pilot(MeshId::from(format!("mesh-{number}"))),
    };
    let taken = others.iter().any(|other| other.action.target.endpoint == drawn);
    let endpoint = if taken { Endpoint::Pilot(MeshId::from(format!("mesh-{number}"))) } else { drawn };
    let change = match prng.below(4) {
        0 => Change::Fence {
            port: 6443,
            before: AclSetting { on: false, kind: AclKind::White, ids: vec![AclId::from(format!("acl-{number}"))] },
            entries: vec!["203.0.113.0/24".to_owned(), "100.104.0.0/16".to_owned(), "10.0.0.0/8".to_owned()],
        },
        _ => Change::Unbind { eip: EipId::from(format!("eip-{number}")), address: format!("198.51.100.{number}") },
    };
    let clusters = prng.between(1, 3);
    let action = Action {
        intent: String::new(),
        target: Target { account: AccountId::from(ACCOUNT), region: RegionId::from("cn-hangzhou"), endpoint },
        change,
        load_balancer: LoadBalancerId::from(format!("lb-{number}")),
        clusters: (0..clusters).map(name_of).collect(),
        evidence: vec!["sha256:evidence".to_owned()],
        environment: if number.is_multiple_of(2) { "dev" } else { "prod" }.to_owned(),
        group: if prng.chance(100) { "shared".to_owned() } else { format!("group-{number}") },
        canary: false,
    };
    // Certificates live a day: who was cut off is seen to be so by then.
    let hidden = prng.chance(80).then(|| prng.below(24 * HOUR));
    let prepaid = prng.chance(100);
    let owner_protects = !prepaid && prng.chance(100);
    Site::new(Arc::new(action), prepaid, owner_protects, hidden)
}

/// Cluster or consumer by number.
pub(super) fn name_of(number: u64) -> String {
    format!("c{number}")
}

fn limits(prng: &mut Prng) -> Limits {
    let mut budget = || u32::try_from(prng.pick(&[0, 1, 2, 3, 6, 6, 6, 6, 6, 6, 6, 6], 6)).unwrap_or(0);
    let (per_run, per_day, prod) = (budget(), budget(), budget());
    let per_environment = BTreeMap::from([("dev".to_owned(), 6), ("prod".to_owned(), prod)]);
    Limits { per_run, per_day, per_environment }
}

fn plan(prng: &mut Prng, name: &str, sites: &[Site], limits: &Limits) -> Plan {
    let mut actions: Vec<Arc<Action>> = Vec::new();
    for (number, site) in sites.iter().enumerate() {
        if prng.chance(850) {
            let intent = format!("intent-{name}-{number}");
            actions.push(Arc::new(Action { intent, canary: actions.is_empty(), ..(*site.action).clone() }));
        }
    }
    let life = prng.pick(&[4 * HOUR, 4 * HOUR, 24 * HOUR, 15 * MINUTE], 4 * HOUR);
    Plan {
        id: format!("plan-{name}"),
        account: AccountId::from(ACCOUNT),
        not_before: CloudTime(EPOCH),
        expires: CloudTime(EPOCH + life),
        mode: if prng.chance(100) { Mode::Automatic } else { Mode::Attended },
        limits: limits.clone(),
        actions,
    }
}

fn selection(prng: &mut Prng, plan: &Plan) -> Selection {
    match prng.below(20) {
        0 => Selection::Intents(BTreeSet::new()),
        1 | 2 => Selection::Intents(plan.actions.iter().take(1).map(|action| action.intent.clone()).collect()),
        _ => Selection::Whole,
    }
}
