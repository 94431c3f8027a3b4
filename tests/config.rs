//! The files a person writes, good and bad: `tests/config/<kind>/<case>.yaml` with what must come of it in
//! `<case>.txt` beside it. Run with `BLESS=1` to write the expectations anew, then read the difference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use portcullis::{
    config::{self, Config, ConfigErrors},
    model::TrustedEntry,
};
use proptest::prelude::*;

/// Every case of a folder, in order.
fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/config").join(kind);
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    cases
}

/// Holds what came against the file beside the case; gives the name of a case that differs.
fn differs(case: &Path, came: &str) -> Option<String> {
    assert!(!came.contains("do-not-print-me"), "{}: a secret was printed:\n{came}", case.display());
    assert!(!came.contains("DoNotPrintMe"), "{}: a secret was printed:\n{came}", case.display());
    let expected = case.with_extension("txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&expected, came).unwrap();
    }
    let wanted = fs::read_to_string(&expected).unwrap_or_default();
    (wanted != came).then(|| format!("{}\n--- wanted\n{wanted}\n--- came\n{came}", case.display()))
}

fn check(kind: &str, read: impl Fn(&Path) -> String) {
    let differing: Vec<String> = cases(kind).iter().filter_map(|case| differs(case, &read(case))).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

/// Both forms of all problems: the list for programs, and the drawing.
fn told(errors: &ConfigErrors) -> String {
    let mut text = String::new();
    for problem in errors.iter() {
        writeln!(text, "{}:{}: {}", problem.line, problem.column, problem.message).unwrap();
    }
    format!("{text}\n{errors}\n")
}

fn effective(config: &Config) -> String {
    let mut text = String::new();
    for (key, value, origin) in config::effective(config) {
        writeln!(text, "{key} = {value}    [{origin}]").unwrap();
    }
    for notice in &config.notices {
        writeln!(text, "notice: {notice}").unwrap();
    }
    text
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap()
}

/// The rules there are in these tests.
fn rule_ids() -> BTreeSet<String> {
    ["control-plane-open-to-untrusted", "control-plane-public-eip", "waiver-unused"].map(str::to_owned).into()
}

/// Rules of a folder cannot be told here, as where they cannot be read.
fn some_rules(dirs: &[PathBuf]) -> Option<BTreeSet<String>> {
    dirs.is_empty().then(rule_ids)
}

#[test]
fn good_files_are_read() {
    check("good", |case| effective(&config::load(case, &some_rules).unwrap_or_else(|errors| panic!("{errors}"))));
}

#[test]
fn bad_files_are_refused_with_everything_that_is_wrong() {
    check("bad", |case| told(&config::load(case, &some_rules).expect_err(&case.display().to_string())));
}

#[test]
fn good_waivers_are_read() {
    check("waivers-good", |case| {
        let waivers = config::load_waivers(case, today(), &rule_ids()).unwrap_or_else(|errors| panic!("{errors}"));
        waivers.iter().map(|waiver| format!("{} until {}\n", waiver.describe(), waiver.expires())).collect()
    });
}

#[test]
fn bad_waivers_are_refused_with_everything_that_is_wrong() {
    check("waivers-bad", |case| {
        told(&config::load_waivers(case, today(), &rule_ids()).expect_err(&case.display().to_string()))
    });
}

#[test]
fn only_regular_files_of_a_sane_size_are_read() {
    let message = |path: &Path| config::load(path, &some_rules).expect_err("refused").to_string();
    assert!(message(Path::new("tests/config")).contains("not a regular file"));
    assert!(message(Path::new("tests/config/none.yaml")).contains("does not exist"));
    assert!(message(Path::new("/dev/zero")).contains("not a regular file"));
    let large = tempfile::NamedTempFile::new().unwrap();
    large.as_file().set_len(5 * 1024 * 1024 * 1024).unwrap();
    assert!(message(large.path()).contains("larger than 4 MiB"));
}

#[test]
fn hostile_files_end_quickly() {
    let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{}: &a{} [*a{level}, *a{level}]\n", level + 1, level + 1)
    });
    let many = |line: &dyn Fn(usize) -> String| (0..30_000).map(line).collect::<String>();
    let secrets = many(&|index| format!("password{index}: x\npassword: y\n"));
    let unknown = many(&|index| format!("k{index}: 1\n"));
    let regions = format!("version: 1\nregions:\n{}", many(&|index| format!("- cn-{index}\n")));
    for text in [
        bomb,
        secrets,
        unknown,
        regions,
        "[".repeat(1_000_000),
        "- ".repeat(1_000_000),
        "{a: ".repeat(100_000),
        "? ".repeat(100_000),
    ] {
        let errors = config::parse("hostile", text.as_bytes(), Path::new(""), &some_rules).expect_err("refused");
        assert!(errors.count() > 0 && errors.to_string().len() < 1_000_000);
    }
}

