//! The token service, version 2015-04-01: `AssumeRole` and `GetCallerIdentity`, signed as every other call, and
//! `AssumeRoleWithOIDC`, which is not signed.

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    CredentialError, Credentials, Provider,
    source::{RoleToAssume, failed, printable},
    temporary::{instant, secret},
};
use crate::cloud::{
    api::{sts as api, wire::Problems},
    client::{Account, Client, Reply},
    error::CallError,
    request::{Operation, Product, ReadRequest},
};

const ASSUME_ROLE: Operation = Operation::rpc_query(Product::Sts, "AssumeRole");
/// In a form, so that the service account's token is in no URL.
const ASSUME_ROLE_WITH_OIDC: Operation = Operation::rpc_form(Product::Sts, "AssumeRoleWithOIDC").anonymous();

/// Whose keys these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account's number.
    pub account_id: String,
    /// `acs:ram::…:user/name`, `acs:sts::…:assumed-role/role/session` or `acs:ram::…:root`.
    pub arn: String,
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub identity_type: String,
}

/// Asks who the keys of `account` belong to. Needs no permission.
///
/// # Errors
///
/// The call's failure; a reply without account number is one too.
pub async fn caller_identity(
    client: &Client,
    account: &Account,
    sts_region: &str,
) -> Result<CallerIdentity, CallError> {
    let reply = client.read(account, &ReadRequest::new(api::GET_CALLER_IDENTITY, sts_region)).await?;
    let identity: api::CallerIdentity = reply.parse()?;
    let mut problems = Problems::default();
    let account_id = identity.account_id.text("AccountId", &mut problems);
    let arn = identity.arn.required("Arn", &mut problems).unwrap_or_default();
    let identity_type = identity.identity_type.text("IdentityType", &mut problems);
    if !problems.is_empty() {
        return Err(reply.unlike(problems.summary()));
    }
    if account_id.is_empty() || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(reply.unlike("`AccountId` is no account number"));
    }
    Ok(CallerIdentity { account_id, arn: printable(&arn), identity_type: printable(&identity_type) })
}

/// The token service as the sources of keys use it.
#[derive(Clone)]
pub(super) struct TokenService {
    client: Client,
}

impl TokenService {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Keys of a role, asked for with the keys of `base`.
    pub(super) async fn assume_role(
        &self,
        name: &str,
        base: &Arc<dyn Provider>,
        role: &RoleToAssume,
    ) -> Result<Credentials, CredentialError> {
        let request = role_request(ASSUME_ROLE, role);
        let request = match &role.external_id {
            Some(id) => request.param("ExternalId", id),
            None => request,
        };
        self.keys(name, &Account::new(name, Arc::clone(base)), &request).await
    }

    /// Keys of a role, asked for with the token of a service account.
    pub(super) async fn assume_role_with_oidc(
        &self,
        name: &str,
        provider_arn: &str,
        token: &SecretString,
        role: &RoleToAssume,
    ) -> Result<Credentials, CredentialError> {
        let request = role_request(ASSUME_ROLE_WITH_OIDC, role)
            .param("OIDCProviderArn", provider_arn)
            .param("OIDCToken", token.expose_secret());
        self.keys(name, &Account::new(name, Arc::new(Nobody)), &request).await
    }

    async fn keys(&self, name: &str, account: &Account, request: &ReadRequest) -> Result<Credentials, CredentialError> {
        let reply = self.client.read(account, request).await.map_err(|error| failed(name, error))?;
        read_keys(&reply).map_err(|reason| {
            let action = request.operation().action();
            failed(name, format!("the reply of {action} {reason} (request {})", printable(reply.request_id())))
        })
    }
}

fn role_request(operation: Operation, role: &RoleToAssume) -> ReadRequest {
    let request = ReadRequest::new(operation, &role.sts_region)
        .param("RoleArn", &role.role_arn)
        .param("RoleSessionName", &role.session_name)
        .param("DurationSeconds", role.duration_seconds)
        .resource(&role.role_arn);
    match &role.policy {
        Some(policy) => request.param("Policy", policy),
        None => request,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeysReply {
    credentials: Option<KeysFields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeysFields {
    #[serde(default)]
    access_key_id: String,
    #[serde(default, deserialize_with = "secret")]
    access_key_secret: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    security_token: Option<SecretString>,
    #[serde(default)]
    expiration: String,
}

/// The keys in a reply. The reason reads after "the reply …" and quotes nothing: the body is made of secrets.
fn read_keys(reply: &Reply) -> Result<Credentials, &'static str> {
    let fields = parse::<KeysReply>(reply.body()).ok_or("has a field of an unexpected type")?;
    let fields = fields.credentials.ok_or("has no `Credentials`")?;
    if fields.access_key_id.is_empty() {
        return Err("has no `AccessKeyId`");
    }
    Ok(Credentials {
        access_key_id: fields.access_key_id,
        access_key_secret: fields.access_key_secret.ok_or("has no `AccessKeySecret`")?,
        security_token: Some(fields.security_token.ok_or("has no `SecurityToken`")?),
        expiration: Some(instant(&fields.expiration).ok_or("has no sound `Expiration`")?),
    })
}

/// serde's own message would quote the value it stumbled over.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// Stands in where a call is not signed; nobody asks it for keys.
struct Nobody;

impl Provider for Nobody {
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async { Err(failed("nobody", "this call is not signed")) })
    }

    fn invalidate<'a>(&'a self, _used: &'a Credentials) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        "nobody".to_owned()
    }
}
