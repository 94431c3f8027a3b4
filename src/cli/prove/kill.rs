//! The kill switch: a record of the account in the shared store, and a file on this host. Either turns it on; one that
//! cannot be read is on.

use std::{io, path::Path};

use futures::future::{self, BoxFuture};

use crate::{
    cli::desk::Desk,
    remediate::{Kill, StoreFailed, Target, Unread, account_row, heeding, kill_row},
    store::Record,
};

/// Reads records of the shared store.
pub(crate) trait Records: Send + Sync {
    /// All records of a row, in order.
    fn records<'a>(&'a self, row: &'a str) -> BoxFuture<'a, Result<Vec<Record>, StoreFailed>>;
}

impl Records for Desk {
    fn records<'a>(&'a self, row: &'a str) -> BoxFuture<'a, Result<Vec<Record>, StoreFailed>> {
        let row = row.to_owned();
        Box::pin(async move { self.ask(move |store| store.records(&row)).await.map_err(|_| StoreFailed) })
    }
}

/// Reads both switches.
pub(super) async fn read(records: &dyn Records, target: &Target, file: Option<&Path>) -> Result<Kill, Unread> {
    let row = target.account_row();
    let (account, switch) = future::join(records.records(&row), records.records(&kill_row(&target.account))).await;
    let file = match file {
        Some(path) => is_there(path).await?,
        None => false,
    };
    let silent = |StoreFailed| Unread::Failed("the store did not answer".to_owned());
    let (account, switch) = (account.map_err(silent)?, switch.map_err(silent)?);
    let account = account_row(&account).and_then(|account| heeding(account, &switch));
    let account = account.map_err(|error| Unread::Schema(error.to_string()))?;
    Ok(if file || account.killed() { Kill::On } else { Kill::Off })
}

/// Whatever is in it. Only the certainty that there is none turns it off.
async fn is_there(path: &Path) -> Result<bool, Unread> {
    match tokio::fs::symlink_metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Unread::Failed(format!("{}: {error}", path.display()))),
    }
}
