//! Verification, as the machine does it: how many proxies have to be there again, in which cluster, and how far apart two
//! good samples are.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::DateTime;

use super::{Effect, Event, EventKind, Job, Machine};
use crate::{
    model::{EipId, LoadBalancerId, MeshId},
    remediate::{
        Action, Change, ClockReading, CloudTime, ClusterHealth, EipState, EipStatus, Endpoint, Health, Heard, Mono,
        Opened, Pace, Purpose, ReadFor, Readings, Resolved, Seen, Slot, Standing, Target, TargetRecord, TargetState,
    },
    store::{Acquired, Appended, Lease, Record},
};

const CLOUD: u64 = 1_700_000_000_000;

/// A reply takes so long.
const REPLY: Duration = Duration::from_millis(10);

fn action() -> Action {
    Action {
        intent: "intent-1".to_owned(),
        target: Target {
            account: "1000000000000001".into(),
            region: "cn-shanghai".into(),
            endpoint: Endpoint::Pilot(MeshId::from("mesh-1")),
        },
        change: Change::Unbind { eip: EipId::from("eip-1"), address: "203.0.113.8".to_owned() },
        load_balancer: LoadBalancerId::from("lb-1"),
        clusters: vec!["c1".to_owned(), "c2".to_owned()],
        evidence: Vec::new(),
        environment: "dev".to_owned(),
        group: "mesh-1".to_owned(),
        canary: true,
    }
}

/// A case whose change has just taken effect, with so many proxies in each cluster before it.
fn effect_is_there(before: &[(&str, u32)]) -> Vec<Record> {
    let at = CloudTime(CLOUD);
    let opened = Opened {
        action: action(),
        plan: "plan-1".to_owned(),
        run: "run-1".to_owned(),
        first_read: at,
        protected_before: false,
        baseline: before.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        behind: BTreeMap::new(),
        settings: BTreeMap::new(),
        proof: String::new(),
    };
    let records = [
        TargetRecord::Opened(Box::new(opened)),
        TargetRecord::Prepared { acl: None, at },
        TargetRecord::Intent { write: 0, purpose: Purpose::Act, sign_by: at },
        TargetRecord::Answered { write: 0, heard: Heard::Accepted, at },
        TargetRecord::Resolved { write: 0, how: Resolved::Effect, at },
    ];
    let record = |(position, record): (u64, TargetRecord)| {
        let (version, body) = record.to_row();
        Record { position, epoch: 1, version, body }
    };
    (1..).zip(records).map(record).collect()
}

/// What came of the verification: when each sample was asked for, and the record that ended it.
struct Verification {
    asked: Vec<Mono>,
    ended: TargetRecord,
}

impl Verification {
    fn is_good(&self) -> bool {
        matches!(self.ended, TargetRecord::Verified { .. })
    }
}

