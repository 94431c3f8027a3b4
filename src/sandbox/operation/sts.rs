//! STS, version 2015-04-01: who am I, and temporary credentials.

use std::time::Duration;

use serde_json::json;

use super::{Call, Operation};
use crate::sandbox::{host::Product, identity::AssumedRole, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Sts, "GetCallerIdentity", caller_identity),
    Operation::new(Product::Sts, "AssumeRole", assume_role).not_found("EntityNotExist.Role", 404),
    Operation::new(Product::Sts, "AssumeRoleWithOIDC", assume_role_with_oidc)
        .anonymous()
        .not_found("EntityNotExist.Role", 404),
];

fn caller_identity(call: &Call<'_>) -> Result<String, ApiError> {
    let account = &call.account.id;
    let Some(caller) = call.caller else {
        return Err(ApiError::new(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action."));
    };
    let identity = match &caller.role {
        Some(AssumedRole { role, session }) => json!({
            "RequestId": call.request_id, "AccountId": account, "IdentityType": "AssumedRoleUser",
            "Arn": format!("acs:ram::{account}:assumed-role/{role}/{session}"),
            "RoleId": role_id(account, role), "PrincipalId": format!("{}:{session}", role_id(account, role)),
        }),
        None => json!({
            "RequestId": call.request_id, "AccountId": account, "IdentityType": "RAMUser",
            "Arn": format!("acs:ram::{account}:user/{}", caller.access_key_id),
            "UserId": numeric_id(&caller.access_key_id), "PrincipalId": numeric_id(&caller.access_key_id),
        }),
    };
    Ok(identity.to_string())
}

fn assume_role(call: &Call<'_>) -> Result<String, ApiError> {
    check_length(call, "ExternalId", 2, 1224)?;
    check_length(call, "Policy", 1, 2048)?;
    Ok(session(call)?.to_string())
}

fn assume_role_with_oidc(call: &Call<'_>) -> Result<String, ApiError> {
    let provider = call.required("OIDCProviderArn")?;
    call.required("OIDCToken")?;
    check_length(call, "OIDCToken", 4, 20_000)?;
    check_length(call, "Policy", 1, 2048)?;
    let is_provider = provider.strip_prefix("acs:ram::").is_some_and(|rest| rest.contains(":oidc-provider/"));
    if !is_provider {
        return Err(ApiError::new(400, "AuthenticationFail.NoIdentityProvider", "The OIDC provider does not exist."));
    }
    let mut reply = session(call)?;
    reply["OIDCTokenInfo"] = json!({"Issuer": "https://oidc.invalid", "Subject": "system:serviceaccount:default:portcullis", "ClientIds": "sts.aliyuncs.com"});
    Ok(reply.to_string())
}

fn session(call: &Call<'_>) -> Result<serde_json::Value, ApiError> {
    let arn = call.required("RoleArn")?;
    let session = session_name(call)?;
    let seconds = call.number("DurationSeconds", 3600, 900..=43_200)?;
    let (account, role) = arn
        .strip_prefix("acs:ram::")
        .and_then(|rest| rest.split_once(":role/"))
        .ok_or_else(|| ApiError::invalid("RoleArn", "expected acs:ram::<account>:role/<name>"))?;
    let owner = call.identities.account(account).filter(|account| account.roles.iter().any(|name| name == role));
    let owner = owner.ok_or_else(|| call.operation.gone(arn))?;
    let assumed = AssumedRole { role: role.to_owned(), session: session.to_owned() };
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
    let temporary = call.identities.assume(owner, assumed, duration);
    Ok(json!({
        "RequestId": call.request_id,
        "AssumedRoleUser": {
            "Arn": format!("acs:ram::{account}:assumed-role/{role}/{session}"),
            "AssumedRoleId": format!("{}:{session}", role_id(account, role)),
        },
        "Credentials": {
            "AccessKeyId": temporary.access_key_id, "AccessKeySecret": temporary.access_key_secret,
            "SecurityToken": temporary.security_token, "Expiration": temporary.expiration,
        },
    }))
}

/// 2 to 64 letters, digits and `@.-_=`.
fn session_name<'a>(call: &'a Call<'_>) -> Result<&'a str, ApiError> {
    let name = call.required("RoleSessionName")?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_=".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(name);
    }
    Err(ApiError::invalid("RoleSessionName", "expected 2 to 64 letters, digits and @.-_="))
}

fn check_length(call: &Call<'_>, name: &str, least: usize, most: usize) -> Result<(), ApiError> {
    match call.param(name) {
        Some(value) if !(least..=most).contains(&value.chars().count()) => {
            Err(ApiError::invalid(name, &format!("expected {least} to {most} characters")))
        }
        _ => Ok(()),
    }
}

fn role_id(account: &str, role: &str) -> String {
    numeric_id(&format!("{account}/{role}"))
}

/// An id of 18 digits that is always the same for one name.
fn numeric_id(name: &str) -> String {
    let hash = name.bytes().fold(7_u64, |hash, byte| crate::sandbox::page::mix(hash ^ u64::from(byte)));
    format!("3{:017}", hash % 100_000_000_000_000_000)
}
