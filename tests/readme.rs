//! Every console block of README.md runs, against the simulated cloud, and prints what it says.

use std::{fs, path::Path};

#[test]
fn console_blocks() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    // What is told as changed is so since the runs of this time, and not of an earlier one.
    if home.exists() {
        fs::remove_dir_all(&home).expect("the folder of the last time can go");
    }
    let home = home.to_str().expect("the folder has a plain name");
    trycmd::TestCases::new().env("HOME", home).env("XDG_DATA_HOME", home).case("README.md");
}
