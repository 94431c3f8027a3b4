//! A role for the token of a Kubernetes service account (RRSA). The token is rotated in its file, which is
//! therefore read again at each refresh. `AssumeRoleWithOIDC` is not signed.

use futures::future::BoxFuture;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    CredentialError, Credentials,
    refresh::Fetch,
    source::{Look, OidcRole, RoleToAssume, Source, failed, variable},
    sts::TokenService,
};
use crate::cloud::context::Context;

const ROLE: &str = "ALIBABA_CLOUD_ROLE_ARN";
const PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
const SESSION: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
/// What STS accepts as a token; anything else is some other file.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 4..=20_000;

/// Looks for the three variables that a cluster injects into a pod with RRSA.
pub(super) fn look(context: &Context) -> Result<Look, CredentialError> {
    let [role, provider, file] = [ROLE, PROVIDER, TOKEN_FILE].map(|name| variable(context, name));
    if provider.is_none() && file.is_none() {
        return Ok(Look::Absent(format!("OIDC: {PROVIDER} and {TOKEN_FILE} are not set")));
    }
    let name = "OIDC (environment)";
    let missing = |variable: &str| {
        failed(name, format!("{variable} is not set; {ROLE}, {PROVIDER} and {TOKEN_FILE} belong together"))
    };
    let mut to_assume = RoleToAssume::new(role.ok_or_else(|| missing(ROLE))?);
    to_assume.sts_region = sts_region(context);
    if let Some(session) = variable(context, SESSION) {
        to_assume.session_name = session;
    }
    to_assume.check().map_err(|reason| failed(name, reason))?;
    let source = Source::Oidc(OidcRole {
        provider_arn: provider.ok_or_else(|| missing(PROVIDER))?,
        token_file: file.ok_or_else(|| missing(TOKEN_FILE))?.into(),
        role: to_assume,
    });
    Ok(Look::Found { name: name.to_owned(), source })
}

/// Whose token service to ask; empty for the central one.
pub(super) fn sts_region(context: &Context) -> String {
    variable(context, "ALIBABA_CLOUD_STS_REGION").unwrap_or_default()
}

/// Fetches keys for a service account's token.
pub(super) struct OidcFetch {
    pub(super) name: String,
    pub(super) context: Context,
    pub(super) service: TokenService,
    pub(super) oidc: OidcRole,
}

impl OidcFetch {
    fn token(&self) -> Result<SecretString, CredentialError> {
        let file = self.oidc.token_file.display();
        let bytes = self.context.files.read(&self.oidc.token_file);
        let bytes = Zeroizing::new(
            bytes.map_err(|error| failed(&self.name, format!("cannot read the token file {file}: {error}")))?,
        );
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        if !TOKEN_LENGTH.contains(&text.len()) || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(failed(&self.name, format!("the token file {file} holds no token; is it still mounted?")));
        }
        Ok(text.to_owned().into())
    }
}

impl Fetch for OidcFetch {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let token = self.token()?;
            self.service.assume_role_with_oidc(&self.name, &self.oidc.provider_arn, &token, &self.oidc.role).await
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}
