//! Tells the account that the breaker has opened, where nothing else would: whoever begins something next must know.

use std::time::Duration;

use crate::{
    model::AccountId,
    remediate::{
        AccountRecord, CloudTime, Effect, EventKind, Mono, Pace,
        row::{ROW_VERSION, encode},
    },
    store::{Acquired, Appended, Lease},
};

#[derive(Clone, Debug)]
pub(super) struct Tell {
    row: String,
    holder: String,
    body: Vec<u8>,
    at: CloudTime,
    since: Mono,
    asleep: Option<Mono>,
    ttl: Duration,
    retry: Duration,
    patience: Duration,
}

impl Tell {
    /// It, and what is to be done first.
    pub(super) fn begin(
        account: &AccountId,
        holder: &str,
        why: String,
        at: CloudTime,
        now: Mono,
        pace: &Pace,
    ) -> (Self, Effect) {
        let tell = Self {
            row: format!("account/{account}"),
            holder: holder.to_owned(),
            body: encode(&AccountRecord::BreakerOpened { why, by: holder.to_owned(), at }),
            at,
            since: now,
            asleep: None,
            ttl: pace.lease_ttl,
            retry: pace.retry,
            patience: pace.patience,
        };
        let effect = tell.acquire(now);
        (tell, effect)
    }

    fn acquire(&self, now: Mono) -> Effect {
        let (row, holder) = (self.row.clone(), self.holder.clone());
        Effect::Acquire { row, holder, ttl: self.ttl, now: self.at + (now - self.since) }
    }

    /// What is to be done next; `None` once it is told, or cannot be. Telling it twice tells it once.
    pub(super) fn told(&mut self, kind: &EventKind, now: Mono) -> Option<Effect> {
        match kind {
            EventKind::Leased(Ok(Acquired::Ours(lease))) => Some(self.append(lease)),
            EventKind::Appended(Ok(Appended::At(_))) => None,
            EventKind::Woke => Some(match self.asleep {
                Some(until) if now < until => Effect::Sleep { until },
                _ => self.acquire(now),
            }),
            _ if now - self.since > self.patience => None,
            _ => {
                let until = now + self.retry;
                self.asleep = Some(until);
                Some(Effect::Sleep { until })
            }
        }
    }

    fn append(&self, lease: &Lease) -> Effect {
        Effect::Append { row: self.row.clone(), epoch: lease.epoch, version: ROW_VERSION, body: self.body.clone() }
    }
}
