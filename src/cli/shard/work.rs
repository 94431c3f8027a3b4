//! One shard at work: it reads its share of every round, keeps each part as soon as it is read, and waits for the others
//! between the rounds.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::Utc;
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::{
    body::{Body, Head},
    plan::{self, Plan, Terms},
    rounds::{Rounds, Task},
};
use crate::{
    cli::{
        args::{CloudArgs, Shard},
        connect::{self, Reach},
        desk::Desk,
        exit::{Exit, Failure, OrExit, fail},
        progress::Bar,
        signals::Stop,
        terminal::Terminal,
    },
    cloud::client::{Account, Stats},
    config::Config,
    scan::{self, Progress, Session, Share},
    store::{Finished, ShardClaim},
};

/// Parts that are read at once. Each account has limits of its own.
const PARTS_AT_ONCE: usize = 8;

/// Between two looks at whether the others have finished.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LATER_LOOKS: Duration = Duration::from_secs(2);

/// Whoever merges decides whether there will be evidence.
const KEEP_REPLIES: bool = true;

/// What a shard did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Parts that this process read.
    pub(super) read: usize,
    /// Parts of the shard that were finished before.
    pub(super) known: usize,
    /// Parts of all shards.
    pub(super) parts: usize,
    pub(super) rounds: usize,
    /// Set where it was asked to end before it had read its share.
    pub(super) ended: Option<Exit>,
}

/// One shard.
pub(super) struct Worker<'a> {
    pub(super) run: &'a str,
    pub(super) shard: Shard,
    pub(super) cloud: &'a CloudArgs,
    pub(super) config: &'a Config,
    pub(super) terminal: &'a Terminal,
    pub(super) wait: Duration,
    pub(super) desk: Desk,
}

impl Worker<'_> {
    /// Reads the share of every round.
    pub(super) async fn work(&self, terms: &Terms) -> Result<Tally, Failure> {
        let stop = Stop::listen().or_exit(Exit::Internal)?;
        let plan = self.plan(terms).await?;
        let claim = self.claim().await?;
        let reach = connect::reach(self.cloud, self.config, KEEP_REPLIES, self.terminal).await?;
        let mut rounds = Rounds::new(&plan, self.config);
        let progress: Arc<dyn Progress> = Arc::new(Bar::new(self.terminal));
        let mut reading = Reading {
            worker: self,
            reach: &reach,
            claim,
            progress,
            stop: &stop,
            session: None,
            told: Stats::default(),
        };
        let mut tally = Tally::default();
        while !rounds.tasks().is_empty() {
            reading.share(&rounds, &mut tally).await?;
            if tally.ended.is_none() {
                reading.wait(&rounds, &mut tally).await?;
            }
            if tally.ended.is_some() {
                return Ok(tally);
            }
            tally.parts += rounds.tasks().len();
            tally.rounds += 1;
            reading.join(&mut rounds).await?;
        }
        Ok(tally)
    }

    /// The plan of the run, laid down now if nobody was here before.
    async fn plan(&self, terms: &Terms) -> Result<Plan, Failure> {
        let name = self.run.to_owned();
        let mut begun = self.desk.ask(move |store| store.shared_run(&name)).await?;
        if begun.is_none() {
            let connection = connect::open(self.cloud, self.config, KEEP_REPLIES, self.terminal).await?;
            let plan = terms.plan(&connection, &self.cloud.accounts).await?;
            let bytes = plan.write().map_err(internal)?;
            let (name, taken_at) = (self.run.to_owned(), plan.taken_at);
            let begin = self.desk.ask(move |store| store.begin_shared_run(&name, plan::VERSION, &bytes, taken_at));
            begun = Some(begin.await?);
        }
        match begun {
            Some(run) => terms.agree(&run, Utc::now()),
            None => fail(Exit::Internal, "the run has no plan"),
        }
    }

    async fn claim(&self) -> Result<ShardClaim, Failure> {
        let (name, shard, holder) = (self.run.to_owned(), self.shard.index, holder());
        let claim = self.desk.ask(move |store| store.claim_shard(&name, shard, &holder, Utc::now())).await?;
        match claim {
            Some(claim) => Ok(claim),
            None => fail(Exit::Usage, format!("the run {} has just been merged: it takes nothing more", self.run)),
        }
    }
}

