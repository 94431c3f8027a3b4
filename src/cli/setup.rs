//! What several commands need before they start: configuration, store, rules, the day.

use std::{
    collections::BTreeSet,
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
    config_with(args, &|_| None, &|_| Ok(()), terminal)
}

/// As [`config()`], for commands that judge: every rule that the file names must be one of the embedded ones, of the
/// file's folders, or of `more_dirs`.
pub(crate) fn judging_config(args: &ConfigArgs, more_dirs: &[PathBuf], terminal: &Terminal) -> Result<Config, Failure> {
    config_with(args, &known_rules(more_dirs), &|_| Ok(()), terminal)
}

/// The ids of the embedded rules, of those in these folders, and in the file's.
fn known_rules(more_dirs: &[PathBuf]) -> impl Fn(&[PathBuf]) -> Option<BTreeSet<String>> + '_ {
    move |dirs| {
        let dirs: Vec<PathBuf> = dirs.iter().chain(more_dirs).cloned().collect();
        // Rules that cannot be read are told in full when they are loaded to be run.
        let rules = rules(&dirs).ok()?;
        Some(rules.ids().map(str::to_owned).collect())
    }
}

fn config_with(
    args: &ConfigArgs,
    rules: config::RuleIds<'_>,
    check: config::Check<'_>,
    terminal: &Terminal,
) -> Result<Config, Failure> {
    let Some(path) = config_path(args) else { return Ok(Config::default()) };
    let config = config::load_if(&path, rules, check).or_exit(Exit::Usage)?;
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
    if let Some(path) = config_path(args) {
        check_link(&path)?;
    }
    let config = config_with(args, &known_rules(&[]), &written_by_few, terminal)?;
    if let Some(path) = &config.waivers {
        check_link(path)?;
        let file = fs::metadata(path).or_exit(Exit::Usage)?;
        written_by_few(&file).or_else(|why| fail(Exit::Usage, format!("cannot go by {}: {why}", shown(path))))?;
    }
    for folder in &config.rules.dirs {
        check_rules(folder)?;
    }
    Ok(config)
}

/// Nobody else may change a rule, or add one.
fn check_rules(folder: &Path) -> Result<(), Failure> {
    let look = |path: &Path| {
        let there = fs::metadata(path).map_err(|error| error.to_string());
        let few = there.and_then(|there| written_by_few(&there));
        few.or_else(|why| fail(Exit::Usage, format!("cannot go by the rules in {}: {why}", shown(path))))
    };
    check_link(folder)?;
    look(folder)?;
    // A folder that cannot be listed is told by whoever reads the rules.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        check_link(&entry.path())?;
        look(&entry.path())?;
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    crate::report::escape_capped(&path.display().to_string(), 200)
}

/// A file that anybody may write says what somebody else wants.
#[cfg(unix)]
fn written_by_few(file: &fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    match file.mode() & 0o002 {
        0 => Ok(()),
        _ => Err(format!("it has mode {:04o}: anybody may write it; take that away first", file.mode() & 0o7777)),
    }
}

#[cfg(not(unix))]
fn written_by_few(_: &fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// A link that somebody else made leads where somebody else wants.
#[cfg(unix)]
fn check_link(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    // What is not there is told by whoever reads it.
    let Ok(link) = fs::symlink_metadata(path) else { return Ok(()) };
    let own = fs::metadata("/proc/self").map(|me| me.uid()).ok();
    match link.is_symlink() && is_strangers(link.uid(), own) {
        true => fail(Exit::Usage, format!("{} is a link that somebody else made: name the file itself", shown(path))),
        false => Ok(()),
    }
}

/// Links of the administrator are what a mounted ConfigMap is made of.
#[cfg(unix)]
fn is_strangers(owner: u32, own: Option<u32>) -> bool {
    own.is_some_and(|own| ![own, 0].contains(&owner))
}

#[cfg(not(unix))]
fn check_link(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// The configuration of a command that changes something, as its file is now, without a word to anybody.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn config_again(path: Option<&Path>, profile: Option<&str>) -> Result<Config, String> {
    let config = match path {
        Some(path) => config::load_if(path, &known_rules(&[]), &written_by_few).map_err(|errors| errors.to_string())?,
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
        Some(StoreError::Newer { .. } | StoreError::Older { .. } | StoreError::Foreign | StoreError::Altered) => {
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
    found.and_then(|found| found.map_or_else(empty, Ok)).map_err(|error| {
        let failure = store_failure(error);
        Failure { error: about_store(failure.error, &url), ..failure }
    })
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
    let make_folder = default_store().is_some_and(|place| *url == place);
    StoreOptions { password, retention: config.store.retention, make_folder }
}

fn store_failure(error: StoreError) -> Failure {
    let is_usage = matches!(error, StoreError::Url { .. } | StoreError::Older { .. });
    let exit = if is_usage { Exit::Usage } else { Exit::Output };
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
    match default_store() {
        Some(url) => Ok(url),
        None => fail(
            Exit::Usage,
            "there is no home directory to keep runs in: name a store with `--store sqlite:PATH`, or go without with \
             --no-store",
        ),
    }
}

/// Where runs are kept if nobody names a place.
fn default_store() -> Option<StoreUrl> {
    let dirs = directories::ProjectDirs::from("", "", "portcullis")?;
    Some(StoreUrl::Sqlite(dirs.data_dir().join("portcullis.db")))
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

#[cfg(all(test, unix))]
mod tests {
    use super::is_strangers;

    #[test]
    fn links_of_ones_own_and_of_the_administrator_count() {
        assert!(!is_strangers(1000, Some(1000)) && !is_strangers(0, Some(1000)) && !is_strangers(0, Some(0)));
        assert!(is_strangers(1001, Some(1000)) && is_strangers(1000, Some(0)));
    }
}
