//! The token service: who the caller is.

use serde::Deserialize;

use super::wire::Field;
use crate::cloud::request::{Operation, Product, ReadRequest};

/// Needs no permission, and tells the account's id.
pub const GET_CALLER_IDENTITY: Operation = Operation::rpc_query(Product::Sts, "GetCallerIdentity");

/// Asks who the caller is.
pub fn get_caller_identity() -> ReadRequest {
    ReadRequest::new(GET_CALLER_IDENTITY, "")
}

/// Reply of `GetCallerIdentity`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CallerIdentity {
    pub account_id: Field<String>,
    pub arn: Field<String>,
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub identity_type: Field<String>,
}
