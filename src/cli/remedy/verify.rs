//! `portcullis verify`: says what is open and when it is due; with `--due`, settles it, whoever left it.

use std::io::Write;

use serde_json::{Value, json};

use super::{
    apply::{account, open_journal},
    audit::{Audit, Cause},
    by_hand,
    driver::{Carried, Driver},
    holder, journal_path,
    local::LocalJournal,
    notice_reach,
    notices::Notices,
    outcome, rights,
    session::{Session, Sessions},
    watch::Watch,
    words,
    world::{self, Consent, Needs},
};
use crate::{
    cli::{
        Done,
        args::{ConfigArgs, StoreArgs, TextOrJson, VerifyArgs},
        desk::{self, Desk},
        exit::{Exit, Failure, OrExit},
        output, setup,
        signals::{self, Stop},
        terminal::Terminal,
    },
    config::{Config, Overrides},
    remediate::{Account, CloudTime, Errand, Hand, Runner, Target, TargetRow, target_row},
    report,
};

pub(crate) fn run(args: &VerifyArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let config = setup::changing_config(&args.config, terminal)?
        .with(Overrides { profile: args.reach.profile.clone(), ..Overrides::default() });
    let mut store = setup::kept(&args.store, &config, terminal)?;
    let journal = match args.due {
        true => Some(open_journal(&journal_path(&args.journal, &config)?, terminal)?),
        false => None,
    };
    desk::serve(&mut *store, |desk| {
        let work = async {
            let stop = Stop::listen().or_exit(Exit::Internal)?;
            let rights = rights::of_whatever_is_open("portcullis-verify");
            let sessions = Sessions::open(&args.reach, &config, &rights, terminal).await?;
            match journal {
                Some(journal) => settle(args, &config, &sessions, journal, desk, &stop, terminal).await,
                None => list(args.format, &sessions, &desk).await,
            }
        };
        signals::block_on(work).or_exit(Exit::Internal)?
    })
}

async fn settle(
    args: &VerifyArgs,
    config: &Config,
    sessions: &Sessions,
    mut journal: LocalJournal,
    desk: Desk,
    stop: &Stop,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let mut all = Carried::nothing();
    for session in &sessions.sessions {
        let work = Work {
            sessions,
            session,
            config,
            file: &args.config,
            profile: args.reach.profile.as_deref(),
            store: &args.store,
            desk: &desk,
            stop,
            terminal,
            command: "verify",
        };
        let errand = Errand::Settle { account: session.id.clone(), only: None };
        let (carried, back) = work.carry(errand, journal).await?;
        journal = back;
        all.add(carried);
    }
    let mut exit = outcome::exit(&all, true, stop);
    for session in &sessions.sessions {
        // What needs a person is not settled by there being nothing to do.
        exit = exit.or(by_hand::look(&desk, &session.id, terminal).await);
    }
    outcome::tell(&all, args.format, exit, (exit == Exit::Clean).then_some("what was due is settled"), terminal)
}

/// Everything that carrying on needs.
pub(super) struct Work<'a> {
    pub(super) sessions: &'a Sessions,
    pub(super) session: &'a Session,
    pub(super) config: &'a Config,
    pub(super) file: &'a ConfigArgs,
    pub(super) profile: Option<&'a str>,
    pub(super) store: &'a StoreArgs,
    pub(super) desk: &'a Desk,
    pub(super) stop: &'a Stop,
    pub(super) terminal: &'a Terminal,
    /// As it was typed, for the audit.
    pub(super) command: &'static str,
}

impl Work<'_> {
    /// Carries on what is open; gives the journal back.
    pub(super) async fn carry(
        &self,
        errand: Errand,
        journal: LocalJournal,
    ) -> Result<(Carried, LocalJournal), Failure> {
        let needs = Needs {
            config: self.config,
            file: self.file,
            profile: self.profile,
            store: self.store,
            desk: self.desk,
            consent: Consent::NotNeeded,
        };
        let world = world::open(self.sessions, needs)?;
        let context = self.sessions.client.context();
        let notices = Notices::begin(context, &self.config.notify, notice_reach(self.sessions));
        let holder = holder();
        let (now, _) = self.sessions.cloud_now()?;
        let at = CloudTime(u64::try_from(now.timestamp_millis()).unwrap_or_default());
        let (command, session) = (self.command, self.session);
        let cause = Cause { command, grounds: Value::Null, holder: &holder, session, at };
        let mut driver = Driver {
            world: &world,
            desk: self.desk.clone(),
            journal,
            hand: Hand::new(self.sessions.client.clone(), self.session.account.clone(), &self.sessions.pace),
            stop: self.stop,
            notices: &notices,
            audit: Audit::of(cause),
            watch: Watch::new(self.terminal, ""),
        };
        let carried = driver.carry(Runner::new(errand, holder, self.sessions.pace.clone())).await;
        let Driver { journal, .. } = driver;
        notices.end(self.terminal).await;
        Ok((carried, journal))
    }
}

/// One endpoint on which something is open, or needs attention.
struct Open {
    target: Target,
    row: TargetRow,
}

