//! The rounds of a run: what is to be read in each, by the parts of all rounds before. Every shard and whoever merges
//! them works it out alike, so that nobody has to hand out work.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    body::{Body, Head},
    owner::owner,
    plan::{Plan, PlannedAccount},
};
use crate::{
    analysis,
    cli::{
        connect::{self, Keys, MAX_ROUNDS},
        exit::Failure,
        pipeline::{self, Kept, KeptByAll},
    },
    config::Config,
    model::{AccountId, EvidenceWanted, Gap, Inventory, InventoryBuilder, NamedConsumers, UnitState, Wanted},
    scan::{self, AccountFailure, EvidenceSettings, Notes, Readable, ScanError},
};

/// Something for one shard to read.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// An account, for the first time: its place in the plan.
    Account(usize),
    /// What is wanted of the network, of one account.
    Network(Vec<Wanted>),
    /// Logs of one account.
    Logs { wanted: Vec<EvidenceWanted>, settings: EvidenceSettings },
}

/// Which kind of round it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Accounts,
    Network { rounds: usize },
    Logs,
}

/// A run, as far as it is known.
pub(super) struct Rounds<'a> {
    plan: &'a Plan,
    consumers: NamedConsumers,
    stage: Stage,
    /// Counted from 1.
    number: u32,
    /// Of the round, by the name of their part.
    tasks: BTreeMap<String, Task>,
    inventory: Inventory,
    /// What the parts of the round brought until now.
    more: InventoryBuilder,
    readable: BTreeMap<usize, Vec<Readable>>,
    failures: BTreeMap<usize, Vec<AccountFailure>>,
    /// Of the round until now.
    noted: Notes,
    pub(super) api_calls: u64,
    pub(super) retries: u64,
    /// What all have kept, for whoever makes evidence of it.
    kept: Option<KeptByAll>,
}

impl<'a> Rounds<'a> {
    /// Before the first round.
    pub(super) fn new(plan: &'a Plan, config: &Config) -> Self {
        let mut listed = InventoryBuilder::new(plan.taken_at);
        listed.merge_coverage(plan.listed.clone());
        let accounts = plan.accounts.iter().enumerate();
        Self {
            plan,
            consumers: pipeline::consumers(config),
            stage: Stage::Accounts,
            number: 1,
            tasks: accounts.map(|(place, one)| (part_name(&one.account_id), Task::Account(place))).collect(),
            inventory: listed.build(),
            more: InventoryBuilder::new(plan.taken_at),
            readable: BTreeMap::new(),
            failures: BTreeMap::new(),
            noted: Notes::default(),
            api_calls: plan.api_calls,
            retries: plan.retries,
            kept: None,
        }
    }

