//! Says on stderr, and in the log, how far a change is: one line a step, as it happens.

use crate::{
    cli::terminal::Terminal,
    remediate::{Answer, Heard, Runner, Signed, State},
};

/// What was told last.
pub(crate) struct Watch<'a> {
    terminal: &'a Terminal,
    plan: String,
    last: Option<(String, State)>,
    waits: bool,
}

/// How far a change is, as people say it.
fn words(state: State) -> &'static str {
    match state {
        State::Planned => "planned; takes the lease",
        State::Leased => "leased; looks at what is open",
        State::Checked => "reads all guards, and insures the way back",
        State::Intent => "announced; reads all guards again",
        State::Signed => "signed",
        State::Sent => "sent",
        State::Settling => "settling: looks for the effect",
        State::Verifying => "verifying: the rule, and the data plane",
        State::Soaking => "soaking",
        State::RollingBack => "rolling back",
        State::Closing => "closing",
        State::Ended => "gives the lease back",
    }
}

/// The word of the log.
fn word(state: State) -> &'static str {
    match state {
        State::Planned => "planned",
        State::Leased => "leased",
        State::Checked => "checked",
        State::Intent => "intent",
        State::Signed => "signed",
        State::Sent => "sent",
        State::Settling => "settling",
        State::Verifying => "verifying",
        State::Soaking => "soaking",
        State::RollingBack => "rolling-back",
        State::Closing => "closing",
        State::Ended => "ended",
    }
}

impl<'a> Watch<'a> {
    /// `plan` is empty where no plan is carried out.
    pub(crate) fn new(terminal: &'a Terminal, plan: &str) -> Self {
        Self { terminal, plan: plan.to_owned(), last: None, waits: false }
    }

    /// Tells what is new.
    pub(super) fn look(&mut self, runner: &Runner) {
        let Some(machine) = runner.machine() else {
            if runner.waits_for_canary() && self.last.is_some() && !self.waits {
                self.waits = true;
                self.terminal.step("the first change is alone until it has soaked");
            }
            return;
        };
        let now = (machine.target().row(), machine.state());
        if self.last.as_ref() == Some(&now) {
            return;
        }
        self.waits = false;
        let intent = machine.case().map(|case| case.opened.action.intent.as_str()).unwrap_or_default();
        tracing::info!(event = "change-state", plan = self.plan, intent, unit = now.0, outcome = word(now.1));
        self.terminal.step(&format!("{}: {}", shown(&now.0), words(now.1)));
        self.last = Some(now);
    }

    pub(super) fn sends(&self, signed: &Signed) {
        let order = signed.order();
        let kind = if order.write().write.is_some() { "the change" } else { "what insures the way back" };
        self.terminal.step(&format!("  sends {kind}: {}", super::words::request(order.request())));
    }

    pub(super) fn heard(&self, signed: &Signed, answer: &Answer) {
        let id = match answer.request_id.as_str() {
            "" => String::new(),
            id => format!(" (request {id})"),
        };
        let text = match &answer.heard {
            Heard::Accepted => "accepted, which is not done".to_owned(),
            Heard::Refused(code) => format!("refused, nothing was changed: {code}"),
            Heard::Lost(why) => format!("no answer that can be trusted: {why}"),
        };
        self.terminal.step(&format!("  {text}{id}"));
        let intent = signed.order().write().intent.as_str();
        let (outcome, request_id) =
            (text.split(&[',', ':'][..]).next().unwrap_or_default(), answer.request_id.as_str());
        tracing::info!(event = "change-answered", plan = self.plan, intent, request_id, outcome);
    }

    pub(super) fn store_failed(&self, why: &str) {
        self.terminal.warning(&format!("the store did not do what it was asked, or nobody knows: {why}"));
    }

    pub(super) fn journal_failed(&self, why: &str) {
        self.terminal.warning(&format!("the journal cannot be taken back, and nothing is announced without it: {why}"));
    }
}

/// `target/` says nothing to a reader.
pub(super) fn shown(row: &str) -> &str {
    row.strip_prefix("target/").unwrap_or(row)
}
