//! The shared store: leases with epochs and records that only their holders append, as `store` keeps them.

use std::{collections::BTreeMap, time::Duration};

use chrono::DateTime;

use crate::{
    remediate::CloudTime,
    store::{Acquired, Appended, Lease, Record},
};

#[derive(Clone, Debug, Default)]
struct Row {
    epoch: u64,
    holder: Option<String>,
    expires: u64,
    records: Vec<Record>,
}

/// Rows by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases {
    rows: BTreeMap<String, Row>,
}

fn lease(name: &str, row: &Row) -> Lease {
    Lease {
        name: name.to_owned(),
        holder: row.holder.clone().unwrap_or_default(),
        epoch: row.epoch,
        expires_at: i64::try_from(row.expires).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default(),
    }
}

fn ends(now: CloudTime, ttl: Duration) -> u64 {
    (now + ttl).0
}

impl Leases {
    pub(super) fn acquire(&mut self, name: &str, holder: &str, ttl: Duration, now: CloudTime) -> Acquired {
        let row = self.rows.entry(name.to_owned()).or_default();
        if row.holder.is_some() && row.expires > now.0 {
            return Acquired::HeldBy(lease(name, row));
        }
        row.epoch += 1;
        row.holder = Some(holder.to_owned());
        row.expires = ends(now, ttl);
        Acquired::Ours(lease(name, row))
    }

    pub(super) fn renew(&mut self, held: &Lease, ttl: Duration, now: CloudTime) -> Option<Lease> {
        let row = self.rows.get_mut(&held.name)?;
        if row.epoch != held.epoch || row.holder.as_deref() != Some(&held.holder) {
            return None;
        }
        row.expires = ends(now, ttl);
        Some(lease(&held.name, row))
    }

    pub(super) fn release(&mut self, held: &Lease) -> bool {
        match self.rows.get_mut(&held.name) {
            Some(row) if row.epoch == held.epoch && row.holder.as_deref() == Some(&held.holder) => {
                row.holder = None;
                true
            }
            _ => false,
        }
    }

    pub(super) fn append(&mut self, name: &str, epoch: u64, version: u32, body: &[u8]) -> Appended {
        match self.rows.get_mut(name) {
            Some(row) if row.epoch == epoch && row.holder.is_some() => Appended::At(row.push(version, body)),
            _ => Appended::Stale,
        }
    }

    pub(super) fn records(&self, name: &str) -> Vec<Record> {
        self.rows.get(name).map(|row| row.records.clone()).unwrap_or_default()
    }

    /// An operator writes, under a lease taken and given back at once.
    pub(super) fn operator(&mut self, name: &str, version: u32, body: &[u8]) {
        let row = self.rows.entry(name.to_owned()).or_default();
        row.epoch += 1;
        row.holder = None;
        row.push(version, body);
    }

    /// The holder is forgotten, as after a fail-over that lost a write.
    pub(super) fn forget_holder(&mut self, name: &str) {
        if let Some(row) = self.rows.get_mut(name) {
            row.holder = None;
        }
    }
}

impl Row {
    fn push(&mut self, version: u32, body: &[u8]) -> u64 {
        let position = self.records.len() as u64 + 1;
        self.records.push(Record { position, epoch: self.epoch, version, body: body.to_vec() });
        position
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use crate::{
        remediate::simulate::prng::Prng,
        store::{self, StoreOptions},
    };

    /// The simulation is worth nothing if its store is kinder than the real one.
    #[test]
    fn it_does_what_the_real_store_does() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("leases.db").display());
        let mut real = store::open_url(&url, StoreOptions::default()).unwrap();
        let mut simulated = Leases::default();
        let mut prng = Prng::new(7);
        let mut held: Vec<Lease> = Vec::new();
        let mut now = 1_700_000_000_000;
        for step in 0..600 {
            now += prng.below(20_000);
            let cloud = CloudTime(now);
            let time = DateTime::from_timestamp_millis(i64::try_from(now).unwrap()).unwrap();
            let name = format!("row/{}", prng.below(2));
            let ttl = Duration::from_secs(30);
            let one = usize::try_from(prng.below(held.len().max(1) as u64)).unwrap();
            match (prng.below(5), held.get(one).cloned()) {
                (0, _) => {
                    let holder = format!("h{}", prng.below(3));
                    let ours = simulated.acquire(&name, &holder, ttl, cloud);
                    assert_eq!(real.acquire_lease(&name, &holder, ttl, time).unwrap(), ours, "step {step}");
                    if let Acquired::Ours(lease) = ours {
                        held.push(lease);
                    }
                }
                (1, Some(lease)) => {
                    assert_eq!(real.renew_lease(&lease, ttl, time).unwrap(), simulated.renew(&lease, ttl, cloud));
                }
                (2, Some(lease)) => {
                    assert_eq!(real.release_lease(&lease).unwrap(), simulated.release(&lease), "step {step}");
                }
                (_, any) => {
                    // Mostly the newest of the row, which may hold it; at times one that lost it long ago.
                    let newest = held.iter().rev().find(|lease| lease.name == name).cloned();
                    let epoch = if prng.chance(800) { newest.or(any) } else { any }.map_or(1, |lease| lease.epoch);
                    let body = step.to_string().into_bytes();
                    let appended = simulated.append(&name, epoch, 1, &body);
                    assert_eq!(real.append_record(&name, epoch, 1, &body).unwrap(), appended, "step {step}");
                }
            }
        }
        for row in ["row/0", "row/1"] {
            assert!(simulated.records(row).len() > 20, "too little happened to mean anything");
            assert_eq!(real.records(row).unwrap(), simulated.records(row));
        }
    }
}
