//! Whose cloud to read: the accounts of a resource directory, picked by id, folder or tag, each behind a role.
//!
//! Nothing of a member is asked here. Its keys are asked for when it is read, so that ten thousand accounts cost a
//! hundred calls to plan, and one whose role cannot be assumed is a gap of its own.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{
    ScanError, account,
    convert::{plain_id, tags},
    permission,
    read::{Failure, Read},
    reader::Reader,
    untrusted,
};
use crate::{
    cloud::{
        api::{
            resource_directory::{self, GET_RESOURCE_DIRECTORY, LIST_ACCOUNTS, Members, ResourceDirectoryReply},
            sts,
            wire::Problems,
        },
        client::{Account, Client},
        credential::{self, Provider, RoleToAssume},
        request::Operation,
    },
    model::{AccountId, Coverage, Gap, RegionId, Unit, UnitState},
};

pub use crate::cloud::api::resource_directory::Site;

/// The code of a gap for a pick that no account of a whole list fits.
pub const NO_SUCH_MEMBER: &str = "no-such-member";

/// Which accounts of a directory to read, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// The role to assume in every account but the caller's own.
    pub role_name: String,
    pub external_id: Option<String>,
    /// The name that the audit trail shows.
    pub session_name: Option<String>,
    /// Empty: every account.
    pub include: Vec<Picked>,
    /// Left out of those.
    pub exclude: Vec<Picked>,
}

impl Organization {
    fn picks(&self) -> impl Iterator<Item = &Picked> {
        self.include.iter().chain(&self.exclude)
    }
}

/// A pick, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    pub pick: Pick,
    /// Counted from 1.
    pub line: usize,
}

/// Which accounts of a directory are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    Account(AccountId),
    /// Everything in a folder and in the folders below it.
    Folder(String),
    /// Everything with this tag; with any value where none is given.
    Tag {
        key: String,
        value: Option<String>,
    },
}

/// A text that picks no account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("is no account id, no folder id and no tag; write `1000000000000002`, `fd-…`, `r-…` or `tag:KEY=VALUE`")]
pub struct BadPick;

impl FromStr for Pick {
    type Err = BadPick;

    fn from_str(text: &str) -> Result<Self, BadPick> {
        if let Some(tag) = text.strip_prefix("tag:") {
            let (key, value) = match tag.split_once('=') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (tag, None),
            };
            return if key.is_empty() { Err(BadPick) } else { Ok(Self::Tag { key: key.to_owned(), value }) };
        }
        if is_account_id(text) {
            return Ok(Self::Account(text.into()));
        }
        let rest = text.strip_prefix("fd-").or_else(|| text.strip_prefix("r-")).ok_or(BadPick)?;
        let is_folder = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_folder { Ok(Self::Folder(text.to_owned())) } else { Err(BadPick) }
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => f.write_str(id.as_str()),
            Self::Folder(id) => f.write_str(id),
            Self::Tag { key, value: Some(value) } => write!(f, "tag:{key}={value}"),
            Self::Tag { key, value: None } => write!(f, "tag:{key}"),
        }
    }
}

