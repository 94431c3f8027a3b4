//! Actions, requests and ends in words: for people, and as JSON.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{driver::time, watch::shown};
use crate::{
    cli::exit::Exit,
    remediate::{
        AclKind, AclSetting, Action, Change, CloudTime, End, Endpoint, Flag, Outcome, Request, Stopped, StoppedBy,
        Target,
        guard::{Guard, Refusal},
    },
};

/// `istio-pilot of mesh c08…`.
pub(super) fn target(target: &Target) -> String {
    match &target.endpoint {
        Endpoint::Pilot(mesh) => format!("istio-pilot of mesh {mesh}"),
        Endpoint::CanaryPilot(mesh) => format!("istio-pilot-canary of mesh {mesh}"),
        Endpoint::MeshApiServer(mesh) => format!("API server of mesh {mesh}"),
        Endpoint::ClusterApiServer(cluster) => format!("API server of cluster {cluster}"),
    }
}

/// One line that says what an action changes.
pub(super) fn action(action: &Action) -> String {
    let what = match &action.change {
        Change::Unbind { eip, address } => format!("unbind {eip} ({address})"),
        Change::Fence { port, entries, .. } => {
            format!("fence port {port} of {} with {} entries", action.load_balancer, entries.len())
        }
    };
    format!("{}: {what}", target(&action.target))
}

/// A request in one line.
pub(super) fn request(request: &Request) -> String {
    match request {
        Request::Unbind { endpoint } => format!("unbind the EIP of {}", endpoint.owner()),
        Request::Bind { endpoint, eip } => format!("bind {eip} to {}", endpoint.owner()),
        Request::SetListenerAcl { load_balancer, port, setting } => {
            format!("set the access control of {load_balancer} port {port} to {}", acl(setting))
        }
        Request::Protect { eip, on: true } => format!("turn deletion protection of {eip} on"),
        Request::Protect { eip, on: false } => format!("turn deletion protection of {eip} off"),
        Request::Tag { eip, plan: Some(plan) } => format!("tag {eip} with plan {plan}"),
        Request::Tag { eip, plan: None } => format!("take the plan's tag off {eip}"),
        Request::CreateAcl { name } => format!("create the ACL {name}"),
        Request::AddAclEntries { acl, entries } => format!("add {} entries to {acl}", entries.len()),
        Request::DeleteAcl { acl } => format!("delete {acl}"),
    }
}

fn acl(setting: &AclSetting) -> String {
    if !setting.on {
        return "off".to_owned();
    }
    let kind = match setting.kind {
        AclKind::White => "white list",
        AclKind::Black => "black list",
    };
    let ids: Vec<&str> = setting.ids.iter().map(|id| id.as_str()).collect();
    format!("{kind} {}", ids.join(", "))
}

pub(super) fn at(time_of: CloudTime) -> String {
    time(time_of).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn flag(flag: &Flag) -> String {
    match flag {
        Flag::Race(what) => format!("somebody else was at it: {what}"),
        Flag::NoWayBack(why) => format!("the way back is barred: {why}"),
        Flag::EipGone(eip) => {
            format!("{eip} was released: it cannot be bound again, and its address does not come back")
        }
        Flag::Uncertain(why) => format!("uncertain: {why}"),
        Flag::Unattributed => "the audit trail could not be read, so that a race cannot be ruled out".to_owned(),
    }
}

/// What a person has to look at, each in one line.
pub(super) fn flags<'a>(all: impl IntoIterator<Item = &'a Flag>) -> Vec<String> {
    all.into_iter().map(flag).collect()
}

pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Mitigated => "mitigated",
        Outcome::RolledBack => "rolled-back",
        Outcome::NotExecuted => "not-executed",
        Outcome::Gone => "gone",
        Outcome::Reopened => "reopened",
        Outcome::Attention => "attention",
    }
}

/// A word for how something ended.
pub(super) fn end_word(end: &End) -> &'static str {
    match end {
        End::Skipped(_) => "skipped",
        End::Soaking { .. } => "soaking",
        End::WayBackRefused { .. } => "way-back-refused",
        End::NotClearedUp { .. } => "not-cleared-up",
        End::NotStarted(_) => "not-started",
        End::Closed(how) | End::Before(how) => outcome(how),
        End::Blocked => "blocked",
        End::LockHeld => "lock-held",
        End::LeaseLost => "lease-lost",
        End::Nothing => "nothing",
        End::Stopped(_) => "stopped",
    }
}

/// How something ended, in full, the first line without a break.
pub(super) fn end(end: &End) -> Vec<String> {
    match end {
        End::Skipped(refusals) => {
            let mut lines = vec!["not changed: a guard refuses".to_owned()];
            lines.extend(refusals.iter().map(|refusal| format!("  {refusal}")));
            lines
        }
        End::Soaking { since, due, .. } => {
            vec![format!("done {} and verified; soaking, the next check is due {}", at(*since), at(*due))]
        }
        End::WayBackRefused { why, due, .. } => vec![format!(
            "ATTENTION: somebody may be cut off, and the way back is refused: {why}; it stays open, and `portcullis verify \
             --due` tries again from {} on",
            at(*due)
        )],
        End::NotClearedUp { outcome, left, why, refusals, .. } => {
            let mut lines = vec![format!(
                "{}; but not everything of ours is cleared up: {why}. It stays open: `portcullis verify --due` clears it up",
                closed(outcome)
            )];
            lines.extend(left.iter().map(|request| format!("  is left: {}", left_behind(request))));
            lines.extend(refusals.iter().map(|refusal| format!("  {refusal}")));
            lines
        }
        End::Closed(how) => vec![closed(how)],
        End::Before(how) => vec![format!("it had ended before: {}", outcome(how))],
        End::Blocked => {
            vec!["something needs attention that nobody has acknowledged: `portcullis journal ack`".to_owned()]
        }
        End::LockHeld => vec!["the lock is held by another, or the store does not answer".to_owned()],
        End::LeaseLost => vec!["the lease was lost: somebody else carries on".to_owned()],
        End::Nothing => vec!["nothing was open".to_owned()],
        End::NotStarted(why) => vec![format!("not started: {why}")],
        End::Stopped(stopped) => vec![format!("it cannot go on: {}", stopped.why)],
    }
}

