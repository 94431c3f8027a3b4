//! The records about one account: budgets, the pace of changes, the circuit breaker, the kill switch,
//! and which targets have something under way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::remediate::{Action, CloudTime, Limits, Pace, Target, guard::NEW_PLAN};

/// Credit taken for an intent, before the intent is written. It is not given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debit {
    pub intent: String,
    pub plan: String,
    pub run: String,
    pub target: Target,
    pub environment: String,
    pub group: String,
    /// What the endpoint belongs to, and who goes by it. Records of earlier versions do not say.
    #[serde(default)]
    pub depends: BTreeSet<String>,
    pub at: CloudTime,
}

/// How far an intent has come, for the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The change is done; it soaks.
    Verified,
    /// A person is needed, or the way back was taken.
    Tripped,
    Closed(Outcome),
    /// Credit was taken, and no case was opened.
    NeverOpened,
    /// It had ended and needed attention, and a person asked for the way back.
    TakenUp,
}

/// A record about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountRecord {
    Debit(Box<Debit>),
    Ended {
        intent: String,
        how: Ended,
        at: CloudTime,
    },
    /// Something went wrong that no target's row tells: replies that were throttled, a lease that was lost.
    BreakerOpened {
        why: String,
        by: String,
        at: CloudTime,
    },
    /// Only a named operator closes the breaker.
    BreakerClosed {
        by: String,
        at: CloudTime,
    },
    Kill {
        on: bool,
        by: String,
        at: CloudTime,
    },
}

/// What came of asking for credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::remediate) enum Credit {
    Given,
    /// Ask again then.
    Later(CloudTime),
    Refused {
        why: String,
        until: String,
    },
}

/// What the records about an account fold into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// By intent, the newest of each.
    debits: BTreeMap<String, Debit>,
    ended: BTreeMap<String, Ended>,
    /// Why the breaker is open.
    breaker: Option<String>,
    /// Intents in a row that came to nothing.
    failures: u32,
    kill: bool,
}

impl Account {
    pub(in crate::remediate) fn apply(&mut self, record: AccountRecord) {
        match record {
            AccountRecord::Debit(debit) => {
                // An intent of which nothing came may be begun again, after a crash.
                if self.ended.get(&debit.intent) == Some(&Ended::NeverOpened) {
                    self.ended.remove(&debit.intent);
                }
                self.debits.insert(debit.intent.clone(), *debit);
            }
            AccountRecord::Ended { intent, how, .. } => self.end(intent, how),
            AccountRecord::BreakerOpened { why, .. } => {
                self.breaker.get_or_insert(why);
            }
            AccountRecord::BreakerClosed { .. } => {
                self.breaker = None;
                self.failures = 0;
            }
            AccountRecord::Kill { on, .. } => self.kill = on,
        }
    }

    fn end(&mut self, intent: String, how: Ended) {
        let tripped = match &how {
            Ended::Tripped => Some("went wrong"),
            Ended::Closed(Outcome::Attention) => Some("needs attention"),
            Ended::Closed(Outcome::RolledBack) => Some("was rolled back"),
            _ => None,
        };
        match &how {
            Ended::Closed(Outcome::NotExecuted) if self.ended.get(&intent) != Some(&how) => self.failures += 1,
            Ended::Verified => self.failures = 0,
            _ => {}
        }
        // What was said of it before is not news: a breaker that was closed since stays closed.
        let news = !matches!(self.ended.get(&intent), Some(Ended::Tripped | Ended::TakenUp | Ended::Closed(_)));
        if let Some(what) = tripped.filter(|_| news) {
            self.breaker = Some(format!("{intent} {what}"));
        } else if self.failures >= 2 && self.breaker.is_none() {
            self.breaker = Some(format!("two in a row came to nothing, the last one {intent}"));
        }
        self.ended.insert(intent, how);
    }

    /// How far an intent has come.
    pub fn ended(&self, intent: &str) -> Option<&Ended> {
        self.ended.get(intent)
    }

    /// Why nothing may start, until an operator closes the breaker.
    pub fn breaker(&self) -> Option<&str> {
        self.breaker.as_deref()
    }

    /// The shared kill switch.
    pub fn killed(&self) -> bool {
        self.kill
    }

    /// Targets that something may be under way on, with the intents that have not ended for the account.
    pub fn pending(&self) -> BTreeMap<Target, Vec<String>> {
        let mut pending: BTreeMap<Target, Vec<String>> = BTreeMap::new();
        for debit in self.debits.values() {
            if !matches!(self.ended.get(&debit.intent), Some(Ended::Closed(_) | Ended::NeverOpened)) {
                pending.entry(debit.target.clone()).or_default().push(debit.intent.clone());
            }
        }
        pending
    }

