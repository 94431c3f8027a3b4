//! The accounts as they are, as they were, and what is still to happen to them.
//!
//! A write is a plan of steps. Steps that are due are taken when the next request arrives, in the order of their time, so
//! that nothing depends on threads. Every step makes a new version of its account; versions share what no step touched,
//! and old ones are kept for as long as a stale read may look back.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use hyper::body::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    actor::{Actor, Deed, Moment},
    clock::WorldClock,
    draft::{Draft, set, text_at},
    fault::Subject,
    identity::Identities,
    kind::Kind,
    operation::{Call, Operation},
    plan::{Plan, Step},
    reply::ApiError,
    sign::Parameters,
    world::{Account, World},
};

/// Something that happened to a resource of the simulated cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Milliseconds of the world's time since the server started.
    pub at_ms: u64,
    /// `request 12`, counted as in the journal, or `actor 0`, counted as in the document.
    pub by: String,
    pub account_id: String,
    pub resource: String,
    /// `eip-unassociating`, `eip-available`, `unbound`, `eip-associating`, `eip-in-use`, `bound`, `protected`, …
    pub what: &'static str,
}

/// A write that passed authentication, kept until it is carried out.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) operation: &'static Operation,
    pub(super) account_id: String,
    pub(super) access_key_id: String,
    pub(super) region: String,
    pub(super) query: Parameters,
    pub(super) form: Parameters,
    pub(super) path: Parameters,
    pub(super) body: Bytes,
    pub(super) request_id: String,
    pub(super) user_agent: String,
    pub(super) number: u64,
}

impl Order {
    fn call<'a>(&'a self, account: &'a Arc<Account>, identities: &'a Identities) -> Call<'a> {
        Call {
            operation: self.operation,
            caller: None,
            account,
            region: &self.region,
            query: &self.query,
            form: &self.form,
            path: &self.path,
            project: "",
            body: &self.body,
            identities,
            page_cap: 0,
            page_fault: None,
            salt: self.number,
            request_id: &self.request_id,
        }
    }
}

/// What is still to happen.
enum Pending {
    Step { account_id: String, by: String, step: Step },
    Landing(Order),
}

/// An account and what it was.
#[derive(Debug)]
struct Versions {
    current: Arc<Account>,
    /// Until when, and what it was until then; oldest first.
    past: VecDeque<(u64, Arc<Account>)>,
}

/// Everything that changes while a server runs.
pub(super) struct State {
    clock: Arc<WorldClock>,
    bind_delay_ms: u64,
    /// How far back a read may look.
    memory_ms: u64,
    accounts: HashMap<String, Versions>,
    pending: BTreeMap<(u64, u64), Pending>,
    scheduled: u64,
    /// Each with how many calls have fitted it.
    actors: Vec<(Actor, u64)>,
    changes: Vec<Change>,
    /// How many of them were told.
    told: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn new(world: &World, clock: Arc<WorldClock>, memory_ms: u64) -> Self {
        let versions = |account: &Arc<Account>| Versions { current: Arc::clone(account), past: VecDeque::new() };
        Self {
            clock,
            bind_delay_ms: world.behaviour().bind_delay_ms,
            memory_ms,
            accounts: world.accounts().iter().map(|account| (account.id.clone(), versions(account))).collect(),
            pending: BTreeMap::new(),
            scheduled: 0,
            actors: world.actors().iter().map(|actor| (actor.clone(), 0)).collect(),
            changes: Vec::new(),
            told: 0,
        }
    }

    /// An account as it is.
    pub(super) fn account(&self, id: &str) -> Option<Arc<Account>> {
        self.accounts.get(id).map(|versions| Arc::clone(&versions.current))
    }

    /// An account as it was so long ago.
    pub(super) fn account_before(&self, id: &str, ago_ms: u64) -> Option<Arc<Account>> {
        let versions = self.accounts.get(id)?;
        let at = self.clock.world_ms().checked_sub(ago_ms);
        // Before the server started it was as the document says.
        let old = versions.past.iter().find(|(until, _)| at.is_none_or(|at| *until > at));
        Some(old.map_or_else(|| Arc::clone(&versions.current), |(_, account)| Arc::clone(account)))
    }

    /// Everything so far, in order.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What happened since this was asked last.
    pub(super) fn news(&mut self) -> Vec<Change> {
        let news = self.changes.get(self.told..).unwrap_or_default().to_vec();
        self.told = self.changes.len();
        news
    }

