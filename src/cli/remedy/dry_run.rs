//! What `apply` would do: every guard on readings of now, judged twice as for a change, and nothing sent or kept.

use std::io::Write;

use serde_json::{Value, json};

use super::{session::Sessions, words};
use crate::{
    cli::{
        Done,
        args::TextOrJson,
        closing_line,
        exit::{Exit, Failure, OrExit},
        output,
    },
    remediate::{
        Account, Action, Ask, End, Plan, Planned, ReadFor, ReadWorld, Selection,
        guard::{Facts, Moment, Refusal, judge, unremembered},
    },
    report,
};

/// What the guards say of one action.
struct Judged<'a> {
    action: &'a Action,
    calls: Vec<String>,
    refusals: Vec<Refusal>,
}

/// Judges the picked actions.
pub(super) async fn run(
    world: &dyn ReadWorld,
    planned: &[Planned],
    (plan, selection): (&Plan, &Selection),
    account: &Account,
    sessions: &Sessions,
    format: TextOrJson,
) -> Result<Done, Failure> {
    let mut all = Vec::new();
    for planned in planned.iter().filter(|planned| selection.picks(&planned.action)) {
        let action = &planned.action;
        let calls =
            planned.calls.prepare.iter().chain(&planned.calls.change).map(|call| call.operation.clone()).collect();
        let mut refusals = Vec::new();
        for what in [ReadFor::Guards, ReadFor::Recheck] {
            let ask = Ask { what, target: &action.target, action: Some(action), plan: &plan.id, since: None };
            let readings = world.read(ask).await;
            let facts = Facts {
                action,
                plan: Some(plan),
                run: "dry-run",
                readings: &readings,
                account: Some(account),
                acl: None,
                settings: None,
                // Nothing was prepared, and nothing will be.
                moment: Moment::First,
                now: world.now(),
                pace: &sessions.pace,
            };
            refusals = judge(&facts).err().unwrap_or_default();
            if what == ReadFor::Guards && refusals.is_empty() {
                refusals = unremembered(&facts);
            }
            if !refusals.is_empty() {
                break;
            }
        }
        all.push(Judged { action, calls, refusals });
    }
    tell(&all, format)
}

fn tell(all: &[Judged<'_>], format: TextOrJson) -> Result<Done, Failure> {
    let of = |judged: &Judged<'_>| match judged.refusals.is_empty() {
        true => Exit::Clean,
        false => words::exit_of(&End::Skipped(judged.refusals.clone()), true),
    };
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
    if judged.refusals.is_empty() {
        writeln!(out, "  every guard lets it pass; would send {}", clean(&judged.calls.join(", ")))?;
    }
    judged.refusals.iter().try_for_each(|refusal| writeln!(out, "  {}", clean(&refusal.to_string())))
}

fn in_json(judged: &Judged<'_>) -> Value {
    let skipped = words::end_json(&judged.action.target.row(), &End::Skipped(judged.refusals.clone()));
    json!({
        "intent": judged.action.intent,
        "target": skipped["target"],
        "passes": judged.refusals.is_empty(),
        "would_send": if judged.refusals.is_empty() { judged.calls.as_slice() } else { &[] },
        "refusals": skipped["refusals"],
    })
}
