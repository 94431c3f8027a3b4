//! The members of a resource directory, in its two APIs: ResourceManager 2020-03-31 and
//! ResourceDirectoryMaster 2022-04-19.

use serde_json::json;

use super::{Call, Listing, Numbers, Operation, Paging, Tokens};
use crate::sandbox::{host::Product, kind::Kind, reply::ApiError};

pub(super) static MANAGER_OPERATIONS: &[Operation] =
    &[Operation::new(Product::ResourceManager, "ListAccounts", manager_accounts)
        .not_found("EntityNotExists.Account", 404)];

pub(super) static MASTER_OPERATIONS: &[Operation] = &[
    Operation::new(Product::ResourceDirectory, "ListAccounts", master_accounts)
        .not_found("EntityNotExists.Account", 404),
    Operation::new(Product::ResourceDirectory, "GetResourceDirectory", directory),
];

const NUMBERS: Numbers = Numbers::usual(100, 10);

fn manager_accounts(call: &Call<'_>) -> Result<String, ApiError> {
    check_directory(call)?;
    Listing::new(Kind::Member, "Accounts.Account", Paging::Numbers(NUMBERS)).answer(call)
}

fn master_accounts(call: &Call<'_>) -> Result<String, ApiError> {
    check_directory(call)?;
    let tokens = Tokens { has_total: true, ..Tokens::usual(1, 100, 10) };
    Listing::new(Kind::Member, "Accounts.Account", Paging::Both(tokens, NUMBERS)).answer(call)
}

/// The directory of whoever manages one.
fn directory(call: &Call<'_>) -> Result<String, ApiError> {
    check_directory(call)?;
    let id = &call.account.id;
    let reply = json!({
        "RequestId": call.request_id,
        "ResourceDirectory": {
            "ResourceDirectoryId": format!("rd-{id}"), "RootFolderId": format!("r-{id}"), "MasterAccountId": id,
            "MasterAccountName": format!("{id}@example.com"), "IdentityInformation": "", "CreateTime": "2024-01-01T00:00:00Z",
            "ControlPolicyStatus": "Disabled", "MemberDeletionStatus": "Disabled",
            "MemberAccountDisplayNameSyncStatus": "Disabled",
        },
    });
    Ok(reply.to_string())
}

/// Only the account that manages a directory may list its members.
fn check_directory(call: &Call<'_>) -> Result<(), ApiError> {
    if call.account.has_directory {
        return Ok(());
    }
    Err(ApiError::new(
        404,
        "ResourceDirectoryNotInUse",
        "The current account does not belong to any resource directory.",
    ))
}
