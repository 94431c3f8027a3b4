//! ResourceDirectoryMaster 2022-04-19: which accounts a resource directory has. Asked with keys of the management
//! account or of an account that administers the directory for it.

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, List, Object, Tag, object_elements},
};
use crate::cloud::{
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// The directory itself.
pub const GET_RESOURCE_DIRECTORY: Operation = Operation::rpc_query(Product::Resourcedirectory, "GetResourceDirectory");
/// The members. The management account is not among them.
pub const LIST_ACCOUNTS: Operation = Operation::rpc_query(Product::Resourcedirectory, "ListAccounts");

/// How the list is paged. `MaxResults` asks for tokens and has an upper limit of 100.
pub const PAGING: Paging = Paging::next_token(100);

/// Which site of the vendor an account was opened at: each has its own directories, behind its own host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// The mainland's, `resourcedirectory.aliyuncs.com`.
    #[default]
    China,
    /// `resourcedirectory-intl.aliyuncs.com`.
    International,
}

impl Site {
    /// The region by which the vendor's endpoint table tells the sites apart.
    const fn region(self) -> &'static str {
        match self {
            Self::China => "",
            Self::International => "ap-southeast-1",
        }
    }
}

/// Asks for the directory that the caller belongs to.
pub fn get_resource_directory(site: Site) -> ReadRequest {
    ReadRequest::new(GET_RESOURCE_DIRECTORY, site.region())
}

/// Asks for the members with their tags. The page driver adds the token.
pub fn list_accounts(site: Site) -> ReadRequest {
    ReadRequest::new(LIST_ACCOUNTS, site.region()).param("IncludeTags", "true")
}

/// Reply of `GetResourceDirectory`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceDirectoryReply {
    pub resource_directory: Object<ResourceDirectory>,
}

/// A directory.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceDirectory {
    pub resource_directory_id: Field<String>,
    pub master_account_id: Field<String>,
}
object_elements!(ResourceDirectory);

page_of! {
    /// One page of `ListAccounts`.
    Members { accounts: "Accounts" of Member } by account_id, token
}

/// A member account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Member {
    pub account_id: Field<String>,
    pub display_name: Field<String>,
    pub folder_id: Field<String>,
    /// Directory, root folder and folders above it, then the account: `rd-1/r-1/fd-1/1000000000000002`.
    pub resource_directory_path: Field<String>,
    pub tags: List<Tag>,
}
object_elements!(Member);
