//! What several commands need before they start: configuration, store, rules, the day.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    args::{ConfigArgs, StoreArgs},
    exit::{Exit, Failure, OrExit, fail},
    terminal::Terminal,
};
use crate::{
    config::{self, Config},
    engine::RuleSet,
    store::{self, Password, SqliteStore, Store, StoreError, StoreOptions, StoreUrl},
};

/// Read where it exists and nothing else was named.
const DEFAULT_CONFIG: &str = "portcullis.yaml";

/// Longest rule file that is read; the rule reader has a limit of its own, far below.
const MAX_RULE_FILE: u64 = 4 << 20;

/// The configuration: the named file, else the default one where it exists, else the defaults. Rules in it are not
/// looked at.
pub(crate) fn config(args: &ConfigArgs, terminal: &Terminal) -> Result<Config, Failure> {
    config_with(args, &|_| None, terminal)
}

/// As [`config()`], for commands that judge: every rule that the file names must be one of the embedded ones, of the
/// file's folders, or of `more_dirs`.
pub(crate) fn judging_config(args: &ConfigArgs, more_dirs: &[PathBuf], terminal: &Terminal) -> Result<Config, Failure> {
    let known = |dirs: &[PathBuf]| {
        let dirs: Vec<PathBuf> = dirs.iter().chain(more_dirs).cloned().collect();
        // Rules that cannot be read are told in full when they are loaded to be run.
        let rules = rules(&dirs).ok()?;
        Some(rules.ids().map(str::to_owned).collect())
    };
    config_with(args, &known, terminal)
}

fn config_with(args: &ConfigArgs, rules: config::RuleIds<'_>, terminal: &Terminal) -> Result<Config, Failure> {
    let path = match &args.config {
        Some(path) => path.clone(),
        None if Path::new(DEFAULT_CONFIG).exists() => DEFAULT_CONFIG.into(),
        None => return Ok(Config::default()),
    };
    let config = config::load(&path, rules).or_exit(Exit::Usage)?;
    for notice in &config.notices {
        terminal.notice(&notice.to_string());
    }
    Ok(config)
}

/// The file that the configuration is read from, if there is one.
pub(crate) fn config_path(args: &ConfigArgs) -> Option<PathBuf> {
    match &args.config {
        Some(path) => Some(path.clone()),
        None => Path::new(DEFAULT_CONFIG).exists().then(|| DEFAULT_CONFIG.into()),
    }
}

/// As [`judging_config`], for commands that change something: nobody but the operator may write what they go by.
pub(crate) fn changing_config(args: &ConfigArgs, terminal: &Terminal) -> Result<Config, Failure> {
    let config = judging_config(args, &[], terminal)?;
    let paths = config_path(args).into_iter().chain(config.waivers.clone());
    for path in paths {
        check_guarded(&path)?;
    }
    Ok(config)
}

