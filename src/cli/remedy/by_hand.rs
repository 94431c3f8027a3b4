//! Endpoints that are changed and should not be, with nothing under way that would end it: what a person does about each.

use super::{apply, verify::row_of, words};
use crate::{
    cli::{
        desk::Desk,
        exit::{Exit, Failure},
        plan::call_in_words,
        terminal::Terminal,
    },
    model::AccountId,
    remediate::{Action, Calls, Case, Change, Target, TargetRow},
    report,
};

/// One of them.
struct Dark {
    target: Target,
    case: Case,
    is_open: bool,
}

/// What is dark about an endpoint, and waits for a person.
pub(super) fn dark(row: &TargetRow) -> Option<&Case> {
    let waiting = row.open.as_ref().filter(|case| case.barred.is_some());
    let ended = row.attention.as_deref().filter(|_| row.blocked);
    waiting.or(ended).filter(|case| case.is_dark())
}

/// Stands in a call for what a person has to choose.
const ANOTHER_EIP: &str = "(another EIP)";

/// The calls that take a change back, as a person makes them. An EIP that is gone is none that could be bound.
pub(super) fn calls(case: &Case) -> Vec<String> {
    let mut action = case.opened.action.clone();
    if let (Some(_), Change::Unbind { eip, .. }) = (case.eip_gone(), &mut action.change) {
        *eip = ANOTHER_EIP.into();
    }
    inverse(&action, &case.opened.plan)
}

/// The calls that take an action back, in words.
pub(super) fn inverse(action: &Action, plan: &str) -> Vec<String> {
    let inverse = Calls::of(action, plan).map(|calls| calls.inverse).unwrap_or_default();
    inverse.iter().map(|call| format!("{} in {}", call_in_words(call), call.region)).collect()
}

/// Says what a person does about every dark endpoint of an account; gives the code that they deserve.
pub(super) async fn look(desk: &Desk, account: &AccountId, terminal: &Terminal) -> Exit {
    match all(desk, account).await {
        Ok(found) => {
            tell(&found, terminal);
            if found.is_empty() { Exit::Clean } else { Exit::Attention }
        }
        // What was done is told all the same.
        Err(failure) => {
            terminal.warning(&format!("whether anybody is left cut off could not be looked up: {}", failure.error));
            failure.exit
        }
    }
}

async fn all(desk: &Desk, account: &AccountId) -> Result<Vec<Dark>, Failure> {
    let mut targets: Vec<Target> =
        apply::account(desk, account).await?.intents().map(|(debit, _)| debit.target.clone()).collect();
    targets.sort();
    targets.dedup();
    let mut found = Vec::new();
    for target in targets {
        let row = row_of(desk, &target).await?;
        if let Some(case) = dark(&row) {
            found.push(Dark { target, case: case.clone(), is_open: row.open.is_some() });
        }
    }
    Ok(found)
}

fn tell(found: &[Dark], terminal: &Terminal) {
    for Dark { target, case, is_open } in found {
        let mut lines = vec![format!("{} may be cut off, and the way back was not taken", words::target(target))];
        let flags = words::flags(&case.flags);
        lines.extend(case.barred.clone().into_iter().chain(flags).map(|why| format!("  {why}")));
        lines.extend(calls(case).into_iter().map(|call| format!("  by hand: {call}")));
        let intent = &case.opened.action.intent;
        lines.push(match (is_open, case.eip_gone().is_some()) {
            (true, _) => format!(
                "  `portcullis verify --due` tries again when it is due, `portcullis rollback {intent}` at once"
            ),
            (false, true) => "  clients need the new address; once they have it, `portcullis journal ack`".to_owned(),
            (false, false) => format!(
                "  once nothing bars it, `portcullis rollback {intent}` takes it back; then `portcullis journal ack`"
            ),
        });
        lines.iter().for_each(|line| terminal.warning(&report::escape_message(line)));
    }
}
