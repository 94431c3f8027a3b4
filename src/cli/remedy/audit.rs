//! What the journal of this host holds for the audit beside the records: who carries something out, with which program, why
//! and with whose consent; and of every request its id, and digests of what it was to lead from and to.
//!
//! Each is a line of the shape of the others, so that whoever reads the journal reads one kind of line.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::session::Session;
use crate::{
    cli::tool,
    remediate::{Answer, Case, CloudTime, Heard, Machine, Mono, Purpose, SignOrder, Slot},
    report,
};

/// What an errand is carried out for.
pub(super) struct Cause<'a> {
    /// The command, as it was typed.
    pub(super) command: &'static str,
    /// Plan, reasons and approvals; nothing where what is open is carried on, whose beginning names them.
    pub(super) grounds: Value,
    pub(super) holder: &'a str,
    pub(super) session: &'a Session,
    /// The cloud's time.
    pub(super) at: CloudTime,
}

/// Writes the lines.
pub(crate) struct Audit {
    holder: String,
    /// Written before the first record: where nothing is done, nothing is to be audited.
    began: Option<(String, Value)>,
}

impl Audit {
    pub(super) fn of(cause: Cause<'_>) -> Self {
        let began = json!({
            "command": cause.command,
            "account": cause.session.id.as_str(),
            "caller": cause.session.arn,
            "tool": {"version": env!("CARGO_PKG_VERSION"), "digest": tool::digest()},
            "grounds": cause.grounds,
            "at": cause.at,
        });
        let row = format!("account/{}", cause.session.id);
        Self { holder: cause.holder.to_owned(), began: Some((row, began)) }
    }

    /// The beginning, once; at this moment of the steady clock.
    pub(super) fn begins(&mut self, now: Mono) -> Option<Vec<u8>> {
        let (row, mut began) = self.began.take()?;
        began["steady_ms"] = json!(now.0);
        Some(self.line(&row, 0, &json!({"began": began})))
    }

    /// A request of a machine, and what was heard of it.
    pub(super) fn request(&self, machine: &Machine, order: &SignOrder, answer: &Answer, now: Mono) -> Vec<u8> {
        let slots = machine.case().and_then(|case| slots(case, order.purpose()?));
        let digests = slots.map(|(before, after)| json!({"before": digest(&before), "after": digest(&after)}));
        let request = json!({
            "intent": order.write().intent,
            "write": order.write().write,
            "purpose": order.purpose(),
            "session": order.plan(),
            "request": super::words::request(order.request()),
            "request_id": answer.request_id,
            "heard": heard(&answer.heard),
            "slot": digests,
            "at": order.at(),
            "steady_ms": now.0,
        });
        self.line(&machine.target().row(), 0, &json!({"request": request}))
    }

    fn line(&self, row: &str, epoch: u64, record: &Value) -> Vec<u8> {
        let line = json!({"row": row, "epoch": epoch, "holder": self.holder, "record": record});
        report::json_text(&line).into_bytes()
    }
}

/// What a request leads from and to; what insures the way back changes no slot, and neither does its clearing up.
fn slots(case: &Case, purpose: Purpose) -> Option<(Slot, Slot)> {
    let action = &case.opened.action;
    let (before, after) = (action.before(), action.after(case.acl.as_ref()));
    match purpose {
        Purpose::Act => Some((before, after)),
        Purpose::Undo => Some((after, before)),
        Purpose::Release => None,
    }
}

fn digest(slot: &Slot) -> String {
    let bytes = serde_json::to_vec(slot).unwrap_or_default();
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)))
}

fn heard(heard: &Heard) -> String {
    match heard {
        Heard::Accepted => "accepted".to_owned(),
        Heard::Refused(code) => format!("refused: {code}"),
        Heard::Lost(why) => format!("lost: {why}"),
    }
}
