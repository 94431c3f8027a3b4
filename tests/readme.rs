//! Every console block of README.md runs, against the simulated cloud, and prints what it says.

#[test]
fn console_blocks() {
    trycmd::TestCases::new()
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"))
        .case("README.md");
}
