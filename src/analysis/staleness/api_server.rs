//! One word for the EIP of an API server: the table of analysis.md 3.4. Nodes never justify a public
//! API server; people, pipelines and other control planes may, and only evidence tells.
//!
//! So do data-plane clusters that use a mesh's API server in public (`UsePublicApiServer`, alibaba-api.md 1.8): no reply
//! tells which do. Their requests are in the audit log like anybody's (rows 1 and 2). Where a mesh lets its clusters come at
//! all, those that have not come yet are a doubt beside this table (`servers::aggregation`).

use crate::model::StalenessVerdict;

/// What the audit log says of clients on the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audit {
    /// Not read, or it holds only the balancer's own addresses (row 16).
    NotAvailable,
    /// Authenticated requests from public sources, the last one so many days ago.
    Used { days_ago: i64, sources: Sources },
    /// The whole window was read, and no authenticated request came from a public source.
    Unused { probed: bool },
}

/// Who the public sources of authenticated requests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sources {
    /// All of them are known consumers that have a private path as well.
    PrivatelyConnected,
    /// All of them are the control planes of one mesh or fleet, which has no private path.
    ControlPlaneWithoutPath,
    Others,
}

/// What is known of traffic at the EIP where there is no audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EipTraffic {
    NotAvailable,
    /// Under 1 kB a day.
    NearZero,
    Present,
}

/// Whether a kubeconfig for the public endpoint was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kubeconfig {
    NotAvailable,
    Within30Days,
    NoneFor180Days,
}

/// What became of the cluster or mesh itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Serving,
    /// Deleted, or failed for 30 days.
    Ended,
    /// Without nodes.
    Hibernated,
}

/// Everything that the table looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub audit: Audit,
    pub eip_traffic: EipTraffic,
    pub kubeconfig: Kubeconfig,
    pub life: Life,
    /// Untrusted internet addresses get in, as far as is known.
    pub residue_public: bool,
    /// Every listener's white list holds private ranges only.
    pub white_list_private_only: bool,
    /// Some white list holds a public source, or could not be read. One that admits everybody names nobody.
    pub acl_names_public_sources: bool,
    /// Listeners other than the API server's are public through the same EIP.
    pub other_use: bool,
    /// The logs cover less than 30 days.
    pub short_window: bool,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The row's number in the document; 0 where none applies.
    pub number: u8,
    pub verdict: StalenessVerdict,
    /// Hundredths.
    pub confidence: u8,
    pub after_migration: bool,
    pub reason: &'static str,
}

/// The row for control planes, which speaks of them as consumers already.
pub(super) const CONTROL_PLANE: u8 = 14;

/// The row for a white list that keeps the internet out: whoever would use the EIP cannot.
pub(super) const NOBODY_GETS_IN: u8 = 13;

/// The row for traffic that nobody can attribute where everybody gets in: it raises the severity.
pub(super) const UNATTRIBUTED: u8 = 8;

const fn row(number: u8, verdict: StalenessVerdict, confidence: u8, reason: &'static str) -> Row {
    Row { number, verdict, confidence, after_migration: false, reason }
}

/// The row that applies. Use that was seen goes before everything else; then what makes the EIP
/// useless whoever used it; then what the absence of use says.
pub(super) fn judge(case: &Case) -> Row {
    let judged = used(case).or_else(|| useless(case)).or_else(|| unused(case)).unwrap_or_else(|| undecided(case));
    if case.short_window && rests_on_logs(judged.number) { capped(judged) } else { judged }
}

fn used(case: &Case) -> Option<Row> {
    use StalenessVerdict::{Required, Stale};
    let Audit::Used { days_ago, sources } = case.audit else { return None };
    Some(match sources {
        Sources::PrivatelyConnected => Row {
            after_migration: true,
            ..row(3, Stale, 80, "its public clients have a private path as well: move them, then detach")
        },
        Sources::ControlPlaneWithoutPath => {
            row(CONTROL_PLANE, Required, 90, "a control plane without a private path uses it")
        }
        Sources::Others if days_ago < 7 => row(1, Required, 95, "authenticated clients on the internet use it"),
        Sources::Others => row(
            2,
            Required,
            80,
            "authenticated clients on the internet used it; review, since the last request is a week old",
        ),
    })
}

fn useless(case: &Case) -> Option<Row> {
    use StalenessVerdict::{Orphaned, Stale};
    if case.life == Life::Ended {
        return Some(row(11, Orphaned, 90, "the cluster is deleted or has failed for 30 days"));
    }
    if case.white_list_private_only {
        return Some(row(
            NOBODY_GETS_IN,
            Stale,
            95,
            "its white list holds private ranges only: nobody on the internet can use it",
        ));
    }
    None
}

fn unused(case: &Case) -> Option<Row> {
    use StalenessVerdict::Stale;
    match case.audit {
        Audit::Unused { .. } if case.other_use => None,
        Audit::Unused { probed: true } => {
            Some(row(5, Stale, 95, "no authenticated client on the internet used it, but it is being probed"))
        }
        Audit::Unused { probed: false } if case.life == Life::Hibernated => {
            Some(row(12, Stale, 85, "the cluster hibernates, and no client on the internet used it"))
        }
        Audit::Unused { probed: false } => Some(row(4, Stale, 95, "no authenticated client on the internet used it")),
        Audit::NotAvailable if case.eip_traffic == EipTraffic::NearZero && !case.other_use => {
            Some(row(6, Stale, 75, "next to no traffic passes the EIP"))
        }
        Audit::NotAvailable | Audit::Used { .. } => None,
    }
}

fn undecided(case: &Case) -> Row {
    use StalenessVerdict::{Required, Unknown};
    match (case.eip_traffic, case.kubeconfig) {
        (EipTraffic::Present, _) if case.residue_public => {
            row(UNATTRIBUTED, Unknown, 40, "traffic passes the EIP, and use cannot be told from scanning")
        }
        (EipTraffic::Present, _) => row(7, Unknown, 40, "traffic passes the EIP, and no log says whose"),
        (EipTraffic::NotAvailable, Kubeconfig::Within30Days) => {
            row(9, Required, 60, "a public kubeconfig was issued within 30 days; review")
        }
        (EipTraffic::NotAvailable, Kubeconfig::NoneFor180Days) if !case.acl_names_public_sources => {
            row(10, Unknown, 50, "no public kubeconfig was issued for 180 days, but no log says who uses it")
        }
        _ if matches!(case.audit, Audit::Unused { .. }) => {
            row(0, Unknown, 40, "no client on the internet used the API server, but other listeners share its EIP")
        }
        _ => row(0, Unknown, 0, "no log says who uses it from the internet"),
    }
}

/// Rows that a window shorter than 30 days weakens.
fn rests_on_logs(number: u8) -> bool {
    matches!(number, 3..=8 | 12 | CONTROL_PLANE)
}

/// Row 15.
fn capped(judged: Row) -> Row {
    let confidence = judged.confidence.min(60);
    match judged.verdict {
        StalenessVerdict::Required => Row { confidence, ..judged },
        _ => Row {
            number: 15,
            confidence,
            after_migration: false,
            verdict: StalenessVerdict::Unknown,
            reason: "the logs cover less than 30 days",
        },
    }
}