    /// Every account as it is now, by section and list, the audit trail aside. What says nothing is left out: null, false,
    /// empty text, empty lists.
    pub(super) fn snapshot(&self) -> Value {
        let mut accounts = Map::new();
        for (id, versions) in &self.accounts {
            let mut lists = Map::new();
            for kind in
                Kind::ALL.into_iter().filter(|kind| *kind != Kind::AuditEvent && !kind.spec().section.is_empty())
            {
                let items = versions.current.collection(kind).iter().map(|item| {
                    let entries = item.children.iter().filter_map(|child| serde_json::from_str(&child.json).ok());
                    let mut value = item.whole();
                    set(&mut value, "Entries", Value::Array(entries.collect()));
                    telling(value)
                });
                lists.insert(format!("{}.{}", kind.spec().section, kind.spec().list), items.collect());
            }
            accounts.insert(id.clone(), telling(Value::Object(lists)));
        }
        Value::Object(accounts)
    }

    /// Takes every step that is due.
    pub(super) fn advance(&mut self, identities: &Identities) {
        let now = self.clock.world_ms();
        while let Some(next) = self.pending.first_entry().filter(|next| next.key().0 <= now) {
            let (at, _) = *next.key();
            match next.remove() {
                Pending::Step { account_id, by, step } => self.run(&account_id, &by, at, vec![step]),
                Pending::Landing(order) => {
                    // It is judged by what it finds, not by what was there when it was sent.
                    if let Ok((_, plan)) = self.judge(&order, identities) {
                        self.carry_out(&order, plan, at, identities);
                    }
                }
            }
        }
    }

    /// What a write would answer and do now.
    pub(super) fn judge(&self, order: &Order, identities: &Identities) -> Result<(String, Plan), ApiError> {
        let account = self.account(&order.account_id).unwrap_or_default();
        let call = order.call(&account, identities);
        let mut plan = Plan::default();
        let reply = order.operation.carry_out(&call, &mut plan)?;
        Ok((reply, plan))
    }

    /// Does what a write planned, from now on.
    pub(super) fn carry_out_now(&mut self, order: &Order, plan: Plan, identities: &Identities) {
        self.carry_out(order, plan, self.clock.world_ms(), identities);
    }

    fn carry_out(&mut self, order: &Order, mut plan: Plan, at: u64, identities: &Identities) {
        Audited::of_order(order).record(&mut plan, &order.account_id, identities);
        self.schedule(&order.account_id, &format!("request {}", order.number), plan, at);
    }

    /// Lets a write arrive later.
    pub(super) fn land_later(&mut self, order: Order, after_ms: u64) {
        let due = self.clock.world_ms().saturating_add(after_ms);
        self.push(due, Pending::Landing(order));
    }

    /// Lets the outsiders act whose moment this call is.
    pub(super) fn act(&mut self, subject: Subject<'_>, moment: Moment, identities: &Identities) {
        let mut due = Vec::new();
        for (index, (actor, seen)) in self.actors.iter_mut().enumerate() {
            if actor.at.when == moment && actor.at.fits(subject) {
                *seen += 1;
                if *seen == actor.at.nth {
                    due.push((index, actor.clone()));
                }
            }
        }
        for (index, actor) in due {
            if let Deed::AdvanceClock { ms } = actor.deed {
                self.clock.advance(std::time::Duration::from_millis(ms));
            }
            let account_id = actor.account_id.clone().unwrap_or_else(|| subject.account_id.to_owned());
            let Some(account) = self.account(&account_id) else { continue };
            let mut plan = actor.deed.plan(&account);
            if let Some(audited) = Audited::of_deed(&actor.deed).filter(|_| !plan.is_empty()) {
                audited.record(&mut plan, &account_id, identities);
            }
            let now = self.clock.world_ms();
            self.schedule(&account_id, &format!("actor {index}"), plan, now);
        }
    }

    fn schedule(&mut self, account_id: &str, by: &str, plan: Plan, at: u64) {
        let mut now = Vec::new();
        for (transitions, step) in plan.into_steps() {
            match u64::from(transitions).saturating_mul(self.bind_delay_ms) {
                0 => now.push(step),
                delay => {
                    let pending = Pending::Step { account_id: account_id.to_owned(), by: by.to_owned(), step };
                    self.push(at.saturating_add(delay), pending);
                }
            }
        }
        self.run(account_id, by, at, now);
    }

