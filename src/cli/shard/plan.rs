//! What the shards of a run must agree on: laid down in the store by the one that comes first.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    cli::{
        args::CloudArgs,
        connect::{self, Connection, Keys, Places},
        evidence,
        exit::{Exit, Failure, fail},
        pipeline::Kept,
    },
    cloud::credential,
    config::Config,
    model::{AccountId, Coverage},
    scan::{self, Picked},
    store::SharedRun,
};

/// The version of the plan that this program writes, and the only one it reads.
pub(super) const VERSION: u32 = 2;

/// For so long shards may join a run: what is read together should be of one time, and a name that is used again the
/// next night is no part of the night before.
const OPEN_FOR: TimeDelta = TimeDelta::hours(12);

/// Compression level: the list of ten thousand accounts is one megabyte of digits.
const COMPRESSION: i32 = 3;

/// The plan of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    tool_version: String,
    pub(super) shards: u32,
    /// The time of the whole run, whichever shard read what when.
    pub(super) taken_at: DateTime<Utc>,
    /// Digest of everything in the settings that decides what is read.
    reading: String,
    /// Digest of the settings that whoever merges needs too.
    consumers: String,
    /// The simulated cloud is read.
    pub(crate) is_simulated: bool,
    pub(super) regions: Vec<String>,
    pub(super) evidence: Option<evidence::Plan>,
    /// How listing the accounts ended.
    pub(super) listed: Coverage,
    /// In the order of the scan.
    pub(super) accounts: Vec<PlannedAccount>,
    /// Sent until here.
    pub(super) api_calls: u64,
    pub(super) retries: u64,
    /// Of the replies to them.
    pub(super) kept: Kept,
}

/// An account, and every key that leads into it, in the order of the scan.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedAccount {
    /// Its number; a name where the cloud did not tell it.
    pub(super) account_id: AccountId,
    /// Each with its place in the list of all accounts.
    pub(super) keys: Vec<(usize, Keys)>,
}

/// What one process says of the run that it wants to be part of.
pub(super) struct Terms {
    shards: u32,
    reading: String,
    consumers: String,
    is_simulated: bool,
    regions: Vec<String>,
    evidence: Option<evidence::Plan>,
}

impl Terms {
    pub(super) fn of(shards: u32, cloud: &CloudArgs, config: &Config, evidence: Option<evidence::Plan>) -> Self {
        Self {
            shards,
            reading: digest(&reading(cloud, config, evidence)),
            consumers: consumers(config),
            is_simulated: cloud.sandbox.is_some(),
            regions: config.regions.clone(),
            evidence,
        }
    }

    /// Refuses a run that other processes read in another way, that is over, or that is of another time.
    pub(super) fn agree(&self, run: &SharedRun, now: DateTime<Utc>) -> Result<Plan, Failure> {
        let plan = Plan::of(run)?;
        let name = &run.name;
        if now - plan.taken_at > OPEN_FOR {
            return fail(
                Exit::Usage,
                format!(
                    "the run {name} began at {}, and after {} hours nobody joins a run any more: give every run a name \
                     of its own",
                    time(plan.taken_at),
                    OPEN_FOR.num_hours()
                ),
            );
        }
        if plan.shards != self.shards {
            return fail(
                Exit::Usage,
                format!(
                    "the run {name} was begun with {} shards, not {}: give every run a name of its own, and all of its \
                     shards the same number",
                    plan.shards, self.shards
                ),
            );
        }
        if plan.reading != self.reading {
            return fail(
                Exit::Usage,
                format!(
                    "the run {name} was begun with other accounts, regions, consumers, endpoints or evidence: give every \
                     run a name of its own, and all of its shards the same configuration and options"
                ),
            );
        }
        Ok(plan)
    }

