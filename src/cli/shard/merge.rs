//! `portcullis merge`: joins what the shards of a run have read, judges it and reports. What a shard did not read is a gap
//! that names it, so that the verdict is unknown.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use super::{
    plan::{self, Plan},
    rounds::Rounds,
};
use crate::{
    cli::{
        Done,
        args::MergeArgs,
        bundle,
        conclude::{self, Conclusion},
        exit::{Exit, Failure, OrExit, fail},
        notify::Telling,
        pipeline::Reading,
        report, setup,
        terminal::Terminal,
    },
    config::Config,
    notify::Reach,
    store::{ShardClaim, Store},
};

/// Between two looks at whether the shards have finished.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LATER_LOOKS: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &MergeArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let targets = report::targets(&args.outputs, args.save.as_deref())?;
    let config = conclude::settings(&args.config, &args.judging.policy, None, terminal)?;
    let mut store = setup::store(&args.store, &config, terminal)?;
    let mut conclusion = Conclusion::new(&args.judging, &args.store, args.save.as_deref(), targets, config, terminal)?;
    conclusion.bundle = bundle::prepare(&args.outputs, &conclusion.config, terminal)?;
    let wait = Duration::from_secs(60 * u64::from(args.wait));
    let keep_replies = bundle::wants_replies(&args.outputs, &conclusion.config);
    let joined = join(&mut *store, &args.run, &conclusion.config, keep_replies, wait);
    let Merged { reading, is_simulated, missing } = joined?;
    for (shard, what) in &missing {
        terminal.notice(&format!("shard {shard} is missing: {what}"));
    }
    let is_whole = missing.is_empty();
    let reach = if is_simulated { Reach::ThisMachine } else { Reach::Everybody };
    let concluded = conclusion.conclude(reading, Some(&mut *store), Telling { reach, from_snapshot: false })?;
    // Last of all: whatever ends this process before, the run can be merged again.
    if is_whole {
        store.end_shared_run(&args.run, &concluded.run_id).or_exit(Exit::Output)?;
    }
    Ok(concluded.done)
}

/// What the shards have read, and what each of them has not.
struct Merged {
    reading: Reading,
    is_simulated: bool,
    missing: BTreeMap<u32, String>,
}

/// Joins the parts of all rounds, as far as they are finished.
fn join(
    store: &mut dyn Store,
    run: &str,
    config: &Config,
    keep_replies: bool,
    wait: Duration,
) -> Result<Merged, Failure> {
    let mut pauses = Pauses { until: Instant::now() + wait, next: FIRST_LOOK };
    let plan = loop {
        match store.shared_run(run).or_exit(Exit::Output)? {
            Some(shared) => break Plan::of(&shared)?,
            None if pauses.pause() => {}
            None => {
                return fail(
                    Exit::Usage,
                    format!(
                        "no shard of the run {run} has begun in this store: name the run and the store as the shards do, \
                         or wait for them with --wait"
                    ),
                );
            }
        }
    };
    plan.check_consumers(run, config)?;
    let rounds = Rounds::new(&plan, config);
    let mut rounds = if keep_replies { rounds.with_replies() } else { rounds };
    let mut missing = BTreeMap::new();
    while !rounds.tasks().is_empty() && missing.is_empty() {
        let unfinished = loop {
            let finished = store.finished_parts(run, rounds.number()).or_exit(Exit::Output)?;
            let is_missing = |name: &&String| finished.binary_search(*name).is_err();
            let unfinished: Vec<String> = rounds.tasks().keys().filter(is_missing).cloned().collect();
            if unfinished.is_empty() || !pauses.pause() {
                break unfinished;
            }
        };
        let names: Vec<String> = rounds.tasks().keys().filter(|name| !unfinished.contains(name)).cloned().collect();
        for name in names {
            match store.part(run, rounds.number(), &name).or_exit(Exit::Output)? {
                Some(part) => rounds.add(&name, super::body_of(&part)?),
                None => return fail(Exit::Usage, format!("the run {run} has been merged by somebody else meanwhile")),
            }
        }
        if !unfinished.is_empty() {
            let claims = store.shard_claims(run).or_exit(Exit::Output)?;
            for name in &unfinished {
                let shard = rounds.owner(name);
                let claim = claims.iter().find(|claim| claim.shard == shard);
                rounds.miss(name, &why(run, shard, plan.shards, claim));
            }
            missing = told(&rounds, &unfinished, &claims);
        }
        rounds.turn()?;
    }
    let (api_calls, retries) = (rounds.api_calls, rounds.retries);
    let (inventory, kept) = rounds.into_read();
    let reading = Reading { inventory, api_calls, retries, kept, ended: None };
    Ok(Merged { reading, is_simulated: plan.is_simulated, missing })
}

/// Looks at whether shards have finished, until it is time to go on without them. Nothing is held meanwhile: a signal ends
/// the process as it ends any other.
struct Pauses {
    until: Instant,
    next: Duration,
}

impl Pauses {
    /// Waits a little; false if there is no time left.
    fn pause(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(self.next.min(left));
        self.next = (self.next * 2).min(LATER_LOOKS);
        true
    }
}

/// What a gap says of a shard that has not read its share.
fn why(run: &str, shard: u32, shards: u32, claim: Option<&ShardClaim>) -> String {
    let state = match claim {
        Some(claim) => format!("began at {} ({})", plan::time(claim.claimed_at), claim.holder),
        None => "never began".to_owned(),
    };
    format!("shard {shard}/{shards} of the run {run} {state} and has not read this: start it again, and merge again")
}

/// Of each shard that is missing, how much of the round.
fn told(rounds: &Rounds<'_>, unfinished: &[String], claims: &[ShardClaim]) -> BTreeMap<u32, String> {
    let mut parts: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for name in unfinished {
        parts.entry(rounds.owner(name)).or_default().push(name);
    }
    let tell = |(shard, names): (u32, Vec<&str>)| {
        let claim = claims.iter().find(|claim| claim.shard == shard);
        let state = claim
            .map_or_else(|| "never began".to_owned(), |claim| format!("began at {}", plan::time(claim.claimed_at)));
        let some: Vec<&str> = names.iter().copied().take(3).collect();
        let more =
            if names.len() > some.len() { format!(" and {} more", names.len() - some.len()) } else { String::new() };
        (shard, format!("it {state}, and in round {} it has not read {}{more}", rounds.number(), some.join(", ")))
    };
    parts.into_iter().map(tell).collect()
}