#[test]
fn too_many_entries_are_refused() {
    let lines: String = (0..10_001).map(|index| format!("  - 11.{}.{}.0/24\n", index / 256, index % 256)).collect();
    let errors = config::parse("many", format!("version: 1\ntrusted:\n{lines}").as_bytes(), Path::new(""), &some_rules);
    let text = errors.expect_err("refused").to_string();
    assert!(text.contains("10001 entries") && text.contains("10000"), "{text}");
}

/// One argument of `--trusted`.
fn trusted_argument(text: &str) -> Result<(Vec<TrustedEntry>, Vec<config::Notice>), ConfigErrors> {
    config::trusted_arguments(&[text.to_owned()]).map_err(|mut refused| refused.remove(0))
}

#[test]
fn trusted_arguments_are_read_together() {
    let read = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        config::trusted_arguments(&texts)
    };
    let (entries, notices) = read(&["203.0.113.0/24", "198.51.100.7", "203.0.113.0/25"]).unwrap();
    assert_eq!(entries.len(), 3);
    let notices: Vec<String> = notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices, ["--trusted:3: 203.0.113.0/25 is part of 203.0.113.0/24 (--trusted:1); one of them is enough"]);
    let refused = read(&["10.0.0.0/33", "203.0.113.0/24", " 10.0.0.0/8", "@no-such-file"]).expect_err("refused");
    let places: Vec<(usize, usize)> = refused[0].iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!((places.as_slice(), refused.len()), (&[(1, 1), (3, 1)][..], 2));
    assert!(refused[1].to_string().contains("no-such-file"));
}

#[test]
fn trusted_arguments_are_blocks_or_files_of_blocks() {
    let (entries, notices) = trusted_argument("203.0.113.0/24").unwrap();
    assert_eq!((entries.len(), notices.len()), (1, 0));
    assert!(trusted_argument("203.0.113.5/24").expect_err("host bits").to_string().contains("203.0.113.0/24"));

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        format!("@{}", path.display())
    };
    let (entries, notices) = trusted_argument(&write(
        "good",
        "# offices\r\n203.0.113.0/24 # north\r\n\r\n  2001:db8::/32\r\n203.0.113.0/25",
    ))
    .unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(notices.len(), 1, "{notices:?}");
    let errors = trusted_argument(&write("bad", "203.0.113.0/24\n10.0.0.0/33\n0.0.0.0/0\n")).expect_err("refused");
    let lines: Vec<usize> = errors.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 3]);
    let errors =
        trusted_argument(&write("json", "{\n  \"access_key_secret\": \"do-not-print-me\"\n}\n")).expect_err("refused");
    assert!(!told(&errors).contains("do-not-print-me"));
    assert!(trusted_argument(&write("halves", "0.0.0.0/1\n128.0.0.0/1\n")).is_err());
    assert!(trusted_argument(&write("empty", "# nobody\n")).is_err());
}

#[test]
fn an_allowlist_of_files_and_options_together_may_not_cover_the_world() {
    let mut entries = trusted_argument("0.0.0.0/1").unwrap().0;
    assert!(config::check_trusted(&entries).is_ok());
    entries.extend(trusted_argument("128.0.0.0/1").unwrap().0);
    assert!(config::check_trusted(&entries).expect_err("the world").contains("everyone over IPv4"));
}

