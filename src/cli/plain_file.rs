//! Files that a person names and that are read whole: plain files only. Opening a pipe waits for whoever writes to it, and a
//! device has no end.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Opens a plain file to be read.
///
/// # Errors
/// If it cannot be opened, or is anything else.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Looked at before opening as well: a pipe would hold us there.
    check(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// Refuses what is there and is no plain file. What is not there may still become one.
///
/// # Errors
/// If there is something else, or it cannot be told.
pub(crate) fn check_place(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) => check(&there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn check(there: &fs::Metadata) -> io::Result<()> {
    match there.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "x").expect("it writes");
        assert!(open(&file).is_ok() && check_place(&file).is_ok());
        assert!(check_place(&folder.path().join("new")).is_ok());
        for other in [folder.path(), Path::new("/dev/null")] {
            let why = open(other).expect_err("it is no file").to_string();
            assert_eq!(why, "it is not a regular file");
            assert!(check_place(other).is_err());
        }
    }
}