    /// The run that carries a plan out, or did: a plan is carried out once.
    pub fn run_of(&self, plan: &str) -> Option<&str> {
        self.debits.values().find(|debit| debit.plan == plan).map(|debit| debit.run.as_str())
    }

    /// Everything that credit was taken for, and how far it has come.
    pub fn intents(&self) -> impl Iterator<Item = (&Debit, Option<&Ended>)> {
        self.debits.values().map(|debit| (debit, self.ended.get(&debit.intent)))
    }

    /// An intent that may have changed something, or still may.
    fn counts(&self, debit: &Debit) -> bool {
        !matches!(self.ended.get(&debit.intent), Some(Ended::Closed(Outcome::NotExecuted) | Ended::NeverOpened))
    }

    /// Whether another component of the same mesh was changed a short time ago, and until when that counts.
    pub(in crate::remediate) fn component_changed(
        &self,
        target: &Target,
        now: CloudTime,
        pace: &Pace,
    ) -> Option<CloudTime> {
        self.debits
            .values()
            .filter(|debit| {
                debit.target.endpoint.owner() == target.endpoint.owner()
                    && debit.target != *target
                    && self.counts(debit)
            })
            .map(|debit| debit.at + pace.component_gap)
            .filter(|until| *until > now)
            .max()
    }

    /// Whether `action` may have credit now. A second request for the same intent costs nothing.
    pub(in crate::remediate) fn credit(
        &self,
        action: &Action,
        (plan, run): (&str, &str),
        limits: &Limits,
        now: CloudTime,
        pace: &Pace,
    ) -> Credit {
        let refused = |why: String, until: &str| Credit::Refused { why, until: until.to_owned() };
        if self.kill {
            return refused("the account's kill switch is on".to_owned(), "somebody turns it off");
        }
        if let Some(why) = &self.breaker {
            return refused(format!("the circuit breaker is open: {why}"), "a named operator closes it");
        }
        if let Some(other) = self.debits.get(&action.intent).filter(|debit| debit.plan != plan) {
            return refused(format!("plan {} holds the intent {} already", other.plan, action.intent), NEW_PLAN);
        }
        if let Some(other) = self.debits.values().find(|debit| debit.plan == plan && debit.run != run) {
            return refused(format!("run {} carries this plan out", other.run), NEW_PLAN);
        }
        let recent: Vec<&Debit> = self
            .debits
            .values()
            .filter(|debit| debit.at + pace.budget_window > now && debit.intent != action.intent)
            .collect();
        let count = |keep: &dyn Fn(&Debit) -> bool| {
            u32::try_from(recent.iter().filter(|debit| keep(debit)).count()).unwrap_or(u32::MAX)
        };
        if limits.per_run == 0 || limits.per_day == 0 {
            return refused("there is no budget".to_owned(), "`remediation.budgets` gives one");
        }
        if count(&|debit| debit.run == run) >= limits.per_run {
            return refused(format!("the run's budget of {} is spent", limits.per_run), "another run");
        }
        if count(&|_| true) >= limits.per_day {
            return refused(format!("the account's budget of {} a day is spent", limits.per_day), "a day has passed");
        }
        let environment = limits.per_environment.get(&action.environment).copied().unwrap_or(0);
        if environment == 0 {
            return refused(
                format!("environment `{}` has no budget", action.environment),
                "`remediation.budgets.per_environment` names it",
            );
        }
        if count(&|debit| debit.environment == action.environment) >= environment {
            return refused(
                format!("the budget of {environment} a day for environment `{}` is spent", action.environment),
                "a day has passed",
            );
        }
        // The name of a group goes by who is in it, and somebody may have joined since.
        let depends = action.depends();
        let same = |debit: &Debit| debit.group == action.group || !debit.depends.is_disjoint(&depends);
        if count(&|debit| same(debit) && self.counts(debit)) >= 1 {
            return refused(format!("one of dependency group `{}` was changed", action.group), "a day has passed");
        }
        self.slot_free(action, now, pace)
    }

    /// One change at a time: the next is announced once the last cannot be signed any more and the rate allows
    /// it; and one API server at a time is rolled in a region.
    fn slot_free(&self, action: &Action, now: CloudTime, pace: &Pace) -> Credit {
        let others = self.debits.values().filter(|debit| debit.intent != action.intent);
        // A debit is good for an intent within `sign_within`, and that for a signature within as much.
        let rate = others.clone().map(|debit| debit.at + pace.sign_within * 2 + pace.rate).max();
        let rolling = others
            .filter(|debit| {
                action.target.endpoint.rolls()
                    && debit.target.endpoint.rolls()
                    && debit.target.region == action.target.region
                    && !self.ended.contains_key(&debit.intent)
            })
            .map(|debit| debit.at + pace.settle_cluster + pace.fence())
            .max();
        match rate.max(rolling) {
            Some(until) if until > now => Credit::Later(until),
            _ => Credit::Given,
        }
    }
}