#[test]
fn the_command_line_has_the_last_word() {
    let config = config::load(Path::new("tests/config/good/documented.yaml"), &some_rules).unwrap();
    let config = config.with(config::Overrides {
        profile: Some("other".to_owned()),
        regions: vec!["cn-beijing".to_owned()],
        deadline: Some("2h".parse().unwrap()),
        trusted: trusted_argument("192.0.2.0/24").unwrap().0,
        fail_on: Some(portcullis::model::Severity::Critical),
        ..config::Overrides::default()
    });
    let text = effective(&config);
    assert!(text.contains("accounts = [profile other]    [--profile]"), "{text}");
    assert!(text.contains("regions = [cn-beijing]    [--region]"), "{text}");
    assert!(text.contains("192.0.2.0/24]    [file, line 20, and --trusted]"), "{text}");
    assert!(text.contains("deadline = 2h    [--deadline]"), "{text}");
    assert!(text.contains("fail_on = critical    [--fail-on]"), "{text}");
}

/// Holds a committed schema against the one that the types give; `BLESS=1` writes it.
fn committed(path: &str, generated: &str) -> serde_json::Value {
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all("docs").unwrap();
        fs::write(path, generated).unwrap();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, generated, "{path} is out of date: run `BLESS=1 cargo test --test config`");
    serde_json::from_str(generated).unwrap()
}

/// A good file as JSON, for the schema.
fn as_json(case: &Path) -> serde_json::Value {
    let text = fs::read_to_string(case).unwrap();
    serde_saphyr::from_str(text.trim_start_matches('\u{feff}')).unwrap()
}

#[test]
fn the_committed_schemas_are_current_and_accept_every_good_file() {
    let schemas = [
        ("docs/portcullis.schema.json", config::config_schema(), "good"),
        ("docs/waivers.schema.json", config::waivers_schema(), "waivers-good"),
    ];
    for (path, generated, kind) in schemas {
        let validator = jsonschema::validator_for(&committed(path, &generated)).unwrap();
        for case in cases(kind) {
            let wrong: Vec<String> = validator.iter_errors(&as_json(&case)).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", case.display());
        }
    }
}

/// Bits of files, put together at random: most are wrong, and wrong at any depth.
fn fragment() -> impl Strategy<Value = &'static str> {
    let fragments = [
        "version: 1",
        "trusted:",
        "  - ",
        "cidr: ",
        "203.0.113.0/24",
        "10.0.0.5/8",
        "\n",
        "\r\n",
        "\r",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\"",
        "'",
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "# x",
        "|",
        ">",
        "\t",
        "\u{feff}",
        "\u{202e}",
        "é",
        "日本",
        "accounts: ",
        "profile: x",
        "access_key_secret: hush",
        "rules:",
        "severity: ",
        "waivers: ",
        "fingerprint: ",
        "expires: ",
        "2027-01-31",
        "~",
        "1e400",
        "---",
        "%YAML 1.2",
        "? ",
        "regions: ",
        "consumers: ",
        "  ",
        "endpoints: ",
        "\0",
    ];
    proptest::sample::select(fragments.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_readers_panic_or_show_a_secret(parts in proptest::collection::vec(fragment(), 0..40)) {
        let text = parts.concat();
        let told = |outcome: Result<String, ConfigErrors>| match outcome {
            Ok(text) => text,
            Err(errors) => format!("{}{}", told(&errors), errors.render(true, 80)),
        };
        let config = told(config::parse("x", text.as_bytes(), Path::new(""), &some_rules).map(|config| effective(&config)));
        let waivers = told(config::parse_waivers("x", text.as_bytes(), today(), &rule_ids()).map(|waivers| waivers.len().to_string()));
        prop_assert!(!config.contains("secret: hush") && !waivers.contains("secret: hush"));
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = config::parse("x", &bytes, Path::new(""), &some_rules).map_err(|errors| errors.to_string());
    }
}
