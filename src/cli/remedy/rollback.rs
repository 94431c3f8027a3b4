//! `portcullis rollback`: takes a change back that is still watched. The way back has guards of its own; a window and a
//! budget are not among them.

use std::collections::BTreeSet;

use super::{
    apply::{account, open_journal},
    confirm, driver, journal_path,
    local::LocalJournal,
    operator, outcome, rights,
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
    remediate::{CloudTime, End, Errand, Outcome, Resolved, Target, TargetRecord, TargetRow, journal_line, target_row},
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
    targets: BTreeSet<Target>,
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
    for target in &chosen.targets {
        ask_back(target, sessions, &mut journal, &desk).await?;
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
    };
    let errand = Errand::Settle { account: chosen.session.id.clone(), only: Some(chosen.targets.clone()) };
    let (carried, _) = work.carry(errand, journal).await?;
    let exit = match outcome::exit(&carried, true, stop) {
        // What failed elsewhere is what was asked for here.
        Exit::RolledBack if carried.ends.iter().all(|(_, end)| is_back(end)) => Exit::Clean,
        exit => exit,
    };
    outcome::tell(&carried, args.format, exit, (exit == Exit::Clean).then_some("taken back, and verified"), terminal)
}

fn is_back(end: &End) -> bool {
    matches!(end, End::Closed(Outcome::RolledBack | Outcome::NotExecuted) | End::Before(Outcome::RolledBack))
}

/// The endpoints of an intent or a run on which it is still open.
async fn choose<'a>(subject: &str, sessions: &'a Sessions, desk: &Desk) -> Result<Chosen<'a>, Failure> {
    let mut ended = None;
    for session in &sessions.sessions {
        let account = account(desk, session).await?;
        let mut chosen = Chosen { session, targets: BTreeSet::new(), what: Vec::new() };
        for (debit, _) in account.intents().filter(|(debit, _)| debit.intent == subject || debit.run == subject) {
            let row = row_of(desk, &debit.target).await?;
            match open_case(&row, &debit.intent) {
                Ok(what) => {
                    chosen.targets.insert(debit.target.clone());
                    chosen.what.push(what);
                }
                Err(why) => ended = Some(format!("{}: {why}", words::target(&debit.target))),
            }
        }
        if !chosen.targets.is_empty() {
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

fn open_case(row: &TargetRow, intent: &str) -> Result<String, String> {
    match (&row.open, row.done.get(intent)) {
        (Some(case), _) if case.opened.action.intent == intent => match case.act() {
            Some(Resolved::NotExecuted(_)) => Err("it was not executed".to_owned()),
            _ => Ok(words::action(&case.opened.action)),
        },
        (_, Some(outcome)) => Err(format!(
            "it has ended ({}), and nothing insures the way back any more: the plan has the calls that undo it",
            words::outcome(outcome)
        )),
        _ => Err("it was never opened".to_owned()),
    }
}

/// Says in the row that the way back is to be taken: whoever carries the case on takes it.
async fn ask_back(
    target: &Target,
    sessions: &Sessions,
    journal: &mut LocalJournal,
    desk: &Desk,
) -> Result<(), Failure> {
    let (now, _) = sessions.cloud_now()?;
    let at = CloudTime(u64::try_from(now.timestamp_millis()).unwrap_or_default());
    let record = TargetRecord::Unhealthy { why: "somebody asked for the way back".to_owned(), at };
    let said = operator::append(desk, &target.row(), driver::time(at), |records| {
        let row = target_row(records).or_exit(Exit::Damaged)?;
        // Closed meanwhile, or on its way back already: nothing is to be said.
        Ok(row.open.filter(|case| case.unhealthy.is_none()).map(|_| record.to_row()))
    })
    .await?;
    let Some(said) = said else { return Ok(()) };
    let line = journal_line(&target.row(), said.epoch, &said.holder, &record);
    journal.append(&line).or_exit(Exit::Damaged)
}

/// The account that a row's name begins with.
pub(super) fn account_of(row: &str) -> Option<AccountId> {
    row.split('/').next().filter(|id| crate::scan::is_account_id(id)).map(AccountId::from)
}