/// True for the number of an account, so that it need not be asked whose keys are.
pub fn is_account_id(text: &str) -> bool {
    (8..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Keys that may list a directory, and the site that the directory is at.
#[derive(Clone)]
pub struct Root {
    pub account: Account,
    pub site: Site,
}

/// An account of a directory, and by whose keys it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterAccount {
    pub account_id: AccountId,
    /// The place of its root among those that were given.
    pub root: usize,
    /// True for the root's own account, which no role is assumed for.
    pub is_own: bool,
}

/// The accounts to read, and what is known of those that will not be.
pub struct Roster {
    /// The caller's own first, then by id.
    pub accounts: Vec<RosterAccount>,
    /// What was asked for the list and how it ended, and a unit for every account that is left out.
    pub coverage: Coverage,
    /// Worth a line for a person.
    pub notices: Vec<String>,
}

/// An account of the directory.
struct Member {
    account_id: AccountId,
    /// The folders that it is in, from the root down.
    path: Vec<String>,
    tags: std::collections::BTreeMap<String, String>,
}

impl Member {
    fn is(&self, pick: &Pick) -> bool {
        match pick {
            Pick::Account(id) => self.account_id == *id,
            Pick::Folder(id) => self.path.contains(id),
            Pick::Tag { key, value } => {
                self.tags.get(key).is_some_and(|seen| value.as_ref().is_none_or(|wanted| wanted == seen))
            }
        }
    }
}

/// What one root's directory holds.
struct Directory {
    /// The place of the root.
    root: usize,
    own: AccountId,
    /// The caller's own first, then by id.
    members: Vec<Member>,
    /// False if there may be others.
    whole: bool,
}

/// Lists the accounts of the directories behind `roots`. Where a list cannot be read, the root's own account and those
/// that are included by their number are still read, and the ledger says that there may be others. An account that is
/// left out and `named` elsewhere is no account that is left out.
///
/// # Errors
/// Only where the connection cannot be trusted.
pub async fn roster(
    client: &Client,
    roots: &[Root],
    organization: &Organization,
    named: &BTreeSet<AccountId>,
    cancel: &CancellationToken,
) -> Result<Roster, ScanError> {
    let mut roster = Roster { accounts: Vec::new(), coverage: Coverage::default(), notices: Vec::new() };
    let mut directories = Vec::new();
    for (place, root) in roots.iter().enumerate() {
        directories.push(directory(client, (place, root), organization, &mut roster.coverage, cancel).await?);
    }
    let mut known: BTreeSet<AccountId> = BTreeSet::new();
    for directory in &directories {
        for member in &directory.members {
            if !known.insert(member.account_id.clone()) {
                continue;
            }
            match left_out(member, organization) {
                None => roster.accounts.push(directory.account(&member.account_id)),
                Some(_) if named.contains(&member.account_id) => {}
                Some(why) => roster.coverage.gap(left_out_account(&member.account_id, why)),
            }
        }
    }
    pick_the_unlisted(&directories, organization, &mut roster);
    Ok(roster)
}

async fn directory(
    client: &Client,
    (place, root): (usize, &Root),
    organization: &Organization,
    coverage: &mut Coverage,
    cancel: &CancellationToken,
) -> Result<Directory, ScanError> {
    let reader = Reader::new(client.clone(), root.account.clone(), cancel.child_token());
    let by_folder = organization.picks().any(|it| matches!(it.pick, Pick::Folder(_)));
    let (own, management, members) = match account::caller(&reader).await {
        Ok(caller) => {
            let management = management_account(&reader, root.site).await;
            (caller.account_id, management, members(&reader, root.site, by_folder).await)
        }
        Err(failure) => (root.account.id().into(), Read::nothing(failure.clone()), Read::nothing(failure)),
    };
    if let Some(error) = reader.untrusted() {
        return Err(untrusted(&error));
    }
    let whole = management.failure.is_none() && members.failure.is_none();
    let mut all = vec![Member { account_id: own.clone(), path: Vec::new(), tags: Default::default() }];
    all.extend(record(coverage, &own, &GET_RESOURCE_DIRECTORY, management));
    all.extend(record(coverage, &own, &LIST_ACCOUNTS, members));
    // What the list says of an account counts; the others are only ids.
    all.sort_by(|one, other| one.account_id.cmp(&other.account_id).then_with(|| other.path.len().cmp(&one.path.len())));
    all.dedup_by(|later, earlier| later.account_id == earlier.account_id);
    all.sort_by_key(|member| member.account_id != own);
    Ok(Directory { root: place, own, members: all, whole })
}

/// Enters a central read into the ledger.
fn record<T>(coverage: &mut Coverage, own: &AccountId, operation: &Operation, read: Read<T>) -> T {
    let unit = Unit::new(own, &RegionId::default(), operation.product().name(), operation.action(), "");
    match read.failure {
        Some(failure) => coverage.gap(failure.gap(unit)),
        None => coverage.scanned(unit),
    }
    read.value
}

/// The account that manages the directory; the list of members lacks it.
async fn management_account(reader: &Reader, site: Site) -> Read<Option<Member>> {
    let request = resource_directory::get_resource_directory(site);
    let reply: ResourceDirectoryReply = match reader.one(&request).await {
        Ok(reply) => reply,
        Err(failure) => return Read::nothing(failure),
    };
    let mut problems = Problems::default();
    let directory = reply.resource_directory.read("ResourceDirectory", &mut problems);
    let id = directory.and_then(|it| plain_id(it.master_account_id, "MasterAccountId", &mut problems));
    let member = id.filter(|id| is_account_id(id)).map(|id| Member {
        account_id: id.into(),
        path: Vec::new(),
        tags: Default::default(),
    });
    if member.is_none() && problems.is_empty() {
        problems.note("MasterAccountId", "is no account id");
    }
    let failure = (!problems.is_empty()).then(|| Failure::schema(problems.summary()));
    Read { value: member, failure }
}

/// The member accounts. One that cannot be understood takes nothing from the others.
async fn members(reader: &Reader, site: Site, by_folder: bool) -> Read<Vec<Member>> {
    let request = resource_directory::list_accounts(site);
    let listing = match reader.list::<Members>(&request, resource_directory::PAGING).await {
        Ok(listing) => listing,
        Err(failure) => return Read::nothing(failure),
    };
    let mut problems = listing.head;
    let mut members = Vec::new();
    for item in listing.items {
        let Some(wire) = item.required("Accounts", &mut problems) else { continue };
        let Some(id) = plain_id(wire.account_id, "AccountId", &mut problems) else { continue };
        if !is_account_id(&id) {
            problems.note("AccountId", "is no account id");
            continue;
        }
        let mut path: Vec<String> = wire
            .resource_directory_path
            .text("ResourceDirectoryPath", &mut problems)
            .split('/')
            .filter(|part| part.starts_with("fd-") || part.starts_with("r-"))
            .map(str::to_owned)
            .collect();
        let folder = wire.folder_id.text("FolderId", &mut problems);
        if path.is_empty() && by_folder {
            // Without the folders above its own, nobody knows whether a folder that is picked holds it.
            problems.note("ResourceDirectoryPath", "names no folder");
        }
        if !folder.is_empty() && !path.contains(&folder) {
            path.push(folder);
        }
        members.push(Member { account_id: id.into(), path, tags: tags(wire.tags, "Tags", &mut problems) });
    }
    let failure = (!problems.is_empty()).then(|| Failure::schema(problems.summary()));
    Read { value: members, failure }
}

/// The ledger's entry of an account that is left out on request.
pub fn left_out_account(account_id: &AccountId, why: String) -> Gap {
    Gap {
        unit: whole_account(account_id),
        state: UnitState::Excluded,
        code: "excluded".to_owned(),
        message: why,
        request_id: String::new(),
    }
}

/// The unit that stands for a whole account.
pub fn whole_account(account_id: &AccountId) -> Unit {
    let identity = &sts::GET_CALLER_IDENTITY;
    Unit::new(account_id, &RegionId::default(), identity.product().name(), identity.action(), "")
}

/// Why the account is left out, if it is.
fn left_out(member: &Member, organization: &Organization) -> Option<String> {
    if let Some(it) = organization.exclude.iter().find(|it| member.is(&it.pick)) {
        return Some(format!("left out by `organization.exclude`, line {}: {}", it.line, it.pick));
    }
    let included = organization.include.is_empty() || organization.include.iter().any(|it| member.is(&it.pick));
    (!included).then(|| "left out: nothing in `organization.include` names it".to_owned())
}

/// What picks no account of any directory. An included account that does not exist would look as if it had been read;
/// where a directory was not read whole, it may exist, and its role can be named.
fn pick_the_unlisted(directories: &[Directory], organization: &Organization, roster: &mut Roster) {
    let whole = directories.iter().all(|directory| directory.whole);
    let unused = |it: &&Picked| !directories.iter().flat_map(|it| &it.members).any(|member| member.is(&it.pick));
    for it in organization.include.iter().filter(unused) {
        match (&it.pick, directories.first(), whole) {
            (Pick::Account(id), Some(first), false) => {
                roster.accounts.push(first.account(id));
            }
            (_, Some(first), true) => {
                let (operation, nowhere) = (&LIST_ACCOUNTS, RegionId::default());
                let pick = it.pick.to_string();
                let unit = Unit::new(&first.own, &nowhere, operation.product().name(), operation.action(), &pick);
                let message = format!(
                    "`organization.include`, line {}, names {pick}, and the directory has no such account: correct it or \
                     delete it",
                    it.line
                );
                roster.coverage.gap(Failure::new(NO_SUCH_MEMBER, message).gap(unit));
            }
            // The list that failed is a gap, which says that accounts may be missing.
            _ => {}
        }
    }
    if whole {
        let unused = organization.exclude.iter().filter(unused);
        let lines: BTreeSet<String> = unused
            .map(|it| format!("`organization.exclude`, line {}, leaves nothing out: {}", it.line, it.pick))
            .collect();
        roster.notices.extend(lines);
    }
}

impl Directory {
    fn account(&self, account_id: &AccountId) -> RosterAccount {
        RosterAccount { account_id: account_id.clone(), root: self.root, is_own: *account_id == self.own }
    }
}

/// The root's own account with its own keys, any other behind its role; `None` where its root is not among the given.
pub fn roster_account(
    client: &Client,
    roots: &[Root],
    organization: &Organization,
    account: &RosterAccount,
) -> Option<Account> {
    let root = roots.get(account.root)?;
    let account_id = &account.account_id;
    Some(if account.is_own {
        root.account.with_id(account_id.as_str())
    } else {
        behind_role(client, root, organization, account_id)
    })
}

/// An account behind its role; where even the role cannot be named, its keys fail with the reason.
fn behind_role(client: &Client, root: &Root, organization: &Organization, account_id: &AccountId) -> Account {
    let mut role = RoleToAssume::new(format!("acs:ram::{account_id}:role/{}", organization.role_name));
    role.external_id.clone_from(&organization.external_id);
    role.policy = Some(permission::session_policy());
    if let Some(name) = &organization.session_name {
        role.session_name.clone_from(name);
    }
    let base: Arc<dyn Provider> = Arc::clone(root.account.provider());
    let provider =
        credential::assume_role(client, base, role).unwrap_or_else(|error| Arc::new(credential::Broken::new(error)));
    Account::new(account_id.as_str(), provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_ids_folders_and_tags() {
        for text in ["1000000000000002", "fd-abc123", "r-x1", "tag:env=prod", "tag:env", "tag:a=b=c", "tag:env="] {
            assert_eq!(text.parse::<Pick>().map(|pick| pick.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "12", "prod", "fd-", "fd-a/b", "r-", "tag:", "tag:=x", "1000000000000002 ", "env=prod"] {
            assert_eq!(text.parse::<Pick>(), Err(BadPick), "{text}");
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it_and_a_tag_without_value_every_value() {
        let member = Member {
            account_id: "1000000000000002".into(),
            path: vec!["r-1".to_owned(), "fd-2".to_owned()],
            tags: [("env".to_owned(), "prod".to_owned())].into(),
        };
        let is = |text: &str| member.is(&text.parse().expect("it is a pick"));
        assert!(["1000000000000002", "r-1", "fd-2", "tag:env", "tag:env=prod"].into_iter().all(is));
        assert!(!["1000000000000003", "r-2", "fd-1", "tag:team", "tag:env=", "tag:env=dev"].into_iter().any(is));
    }
}
