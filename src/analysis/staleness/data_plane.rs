//! Whether one data-plane cluster needs the public path of its mesh's pilot: the table of
//! analysis.md 3.2. The compiler checks that no combination is left out.

use crate::model::{Need, Traffic};

/// Whether the cluster API knows the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existence {
    /// Listed by its own API.
    Present,
    /// Its own API was read whole where the cluster should be, and does not know it.
    Gone,
    /// Its own API could not be read there.
    Unreadable,
    /// Registered from outside the cloud, or imported by its kubeconfig.
    Outside,
}

/// The state that the mesh gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Starting,
    Stopped,
    Failed,
    /// None of the words that are documented.
    Other,
}

impl State {
    pub(super) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "running" => Self::Running,
            "starting" => Self::Starting,
            "stopping" | "stopped" => Self::Stopped,
            "failed" => Self::Failed,
            _ => Self::Other,
        }
    }
}

/// What connectivity says, as far as the table tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    SameVpc,
    Route,
    PrivateLink,
    /// There is none: something on the way is missing or down.
    Missing,
    /// A way there and back, and only groups or vSwitch ACLs stand in it.
    FilteredOnly,
    Partial,
    Unknown,
    /// Unknown because the way leaves for a place that no API shows.
    OnPremises,
}

/// One consumer in the terms of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub existence: Existence,
    pub state: State,
    pub path: Path,
    pub traffic: Traffic,
}

/// What a row of the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The row's number in the document; 0 for what it leaves open.
    pub number: u8,
    pub need: Need,
    /// Hundredths.
    pub confidence: u8,
    pub reason: &'static str,
}

const fn row(number: u8, need: Need, confidence: u8, reason: &'static str) -> Row {
    Row { number, need, confidence, reason }
}

/// The row that applies.
pub(super) fn judge(case: Case) -> Row {
    use Existence::{Gone, Outside, Present, Unreadable};
    match case.existence {
        Gone if case.state == State::Starting => announced(case.traffic),
        Gone => gone(case.traffic),
        Outside => outside(case),
        Unreadable if case.traffic == Traffic::Seen => {
            row(27, Need::Needed, 70, "it uses the public path, and the cluster itself cannot be read")
        }
        Unreadable if matches!(case.path, Path::Unknown | Path::OnPremises) => {
            row(28, Need::Undetermined, 30, "neither the cluster nor a path to it can be read")
        }
        Unreadable | Present => by_state(case),
    }
}

/// The same where somebody uses the public path who may be the cluster: nobody knows all of its addresses. What would
/// take the path away is not concluded, since taking it away may cut traffic (analysis.md 0.10).
pub(super) fn perhaps_seen(judged: Row) -> Row {
    match judged.need {
        Need::NotNeeded => Row {
            need: Need::Undetermined,
            confidence: 50,
            reason: "somebody uses the EIP who may be it: not all addresses are known that it leaves by",
            ..judged
        },
        _ => judged,
    }
}

fn gone(traffic: Traffic) -> Row {
    match traffic {
        Traffic::None => row(25, Need::Gone, 95, "the mesh lists it, and the cluster no longer exists"),
        Traffic::NotAvailable => row(25, Need::Gone, 85, "the mesh lists it, and the cluster no longer exists"),
        Traffic::Seen => {
            row(26, Need::Unexpected, 90, "the cluster no longer exists, and its old addresses are in use")
        }
    }
}

/// Its own API may not list yet what is only just being made.
fn announced(traffic: Traffic) -> Row {
    match traffic {
        Traffic::Seen => row(19, Need::Needed, 60, "it is starting, and it uses the public path"),
        Traffic::None | Traffic::NotAvailable => {
            row(19, Need::Undetermined, 50, "it is starting, and its own API does not list it yet")
        }
    }
}

fn outside(case: Case) -> Row {
    match (case.path, case.traffic) {
        (_, Traffic::Seen) => row(29, Need::Needed, 90, "a cluster outside the cloud that uses the public path"),
        (Path::Unknown, Traffic::None) => {
            row(30, Need::Undetermined, 50, "a cluster outside the cloud; its route on premises would decide")
        }
        _ => row(29, Need::Undetermined, 40, "a cluster outside the cloud, whose private path no API shows"),
    }
}