    /// Lists the accounts, and asks those whose number nobody knows for it.
    pub(super) async fn plan(&self, connection: &Connection, only: &[String]) -> Result<Plan, Failure> {
        let mut accounts: Vec<PlannedAccount> = Vec::new();
        let mut places: BTreeMap<AccountId, usize> = BTreeMap::new();
        let Places { kept, left_out } = connect::places(connection, only).await?;
        for place in kept {
            let (Some(account), Some(keys)) = (connection.accounts.get(place), connection.keys.get(place)) else {
                continue;
            };
            let known = scan::is_account_id(account.id());
            let told =
                if known { None } else { credential::caller_identity(&connection.client, account, "").await.ok() };
            // Without a number its part goes by the name of its keys, and says why.
            let account_id = told.map_or_else(|| account.id().into(), |caller| AccountId::from(caller.account_id));
            let at = *places.entry(account_id.clone()).or_insert_with(|| {
                accounts.push(PlannedAccount { account_id, keys: Vec::new() });
                accounts.len() - 1
            });
            if let Some(planned) = accounts.get_mut(at) {
                planned.keys.push((place, keys.clone()));
            }
        }
        let mut listed = connection.listed.clone();
        listed.merge(left_out);
        let stats = connection.client.stats();
        Ok(Plan {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            shards: self.shards,
            taken_at: Utc::now().trunc_subsecs(3),
            reading: self.reading.clone(),
            consumers: self.consumers.clone(),
            is_simulated: self.is_simulated,
            regions: self.regions.clone(),
            evidence: self.evidence,
            listed,
            accounts,
            api_calls: stats.api_calls,
            retries: stats.retries,
            kept: connect::take_kept(&connection.client),
        })
    }
}

impl Plan {
    pub(super) fn write(&self) -> anyhow::Result<Vec<u8>> {
        Ok(zstd::encode_all(&*serde_json::to_vec(self)?, COMPRESSION)?)
    }

    /// The plan of a run that is under way. One that was merged is over: what is stored of it would be taken for the
    /// result of a run that nobody made.
    pub(crate) fn of(run: &SharedRun) -> Result<Self, Failure> {
        let name = &run.name;
        if let Some(id) = &run.merged_as {
            return fail(
                Exit::Usage,
                format!(
                    "the run {name} was merged already, as {id}: `portcullis report {id}` shows it again, and a new run \
                     needs a name of its own"
                ),
            );
        }
        let read = |run: &SharedRun| -> anyhow::Result<Self> {
            anyhow::ensure!(run.version == VERSION, "its plan has format {}, not {VERSION}", run.version);
            Ok(serde_json::from_slice(&zstd::decode_all(&*run.plan)?)?)
        };
        let plan = read(run).map_err(|error| Failure {
            exit: Exit::Usage,
            error: error.context(format!(
                "cannot take part in the run {name}: use the version of portcullis that its first shard is of"
            )),
        })?;
        if plan.tool_version != env!("CARGO_PKG_VERSION") {
            return fail(
                Exit::Usage,
                format!(
                    "the run {name} was begun by portcullis {}, and this is {}: all shards, and whoever merges them, need \
                     the same version",
                    plan.tool_version,
                    env!("CARGO_PKG_VERSION")
                ),
            );
        }
        Ok(plan)
    }

    /// Refuses to merge by another word on who uses API servers: it decides what the shards had to read.
    pub(crate) fn check_consumers(&self, name: &str, config: &Config) -> Result<(), Failure> {
        if self.consumers == consumers(config) {
            return Ok(());
        }
        fail(
            Exit::Usage,
            format!("the shards of {name} read for other `consumers` than this configuration has: merge with theirs"),
        )
    }
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn digest(value: &Value) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(value.to_string()))
}

fn consumers(config: &Config) -> String {
    let named = config.consumers.iter().map(|(id, consumers)| {
        let consumers = consumers.iter().map(|one| json!([one.name, one.vpc_id, one.vswitch_id]));
        json!([id, consumers.collect::<Vec<_>>()])
    });
    digest(&named.collect())
}