/// What reading goes by.
struct Reading<'a> {
    worker: &'a Worker<'a>,
    reach: &'a Reach,
    claim: ShardClaim,
    progress: Arc<dyn Progress>,
    stop: &'a Stop,
    /// Of the accounts that let themselves be read, from the second round on.
    session: Option<Session>,
    /// What was counted in the parts until now.
    told: Stats,
}

/// A task that has been done, or was given up because somebody asked to end.
type Done = Result<Option<(String, Body)>, Failure>;

impl Reading<'_> {
    /// Reads what is the shard's own and not yet finished.
    async fn share(&mut self, rounds: &Rounds<'_>, tally: &mut Tally) -> Result<(), Failure> {
        let finished = self.finished(rounds).await?;
        let own = rounds.tasks().iter().filter(|(name, _)| rounds.owner(name) == self.claim.shard);
        let (known, todo): (Vec<_>, Vec<_>) = own.partition(|(name, _)| finished.contains(*name));
        tally.known += known.len();
        let round = rounds.number();
        let mut kept = Vec::new();
        {
            let this = &*self;
            let mut reading =
                stream::iter(todo).map(|(name, task)| this.read(rounds, name, task)).buffer_unordered(PARTS_AT_ONCE);
            let mut told = this.told;
            while let Some(done) = reading.next().await {
                let Some((name, mut body)) = done? else { continue };
                let now = this.reach.client.stats();
                body.head.api_calls = now.api_calls - told.api_calls;
                body.head.retries = now.retries - told.retries;
                body.head.kept = connect::take_kept(&this.reach.client);
                told = now;
                this.keep(round, &name, &body).await?;
                kept.push(name);
            }
            drop(reading);
            self.told = told;
        }
        tally.read += kept.len();
        tally.ended = self.stop.exit();
        Ok(())
    }

    async fn read(&self, rounds: &Rounds<'_>, name: &str, task: &Task) -> Done {
        let failed = |error| connect::told(error, self.stop.exit());
        let inventory = rounds.inventory();
        let (head, inventory, interrupted) = match (task, &self.session) {
            (Task::Account(place), _) => {
                let share = self.account(rounds, *place).await?;
                let Share { inventory, readable, failures, interrupted } = share;
                (Head { readable, failures, ..Head::default() }, inventory, interrupted)
            }
            (Task::Network(wanted), Some(session)) => {
                let (read, notes) = session.read_network(inventory, wanted.clone()).await.map_err(failed)?;
                (Head { notes, ..Head::default() }, read.build(), session.is_interrupted())
            }
            (Task::Logs { wanted, settings }, Some(session)) => {
                let read = session.read_logs(inventory, wanted.clone(), *settings).await.map_err(failed)?;
                (Head::default(), read.build(), session.is_interrupted())
            }
            (Task::Network(_) | Task::Logs { .. }, None) => return fail(Exit::Internal, "no account was read before"),
        };
        Ok((!interrupted).then(|| (name.to_owned(), Body { head, inventory })))
    }

    /// Reads an account for the first time.
    async fn account(&self, rounds: &Rounds<'_>, place: usize) -> Result<Share, Failure> {
        let Worker { config, .. } = self.worker;
        let accounts = self.accounts(rounds.keys(place))?;
        let settings = connect::scan_settings(config, self.reach.home_region.as_deref());
        let (progress, token) = (Arc::clone(&self.progress), self.stop.token());
        let share =
            scan::read_share(&self.reach.client, &accounts, &settings, rounds.taken_at(), progress, &token).await;
        share.map_err(|error| connect::told(error, self.stop.exit()))
    }

    fn accounts<'k>(&self, keys: impl Iterator<Item = &'k connect::Keys>) -> Result<Vec<Account>, Failure> {
        let accounts: Option<Vec<Account>> = keys.map(|keys| self.reach.account(keys, self.worker.config)).collect();
        match accounts {
            Some(accounts) => Ok(accounts),
            None => fail(Exit::Internal, "the plan names keys that the configuration does not have"),
        }
    }

    async fn keep(&self, round: u32, name: &str, body: &Body) -> Result<(), Failure> {
        let part = body.write(round, name).map_err(internal)?;
        let claim = self.claim.clone();
        match self.worker.desk.ask(move |store| store.finish_part(&claim, &part)).await? {
            Finished::Kept | Finished::Already => Ok(()),
            Finished::Superseded => fail(
                Exit::Incomplete,
                format!(
                    "another process has taken over shard {} of the run {}, or merged the run: this one ends, and what it \
                     kept until now counts",
                    self.claim.shard, self.claim.run
                ),
            ),
        }
    }

    async fn finished(&self, rounds: &Rounds<'_>) -> Result<BTreeSet<String>, Failure> {
        let (run, round) = (self.claim.run.clone(), rounds.number());
        let names = self.worker.desk.ask(move |store| store.finished_parts(&run, round)).await?;
        Ok(names.into_iter().collect())
    }

    /// Waits until all parts of the round are finished.
    async fn wait(&self, rounds: &Rounds<'_>, tally: &mut Tally) -> Result<(), Failure> {
        let (until, token) = (Instant::now() + self.worker.wait, self.stop.token());
        let mut pause = FIRST_LOOK;
        loop {
            let finished = self.finished(rounds).await?;
            let missing: BTreeSet<u32> =
                rounds.tasks().keys().filter(|name| !finished.contains(*name)).map(|name| rounds.owner(name)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                return fail(Exit::Incomplete, self.waited_in_vain(rounds.number(), &missing));
            }
            tokio::select! {
                () = token.cancelled() => {
                    tally.ended = self.stop.exit();
                    return Ok(());
                }
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LATER_LOOKS);
        }
    }

    fn waited_in_vain(&self, round: u32, missing: &BTreeSet<u32>) -> String {
        let shards: Vec<String> = missing.iter().map(u32::to_string).collect();
        format!(
            "shard {} has read its share of round {round}, and in {} minutes these did not: {}; start them, and this one \
             again, or merge without them: what they should have read is unknown then",
            self.claim.shard,
            self.worker.wait.as_secs() / 60,
            shards.join(", ")
        )
    }

    /// Takes in what all shards have read in the round.
    async fn join(&mut self, rounds: &mut Rounds<'_>) -> Result<(), Failure> {
        let names: Vec<String> = rounds.tasks().keys().cloned().collect();
        let round = rounds.number();
        for name in names {
            let run = self.claim.run.clone();
            let body = self.worker.desk.ask(move |store| Ok((store.part(&run, round, &name)?, name))).await?;
            let (Some(part), name) = body else {
                return fail(
                    Exit::Incomplete,
                    format!("the run {} has been merged or dropped meanwhile", self.claim.run),
                );
            };
            rounds.add(&name, super::body_of(&part)?);
        }
        let notes = rounds.turn()?;
        let session = match self.session.take() {
            Some(session) => session,
            None => self.open(rounds)?,
        };
        session.remember(notes);
        self.session = Some(session);
        Ok(())
    }

    /// Makes the accounts ready to be asked for more; nobody asks for keys that are not needed.
    fn open(&self, rounds: &Rounds<'_>) -> Result<Session, Failure> {
        let mut accounts = Vec::new();
        for (account_id, keys) in rounds.readable() {
            let found = self.accounts(std::iter::once(keys))?;
            accounts.extend(found.into_iter().map(|account| account.with_id(account_id.as_str())));
        }
        Ok(Session::of(&self.reach.client, accounts, Arc::clone(&self.progress), &self.stop.token()))
    }
}

fn internal(error: anyhow::Error) -> Failure {
    Failure { exit: Exit::Internal, error }
}

/// For people who look for the process: the machine, where it has a name, and the process there.
fn holder() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_default();
    let host: String = host.chars().filter(char::is_ascii_graphic).take(80).collect();
    if host.is_empty() {
        format!("process {}", std::process::id())
    } else {
        format!("{host}, process {}", std::process::id())
    }
}