    /// Joins what was kept of the replies, too: they are more than most inventories.
    pub(super) fn with_replies(mut self) -> Self {
        let mut kept = KeptByAll::default();
        kept.add(self.plan.kept.clone());
        self.kept = Some(kept);
        self
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// What is to be read in this round, by the name of its part; empty after the last one.
    pub(super) fn tasks(&self) -> &BTreeMap<String, Task> {
        &self.tasks
    }

    /// What was read in all rounds before.
    pub(super) fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The inventory, and what was kept.
    pub(super) fn into_read(self) -> (Inventory, Kept) {
        (self.inventory, self.kept.map(KeptByAll::join).unwrap_or_default())
    }

    /// Takes in a part of the round.
    pub(super) fn add(&mut self, name: &str, body: Body) {
        let Some(task) = self.tasks.get(name) else { return };
        let Head { readable, failures, notes, api_calls, retries, kept } = body.head;
        if let Task::Account(place) = task {
            self.readable.insert(*place, readable);
            self.failures.insert(*place, failures);
        }
        self.noted.join(notes);
        self.api_calls += api_calls;
        self.retries += retries;
        if let Some(by_all) = &mut self.kept {
            by_all.add(kept);
        }
        self.more.merge(body.inventory.into_builder());
    }

    /// Enters into the ledger that nobody has read a part; `why` says who should have.
    pub(super) fn miss(&mut self, name: &str, why: &str) {
        let Some(task) = self.tasks.get(name) else { return };
        let units = match task {
            Task::Account(place) => {
                let account = self.plan.accounts.get(*place).into_iter();
                account.map(|one| scan::whole_account(&one.account_id)).collect()
            }
            Task::Network(wanted) => wanted.iter().map(Wanted::unit).collect(),
            Task::Logs { wanted, .. } => wanted.iter().map(EvidenceWanted::unit).collect::<Vec<_>>(),
        };
        for unit in units {
            self.more.gap(Gap {
                unit,
                state: UnitState::Failed,
                code: "shard-missing".to_owned(),
                message: why.to_owned(),
                request_id: String::new(),
            });
        }
    }

    /// Ends the round: joins what it brought, and works out the next one. Gives what was noted in it.
    ///
    /// # Errors
    /// After the first round, as a scan of all accounts in one process: where no account could be read, or a region does
    /// not exist.
    pub(super) fn turn(&mut self) -> Result<Notes, Failure> {
        let empty = InventoryBuilder::new(self.plan.taken_at);
        let mut builder = std::mem::replace(&mut self.inventory, empty.clone().build()).into_builder();
        builder.merge(std::mem::replace(&mut self.more, empty));
        self.inventory = builder.build();
        if self.stage == Stage::Accounts {
            self.check().map_err(|error| connect::told(error, None))?;
        }
        self.number += 1;
        (self.stage, self.tasks) = self.next();
        Ok(std::mem::take(&mut self.noted))
    }

    /// Where a part is missing, nothing is known of its accounts.
    fn check(&self) -> Result<(), ScanError> {
        let settings = scan::Settings {
            regions: self.plan.regions.iter().map(|id| id.as_str().into()).collect(),
            ..scan::Settings::default()
        };
        if self.readable.len() < self.tasks.len() {
            return Ok(());
        }
        if self.readable.values().all(Vec::is_empty) {
            let failures = self.failures.values().flatten().cloned().collect();
            return Err(ScanError::NoAccount { failures });
        }
        scan::check_regions(&settings, self.readable.values().flatten().map(|one| one.regions.clone()))
    }

    fn next(&self) -> (Stage, BTreeMap<String, Task>) {
        let rounds = match self.stage {
            Stage::Accounts => 0,
            Stage::Network { rounds } => rounds,
            Stage::Logs => return (Stage::Logs, BTreeMap::new()),
        };
        if rounds < MAX_ROUNDS {
            let wanted = scan::unread(&self.inventory, analysis::wanted(&self.inventory, &self.consumers));
            if !wanted.is_empty() {
                let shares = by_account(wanted, |one| &one.scope.account_id);
                return (Stage::Network { rounds: rounds + 1 }, tasks(shares, Task::Network));
            }
        }
        let Some(evidence) = &self.plan.evidence else { return (Stage::Logs, BTreeMap::new()) };
        let wanted = evidence.keep(analysis::evidence_wanted(&self.inventory, &self.consumers));
        let shares = by_account(wanted, |one| &one.scope.account_id);
        (Stage::Logs, tasks(shares, |wanted| Task::Logs { wanted, settings: evidence.settings }))
    }

    /// The keys of the accounts that let themselves be read, with their numbers, in the order of the scan.
    pub(super) fn readable(&self) -> Vec<(AccountId, &'a Keys)> {
        let mut found = Vec::new();
        for (place, accounts) in &self.readable {
            let Some(PlannedAccount { keys, .. }) = self.plan.accounts.get(*place) else { continue };
            let keys_of = |one: &Readable| keys.get(one.place).map(|(at, keys)| (*at, one.account_id.clone(), keys));
            found.extend(accounts.iter().filter_map(keys_of));
        }
        found.sort_by_key(|(at, ..)| *at);
        let mut known = BTreeSet::new();
        let first = found.into_iter().filter(|(_, account_id, _)| known.insert(account_id.clone()));
        first.map(|(_, account_id, keys)| (account_id, keys)).collect()
    }

    /// The keys of an account of the plan.
    pub(super) fn keys(&self, place: usize) -> impl Iterator<Item = &'a Keys> {
        let plan = self.plan;
        plan.accounts.get(place).into_iter().flat_map(|one| one.keys.iter().map(|(_, keys)| keys))
    }

    pub(super) fn taken_at(&self) -> DateTime<Utc> {
        self.plan.taken_at
    }

    /// The shard that reads a part.
    pub(super) fn owner(&self, name: &str) -> u32 {
        owner(name, self.plan.shards)
    }
}

/// A name without characters that a database may not keep.
fn part_name(account_id: &AccountId) -> String {
    account_id.as_str().escape_default().to_string()
}

fn by_account<T>(wanted: Vec<T>, account_of: impl Fn(&T) -> &AccountId) -> BTreeMap<AccountId, Vec<T>> {
    let mut shares: BTreeMap<AccountId, Vec<T>> = BTreeMap::new();
    for one in wanted {
        shares.entry(account_of(&one).clone()).or_default().push(one);
    }
    shares
}

fn tasks<T>(shares: BTreeMap<AccountId, Vec<T>>, task: impl Fn(Vec<T>) -> Task) -> BTreeMap<String, Task> {
    shares.into_iter().map(|(account_id, wanted)| (part_name(&account_id), task(wanted))).collect()
}
