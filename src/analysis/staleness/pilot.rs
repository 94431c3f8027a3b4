//! One word for the EIP of a pilot: the fold of analysis.md 3.3 over its consumers, first row that
//! applies.

use crate::model::{Need, StalenessVerdict, Traffic};

/// Below this many hundredths nothing is called stale.
const LEAST_CONFIDENCE: u8 = 70;

/// What the fold looks at beside the consumers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// The EIP that the mesh names does not exist, or the balancer or every listener behind it.
    pub target_gone: bool,
    /// A canary pilot's EIP, and no canary revision is in progress.
    pub canary_without_revision: bool,
    /// The mesh does not run, or is being changed: what is missing may be about to come.
    pub is_changing: bool,
    /// What logs at the endpoint itself say, consumers apart.
    pub strangers: Traffic,
    /// Opinions of the platform that contradict what was found.
    pub contradicted: bool,
}

/// A verdict with its confidence in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    pub verdict: StalenessVerdict,
    pub confidence: u8,
    pub after_migration: bool,
    pub reason: &'static str,
}

const fn word(verdict: StalenessVerdict, confidence: u8, reason: &'static str) -> Fold {
    Fold { verdict, confidence, after_migration: false, reason }
}

/// What is said where something seems to be gone, of a mesh that is being changed.
pub(super) const CHANGING: &str = "the mesh is being changed, so that what is missing may be about to come";

/// Folds the needs of all consumers, each with its confidence. Nothing is orphaned by what a mesh does not have while it
/// is being changed.
pub(super) fn fold(consumers: &[(Need, u8)], at: &Circumstances) -> Fold {
    use StalenessVerdict::{Orphaned, Required, Unknown};
    if !at.is_changing {
        return settled(consumers, at);
    }
    let here = Circumstances { target_gone: false, canary_without_revision: false, ..*at };
    let folded = settled(consumers, &here);
    let seems_gone = at.target_gone || at.canary_without_revision || folded.verdict == Orphaned;
    if seems_gone && folded.verdict != Required { word(Unknown, 0, CHANGING) } else { folded }
}

fn settled(consumers: &[(Need, u8)], at: &Circumstances) -> Fold {
    use StalenessVerdict::{Orphaned, Required, Stale, Unknown};
    if at.target_gone {
        return word(Orphaned, 95, "the EIP, the balancer or the listener that the mesh names is gone");
    }
    if at.canary_without_revision {
        return word(Orphaned, 85, "no canary revision is in progress");
    }
    if let Some(confidence) = greatest(consumers, Need::Needed) {
        return word(Required, confidence, "a data-plane cluster needs the public path");
    }
    if let Some(confidence) = greatest(consumers, Need::Undetermined) {
        return word(Unknown, confidence, "whether a data-plane cluster needs the public path cannot be told");
    }
    let least = consumers.iter().map(|(_, confidence)| *confidence).min();
    let contradiction = if at.contradicted { 10 } else { 0 };
    if consumers.iter().any(|(need, _)| *need == Need::Misrouted) {
        let confidence = least.unwrap_or(80).min(80).saturating_sub(contradiction);
        let reason = "every data-plane cluster has private connectivity, but some still use the public path";
        if confidence < LEAST_CONFIDENCE {
            return word(Unknown, confidence, reason);
        }
        return Fold { verdict: Stale, confidence, after_migration: true, reason };
    }
    if consumers.iter().all(|(need, _)| matches!(need, Need::Gone | Need::Unexpected)) {
        let strangers = at.strangers == Traffic::Seen || consumers.iter().any(|(need, _)| *need == Need::Unexpected);
        let (most, reason) = match (strangers, at.strangers) {
            (true, _) => (90, "no data-plane cluster is left, and somebody else uses it"),
            (false, Traffic::None) => (97, "no data-plane cluster is left"),
            (false, _) => (85, "no data-plane cluster is left"),
        };
        let confidence = if strangers { most } else { least.unwrap_or(most).min(most) };
        return word(Orphaned, confidence, reason);
    }
    let confidence = least.unwrap_or(0).saturating_sub(contradiction);
    if confidence < LEAST_CONFIDENCE {
        return word(
            Unknown,
            confidence,
            "every data-plane cluster seems to have private connectivity, but not surely",
        );
    }
    word(Stale, confidence, "every data-plane cluster has private connectivity")
}

fn greatest(consumers: &[(Need, u8)], of: Need) -> Option<u8> {
    consumers.iter().filter(|(need, _)| *need == of).map(|(_, confidence)| *confidence).max()
}
