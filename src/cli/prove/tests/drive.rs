//! Carries one action out as far as a signature, with the shipped machine, on readings of a simulated cloud: nothing is
//! signed here, but it is counted that something would have been.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::Utc;

use super::stage::Stage;
use crate::{
    remediate::{Action, Ask, CloudTime, Effect, End, Event, EventKind, Job, Machine, Pace, ReadWorld},
    store::{Acquired, Appended, Lease, Record},
};

/// How it ended; `None` if it came to a signature.
pub(super) async fn apply(stage: &Stage, action: &Action) -> Option<End> {
    let now = u64::try_from(Utc::now().timestamp_millis()).unwrap();
    let plan = Arc::new(stage.plan(action, CloudTime(now)));
    let job = Job::Fresh { action: Arc::new(action.clone()), plan, run: "run-1".to_owned() };
    let mut machine = Machine::new(job, "holder-1".to_owned(), Arc::new(Pace::default()));
    let mut rows: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    let mut kind = EventKind::Started;
    loop {
        let effects = machine.step(Event { now: stage.prover.now(), kind });
        let mut answer = None;
        for effect in effects {
            match effect {
                Effect::End(end) => return Some(end),
                Effect::Sign(_) => return None,
                other => answer = answered(stage, &mut rows, other).await.or(answer),
            }
        }
        kind = answer.unwrap();
    }
}

async fn answered(stage: &Stage, rows: &mut BTreeMap<String, Vec<Record>>, effect: Effect) -> Option<EventKind> {
    Some(match effect {
        Effect::Read { what, target, action, plan, since } => {
            let ask = Ask { what, target: &target, action: action.as_deref(), plan: &plan, since };
            EventKind::Read(Box::new(stage.prover.read(ask).await))
        }
        Effect::Acquire { row, holder, ttl, .. } => EventKind::Leased(Ok(Acquired::Ours(lease(row, holder, ttl)))),
        Effect::Renew { lease, .. } => EventKind::Renewed(Ok(Some(lease))),
        Effect::Release { .. } => EventKind::Released,
        Effect::Records { row } => EventKind::Records(Ok(rows.get(&row).cloned().unwrap_or_default())),
        Effect::Append { row, epoch, version, body } => {
            let held = rows.entry(row).or_default();
            let position = held.len() as u64 + 1;
            held.push(Record { position, epoch, version, body });
            EventKind::Appended(Ok(Appended::At(position)))
        }
        Effect::Journal { .. } => EventKind::Journaled(Ok(())),
        Effect::Sleep { until } => {
            stage.skip_to(until);
            EventKind::Woke
        }
        Effect::Emit(_) => return None,
        Effect::Sign(_) | Effect::Send(_) | Effect::End(_) => unreachable!("it ends before"),
    })
}

fn lease(name: String, holder: String, ttl: Duration) -> Lease {
    Lease { name, holder, epoch: 1, expires_at: Utc::now() + ttl }
}
