//! Keys whose account is known, and stays the same. A token service, a metadata service or a program may hand out keys
//! of another account at the next refresh; a report over two accounts under one name would be wrong about both.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::{CallerIdentity, CredentialError, Credentials, Provider, caller_identity, source::failed};
use crate::cloud::{
    client::{Account, Client},
    error::CallError,
};

/// A provider that has asked whose keys it gives, and asks again for each new pair.
pub struct Session {
    client: Client,
    inner: Arc<dyn Provider>,
    sts_region: String,
    identity: CallerIdentity,
    state: Mutex<State>,
}

struct State {
    /// The pair that was checked last.
    checked: Arc<Credentials>,
    /// The account changed: nothing more is read with these keys.
    switched: Option<CredentialError>,
}

impl Session {
    /// Asks whose keys `provider` gives.
    ///
    /// # Errors
    ///
    /// The failure of `GetCallerIdentity`, or of getting keys.
    pub async fn open(client: &Client, provider: Arc<dyn Provider>, sts_region: &str) -> Result<Self, CallError> {
        let watched = Arc::new(Watched { inner: Arc::clone(&provider), last: Mutex::default() });
        let account = Account::new(&provider.describe(), Arc::clone(&watched) as Arc<dyn Provider>);
        let identity = caller_identity(client, &account, sts_region).await?;
        let checked = watched.last.lock().await.take().expect("a signed call asks for keys");
        Ok(Self {
            client: client.clone(),
            inner: provider,
            sts_region: sts_region.to_owned(),
            identity,
            state: Mutex::new(State { checked, switched: None }),
        })
    }

    /// Whose keys these are.
    pub fn identity(&self) -> &CallerIdentity {
        &self.identity
    }

    /// The account with these keys, named by its number.
    pub fn account(self: &Arc<Self>) -> Account {
        Account::new(&self.identity.account_id, Arc::clone(self) as Arc<dyn Provider>)
    }

    /// The pair, if it is of the same account still.
    async fn checked(&self, keys: Arc<Credentials>) -> Result<Arc<Credentials>, CredentialError> {
        let mut state = self.state.lock().await;
        if let Some(switched) = &state.switched {
            return Err(switched.clone());
        }
        if Arc::ptr_eq(&state.checked, &keys) {
            return Ok(keys);
        }
        let pair = Arc::new(super::StaticProvider::of(self.inner.describe(), Arc::clone(&keys)));
        let account = Account::new(&self.identity.account_id, pair);
        let now = caller_identity(&self.client, &account, &self.sts_region).await;
        let now = now.map_err(|error| {
            failed(self.inner.describe(), format!("cannot tell whose the renewed keys are: {error}"))
        })?;
        if now.account_id != self.identity.account_id {
            let reason = format!(
                "the renewed keys belong to account {}, those before to {}; a scan stays in one account, so nothing more is read",
                now.account_id, self.identity.account_id
            );
            let error = failed(self.inner.describe(), reason);
            state.switched = Some(error.clone());
            return Err(error);
        }
        state.checked = Arc::clone(&keys);
        Ok(keys)
    }
}

/// Remembers the pair with which a call was signed last: the one that `identity` is about.
struct Watched {
    inner: Arc<dyn Provider>,
    last: Mutex<Option<Arc<Credentials>>>,
}

impl Provider for Watched {
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async {
            let keys = self.inner.credentials().await?;
            *self.last.lock().await = Some(Arc::clone(&keys));
            Ok(keys)
        })
    }

    fn invalidate<'a>(&'a self, used: &'a Credentials) -> BoxFuture<'a, ()> {
        self.inner.invalidate(used)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

impl Provider for Session {
    fn lasting(&self, until: DateTime<Utc>) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async move { self.checked(self.inner.lasting(until).await?).await })
    }

    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async { self.checked(self.inner.credentials().await?).await })
    }

    fn invalidate<'a>(&'a self, used: &'a Credentials) -> BoxFuture<'a, ()> {
        self.inner.invalidate(used)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}
