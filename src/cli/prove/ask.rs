//! One way to the cloud for everything that is read here: calls of one account that end in time, and failures in the
//! words of remediation.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{
    cloud::{
        api::wire::Problems,
        client::{Account, Client, Reply},
        error::{CallError, Class},
        page::{self, Listing, Page, Paging},
        request::ReadRequest,
    },
    remediate::Unread,
};

/// Asks for one account.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) client: &'a Client,
    pub(super) account: &'a Account,
    /// How long a call may take, with all its repetitions.
    pub(super) deadline: Duration,
}

impl Ask<'_> {
    /// One call and its reply.
    pub(super) async fn reply(&self, request: &ReadRequest) -> Result<Reply, Unread> {
        self.in_time(self.client.read(self.account, request)).await
    }

    /// One call and its reply as a type.
    pub(super) async fn one<T: DeserializeOwned>(&self, request: &ReadRequest) -> Result<T, Unread> {
        let call = async { self.client.read(self.account, request).await?.parse() };
        self.in_time(call).await
    }

    /// All pages of a list.
    pub(super) async fn list<P: Page>(&self, request: &ReadRequest, paging: Paging) -> Result<Listing<P>, Unread> {
        self.in_time(page::read(self.client, self.account, request, paging)).await
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, Unread> {
        let limit = self.client.context().clock.sleep(self.deadline);
        tokio::select! {
            biased;
            answer = call => answer.map_err(|error| unread(&error)),
            () = limit => Err(Unread::Failed("no answer in time".to_owned())),
        }
    }
}

/// What a failed call means. Only the documented code for *there is no such thing* means that there is none.
pub(super) fn unread(error: &CallError) -> Unread {
    match error.class {
        Class::Throttled => Unread::Throttled,
        Class::Denied => Unread::Denied,
        Class::NotFound => Unread::NotFound,
        Class::Schema => Unread::Schema(error.reason.clone()),
        _ => Unread::Failed(error.to_string()),
    }
}

/// Hands a value on if nothing was wrong with the reply that it is from.
pub(super) fn sound<T>(value: Option<T>, problems: &Problems) -> Result<T, Unread> {
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Unread::Schema(problems.summary())),
    }
}