/// Resumes the case, with so many proxies connected in the n-th sample.
fn verified(
    pace: &Pace,
    before: &[(&str, u32)],
    connected: impl Fn(usize) -> Vec<(&'static str, u32)>,
) -> Verification {
    let rows = effect_is_there(before);
    let job = Job::Resume { target: action().target, untold: Vec::new() };
    let mut machine = Machine::new(job, "host".to_owned(), Arc::new(pace.clone()));
    let (mut now, mut kind, mut asked) = (Mono(1_000), EventKind::Started, Vec::new());
    for _ in 0..10_000 {
        let effect = machine.step(Event { now, kind }).pop().unwrap();
        kind = match effect {
            Effect::Read { what, .. } => {
                let mut readings = Readings { clock: Some(clock(now)), ..Readings::default() };
                if what == ReadFor::Health {
                    readings = all_is_well(readings, now, connected(asked.len()));
                    asked.push(now);
                }
                now = now + REPLY;
                EventKind::Read(Box::new(readings))
            }
            Effect::Acquire { row, holder, .. } => EventKind::Leased(Ok(Acquired::Ours(Lease {
                name: row,
                holder,
                epoch: 2,
                expires_at: DateTime::default(),
            }))),
            Effect::Renew { lease, .. } => EventKind::Renewed(Ok(Some(lease))),
            Effect::Records { .. } => EventKind::Records(Ok(rows.clone())),
            Effect::Append { body, .. } => match serde_json::from_slice(&body).unwrap() {
                ended @ (TargetRecord::Verified { .. } | TargetRecord::Unhealthy { .. }) => {
                    return Verification { asked, ended };
                }
                _ => EventKind::Appended(Ok(Appended::At(9))),
            },
            Effect::Sleep { until } => {
                now = until;
                EventKind::Woke
            }
            other => panic!("{other:?}"),
        };
    }
    panic!("it never ends: {} samples", asked.len())
}

fn clock(now: Mono) -> ClockReading {
    let cloud = CloudTime(CLOUD + now.0);
    ClockReading {
        cloud,
        grain: Duration::ZERO,
        ahead: Duration::ZERO,
        asked: now,
        answered: now,
        offset: Duration::ZERO,
    }
}

/// The slot is empty, the EIP free, the rule passes; so many proxies are connected.
fn all_is_well(readings: Readings, now: Mono, connected: Vec<(&str, u32)>) -> Readings {
    let cluster = |(name, count): (&str, u32)| ClusterHealth {
        cluster: name.to_owned(),
        proxies: count,
        connected: count,
        behind: 0,
    };
    let target = TargetState {
        slot: Slot::Vacant,
        load_balancer: LoadBalancerId::from("lb-1"),
        running: true,
        upgrading: false,
        canary: false,
        task: false,
        offered: true,
        clusters: None,
        settings: None,
        previous: None,
    };
    let eip = EipState {
        status: EipStatus::Available,
        load_balancer: None,
        service_managed: false,
        locked: false,
        business_normal: true,
        prepaid: false,
    };
    let health = Health {
        clusters: connected.into_iter().map(cluster).collect(),
        attributed: true,
        rule_passes: Standing::Yes,
        sources: Vec::new(),
    };
    Readings {
        target: Ok(Seen { value: target, asked: now }),
        eip: Ok(Seen { value: eip, asked: now }),
        health: Ok(Seen { value: health, asked: now }),
        ..readings
    }
}

/// reliability.md 3.7: at least 99 % of the baseline, cluster by cluster.
#[test]
fn ninety_nine_of_a_hundred_proxies_have_to_be_there_again_in_each_cluster() {
    type Counts = [(&'static str, u32); 2];
    let cases: [(Counts, Counts, bool); 9] = [
        ([("c1", 100), ("c2", 100)], [("c1", 100), ("c2", 100)], true),
        ([("c1", 100), ("c2", 100)], [("c1", 99), ("c2", 99)], true),
        ([("c1", 100), ("c2", 100)], [("c1", 98), ("c2", 100)], false),
        // The whole has 99.8 %.
        ([("c1", 100), ("c2", 900)], [("c1", 98), ("c2", 900)], false),
        ([("c1", 200), ("c2", 101)], [("c1", 198), ("c2", 100)], true),
        ([("c1", 200), ("c2", 101)], [("c1", 197), ("c2", 100)], false),
        // 98.99 % is less.
        ([("c1", 99), ("c2", 100)], [("c1", 98), ("c2", 100)], false),
        ([("c1", 1), ("c2", 1)], [("c1", 1), ("c2", 0)], false),
        ([("c1", 0), ("c2", 1)], [("c1", 0), ("c2", 1)], true),
    ];
    let pace = Pace::default();
    for (before, after, good) in cases {
        let done = verified(&pace, &before, |_| after.to_vec());
        assert_eq!(done.is_good(), good, "{before:?} {after:?}: {:?}", done.ended);
        if let TargetRecord::Unhealthy { why, .. } = &done.ended {
            assert_eq!(why, "proxies have not connected again");
            let (first, last) = (done.asked.first().unwrap(), done.asked.last().unwrap());
            assert!(*last - *first >= pace.verify_limit, "they had {:?} for it", *last - *first);
        }
    }
    let gone = verified(&pace, &[("c1", 9), ("c2", 9)], |_| vec![("c1", 9)]);
    assert!(matches!(&gone.ended, TargetRecord::Unhealthy { why, .. } if why == "a cluster shows no proxies any more"));
}

/// reliability.md 3.7: two good samples at least 60 s apart, whatever the gap is set to.
#[test]
fn two_good_samples_are_a_gap_apart() {
    for gap in [Pace::default().verify_gap, Duration::from_secs(90), Duration::from_secs(7)] {
        let pace = Pace { verify_gap: gap, ..Pace::default() };
        let done = verified(&pace, &[("c1", 10)], |_| vec![("c1", 10)]);
        assert!(done.is_good(), "{:?}", done.ended);
        let &[first, second] = done.asked.as_slice() else { panic!("{:?}", done.asked) };
        assert!(second - first >= gap && second - first < gap + Duration::from_secs(1), "{:?}", second - first);
    }
}

/// What was good before something was bad does not count: the gap begins again.
#[test]
fn a_bad_sample_between_two_good_ones_begins_anew() {
    let pace = Pace::default();
    let done = verified(&pace, &[("c1", 100)], |number| vec![("c1", if number == 1 { 98 } else { 100 })]);
    assert!(done.is_good(), "{:?}", done.ended);
    let &[_, _, third, fourth] = done.asked.as_slice() else { panic!("{:?}", done.asked) };
    assert!(fourth - third >= pace.verify_gap, "{:?}", fourth - third);
}
