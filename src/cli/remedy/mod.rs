//! Carrying plans out, taking changes back, and looking after what is open: the commands around `remediate::Runner`.
//!
//! `driver` performs what the runner asks for, `local` is the journal of this host, `session` is the account with the keys
//! that may change something, `desk` of the command line is the store. `apply`, `rollback`, `verify` and `journal` are the
//! commands; what is refused before anything is asked of the cloud is refused in them.

mod agreeing;
pub(super) mod apply;
mod audit;
mod by_hand;
mod confirm;
mod driver;
mod dry_run;
pub(super) mod journal;
pub(super) mod local;
mod notices;
mod operator;
mod outcome;
mod owner;
mod rights;
pub(super) mod rollback;
mod session;
mod steady;
pub(super) mod verify;
mod watch;
mod words;
mod world;

use std::path::PathBuf;

use super::{
    args::JournalFileArgs,
    exit::{Exit, Failure, fail},
};
use crate::config::Config;

/// The journal of this host: what the command line says, else the configuration, else the user's own.
fn journal_path(args: &JournalFileArgs, config: &Config) -> Result<PathBuf, Failure> {
    match args.journal.clone().or_else(|| journal_of_host(config)) {
        Some(path) => Ok(path),
        None => fail(Exit::Usage, "there is no home directory to keep the journal in: name a file with --journal"),
    }
}

/// The journal of this host where no command line names another; `None` where there is no home directory to keep it in.
pub(super) fn journal_of_host(config: &Config) -> Option<PathBuf> {
    let own = || Some(directories::ProjectDirs::from("", "", "portcullis")?.data_dir().join("portcullis.journal"));
    config.remediation.journal.clone().or_else(own)
}

/// Names this process in leases: two that call themselves alike would take each other's for their own.
fn holder() -> String {
    format!("pid-{}-{}", std::process::id(), uuid::Uuid::new_v4().simple())
}

/// Whom messages may reach: of a simulated cloud, receivers on this machine only.
fn notice_reach(sessions: &session::Sessions) -> crate::notify::Reach {
    match sessions.client.stays_on_this_machine() {
        true => crate::notify::Reach::ThisMachine,
        false => crate::notify::Reach::Everybody,
    }
}
