//! `portcullis journal`: what this host announced and learned, its repair, and what only a named person may say.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use chrono::Utc;
use serde_json::{Value, json};

use super::{
    journal_path,
    local::{self, Held},
    operator::{self, Over},
    rollback::account_of,
};
use crate::{
    cli::{
        Done,
        args::{JournalArgs, JournalCommand, OperatorArgs, Switch, TextOrJson},
        desk,
        exit::{Exit, Failure, OrExit, fail},
        output, setup, signals,
        terminal::Terminal,
    },
    remediate::{AccountRecord, Case, Change, CloudTime, TargetRecord, account_row, kill_row, target_row},
    report::{self, escape_capped, escape_message},
    store::Record,
};

pub(crate) fn run(args: &JournalArgs, terminal: &Terminal) -> Result<Done, Failure> {
    match &args.command {
        JournalCommand::Show { format, config, journal } => {
            let config = setup::config(config, terminal)?;
            show(&journal_path(journal, &config)?, *format)
        }
        JournalCommand::Repair { confirm, config, journal } => {
            let config = setup::config(config, terminal)?;
            repair(&journal_path(journal, &config)?, *confirm)
        }
        JournalCommand::Ack { target, operator } => acknowledge(target, operator, terminal),
        JournalCommand::CloseBreaker { account, operator } => close_breaker(account, operator, terminal),
        JournalCommand::Kill { switch, account, operator } => kill(*switch, account, operator, terminal),
    }
}

fn shown(path: &Path) -> String {
    escape_capped(&path.display().to_string(), 200)
}

