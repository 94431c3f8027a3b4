//! `portcullis rollback`: takes a change back that is still watched, or that needs attention and was not taken back. The way
//! back has guards of its own; a window and a budget are not among them. What has soaked is not taken back: nothing
//! keeps the EIP or the setting of before any more, and to open an endpoint again is a change that somebody else has to
//! decide about.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use super::{
    apply::{account, open_journal},
    by_hand, confirm, driver, journal_path,
    local::LocalJournal,
    operator::{self, Over},
    outcome, rights,
    session::{Session, Sessions},
    verify::{Work, row_of},
    words,
};
use crate::{
    cli::{
        Done,
        args::RollbackArgs,
        desk::{self, Desk},
        exit::{Exit, Failure, OrExit, fail},
        setup,
        signals::{self, Stop},
        terminal::Terminal,
    },
    config::{Config, Overrides},
    model::AccountId,
    remediate::{
        AccountRecord, Case, Change, CloudTime, Debit, End, Ended, Errand, Opened, Outcome, Resolved, Target,
        TargetRecord, TargetRow, account_row, journal_line, target_row,
    },
    report::escape_capped,
};

pub(crate) fn run(args: &RollbackArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let config = setup::changing_config(&args.config, terminal)?
        .with(Overrides { profile: args.reach.profile.clone(), ..Overrides::default() });
    if args.confirm.as_ref().is_some_and(|confirm| *confirm != args.subject) {
        return fail(
            Exit::Refused,
            "--confirm names something else than what is to be taken back: nothing was changed",
        );
    }
    let mut store = setup::kept(&args.store, &config, terminal)?;
    let journal = open_journal(&journal_path(&args.journal, &config)?, terminal)?;
    desk::serve(&mut *store, |desk| {
        let work = async {
            let stop = Stop::listen().or_exit(Exit::Internal)?;
            let rights = rights::of_whatever_is_open("portcullis-rollback");
            let sessions = Sessions::open(&args.reach, &config, &rights, terminal).await?;
            take_back(args, &config, &sessions, journal, desk, &stop, terminal).await
        };
        signals::block_on(work).or_exit(Exit::Internal)?
    })
}

/// What is taken back, in one account.
struct Chosen<'a> {
    session: &'a Session,
    debits: Vec<Debit>,
    what: Vec<String>,
}

async fn take_back(
    args: &RollbackArgs,
    config: &Config,
    sessions: &Sessions,
    mut journal: LocalJournal,
    desk: Desk,
    stop: &Stop,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let chosen = choose(&args.subject, sessions, &desk).await?;
    if args.confirm.is_none() {
        if !confirm::is_possible() {
            return fail(
                Exit::Refused,
                "nobody sits at a terminal to confirm it: --confirm with the same intent or run does",
            );
        }
        let mut what = vec!["Take back:".to_owned()];
        what.extend(chosen.what.iter().map(|line| format!("  {line}")));
        let word = args.subject.clone();
        let typed = tokio::task::spawn_blocking(move || confirm::typed(&what, &word)).await;
        typed.or_exit(Exit::Internal)??;
    }
    for debit in &chosen.debits {
        ask_back(debit, sessions, &mut journal, &desk).await?;
    }
    let work = Work {
        sessions,
        session: chosen.session,
        config,
        file: &args.config,
        profile: args.reach.profile.as_deref(),
        store: &args.store,
        desk: &desk,
        stop,
        terminal,
        command: "rollback",
    };
    let targets: BTreeSet<Target> = chosen.debits.iter().map(|debit| debit.target.clone()).collect();
    let errand = Errand::Settle { account: chosen.session.id.clone(), only: Some(targets) };
    let (carried, _) = work.carry(errand, journal).await?;
    let exit = match outcome::exit(&carried, true, stop) {
        // What failed elsewhere is what was asked for here.
        Exit::RolledBack if carried.ends.iter().all(|(_, end)| is_back(end)) => Exit::Clean,
        exit => exit,
    };
    by_hand::look(&desk, &chosen.session.id, terminal).await;
    outcome::tell(&carried, args.format, exit, (exit == Exit::Clean).then_some("taken back, and verified"), terminal)
}

fn is_back(end: &End) -> bool {
    matches!(end, End::Closed(Outcome::RolledBack | Outcome::NotExecuted) | End::Before(Outcome::RolledBack))
}

/// The endpoints of an intent or a run on which it is still open.
async fn choose<'a>(subject: &str, sessions: &'a Sessions, desk: &Desk) -> Result<Chosen<'a>, Failure> {
    let mut ended = None;
    for session in &sessions.sessions {
        let account = account(desk, &session.id).await?;
        let mut chosen = Chosen { session, debits: Vec::new(), what: Vec::new() };
        for (debit, _) in account.intents().filter(|(debit, _)| debit.intent == subject || debit.run == subject) {
            let row = row_of(desk, &debit.target).await?;
            match returnable(&row, &debit.intent) {
                Ok(case) => {
                    chosen.debits.push(debit.clone());
                    chosen.what.push(words::action(&case.opened.action));
                }
                Err(why) => ended = Some(format!("{}: {why}", words::target(&debit.target))),
            }
        }
        if !chosen.debits.is_empty() {
            return Ok(chosen);
        }
    }
    let shown = escape_capped(subject, 80);
    match ended {
        Some(why) => fail(Exit::Stopped, format!("nothing of {shown} can be taken back: {why}")),
        None => fail(
            Exit::Usage,
            format!("no intent and no run `{shown}` is known here: `portcullis verify` lists what is open"),
        ),
    }
}