fn by_state(case: Case) -> Row {
    match case.state {
        State::Running => running(case.path, case.traffic),
        State::Starting => starting(case),
        State::Stopped => stopped(case.traffic),
        State::Failed => failed(case.path, case.traffic),
        State::Other => other(case.traffic),
    }
}

#[rustfmt::skip]
fn running(path: Path, traffic: Traffic) -> Row {
    use Need::{Misrouted, Needed, NotNeeded, Undetermined};
    use Path as P;
    use Traffic::{None, NotAvailable as NA, Seen};
    match (path, traffic) {
        (P::SameVpc, None) => row(1, NotNeeded, 97, "same VPC"),
        (P::SameVpc, NA) => row(2, NotNeeded, 85, "same VPC"),
        (P::SameVpc, Seen) => row(3, Misrouted, 80, "same VPC, but its sidecars use the EIP: move them, then detach"),
        (P::Route, None) => row(4, NotNeeded, 95, "a private path both ways"),
        (P::Route, NA) => row(4, NotNeeded, 80, "a private path both ways"),
        (P::Route, Seen) => row(5, Misrouted, 80, "a private path both ways, but its sidecars use the EIP: move them, then detach"),
        (P::PrivateLink, None) => row(6, NotNeeded, 95, "connected by PrivateLink"),
        (P::PrivateLink, NA) => row(6, NotNeeded, 80, "connected by PrivateLink"),
        (P::PrivateLink, Seen) => row(7, Misrouted, 80, "connected by PrivateLink, but its sidecars use the EIP: move them, then detach"),
        (P::Missing, Seen) => row(8, Needed, 97, "no private path, and it uses the EIP"),
        (P::Missing, NA) => row(9, Needed, 80, "no private path"),
        (P::Missing, None) => row(10, Needed, 50, "no private path, and it is silent: probably disconnected"),
        (P::FilteredOnly, Seen) => row(11, Needed, 90, "only a security group or ACL blocks the private path: opening the private port removes the need"),
        (P::FilteredOnly, None | NA) => row(12, Undetermined, 50, "only a security group or ACL blocks the private path: opening the private port removes the need"),
        (P::Partial, Seen) => row(14, Needed, 85, "only part of it has a private path, and it uses the EIP"),
        (P::Partial, None | NA) => row(15, Undetermined, 40, "only part of it has a private path"),
        (P::Unknown | P::OnPremises, Seen) => row(16, Needed, 80, "it uses the EIP, and its private path cannot be told"),
        (P::Unknown | P::OnPremises, None) => row(17, Undetermined, 50, "its private path cannot be told; it is not in the logs"),
        (P::Unknown | P::OnPremises, NA) => row(18, Undetermined, 30, "its private path cannot be told"),
    }
}

fn starting(case: Case) -> Row {
    let as_running = running(case.path, case.traffic);
    let confidence = as_running.confidence.saturating_sub(20);
    match as_running.need {
        Need::NotNeeded => row(19, Need::Undetermined, confidence, "it is starting: not settled yet"),
        need => Row { number: 19, need, confidence, ..as_running },
    }
}

fn stopped(traffic: Traffic) -> Row {
    match traffic {
        Traffic::None => row(20, Need::Gone, 80, "stopped, and not in the logs"),
        Traffic::NotAvailable => row(21, Need::Undetermined, 50, "stopped; no log says whether it is used"),
        Traffic::Seen => row(22, Need::Needed, 60, "stopped, and yet it uses the EIP"),
    }
}

fn failed(path: Path, traffic: Traffic) -> Row {
    match (path, traffic) {
        (Path::SameVpc | Path::Route | Path::PrivateLink, Traffic::None) => {
            row(23, Need::NotNeeded, 80, "failed, and a private path exists")
        }
        (Path::SameVpc | Path::Route | Path::PrivateLink, Traffic::NotAvailable) => {
            row(23, Need::NotNeeded, 70, "failed, and a private path exists")
        }
        _ => row(24, Need::Undetermined, 40, "failed: the lack of a path may be why"),
    }
}

/// The document has no row for a word that the vendor does not document: nothing is concluded from
/// it that would take a path away.
fn other(traffic: Traffic) -> Row {
    match traffic {
        Traffic::Seen => row(0, Need::Needed, 60, "in an unknown state, and it uses the EIP"),
        Traffic::None | Traffic::NotAvailable => row(0, Need::Undetermined, 30, "in a state that nobody documents"),
    }
}
