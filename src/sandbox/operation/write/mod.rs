//! What changes something: each looks at the account as it is, refuses as the vendor does, and plans its steps.

pub(super) mod cs;
pub(super) mod servicemesh;
pub(super) mod slb;
pub(super) mod vpc;

use super::{Body, Call};
use crate::sandbox::{binding::Eip, plan::Plan, reply::ApiError};

/// Carries a write out, as far as it can be planned.
pub(super) type CarryOut = fn(&Call<'_>, &mut Plan) -> Result<String, ApiError>;

/// The reply of an operation that says no more than that it was taken.
fn taken(call: &Call<'_>) -> String {
    Body::new(call.request_id).finish()
}

/// What was answered to the same request before, by its client token. The same token with other parameters is refused.
fn answered_before(call: &Call<'_>, token: Option<&str>, parameters: &str) -> Result<Option<String>, ApiError> {
    let key = token.map(|token| format!("{}/{token}", call.operation.action));
    match key.and_then(|key| call.account.tokens.get(&key)) {
        None => Ok(None),
        Some((before, reply)) if before == parameters => Ok(Some(reply.clone())),
        Some(_) => Err(ApiError::new(
            400,
            "IdempotentParameterMismatch",
            "The request uses the same client token as a previous, but non-identical request.",
        )),
    }
}

/// Keeps the answer under the client token.
fn remember(call: &Call<'_>, plan: &mut Plan, token: Option<&str>, parameters: &str, reply: &str) {
    let Some(token) = token else { return };
    let key = format!("{}/{token}", call.operation.action);
    let answer = (parameters.to_owned(), reply.to_owned());
    plan.now(move |draft| {
        draft.account.tokens.insert(key, answer);
    });
}

/// An EIP that could be bound in a region.
fn free_eip(call: &Call<'_>, id: &str, region: &str) -> Result<(), ApiError> {
    let found = Eip::of(call.account, id).filter(|eip| eip.region.is_empty() || eip.region == region);
    let Some(eip) = found else {
        return Err(ApiError::new(404, "InvalidAllocationId.NotFound", format!("The EIP {id} does not exist.")));
    };
    if eip.status != "Available" || eip.is_locked {
        return Err(busy_eip());
    }
    Ok(())
}

fn busy_eip() -> ApiError {
    ApiError::new(400, "IncorrectEipStatus", "Current elastic IP status does not support this operation.")
}

/// A short id that is the same for the same request.
fn id_of(call: &Call<'_>, prefix: &str) -> String {
    let text: String = call.request_id.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    format!("{prefix}{}", text.to_ascii_lowercase())
}
