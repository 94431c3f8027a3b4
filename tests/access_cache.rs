//! Answers that are kept between runs: never another answer than without them, and nothing of
//! them where their file is not what it was.

use portcullis::analysis::access::{Cache, Format, SECRET, Summary, UnusableCache, answer, answer_with};

const ROWS: &str = include_str!("data/access-rows.jsonl");
const MORE_ROWS: &str = include_str!("data/access-more-rows.jsonl");

/// Every worked row, and lines that are no questions.
fn questions() -> String {
    format!("{ROWS}not json\n\n{{\"CaseId\": \"cut\", \"Query\":\n{MORE_ROWS}")
}

fn new_cache(format: Format) -> Cache {
    Cache::new("test 1", format, [7; SECRET])
}

fn plainly(questions: &str, format: Format) -> (Summary, Vec<u8>) {
    let mut out = Vec::new();
    let summary = answer(questions.as_bytes(), &mut out, format).expect("memory can be read and written");
    (summary, out)
}

fn with(cache: &mut Cache, questions: &str) -> (Summary, Vec<u8>) {
    let mut out = Vec::new();
    let summary = answer_with(questions.as_bytes(), &mut out, cache).expect("memory can be read and written");
    (summary, out)
}

fn written(cache: &Cache) -> Vec<u8> {
    let mut file = Vec::new();
    cache.write(&mut file).expect("memory can be written");
    file
}

fn read_again(cache: &Cache) -> Cache {
    Cache::read("test 1", cache.format(), written(cache)).expect("it was just written")
}

#[test]
fn answers_are_the_same_byte_for_byte_whether_kept_or_not() {
    let questions = questions();
    for format in [Format::JsonLines, Format::Text] {
        let plain = plainly(&questions, format);
        let mut cache = new_cache(format);
        assert_eq!(with(&mut cache, &questions), plain, "while it is filled");
        let mut cache = read_again(&cache);
        assert_eq!(with(&mut cache, &questions), plain, "once it is filled");
        assert!(!cache.has_changed(), "every answer was found, and every answer was asked for");
    }
}

#[test]
fn a_question_over_several_lines_is_kept_too() {
    let row: serde_json::Value = serde_json::from_str(ROWS.lines().nth(1).expect("a row")).expect("rows are JSON");
    let pretty = serde_json::to_string_pretty(&row).expect("JSON");
    let mut cache = new_cache(Format::JsonLines);
    let first = with(&mut cache, &pretty);
    let mut cache = read_again(&cache);
    assert_eq!(with(&mut cache, &pretty), first);
    assert!(!cache.has_changed());
}

#[test]
fn only_what_changed_is_worked_out_again() {
    let changed = ROWS.replace("8.8.8.128/25", "8.8.8.192/26");
    let differing = ROWS.lines().zip(changed.lines()).filter(|(old, new)| old != new).count();
    assert!(differing > 0 && differing < ROWS.lines().count());
    let mut cache = new_cache(Format::JsonLines);
    with(&mut cache, ROWS);
    let before = cache.in_use();
    let mut cache = read_again(&cache);
    assert_eq!(with(&mut cache, &changed), plainly(&changed, Format::JsonLines));
    assert!(cache.has_changed());
    assert_eq!(cache.in_use(), before, "as many as before: the old answers are not in use");
    // What nobody asked for is gone.
    let mut cache = read_again(&cache);
    with(&mut cache, ROWS);
    let kept = read_again(&cache);
    assert_eq!(kept.in_use(), 0, "nothing was asked yet");
    assert!(cache.has_changed(), "the old answers had to be worked out again");
}

#[test]
fn a_question_that_is_not_understood_is_not_kept() {
    let mut cache = new_cache(Format::JsonLines);
    let bad = "{\"CaseId\": \"bad\", \"Query\": 1}\n";
    with(&mut cache, bad);
    assert_eq!(cache.in_use(), 0);
    // Its answer names its line, which is another one now.
    let mut cache = read_again(&cache);
    let (_, out) = with(&mut cache, &format!("\n{bad}"));
    assert!(String::from_utf8_lossy(&out).contains("line 2: "), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn another_build_and_another_format_get_nothing() {
    let mut cache = new_cache(Format::JsonLines);
    with(&mut cache, ROWS);
    let file = written(&cache);
    let read = |program, format| Cache::read(program, format, file.clone()).map(|_| ());
    assert_eq!(read("test 1", Format::JsonLines), Ok(()));
    let found = "test 1".to_owned();
    assert_eq!(read("test 2", Format::JsonLines), Err(UnusableCache::Program { found }));
    assert_eq!(read("test 1", Format::Text), Err(UnusableCache::Format));
}

/// Whichever bit of a file flips, and wherever it is cut, it is not believed.
#[test]
fn a_damaged_file_is_never_believed() {
    let mut cache = new_cache(Format::JsonLines);
    with(&mut cache, &format!("{}\n{}\n", ROWS.lines().next().expect("a row"), ROWS.lines().nth(1).expect("a row")));
    let file = written(&cache);
    for position in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[position] ^= 1 << bit;
            assert!(Cache::read("test 1", Format::JsonLines, damaged).is_err(), "bit {bit} of byte {position}");
        }
        assert!(Cache::read("test 1", Format::JsonLines, file[..position].to_vec()).is_err(), "cut at {position}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert!(Cache::read("test 1", Format::JsonLines, longer).is_err());
    let foreign = Cache::read("test 1", Format::JsonLines, ROWS.as_bytes().to_vec());
    assert_eq!(foreign.map(|_| ()), Err(UnusableCache::Foreign));
}

/// Where every length and the sum are made to fit, a table that lies is still found out.
#[test]
fn a_table_that_claims_more_than_there_is_is_refused() {
    let mut cache = new_cache(Format::JsonLines);
    with(&mut cache, ROWS.lines().next().expect("a row"));
    let file = written(&cache);
    let count = 8 + 3 + "test 1".len() + SECRET;
    for (position, value) in [(count, 2), (count + 7, 0xff), (count + 8 + 17, 0xff), (count + 8 + 16, 3)] {
        let mut lying = file[..file.len() - 16].to_vec();
        lying[position] = value;
        let sum = twox_hash::XxHash3_128::oneshot(&lying);
        lying.extend(sum.to_le_bytes());
        let read = Cache::read("test 1", Format::JsonLines, lying);
        assert_eq!(read.map(|_| ()), Err(UnusableCache::Damaged), "byte {position}");
    }
}

/// Whoever writes the texts of a rule must not be able to foresee digests.
#[test]
fn digests_depend_on_the_secret() {
    let table = |secret: u8| {
        let mut cache = Cache::new("test 1", Format::JsonLines, [secret; SECRET]);
        with(&mut cache, ROWS.lines().next().expect("a row"));
        let table = 8 + 3 + "test 1".len() + SECRET + 8;
        written(&cache)[table..table + 16].to_vec()
    };
    assert_ne!(table(1), table(2));
    assert_eq!(table(1), table(1));
}
