//! Makes the one who reads the world for an errand, and tells it what people have decided: read anew each time, since
//! somebody may change their mind while something is carried out.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{session::Sessions, steady::SteadyClock};
use crate::{
    cli::{
        args::{ConfigArgs, StoreArgs},
        desk::Desk,
        exit::{Exit, Failure, fail},
        prove::{Decisions, Means, Prover, Way, of_environment},
        setup,
    },
    config::Config,
    remediate::{
        Action, Approvals, CloudTime, Document, Mode, Pace, Slot, Target, approval::Votes, notice_row, owner_told,
        spans,
    },
    store::Record,
};

/// Windows are asked for so far ahead.
const AHEAD: Duration = Duration::from_hours(24);

/// Who lets it be done.
pub(super) enum Consent {
    /// Nothing new is begun: nobody has to approve it.
    NotNeeded,
    /// Signatures over the plan, counted by whoever the configuration names now.
    Plan(Box<Signed>),
}

/// A plan as it is stored, and what was handed in for it.
pub(super) struct Signed {
    pub(super) bytes: Vec<u8>,
    pub(super) document: Document,
    pub(super) signatures: Vec<(String, Vec<u8>)>,
    /// The operator confirmed it on a terminal, where nobody is configured to approve.
    pub(super) typed: bool,
    pub(super) mode: Mode,
}

impl Signed {
    pub(super) fn votes(&self, config: &Config) -> Votes {
        let settings = &config.remediation;
        Votes::count(&self.bytes, &self.document, &self.signatures, &settings.approvers, &settings.approvals())
    }
}

/// Everything that a world is made of, beside the accounts.
pub(super) struct Needs<'a> {
    pub(super) config: &'a Config,
    pub(super) file: &'a ConfigArgs,
    pub(super) profile: Option<&'a str>,
    pub(super) store: &'a StoreArgs,
    pub(super) desk: &'a Desk,
    pub(super) consent: Consent,
}

/// The prover of an errand.
pub(super) fn open(sessions: &Sessions, needs: Needs<'_>) -> Result<Prover, Failure> {
    let clock = SteadyClock::default();
    let mut ways = of_environment(sessions.client.context());
    ways.extend(setup::store_host(needs.store, needs.config)?.and_then(|host| Way::to("the store", &host)));
    let overrides = needs.config.endpoints.iter();
    ways.extend(overrides.filter_map(|(product, host)| Way::to(&format!("the endpoint of {product}"), host)));
    let standing = Standing {
        path: setup::config_path(needs.file),
        profile: needs.profile.map(str::to_owned),
        consent: needs.consent,
        desk: needs.desk.clone(),
        pace: (*sessions.pace).clone(),
    };
    Ok(Prover::new(Means {
        client: sessions.client.clone(),
        accounts: sessions.sessions.iter().map(|one| (one.id.clone(), one.account.clone())).collect(),
        now: Arc::new(move || clock.now()),
        pace: (*sessions.pace).clone(),
        rules: setup::rules(&needs.config.rules.dirs)?,
        decisions: Arc::new(standing),
        records: Arc::new(needs.desk.clone()),
        kill_file: Some(kill_file(needs.config)?),
        ways,
    }))
}

/// The kill switch of this host: while the file is there, nothing is changed.
fn kill_file(config: &Config) -> Result<PathBuf, Failure> {
    if let Some(path) = &config.remediation.kill_file {
        return Ok(path.clone());
    }
    match directories::ProjectDirs::from("", "", "portcullis") {
        Some(dirs) => Ok(dirs.data_dir().join("portcullis.kill")),
        None => fail(
            Exit::Usage,
            "there is no home directory for the kill switch: name a file in `remediation.lease.kill_file`",
        ),
    }
}

/// What people have decided, as it stands.
struct Standing {
    path: Option<PathBuf>,
    profile: Option<String>,
    consent: Consent,
    desk: Desk,
    pace: Pace,
}

impl Decisions for Standing {
    fn config(&self) -> Result<Config, String> {
        setup::config_again(self.path.as_deref(), self.profile.as_deref())
    }

    fn windows(&self, config: &Config, now: CloudTime) -> Vec<(CloudTime, CloudTime)> {
        spans(&config.remediation.windows, now, AHEAD)
    }

    fn approvals(&self, config: &Config, target: &Target) -> Result<Approvals, String> {
        let Consent::Plan(signed) = &self.consent else {
            return Ok(Approvals { needed: 0, valid: 0, agreeing: None, owner_told: None });
        };
        let votes = signed.votes(config);
        let alone = config.remediation.approvers.is_empty();
        let valid = if signed.typed && alone { votes.needed } else { votes.valid() };
        let mut approvals = Approvals { needed: votes.needed, valid, agreeing: None, owner_told: None };
        if signed.mode == Mode::Automatic {
            let planned = signed.document.actions.iter().find(|planned| planned.action.target == *target);
            if let Some(planned) = planned {
                approvals.agreeing = self.agreeing(&planned.endpoint_id, &planned.action)?;
                approvals.owner_told = self.told(target, planned.action.before())?;
            }
        }
        Ok(approvals)
    }
}

impl Standing {
    fn told(&self, target: &Target, before: Slot) -> Result<Option<CloudTime>, String> {
        let row = notice_row(target);
        let records: Vec<Record> = self.ask(move |store| store.records(&row))?;
        owner_told(&records, &before).map_err(|error| error.to_string())
    }

    /// The first and the last of the runs in a row, up to the newest, that found the same.
    fn agreeing(&self, endpoint: &str, action: &Action) -> Result<Option<(CloudTime, CloudTime)>, String> {
        let (endpoint, slot, least) = (endpoint.to_owned(), action.before(), self.pace.agreeing_scans);
        let account = action.target.account.clone();
        let found = self.ask(move |store| super::agreeing::scans(store, account.as_str(), &endpoint, &slot, least))?;
        Ok(found)
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn crate::store::Store) -> Result<T, crate::store::StoreError> + Send + 'static,
    ) -> Result<T, String> {
        // The store has a thread of its own, which waits for nobody here.
        self.desk.ask_and_wait(work).map_err(|failure| failure.error.to_string())
    }
}
