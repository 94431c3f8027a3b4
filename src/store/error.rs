//! Why the store could not do what was asked: what, to what, why, and what to do about it.

use std::path::PathBuf;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store.
    #[error(
        "`{shown}` {why}; runs are kept in a file (`sqlite:PATH`) or on a server (`postgres://USER@HOST/DATABASE`)"
    )]
    Url { shown: String, why: &'static str },
    /// The file or its folder cannot be made or opened.
    #[error(
        "cannot open {path}: make sure that the folder exists and can be written, or name a store with --store sqlite:PATH; a scan can go without one with --no-store"
    )]
    Open {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The server cannot be reached, or does not let us in.
    #[error(
        "cannot connect to {place}: make sure that the server runs and can be reached, that role and database exist, that the password is in PGPASSWORD, and that `sslmode` and `sslrootcert` of the URL fit the server; a scan can go without a store with --no-store"
    )]
    Connect {
        place: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server did not do what was asked, or the connection broke.
    #[error("cannot {what} {place}: nothing was changed; try again, and look into the server's log if it stays so")]
    Shared {
        what: &'static str,
        place: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke while a run was being kept, and nobody can be asked what became of it.
    #[error("the connection to {place} broke while the run was being kept: `portcullis history` shows whether it was")]
    Unsure {
        place: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database was made by a newer version of this program.
    #[error(
        "the store has schema {found}, and this version knows {known}: use the newer portcullis that made it, or another store"
    )]
    Newer { found: usize, known: usize },
    /// The database was made by an older version of this program, and is only looked at.
    #[error(
        "the store has schema {found}, and this version brings it to {known} before it reads it, which is not done where nothing may be written: run `portcullis history` once, which does it, and try again"
    )]
    Older { found: usize, known: usize },
    /// Tables of another program.
    #[error("the database belongs to another program: choose another path, or on a server another schema or database")]
    Foreign,
    /// The schema was changed by somebody else.
    #[error(
        "the store's schema is not the one this program made: restore it, or choose another path, schema or database"
    )]
    Altered,
    /// A stored run cannot be read back.
    #[error("run {id} cannot be read back: {why}")]
    Damaged { id: String, why: String },
    /// More than one run or finding begins like that.
    #[error("`{prefix}` is the beginning of several: give more characters")]
    Ambiguous { prefix: String },
    /// The database itself failed.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// As `Database`, of a known file.
    #[error(
        "cannot {what} {path}: make sure that it is a store, that you may write to it and that its disk is not full; name another one with --store sqlite:PATH, and scan without one with --no-store"
    )]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
}