async fn list(format: TextOrJson, sessions: &Sessions, desk: &Desk) -> Result<Done, Failure> {
    let mut found = Vec::new();
    let mut accounts = Vec::new();
    for session in &sessions.sessions {
        let account = account(desk, &session.id).await?;
        for target in account.pending().into_keys().chain(blocked(&account, desk).await?) {
            found.push(Open { row: row_of(desk, &target).await?, target });
        }
        accounts.push((session.id.clone(), account));
    }
    output::to_stdout(|out| match format {
        TextOrJson::Json => {
            let open: Vec<Value> = found.iter().map(|open| in_json(open, sessions)).collect();
            let accounts: Vec<Value> = accounts
                .iter()
                .map(|(id, account)| {
                    json!({"account": id.as_str(), "breaker": account.breaker(), "killed": account.killed()})
                })
                .collect();
            writeln!(out, "{}", report::json_text(&json!({"open": open, "accounts": accounts})))
        }
        TextOrJson::Text => {
            for (id, account) in &accounts {
                if let Some(why) = account.breaker() {
                    writeln!(out, "account {id}: the circuit breaker is open: {}", report::escape_message(why))?;
                }
                if account.killed() {
                    writeln!(out, "account {id}: the kill switch is on")?;
                }
            }
            if found.is_empty() {
                writeln!(out, "nothing is open")?;
            }
            found.iter().try_for_each(|open| in_text(open, sessions, out))
        }
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean.into())
}

/// Endpoints that nothing is under way on, and that wait for a person.
async fn blocked(account: &Account, desk: &Desk) -> Result<Vec<Target>, Failure> {
    let pending = account.pending();
    let mut targets: Vec<Target> = account.intents().map(|(debit, _)| debit.target.clone()).collect();
    targets.sort();
    targets.dedup();
    let mut blocked = Vec::new();
    for target in targets.into_iter().filter(|target| !pending.contains_key(target)) {
        if row_of(desk, &target).await?.blocked {
            blocked.push(target);
        }
    }
    Ok(blocked)
}

/// The target's row as it is.
pub(super) async fn row_of(desk: &Desk, target: &Target) -> Result<TargetRow, Failure> {
    let row = target.row();
    let records = desk.ask(move |store| store.records(&row)).await?;
    target_row(&records).or_exit(Exit::Damaged)
}

fn state(open: &Open, sessions: &Sessions) -> (&'static str, Option<String>) {
    let Some(case) = &open.row.open else {
        return (if open.row.blocked { "needs attention" } else { "nothing was opened" }, None);
    };
    let soak = &sessions.pace.soak;
    let due = usize::try_from(case.checks).ok().and_then(|check| soak.get(check));
    match (case.effect_at(), case.verified, &case.unhealthy) {
        (_, _, Some(_)) if case.barred.is_some() => ("needs attention: the way back is refused", None),
        (_, _, Some(_)) => ("is being rolled back", None),
        (Some(_), Some(_), None) if due.is_none() => ("has soaked; what insured its way back is cleared up next", None),
        (Some(done), Some(_), None) => ("soaks", due.map(|after| words::at(done + *after))),
        (Some(_), None, None) => ("is not verified yet", None),
        (None, _, None) if case.open_write().is_none() => {
            ("is not changed; what was made for it is cleared up next", None)
        }
        (None, _, None) => ("is not settled yet", None),
    }
}

fn in_json(open: &Open, sessions: &Sessions) -> Value {
    let (state, due) = state(open, sessions);
    let case = open.row.open.as_ref();
    json!({
        "target": super::watch::shown(&open.target.row()),
        "intent": case.map(|case| case.opened.action.intent.as_str()),
        "run": case.map(|case| case.opened.run.as_str()),
        "state": state,
        "due": due,
        "blocked": open.row.blocked,
        "attention": attention(&open.row),
        "by_hand": by_hand::dark(&open.row).map(by_hand::calls).unwrap_or_default(),
    })
}

/// Why a person is needed, each reason in one line.
fn attention(row: &TargetRow) -> Vec<String> {
    let case = row.open.as_ref().or(row.attention.as_deref().filter(|_| row.blocked));
    let of = |case: &crate::remediate::Case| case.barred.clone().into_iter().chain(words::flags(&case.flags)).collect();
    case.map(of).unwrap_or_default()
}

fn in_text(open: &Open, sessions: &Sessions, out: &mut dyn Write) -> std::io::Result<()> {
    let (state, due) = state(open, sessions);
    let due = due.map(|due| format!(", next check due {due}")).unwrap_or_default();
    let intent = open.row.open.as_ref().map(|case| format!(" ({})", case.opened.action.intent)).unwrap_or_default();
    writeln!(out, "{}: {}{intent} {state}{due}", super::watch::shown(&open.target.row()), words::target(&open.target))?;
    let calls = by_hand::dark(&open.row).map(by_hand::calls).unwrap_or_default();
    let lines = attention(&open.row).into_iter().chain(calls.into_iter().map(|call| format!("by hand: {call}")));
    lines.into_iter().try_for_each(|line| writeln!(out, "  {}", report::escape_message(&line)))
}
