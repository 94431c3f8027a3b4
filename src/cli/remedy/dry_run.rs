//! What `apply` would do: every guard on readings of now, judged twice as for a change, and nothing sent or kept.

use std::io::Write;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{session::Sessions, verify::row_of, watch::shown, words};
use crate::{
    cli::{
        Done,
        args::TextOrJson,
        closing_line,
        desk::Desk,
        exit::{Exit, Failure, OrExit},
        output,
    },
    remediate::{
        Account, AccountRecord, Action, Ask, CloudTime, Debit, End, Plan, Planned, ReadFor, ReadWorld, Selection,
        TargetRow, account_row,
        guard::{Facts, Moment, judge, unremembered},
    },
    report,
    store::Record,
};

/// What would come of one action.
struct Judged<'a> {
    action: &'a Action,
    calls: Vec<String>,
    /// How it would end without being begun; `None` if every guard lets it pass.
    end: Option<End>,
}

/// Stands for the run that there is not.
const RUN: &str = "dry-run";

/// Judges the picked actions, each as if those before it had been made.
pub(super) async fn run(
    world: &dyn ReadWorld,
    planned: &[Planned],
    (plan, selection): (&Plan, &Selection),
    desk: &Desk,
    sessions: &Sessions,
    format: TextOrJson,
) -> Result<Done, Failure> {
    let (row, mut all) = (format!("account/{}", plan.account), Vec::new());
    let mut records = desk.ask(move |store| store.records(&row)).await?;
    let mut account = account_row(&records).or_exit(Exit::Damaged)?;
    // Whether what is open stops it is told apart from a budget that is spent.
    let is_stopped = account.breaker().is_some() || super::apply::account(desk, &plan.account).await?.killed();
    for planned in planned.iter().filter(|planned| selection.picks(&planned.action)) {
        let action = &planned.action;
        let calls =
            planned.calls.prepare.iter().chain(&planned.calls.change).map(|call| call.operation.clone()).collect();
        let end = match on_row(&row_of(desk, &action.target).await?, action) {
            Some(end) => Some(end),
            None => refused(world, action, plan, &account, sessions).await,
        };
        if end.is_none() {
            let (now, _) = sessions.cloud_now()?;
            let (version, body) = debit(action, plan, now).to_row();
            let position = records.len() as u64 + 1;
            records.push(Record { position, epoch: 0, version, body });
            account = account_row(&records).or_exit(Exit::Damaged)?;
        }
        all.push(Judged { action, calls, end });
    }
    tell(&all, is_stopped, format)
}

/// What stands in the endpoint's row and keeps a run from beginning anything there.
fn on_row(row: &TargetRow, action: &Action) -> Option<End> {
    if let Some(case) = &row.open {
        return Some(End::open_there(&case.opened.action.intent));
    }
    match row.done.get(&action.intent) {
        Some(outcome) => Some(End::Before(outcome.clone())),
        None => row.blocked.then_some(End::Blocked),
    }
}

/// The guards, on readings of now, judged twice as for a change.
async fn refused(
    world: &dyn ReadWorld,
    action: &Action,
    plan: &Plan,
    account: &Account,
    sessions: &Sessions,
) -> Option<End> {
    for what in [ReadFor::Guards, ReadFor::Recheck] {
        let ask = Ask { what, target: &action.target, action: Some(action), plan: &plan.id, since: None };
        let readings = world.read(ask).await;
        let facts = Facts {
            action,
            plan: Some(plan),
            run: RUN,
            readings: &readings,
            account: Some(account),
            acl: None,
            settings: None,
            // Nothing was prepared, and nothing will be.
            moment: Moment::First,
            now: world.now(),
            pace: &sessions.pace,
        };
        let mut refusals = judge(&facts).err().unwrap_or_default();
        if what == ReadFor::Guards && refusals.is_empty() {
            refusals = unremembered(&facts);
        }
        if !refusals.is_empty() {
            return Some(End::Skipped(refusals));
        }
    }
    None
}

/// The credit that a run would have taken.
fn debit(action: &Action, plan: &Plan, now: DateTime<Utc>) -> AccountRecord {
    AccountRecord::Debit(Box::new(Debit {
        intent: action.intent.clone(),
        plan: plan.id.clone(),
        run: RUN.to_owned(),
        target: action.target.clone(),
        environment: action.environment.clone(),
        group: action.group.clone(),
        depends: action.depends(),
        at: CloudTime(u64::try_from(now.timestamp_millis()).unwrap_or_default()),
    }))
}

fn tell(all: &[Judged<'_>], is_stopped: bool, format: TextOrJson) -> Result<Done, Failure> {
    let of = |judged: &Judged<'_>| judged.end.as_ref().map_or(Exit::Clean, |end| words::exit_of(end, is_stopped));
    let exit = all.iter().map(of).fold(Exit::Clean, Exit::or);
    output::to_stdout(|out| match format {
        TextOrJson::Json => {
            let actions: Vec<Value> = all.iter().map(in_json).collect();
            let value = json!({"dry_run": true, "actions": actions, "exit_code": exit.code()});
            writeln!(out, "{}", report::json_text(&value))
        }
        TextOrJson::Text => all.iter().try_for_each(|judged| in_text(judged, out)),
    })
    .or_exit(Exit::Output)?;
    let line = match exit {
        Exit::Clean => "exit 0: every guard would let it pass; nothing was sent".to_owned(),
        exit => closing_line(exit, None),
    };
    Ok(Done { exit, closing: Some(line) })
}

fn in_text(judged: &Judged<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let clean = report::escape_message;
    writeln!(out, "{}", clean(&words::action(judged.action)))?;
    match &judged.end {
        None => writeln!(out, "  every guard lets it pass; would send {}", clean(&judged.calls.join(", "))),
        Some(End::Skipped(refusals)) => {
            refusals.iter().try_for_each(|refusal| writeln!(out, "  {}", clean(&refusal.to_string())))
        }
        Some(end) => words::end(end).iter().try_for_each(|line| writeln!(out, "  {}", clean(line))),
    }
}

fn in_json(judged: &Judged<'_>) -> Value {
    let row = judged.action.target.row();
    let end = judged.end.as_ref().map(|end| words::end_json(&row, end));
    let of_end = |name: &str| end.as_ref().and_then(|end| end.get(name)).cloned();
    json!({
        "intent": judged.action.intent,
        "target": shown(&row),
        "passes": judged.end.is_none(),
        "would_send": if judged.end.is_none() { judged.calls.as_slice() } else { &[] },
        "end": of_end("end"),
        "why": of_end("why"),
        "refusals": of_end("refusals").unwrap_or_else(|| json!([])),
    })
}
