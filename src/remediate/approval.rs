//! Who approved a plan: detached signatures over its bytes, counted by people and not by files.

use std::collections::BTreeSet;

use super::{Document, Planner, document::PAYLOAD_TYPE};
use crate::seal::{Detached, PublicKey};

/// Somebody who may approve changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    pub name: String,
    pub public_key: PublicKey,
    /// As whom the cloud knows this person, so that a plan made with it is recognised.
    pub arn: Option<String>,
}

impl Approver {
    /// Nobody approves what they planned.
    pub fn planned(&self, planner: &Planner) -> bool {
        let folded = |text: &str| text.trim().to_lowercase();
        folded(&self.name) == folded(&planner.name) || self.arn.as_ref().is_some_and(|arn| *arn == planner.arn)
    }
}

/// How many approvals plans need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    pub any: u32,
    /// Where an action is in one of these environments.
    pub production: u32,
    pub production_environments: BTreeSet<String>,
}

impl Needed {
    /// By this plan.
    pub fn by(&self, document: &Document) -> u32 {
        let is_production =
            document.actions.iter().any(|planned| self.production_environments.contains(&planned.action.environment));
        if is_production { self.any.max(self.production) } else { self.any }
    }
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// As it was handed over, for messages.
    pub file: String,
    /// Who it counts for, or why it does not count.
    pub counts: Result<String, String>,
}

/// What signatures are worth to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Votes {
    pub needed: u32,
    /// In the order of the files.
    pub votes: Vec<Vote>,
}

impl Votes {
    /// Counts the signatures over exactly these bytes. The plan is the one that was read from them.
    pub fn count(
        bytes: &[u8],
        document: &Document,
        signatures: &[(String, Vec<u8>)],
        approvers: &[Approver],
        needed: &Needed,
    ) -> Self {
        let keys: Vec<PublicKey> = approvers.iter().map(|approver| approver.public_key).collect();
        let mut seen = BTreeSet::new();
        let mut votes = Vec::new();
        for (file, signature) in signatures {
            let signed = Detached::read(signature)
                .and_then(|detached| detached.signer(PAYLOAD_TYPE, bytes, &keys).copied())
                .map_err(|error| error.to_string());
            let counts = signed.and_then(|key| {
                let Some(approver) = approvers.iter().find(|approver| approver.public_key == key) else {
                    return Err("nobody who may approve has its key".to_owned());
                };
                if approver.planned(&document.planner) {
                    return Err(format!("{} made the plan, and nobody approves their own", approver.name));
                }
                if !seen.insert(approver.name.trim().to_lowercase()) {
                    return Err(format!("{} has approved it already, and counts once", approver.name));
                }
                Ok(approver.name.clone())
            });
            votes.push(Vote { file: file.clone(), counts });
        }
        Self { needed: needed.by(document), votes }
    }

    /// How many people approved it.
    pub fn valid(&self) -> u32 {
        u32::try_from(self.votes.iter().filter(|vote| vote.counts.is_ok()).count()).unwrap_or(u32::MAX)
    }

    pub fn is_enough(&self) -> bool {
        self.valid() >= self.needed
    }
}

#[cfg(test)]
mod tests;
