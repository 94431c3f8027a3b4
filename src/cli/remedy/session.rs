//! Whose cloud is changed, with which keys, and how fast its time runs.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    cli::{
        args::ReachArgs,
        connect::{self, Connection, Rights},
        exit::{Exit, Failure, OrExit, fail},
        terminal::Terminal,
    },
    cloud::{
        client::{Account, Client},
        credential,
    },
    config::Config,
    model::AccountId,
    remediate::Pace,
    sandbox::World,
};

/// The reply's date counts whole seconds, and takes its time to arrive.
const DATE_BOUND: TimeDelta = TimeDelta::seconds(2);

/// One account that may be changed.
pub(super) struct Session {
    pub(super) account: Account,
    pub(super) id: AccountId,
    /// As whom the cloud knows these keys.
    pub(super) arn: String,
}

/// An open connection, and the accounts behind it.
pub(super) struct Sessions {
    pub(super) client: Client,
    pub(super) sessions: Vec<Session>,
    pub(super) pace: Arc<Pace>,
    /// The simulated cloud lives as long as this.
    _connection: Connection,
}

impl Sessions {
    /// Connects with the right to change what `rights` says, and asks who it is.
    pub(super) async fn open(
        args: &ReachArgs,
        config: &Config,
        rights: &Rights,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        let connection = connect::open_to_change(&args.cloud(), config, rights, terminal).await?;
        let client = connection.client.clone();
        let pace = Arc::new(config.remediation.paced(Pace::default()).divided_by(scale(args, &client)?));
        let mut sessions = Vec::new();
        let mut seen = BTreeSet::new();
        let mut failed = None;
        for account in &connection.accounts {
            match credential::caller_identity(&client, account, "").await {
                Ok(caller) => {
                    if seen.insert(caller.account_id.clone()) {
                        let id = AccountId::from(caller.account_id.as_str());
                        let account = account.with_id(&caller.account_id);
                        sessions.push(Session { account, id, arn: caller.arn });
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if sessions.is_empty() => Err(error).failed_to(Exit::Identity),
            Some(error) => {
                terminal.warning(&format!("one of the accounts cannot be used: failed to {error}"));
                Ok(Self { client, sessions, pace, _connection: connection })
            }
            None => Ok(Self { client, sessions, pace, _connection: connection }),
        }
    }

    /// The session of an account; `None` where no key leads into it.
    pub(super) fn of(&self, id: &AccountId) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == *id)
    }

    /// The earliest and the latest that it can be now, by the cloud's clock.
    pub(super) fn cloud_now(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), Failure> {
        match self.client.clock_skew() {
            Some(skew) => Ok((Utc::now() + skew - DATE_BOUND, Utc::now() + skew + DATE_BOUND)),
            None => fail(Exit::Identity, "the cloud did not tell its time, and nothing is signed without it"),
        }
    }
}

/// How much faster a simulated cloud's time runs. Of the real one it is never believed.
fn scale(args: &ReachArgs, client: &Client) -> Result<u32, Failure> {
    let asked = match (&args.sandbox, args.time_scale) {
        (Some(name), None) => World::open(name).or_exit(Exit::Usage)?.behaviour().time_scale,
        (_, asked) => asked.unwrap_or(1),
    };
    match asked {
        0 | 1 => Ok(1),
        scale if client.stays_on_this_machine() => Ok(scale),
        _ => fail(
            Exit::Usage,
            "--time-scale is for simulated clouds: every call has to go to this machine, with --endpoint-url on a loopback address",
        ),
    }
}