/// A file that anybody may write, or a link that somebody else made, says what somebody else wants.
#[cfg(unix)]
fn check_guarded(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let shown = crate::report::escape_capped(&path.display().to_string(), 200);
    let (link, file) = (fs::symlink_metadata(path).or_exit(Exit::Usage)?, fs::metadata(path).or_exit(Exit::Usage)?);
    if file.mode() & 0o002 != 0 {
        let mode = file.mode() & 0o7777;
        return fail(Exit::Usage, format!("{shown} has mode {mode:04o}: anybody may write it; take that away first"));
    }
    let own = fs::metadata("/proc/self").map(|me| me.uid()).ok();
    // Links of the administrator are what a mounted ConfigMap is made of.
    if link.is_symlink() && own.is_some_and(|own| ![own, 0].contains(&link.uid())) {
        return fail(Exit::Usage, format!("{shown} is a link that somebody else made: name the file itself"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_guarded(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// The configuration as its file is now, without a word to anybody.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn config_again(path: Option<&Path>, profile: Option<&str>) -> Result<Config, String> {
    let config = match path {
        Some(path) => {
            let known = |dirs: &[PathBuf]| Some(rules(dirs).ok()?.ids().map(str::to_owned).collect());
            config::load(path, &known).map_err(|errors| errors.to_string())?
        }
        None => Config::default(),
    };
    Ok(config.with(config::Overrides { profile: profile.map(str::to_owned), ..config::Overrides::default() }))
}

/// The run store: what the command line says, else the configuration, else the user's own. It is made where it is
/// missing.
pub(crate) fn store(args: &StoreArgs, config: &Config, terminal: &Terminal) -> Result<Box<dyn Store>, Failure> {
    let url = store_url(args, config)?;
    open_store(&url, config, terminal).map_err(|error| {
        let failure = store_failure(error);
        Failure { error: about_store(failure.error, &url), ..failure }
    })
}

/// As [`store()`], to read what is kept in it: a store that is not there is not made.
pub(crate) fn kept(args: &StoreArgs, config: &Config, terminal: &Terminal) -> Result<Box<dyn Store>, Failure> {
    let url = store_url(args, config)?;
    if let StoreUrl::Sqlite(path) = &url
        && !path.exists()
    {
        let seen = crate::report::escape_capped(&path.display().to_string(), 200);
        return fail(
            Exit::Usage,
            format!("no run is stored yet in {seen}: run `portcullis scan` first, or name another store with --store"),
        );
    }
    open_store(&url, config, terminal)
        .map_err(|error| Failure { exit: Exit::Usage, error: about_store(error.into(), &url) })
}

/// Names the store in what does not name it itself.
fn about_store(error: anyhow::Error, url: &StoreUrl) -> anyhow::Error {
    match error.downcast_ref() {
        Some(StoreError::Newer { .. } | StoreError::Foreign | StoreError::Altered) => {
            error.context(format!("cannot use the store {url}"))
        }
        _ => error,
    }
}

/// As [`store()`], for a trial: one that is not there is not made, and counts as an empty one.
pub(crate) fn looked_at(args: &StoreArgs, config: &Config, terminal: &Terminal) -> Result<Box<dyn Store>, Failure> {
    let url = store_url(args, config)?;
    let empty = || Ok(Box::new(SqliteStore::in_memory()?) as Box<dyn Store>);
    let found = store::open_existing(&url, options(&url, config, terminal));
    found.and_then(|found| found.map_or_else(empty, Ok)).map_err(store_failure)
}

fn open_store(url: &StoreUrl, config: &Config, terminal: &Terminal) -> Result<Box<dyn Store>, StoreError> {
    store::open(url, options(url, config, terminal))
}

fn options(url: &StoreUrl, config: &Config, terminal: &Terminal) -> StoreOptions {
    if url.has_password() {
        terminal.notice(
            "other users of this machine can read the password in --store: leave it out, and put it into PGPASSWORD",
        );
    }
    let password = env::var("PGPASSWORD").ok().filter(|text| !text.is_empty()).map(Password::new);
    StoreOptions { password, retention: config.store.retention }
}

fn store_failure(error: StoreError) -> Failure {
    let exit = if matches!(error, StoreError::Url { .. }) { Exit::Usage } else { Exit::Output };
    Failure { exit, error: error.into() }
}

/// The host of a store that is a server.
pub(crate) fn store_host(args: &StoreArgs, config: &Config) -> Result<Option<String>, Failure> {
    Ok(match store_url(args, config)? {
        StoreUrl::Sqlite(_) => None,
        url @ StoreUrl::Postgres(_) => Some(url.to_string()).filter(|text| text.starts_with("postgres://")),
    })
}

/// True for a store that several hosts share: a file is one host's.
pub(crate) fn is_store_shared(args: &StoreArgs, config: &Config) -> Result<bool, Failure> {
    Ok(matches!(store_url(args, config)?, StoreUrl::Postgres(_)))
}

fn store_url(args: &StoreArgs, config: &Config) -> Result<StoreUrl, Failure> {
    if let Some(url) = &args.store {
        return store::parse_url(url).map_err(store_failure);
    }
    if let Some(url) = &config.store.url {
        return Ok(url.clone());
    }
    match directories::ProjectDirs::from("", "", "portcullis") {
        Some(dirs) => Ok(StoreUrl::Sqlite(dirs.data_dir().join("portcullis.db"))),
        None => fail(
            Exit::Usage,
            "there is no home directory to keep runs in: name a store with `--store sqlite:PATH`, or go without with \
             --no-store",
        ),
    }
}

/// The embedded rules and those of the named folders.
pub(crate) fn rules(dirs: &[PathBuf]) -> Result<RuleSet, Failure> {
    let mut files = Vec::new();
    for dir in dirs {
        rule_files(dir, &mut files)?;
    }
    RuleSet::load(files).or_exit(Exit::Usage)
}

/// Every `.yaml` below the folder, as path and text.
fn rule_files(dir: &Path, files: &mut Vec<(String, String)>) -> Result<(), Failure> {
    let cannot =
        |path: &Path, why: String| fail(Exit::Usage, format!("cannot read rules from {}: {why}", path.display()));
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return cannot(dir, format!("{error}; name a folder that holds rule files")),
    };
    let mut paths = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => return cannot(dir, error.to_string()),
        }
    }
    paths.sort();
    let mut found = false;
    for path in paths {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() && !metadata.is_symlink() {
            rule_files(&path, files)?;
            found = true;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            if !metadata.is_file() || metadata.len() > MAX_RULE_FILE {
                return cannot(&path, "it is no regular file of at most 4 MiB".to_owned());
            }
            match fs::read_to_string(&path) {
                Ok(text) => files.push((path.display().to_string(), text)),
                Err(error) => return cannot(&path, error.to_string()),
            }
            found = true;
        }
    }
    if found { Ok(()) } else { cannot(dir, "there is no .yaml file in it".to_owned()) }
}

/// A run from the store: an id, the beginning of one, or `latest`.
pub(crate) fn stored_run(store: &dyn Store, word: &str) -> Result<crate::findings::Run, Failure> {
    let found = if word == "latest" { store.latest() } else { store.run(word) };
    match found.or_exit(Exit::Usage)? {
        Some(run) => Ok(run),
        None if word == "latest" => fail(Exit::Usage, "no run is stored yet: run `portcullis scan` first"),
        None => {
            let seen = crate::report::escape_capped(word, 80);
            fail(
                Exit::Usage,
                format!("there is no run `{seen}`: `portcullis history` lists the stored ones, `latest` is the newest"),
            )
        }
    }
}
