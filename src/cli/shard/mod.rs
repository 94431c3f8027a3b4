//! `portcullis scan --shard`: one of several processes that read a run together.
//!
//! The first one lays down a plan in the store (`plan`): which accounts there are, and as of when. Each reads the accounts
//! that are its own (`owner`), and keeps what it read part by part (`body`). When all parts of a round are finished, every
//! shard joins them and works out what is to be read next (`rounds`): nobody hands out work. `merge` judges.

mod body;
pub(super) mod merge;
mod owner;
mod plan;
mod rounds;
mod work;

use std::time::Duration;

use plan::Terms;
use work::{Tally, Worker};

use super::{
    Done,
    args::{ScanArgs, Shard},
    conclude, desk, evidence,
    exit::{Exit, Failure, OrExit, fail},
    output, setup, signals,
    terminal::Terminal,
};
use crate::store::Part;

pub(super) fn run(args: &ScanArgs, shard: Shard, terminal: &Terminal) -> Result<Done, Failure> {
    let Some(run) = args.share.run.as_deref() else {
        return fail(Exit::Usage, "name the run that the shard is part of with --run, the same for all of its shards");
    };
    let mut config = conclude::settings(&args.config, &args.judging.policy, Some(&args.cloud), terminal)?;
    let plan = evidence::Plan::new(&config.evidence, args.evidence);
    let terms = Terms::of(shard.count, &args.cloud, &config, plan);
    let mut store = setup::store(&args.store, &config, terminal)?;
    let wait = Duration::from_secs(60 * u64::from(args.share.wait_minutes()));
    // It reads again once it has waited for the others.
    config.deadline = config.deadline.and(wait);
    let tally = desk::serve(&mut *store, |desk| {
        let worker = Worker { run, shard, cloud: &args.cloud, config: &config, terminal, wait, desk };
        match signals::block_on(worker.work(&terms)) {
            Ok(done) => done,
            Err(error) => Err(Failure { exit: Exit::Internal, error: error.into() }),
        }
    })?;
    tell(run, shard, &tally)?;
    Ok(tally.ended.unwrap_or(Exit::Clean).into())
}

/// Says what the shard did.
fn tell(run: &str, shard: Shard, tally: &Tally) -> Result<(), Failure> {
    let Tally { read, known, parts, rounds, .. } = tally;
    let all = match tally.ended {
        Some(_) => "not all of its share is read: start it again".to_owned(),
        None => {
            format!("all {parts} parts are finished (rounds: {rounds}), to be judged by portcullis merge --run {run}")
        }
    };
    let text = format!("Run {run}, shard {shard}: {read} parts read, {known} were read before; {all}\n");
    output::to_stdout(|out| out.write_all(text.as_bytes())).map(drop).or_exit(Exit::Output)
}

/// A part as it was read.
fn body_of(part: &Part) -> Result<body::Body, Failure> {
    body::Body::read(part).map_err(|error| Failure {
        exit: Exit::Output,
        error: error
            .context(format!("the part {} of round {} cannot be read back from the store", part.name, part.round)),
    })
}
