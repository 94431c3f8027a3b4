//! Automatic mode tells the owner first: a notice a day ahead, remembered in the store; and one right before.

use super::{
    driver::time,
    notices::not_told,
    operator::{self, Over},
    words,
};
use crate::{
    cli::{
        desk::Desk,
        exit::{Exit, Failure, OrExit, fail},
        terminal::Terminal,
    },
    cloud::context::Context,
    notify::{self, Outcome, Reach, Settings},
    remediate::{Action, CloudTime, OwnerTold, Plan, Selection, notice_row, owner_told},
};

/// Whom to tell, and how.
pub(super) struct Owner<'a> {
    pub(super) context: &'a Context,
    pub(super) channels: &'a [Settings],
    pub(super) reach: Reach,
    pub(super) desk: &'a Desk,
    pub(super) terminal: &'a Terminal,
}

impl Owner<'_> {
    /// Tells of what is about to be changed, and remembers who had not been told before: the guards ask for a day between.
    pub(super) async fn tell(&self, plan: &Plan, selection: &Selection, now: CloudTime) -> Result<(), Failure> {
        let picked: Vec<&Action> =
            plan.actions.iter().map(AsRef::as_ref).filter(|action| selection.picks(action)).collect();
        let notice = notify::Notice {
            delivery: uuid::Uuid::now_v7().to_string(),
            title: "changes are coming".to_owned(),
            head: format!(
                "plan {} in account {}: after a day's notice, where every guard agrees",
                plan.id, plan.account
            ),
            lines: picked.iter().map(|action| words::action(action)).collect(),
        };
        let deliveries = notify::announce(self.context, self.channels, &notice, self.reach).await;
        not_told(&deliveries, self.terminal);
        if deliveries.is_empty() || deliveries.iter().any(|delivery| delivery.outcome != Outcome::Sent) {
            return fail(Exit::Stopped, "the owner could not be told, and nothing is changed that nobody heard of");
        }
        for action in picked {
            self.remember(action, now).await?;
        }
        Ok(())
    }

    async fn remember(&self, action: &Action, now: CloudTime) -> Result<(), Failure> {
        let told = OwnerTold { before: action.before(), at: now };
        operator::append(self.desk, &notice_row(&action.target), Over::Cloud(time(now)), |records| {
            let known = owner_told(records, &told.before).or_exit(Exit::Damaged)?;
            // A newer notice makes an older one count for longer, as long as it is about the same.
            Ok(known.is_none_or(|known| now > known).then(|| told.to_row()))
        })
        .await
        .map(|_| ())
    }
}