/// Everything that decides what is read.
fn reading(cloud: &CloudArgs, config: &Config, evidence: Option<evidence::Plan>) -> Value {
    let accounts = config.accounts.iter();
    let accounts: Value =
        accounts.map(|one| json!([one.profile, one.role_arn, one.external_id, one.session_name])).collect();
    let picks = |picks: &[Picked]| picks.iter().map(|it| it.pick.to_string()).collect::<Vec<_>>();
    let organization = config.organization.as_ref().map(|settings| {
        let it = &settings.organization;
        let roots: Value =
            settings.roots.iter().map(|root| json!([root.profile, format!("{:?}", root.site)])).collect();
        json!([it.role_name, it.external_id, it.session_name, picks(&it.include), picks(&it.exclude), roots])
    });
    json!({
        "sandbox": cloud.sandbox,
        "only": cloud.accounts,
        "accounts": accounts,
        "organization": organization,
        "regions": config.regions,
        "consumers": consumers(config),
        "endpoints": config.endpoints,
        "evidence": evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            shards: 3,
            reading: "digest".to_owned(),
            consumers: consumers(&Config::default()),
            is_simulated: true,
            regions: Vec::new(),
            evidence: None,
        }
    }

    fn taken_at() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn plan() -> Plan {
        let Terms { shards, reading, consumers, is_simulated, regions, evidence } = terms();
        Plan {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            shards,
            taken_at: taken_at(),
            reading,
            consumers,
            is_simulated,
            regions,
            evidence,
            listed: Coverage::default(),
            accounts: vec![PlannedAccount { account_id: "1".into(), keys: vec![(0, Keys::Configured(0))] }],
            api_calls: 0,
            retries: 0,
            kept: Kept::default(),
        }
    }

    fn shared(plan: &Plan) -> SharedRun {
        let bytes = plan.write().expect("memory takes it");
        SharedRun { name: "nightly".to_owned(), began_at: taken_at(), version: VERSION, plan: bytes, merged_as: None }
    }

    fn refused(run: &SharedRun, after: TimeDelta) -> String {
        let failure = terms().agree(run, taken_at() + after).expect_err("it is refused");
        assert_eq!(failure.exit, Exit::Usage);
        format!("{:#}", failure.error)
    }

    #[test]
    fn whoever_agrees_gets_the_plan_of_the_first() {
        let agreed = terms().agree(&shared(&plan()), taken_at() + OPEN_FOR).expect("it agrees");
        assert_eq!((agreed.taken_at, agreed.accounts.len()), (taken_at(), 1));
        assert!(agreed.check_consumers("nightly", &Config::default()).is_ok());
    }

    #[test]
    fn a_run_of_another_night_version_or_format_is_refused() {
        let later = OPEN_FOR + TimeDelta::milliseconds(1);
        assert!(refused(&shared(&plan()), later).contains("after 12 hours nobody joins"));
        let of_older = Plan { tool_version: "0.0.9".to_owned(), ..plan() };
        assert!(refused(&shared(&of_older), TimeDelta::zero()).contains("begun by portcullis 0.0.9"));
        let newer = SharedRun { version: VERSION + 1, ..shared(&plan()) };
        assert!(refused(&newer, TimeDelta::zero()).contains("format 3"));
        let damaged = SharedRun { plan: b"nothing".to_vec(), ..shared(&plan()) };
        assert!(refused(&damaged, TimeDelta::zero()).contains("cannot take part"));
        let merged = SharedRun { merged_as: Some("run-1".to_owned()), ..shared(&plan()) };
        assert!(refused(&merged, TimeDelta::zero()).contains("merged already, as run-1"));
    }

    #[test]
    fn other_shards_and_other_settings_are_refused() {
        let two = Plan { shards: 2, ..plan() };
        assert!(refused(&shared(&two), TimeDelta::zero()).contains("with 2 shards, not 3"));
        let other = Plan { reading: "another".to_owned(), ..plan() };
        assert!(refused(&shared(&other), TimeDelta::zero()).contains("other accounts"));
    }
}
