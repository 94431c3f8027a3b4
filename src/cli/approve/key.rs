//! Private keys in files: nobody else may read them, and none is ever replaced.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit, fail},
        plain_file,
    },
    report::escape_capped,
    seal::SigningKey,
};

/// More bytes are no key.
const LARGEST: u64 = 64 << 10;

/// Makes a key and its file.
pub(super) fn make(path: &Path) -> Result<SigningKey, Failure> {
    let shown = escape_capped(&path.display().to_string(), 200);
    let (key, pem) = SigningKey::generate().or_exit(Exit::Internal)?;
    let mut options = OpenOptions::new();
    // Whatever is there, a link included, stays.
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return fail(Exit::Usage, format!("{shown} exists, and a key is never replaced: name a new file"));
        }
        Err(error) => return fail(Exit::Output, format!("cannot make {shown}: {error}")),
    };
    if let Err(error) = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()) {
        // Half a key helps nobody.
        let _ = fs::remove_file(path);
        return fail(Exit::Output, format!("cannot write {shown}: {error}"));
    }
    Ok(key)
}

/// Reads a private key that nobody else may read.
pub(super) fn read(path: &Path) -> Result<SigningKey, Failure> {
    let shown = escape_capped(&path.display().to_string(), 200);
    let refuse = |why: &str| fail(Exit::Usage, format!("cannot use the key {shown}: {why}"));
    let file = match plain_file::open(path) {
        Ok(file) => file,
        Err(error) => return refuse(&error.to_string()),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().or_exit(Exit::Usage)?.permissions().mode();
        if mode & 0o077 != 0 {
            return refuse(&format!("others may read it (mode {:03o}): `chmod 600` it", mode & 0o777));
        }
    }
    let mut text = Zeroizing::new(Vec::new());
    if let Err(error) = file.take(LARGEST).read_to_end(&mut text) {
        return refuse(&error.to_string());
    }
    match SigningKey::from_pem(&text) {
        Ok(key) => Ok(key),
        Err(error) => refuse(&error.to_string()),
    }
}
