//! One account's way to the cloud for the length of a scan: calls that end when the scan is
//! interrupted, and failures in the ledger's words.

use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::read::Failure;
use crate::cloud::{
    client::{Account, Client},
    error::{CallError, Class},
    log::{self, Rows},
    page::{self, Listing, Page, Paging},
    request::ReadRequest,
};

/// Reads for one account.
pub(super) struct Reader {
    client: Client,
    account: Account,
    cancel: CancellationToken,
    /// The first certificate that could not be trusted: it ends the scan.
    untrusted: Mutex<Option<CallError>>,
}

impl Reader {
    /// A reader that stops when `cancel` is triggered, and triggers it where nothing on the path to
    /// the cloud can be trusted.
    pub(super) fn new(client: Client, account: Account, cancel: CancellationToken) -> Self {
        Self { client, account, cancel, untrusted: Mutex::new(None) }
    }

    /// One call and its reply as a type.
    pub(super) async fn one<T: DeserializeOwned>(&self, request: &ReadRequest) -> Result<T, Failure> {
        let call = async { self.client.read(&self.account, request).await?.parse() };
        self.until_cancelled(request, call).await
    }

    /// All pages of a list.
    pub(super) async fn list<P: Page>(&self, request: &ReadRequest, paging: Paging) -> Result<Listing<P>, Failure> {
        self.until_cancelled(request, page::read(&self.client, &self.account, request, paging)).await
    }

    /// All rows of a query of the log service.
    pub(super) async fn rows<T: DeserializeOwned>(&self, request: &ReadRequest) -> Result<Rows<T>, Failure> {
        self.until_cancelled(request, log::read(&self.client, &self.account, request)).await
    }

    /// The certificate problem that ended the scan, if one did.
    pub(super) fn untrusted(&self) -> Option<CallError> {
        self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn until_cancelled<T>(
        &self,
        request: &ReadRequest,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, Failure> {
        let result = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Failure::interrupted()),
            result = call => result,
        };
        result.map_err(|error| {
            if error.class == Class::Tls {
                self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
                self.cancel.cancel();
            }
            if request.resource_id().is_empty() { Failure::of_list(&error) } else { Failure::of_resource(&error) }
        })
    }
}