/// What a request would take away.
fn left_behind(request: &Request) -> String {
    match request {
        Request::Protect { eip, .. } => format!("deletion protection of {eip}"),
        Request::Tag { eip, .. } => format!("the plan's tag on {eip}"),
        Request::DeleteAcl { acl } => format!("the ACL {acl}"),
        other => self::request(other),
    }
}

fn closed(how: &Outcome) -> String {
    match how {
        Outcome::Mitigated => "mitigated: done, verified, soaked, and nobody else's doing",
        Outcome::RolledBack => "rolled back, and verified",
        Outcome::NotExecuted => "not executed: nothing was changed",
        Outcome::Gone => "the endpoint is gone",
        Outcome::Reopened => "reopened: somebody opened it again, and it is not tried again",
        Outcome::Attention => "ATTENTION: a person is needed now; `portcullis journal show` tells what happened",
    }
    .to_owned()
}

/// One end as JSON.
pub(super) fn end_json(row: &str, end: &End) -> Value {
    let mut value = json!({"target": shown(row), "end": end_word(end)});
    match end {
        End::Skipped(refusals) => {
            let refusal = |refusal: &Refusal| json!({"guard": refusal.guard.to_string(), "why": refusal.why, "until": refusal.until, "passing": refusal.passing});
            value["refusals"] = refusals.iter().map(refusal).collect();
        }
        End::Soaking { intent, since, due } => {
            value["intent"] = json!(intent);
            value["since"] = json!(at(*since));
            value["due"] = json!(at(*due));
        }
        End::NotClearedUp { intent, outcome: how, left, why, .. } => {
            value["intent"] = json!(intent);
            value["outcome"] = json!(outcome(how));
            value["why"] = json!(why);
            value["left"] = left.iter().map(left_behind).collect();
        }
        End::WayBackRefused { intent, why, due } => {
            value["intent"] = json!(intent);
            value["why"] = json!(why);
            value["due"] = json!(at(*due));
        }
        End::NotStarted(why) => value["why"] = json!(why),
        End::Stopped(stopped) => value["why"] = json!(stopped.why),
        _ => {}
    }
    value
}

/// The code that an end deserves. What refuses the plan itself is told apart from what stops a good one.
pub(super) fn exit_of(end: &End, breaker_open: bool) -> Exit {
    match end {
        End::Closed(Outcome::Attention)
        | End::Before(Outcome::Attention)
        | End::Blocked
        | End::WayBackRefused { .. } => Exit::Attention,
        End::Stopped(Stopped { by: StoppedBy::Clock, .. }) => Exit::Identity,
        End::Stopped(Stopped { by: StoppedBy::Damage, .. }) => Exit::Damaged,
        End::Stopped(Stopped { by: StoppedBy::Itself, .. }) => Exit::Internal,
        End::Closed(Outcome::RolledBack) | End::Before(Outcome::RolledBack) => Exit::RolledBack,
        End::Skipped(refusals) if !refusals.is_empty() && refusals.iter().all(|no| is_of_plan(no, breaker_open)) => {
            Exit::Refused
        }
        End::NotClearedUp { outcome: Outcome::RolledBack, .. } => Exit::RolledBack,
        End::Skipped(_)
        | End::NotStarted(_)
        | End::NotClearedUp { .. }
        | End::Closed(Outcome::NotExecuted | Outcome::Reopened | Outcome::Gone)
        | End::Before(Outcome::NotExecuted | Outcome::Reopened | Outcome::Gone) => Exit::Stopped,
        End::LockHeld | End::LeaseLost => Exit::Locked,
        End::Soaking { .. } | End::Closed(Outcome::Mitigated) | End::Before(Outcome::Mitigated) | End::Nothing => {
            Exit::Clean
        }
    }
}

/// Expired, drifted, not approved, out of window, over budget.
fn is_of_plan(refusal: &Refusal, breaker_open: bool) -> bool {
    match refusal.guard {
        Guard::G1 | Guard::G3 | Guard::G7 | Guard::G9 => true,
        // Another set of clusters or another change is another case; that something is under way is no matter of the plan.
        Guard::G4 | Guard::G5 => refusal.needs_new_plan(),
        Guard::G8 => !breaker_open,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    //! What keeps a machine from going on is told apart: what could not be read, what is damaged, and what is wrong.

    use super::*;

    #[test]
    fn each_stop_has_its_own_code() {
        for (by, code) in [(StoppedBy::Clock, 5), (StoppedBy::Damage, 12), (StoppedBy::Itself, 70)] {
            let end = End::Stopped(Stopped { by, why: "x".to_owned() });
            assert_eq!(exit_of(&end, false).code(), code, "{by:?}");
        }
    }
}