fn show(path: &Path, format: TextOrJson) -> Result<Done, Failure> {
    let (journal, torn) = match local::look(path)? {
        Held::Missing => {
            return fail(Exit::Usage, format!("there is no journal {}: nothing was changed from here", shown(path)));
        }
        Held::Whole { journal, bytes } => {
            let torn = bytes.saturating_sub(journal.whole as u64);
            (journal, torn)
        }
        Held::Damaged(damaged) => {
            return fail(Exit::Damaged, format!("the journal {} is damaged: {damaged}", shown(path)));
        }
    };
    output::to_stdout(|out| {
        for (number, payload) in journal.records.iter().enumerate() {
            // What is not ours to understand is shown as it is.
            let value: Value = serde_json::from_slice(payload)
                .unwrap_or_else(|_| json!({"unreadable": String::from_utf8_lossy(payload)}));
            match format {
                TextOrJson::Json => writeln!(out, "{}", report::json_text(&value))?,
                TextOrJson::Text => writeln!(out, "{:>5}  {}", number + 1, escape_message(&line(&value)))?,
            }
        }
        if torn > 0 && format == TextOrJson::Text {
            writeln!(
                out,
                "{torn} bytes behind the last record were torn while they were written: they announce nothing"
            )?;
        }
        Ok(())
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean.into())
}

/// One record in one line: where, which, and what it holds.
fn line(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    let row = text("row");
    let (name, rest) = match value.get("record") {
        Some(Value::Object(record)) => match record.iter().next() {
            Some((name, rest)) => (name.clone(), rest.clone()),
            None => ("?".to_owned(), Value::Null),
        },
        Some(Value::String(name)) => (name.clone(), Value::Null),
        _ => ("?".to_owned(), value.clone()),
    };
    let at = ["at", "as_of"].iter().find_map(|name| rest.get(name)).and_then(Value::as_u64);
    let at = at.map(|at| super::words::at(CloudTime(at))).unwrap_or_default();
    let epoch = value.get("epoch").and_then(Value::as_u64).unwrap_or_default();
    let detail = match name.as_str() {
        "opened" => rest.pointer("/action/intent").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => report::json_text(&rest),
    };
    format!("{} #{epoch} {name} {at} {detail}", super::watch::shown(&row)).trim_end().to_owned()
}

fn repair(path: &Path, confirmed: bool) -> Result<Done, Failure> {
    let damaged = match local::look(path)? {
        Held::Missing => return fail(Exit::Usage, format!("there is no journal {}", shown(path))),
        Held::Whole { journal, bytes } => {
            let torn = bytes.saturating_sub(journal.whole as u64);
            let count = journal.records.len();
            output::to_stdout(|out| match torn {
                0 => writeln!(out, "{count} records, all of them sound: nothing is to be repaired"),
                torn => writeln!(
                    out,
                    "{count} records, all of them sound; {torn} torn bytes behind them are dropped by whoever writes next"
                ),
            })
            .or_exit(Exit::Output)?;
            return Ok(Exit::Clean.into());
        }
        Held::Damaged(damaged) => damaged,
    };
    if !confirmed {
        return fail(
            Exit::Damaged,
            format!(
                "the journal {} is damaged: {damaged}; --confirm keeps the records before it and puts the damaged file \
                 aside. What is open stands in the store, and `portcullis verify --due` settles it",
                shown(path)
            ),
        );
    }
    let repaired = local::repair(path)?;
    output::to_stdout(|out| {
        writeln!(
            out,
            "{} records before the damage were kept; the damaged journal is {}",
            repaired.kept,
            shown(&repaired.aside)
        )
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean.into())
}

fn acknowledge(target: &str, operator: &OperatorArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let name = super::watch::shown(target);
    if account_of(name).is_none() || name.split('/').count() != 3 {
        return fail(
            Exit::Usage,
            format!("`{}` names no endpoint: it is ACCOUNT/MESH|CLUSTER/COMPONENT", escape_capped(target, 120)),
        );
    }
    let record = TargetRecord::Acknowledged { by: operator.by.clone(), at: now() };
    let left = Mutex::new(None);
    let say = |records: &[Record]| {
        let row = target_row(records).or_exit(Exit::Damaged)?;
        if !row.blocked {
            return fail(Exit::Stopped, "nothing there waits for a person: nothing was said");
        }
        *left.lock().unwrap_or_else(PoisonError::into_inner) = row.attention.as_deref().and_then(left_behind);
        Ok(Some(record.to_row()))
    };
    let done = told(
        &format!("target/{name}"),
        (operator, Over::unrenewed()),
        terminal,
        say,
        "acknowledged: it may be changed again, under a new plan",
    )?;
    if let Some(left) = left.into_inner().unwrap_or_else(PoisonError::into_inner) {
        terminal.notice(&escape_message(&left));
    }
    Ok(done)
}

/// A case that needs attention clears nothing up, since its way back may be wanted still. Says what is there, and until when.
fn left_behind(case: &Case) -> Option<String> {
    let until = format!(
        "`portcullis rollback {}` may want it; the next change of this endpoint clears it up",
        case.opened.action.intent
    );
    match &case.opened.action.change {
        _ if case.restored => None,
        Change::Unbind { .. } if case.preparations.is_empty() => None,
        Change::Unbind { eip, .. } => Some(match case.opened.protected_before {
            true => format!("{eip} keeps the tag of plan {}: {until}", case.opened.plan),
            false => format!("{eip} keeps deletion protection and the tag of plan {}: {until}", case.opened.plan),
        }),
        Change::Fence { .. } => {
            let acl = case.acl.as_ref()?;
            Some(format!("the ACL {acl} stays: `portcullis rollback {}` takes it off", case.opened.action.intent))
        }
    }
}

fn close_breaker(account: &str, operator: &OperatorArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let record = AccountRecord::BreakerClosed { by: operator.by.clone(), at: now() };
    let say = |records: &[Record]| {
        let row = account_row(records).or_exit(Exit::Damaged)?;
        match row.breaker() {
            Some(_) => Ok(Some(record.to_row())),
            None => fail(Exit::Stopped, "the circuit breaker is not open: nothing was said"),
        }
    };
    told(&format!("account/{account}"), (operator, Over::unrenewed()), terminal, say, "the circuit breaker is closed")
}

fn kill(switch: Switch, account: &str, operator: &OperatorArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let on = switch == Switch::On;
    let record = AccountRecord::Kill { on, by: operator.by.clone(), at: now() };
    let say = |records: &[Record]| {
        account_row(records).or_exit(Exit::Damaged)?;
        Ok(Some(record.to_row()))
    };
    let done = if on { "the kill switch is on: nothing is signed any more" } else { "the kill switch is off" };
    told(&kill_row(&account.into()), (operator, Over::unrenewed_by_a_person()), terminal, say, done)
}

/// Nobody has to be reached for this: it is said by this host's clock.
fn now() -> CloudTime {
    CloudTime(u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default())
}

fn told(
    row: &str,
    (operator, over): (&OperatorArgs, Over),
    terminal: &Terminal,
    say: impl Fn(&[Record]) -> Result<Option<(u32, Vec<u8>)>, Failure> + Send,
    done: &str,
) -> Result<Done, Failure> {
    let config = setup::config(&operator.config, terminal)?;
    let mut store = setup::store(&operator.store, &config, terminal)?;
    desk::serve(&mut *store, |desk| {
        let work = operator::append(&desk, row, over, say);
        signals::block_on(work).or_exit(Exit::Internal)?
    })?;
    output::to_stdout(|out| writeln!(out, "{done}")).or_exit(Exit::Output)?;
    Ok(Exit::Clean.into())
}