    fn push(&mut self, due: u64, pending: Pending) {
        self.scheduled += 1;
        self.pending.insert((due, self.scheduled), pending);
    }

    fn run(&mut self, account_id: &str, by: &str, at_ms: u64, steps: Vec<Step>) {
        let Some(versions) = self.accounts.get_mut(account_id).filter(|_| !steps.is_empty()) else { return };
        let mut draft = Draft::new(Account::clone(&versions.current));
        steps.into_iter().for_each(|step| step(&mut draft));
        let old = std::mem::replace(&mut versions.current, Arc::new(draft.account));
        versions.past.push_back((at_ms, old));
        let oldest = at_ms.saturating_sub(self.memory_ms);
        while versions.past.front().is_some_and(|(until, _)| *until < oldest || self.memory_ms == 0) {
            versions.past.pop_front();
        }
        self.changes.extend(draft.notes.into_iter().map(|(resource, what)| Change {
            at_ms,
            by: by.to_owned(),
            account_id: account_id.to_owned(),
            resource,
            what,
        }));
    }
}

/// A value without the fields that say nothing.
fn telling(value: Value) -> Value {
    let says_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let told = fields.into_iter().map(|(name, value)| (name, telling(value)));
            Value::Object(told.filter(|(_, value)| !says_nothing(value)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(telling).collect()),
        other => other,
    }
}

/// What the audit trail says of a write that was carried out.
struct Audited {
    id: String,
    action: &'static str,
    service: &'static str,
    resource: String,
    user: String,
    agent: String,
    /// Where it does not follow from the resource.
    region: String,
    parameters: Map<String, Value>,
}

impl Audited {
    fn of_order(order: &Order) -> Self {
        let given = order.query.iter().chain(&order.form).chain(&order.path);
        let parameters: Map<String, Value> = given.map(|(name, value)| (name.clone(), json!(value))).collect();
        let resource = NAMES.into_iter().find_map(|name| parameters.get(name)?.as_str().map(str::to_owned));
        Self {
            id: order.request_id.clone(),
            action: order.operation.action,
            service: order.operation.product.audit_name(),
            resource: resource.unwrap_or_default(),
            user: order.access_key_id.clone(),
            agent: order.user_agent.clone(),
            region: order.region.clone(),
            parameters,
        }
    }

    /// Of an outsider, who works at the console.
    fn of_deed(deed: &Deed) -> Option<Self> {
        let (action, service, resource) = deed.audited()?;
        Some(Self {
            id: Uuid::new_v4().hyphenated().to_string().to_uppercase(),
            action,
            service,
            resource,
            user: "console-user".to_owned(),
            agent: "Mozilla/5.0".to_owned(),
            region: String::new(),
            parameters: Map::new(),
        })
    }

    /// Adds the event to what is done.
    fn record(self, plan: &mut Plan, account_id: &str, identities: &Identities) {
        let time = DateTime::<Utc>::from(identities.now()).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let account_id = account_id.to_owned();
        plan.now(move |draft| {
            let place = |(kind, path): (Kind, &str)| draft.value(kind, &self.resource).map(|item| text_at(&item, path));
            let region = PLACES.into_iter().find_map(place).unwrap_or(self.region);
            let event = json!({
                "eventId": self.id, "eventName": self.action, "eventTime": time, "eventRW": "Write", "eventType": "ApiCall",
                "requestId": self.id, "userAgent": self.agent, "serviceName": self.service, "acsRegion": region, "resourceName": self.resource,
                "userIdentity": {"type": "ram-user", "accountId": account_id, "userName": self.user, "accessKeyId": self.user},
                "requestParameterJson": Value::Object(self.parameters).to_string(),
            });
            draft.push(Kind::AuditEvent, event);
        });
    }
}

/// Parameters that say what is changed, by precedence.
const NAMES: [&str; 8] =
    ["ServiceMeshId", "cluster_id", "InstanceId", "ResourceId.1", "LoadBalancerId", "AclId", "AclName", "AllocationId"];

/// Where the region of what is changed stands; a central host has none.
const PLACES: [(Kind, &str); 3] =
    [(Kind::Mesh, "ServiceMeshInfo.RegionId"), (Kind::Cluster, "region_id"), (Kind::Eip, "RegionId")];
