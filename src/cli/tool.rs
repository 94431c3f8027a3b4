//! The digest of this very program: evidence names what read the cloud.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::OnceLock,
};

use aws_lc_rs::digest::{Context, SHA256};

/// The running program on Linux, were its file replaced meanwhile.
const SELF: &str = "/proc/self/exe";

/// `sha256:…` of the running program, which is read once; `None` where it cannot be read.
pub(super) fn digest() -> Option<String> {
    static DIGEST: OnceLock<Option<String>> = OnceLock::new();
    let of_path = || std::env::current_exe().and_then(|path| of_file(&path));
    DIGEST.get_or_init(|| of_file(Path::new(SELF)).or_else(|_| of_path()).ok()).clone()
}

fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(format!("sha256:{}", data_encoding::HEXLOWER.encode(hash.finish().as_ref()))),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_that_the_standard_gives_its_bytes() {
        // FIPS 180-2, appendix B.1.
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "abc").expect("it is ours");
        assert_eq!(of_file(file.path()).expect("it reads"), abc);
        assert!(of_file(Path::new("/nowhere/at/all")).is_err());
    }
}