/// The case of an intent, if it can be taken back: it is open, or needs attention and still has what insures the way back.
fn returnable<'a>(row: &'a TargetRow, intent: &str) -> Result<&'a Case, String> {
    let is_it = |case: &&Case| case.opened.action.intent == intent;
    if let Some(case) = row.open.as_ref().filter(is_it) {
        return match case.act() {
            Some(Resolved::NotExecuted(_)) => Err("it was not executed".to_owned()),
            _ => Ok(case),
        };
    }
    if let (None, Some(case)) = (&row.open, row.attention.as_deref().filter(is_it)) {
        return match (case.act(), case.restored) {
            (Some(Resolved::Effect), false) if case.eip_gone().is_some() => {
                let calls = by_hand::calls(case).join("; ");
                Err(format!("its EIP was released, and its address does not come back. By hand: {calls}"))
            }
            (_, true) => Err("it needs attention, and holds what it held before".to_owned()),
            (Some(Resolved::Effect), false) => Ok(case),
            _ => Err("it needs attention, and what became of the change is not known: look at it first".to_owned()),
        };
    }
    Err(match (row.done.get(intent), row.past.get(intent)) {
        (Some(Outcome::Mitigated), Some(opened)) => soaked(opened),
        (Some(outcome), _) => format!("it has ended ({}), and left nothing to take back", words::outcome(outcome)),
        (None, _) => "it was never opened".to_owned(),
    })
}

/// What has soaked is over. Whoever opens it again decides that anew, and does it by hand.
fn soaked(opened: &Opened) -> String {
    let look = match opened.action.change {
        Change::Unbind { .. } => "that nothing is bound there, which would be pushed out, and that the EIP is free",
        Change::Fence { .. } => "that the listener holds what the change left",
    };
    let calls = by_hand::inverse(&opened.action, &opened.plan).join("; ");
    format!(
        "it has soaked and is over: nothing was kept for the way back, and to open it again is a change of its own. Look \
         {look}; then, by hand: {calls}"
    )
}

/// Says in the row that the way back is to be taken: whoever carries the case on takes it.
async fn ask_back(debit: &Debit, sessions: &Sessions, journal: &mut LocalJournal, desk: &Desk) -> Result<(), Failure> {
    let target = &debit.target;
    let (now, _) = sessions.cloud_now()?;
    let at = CloudTime(u64::try_from(now.timestamp_millis()).unwrap_or_default());
    let record = |row: &TargetRow| match (&row.open, &row.attention) {
        (Some(case), _) => (case.unhealthy.is_none() || case.barred.is_some())
            .then(|| TargetRecord::Unhealthy { why: "somebody asked for the way back".to_owned(), at }),
        (None, Some(_)) => Some(TargetRecord::TakenUp { at }),
        (None, None) => None,
    };
    let chosen = Mutex::new(None);
    let said = operator::append(desk, &target.row(), Over::Cloud(driver::time(at)), |records| {
        let row = target_row(records).or_exit(Exit::Damaged)?;
        // Closed meanwhile, or on its way back already: nothing is to be said.
        let record = record(&row).filter(|_| returnable(&row, &debit.intent).is_ok());
        chosen.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&record);
        Ok(record.map(|record| record.to_row()))
    })
    .await?;
    let chosen = chosen.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let (Some(said), Some(record)) = (said, chosen) {
        let line = journal_line(&target.row(), said.epoch, &said.holder, &record);
        journal.append(&line).or_exit(Exit::Damaged)?;
    }
    look_after(debit, at, desk).await
}

/// The account knows that the case is open again: else nobody would look for it.
async fn look_after(debit: &Debit, at: CloudTime, desk: &Desk) -> Result<(), Failure> {
    let record = AccountRecord::Ended { intent: debit.intent.clone(), how: Ended::TakenUp, at };
    operator::append(desk, &debit.target.account_row(), Over::Cloud(driver::time(at)), |records| {
        let account = account_row(records).or_exit(Exit::Damaged)?;
        let has_ended = matches!(account.ended(&debit.intent), Some(Ended::Closed(_)));
        Ok(has_ended.then(|| record.to_row()))
    })
    .await?;
    Ok(())
}

/// The account that a row's name begins with.
pub(super) fn account_of(row: &str) -> Option<AccountId> {
    row.split('/').next().filter(|id| crate::scan::is_account_id(id)).map(AccountId::from)
}
