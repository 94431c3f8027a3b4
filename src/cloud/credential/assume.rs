//! A role, assumed with the keys of another source; that source may be a role itself.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{CredentialError, Credentials, Provider, refresh::Fetch, source::RoleToAssume, sts::TokenService};

/// Fetches keys of a role.
pub(super) struct RoleFetch {
    pub(super) name: String,
    pub(super) service: TokenService,
    pub(super) base: Arc<dyn Provider>,
    pub(super) role: RoleToAssume,
}

impl Fetch for RoleFetch {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.service.assume_role(&self.name, &self.base, &self.role))
    }

    fn name(&self) -> &str {
        &self.name
    }
}
