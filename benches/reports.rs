//! What a report costs: a run of 100,000 findings in every format, with the time and the most memory that rendering takes
//! beside the document.

use std::{
    hint::black_box,
    io::{self, Write},
    sync::LazyLock,
};

use divan::{AllocProfiler, Bencher, counter::BytesCount};
use portcullis::{
    findings::FindingStatus,
    report::{
        Background, Format, Options, read, render_document,
        v1::{Document, FindingV1},
    },
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const FINDINGS: usize = 100_000;

fn main() {
    divan::main();
}

/// Counts what is written, and keeps nothing.
#[derive(Default)]
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += black_box(bytes).len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The demo world's report, over and over: each time with resources of its own.
static DOCUMENT: LazyLock<Document<'static>> = LazyLock::new(|| {
    let demo = read(include_str!("../reports/sample.json")).expect("a report");
    let mut document = demo.clone();
    (document.endpoints, document.findings) = (Vec::new(), Vec::new());
    for round in 0..FINDINGS.div_ceil(demo.findings.len()) {
        let renamed = |id: &str| format!("{id}-{round}");
        document.endpoints.extend(demo.endpoints.iter().cloned().map(|mut endpoint| {
            endpoint.id = renamed(&endpoint.id).into();
            endpoint
        }));
        document.findings.extend(demo.findings.iter().cloned().map(|finding| FindingV1 {
            fingerprint: renamed(&finding.fingerprint).into(),
            endpoint_id: finding.endpoint_id.as_deref().map(|id| renamed(id).into()),
            concerns: finding.concerns.iter().map(|id| renamed(id).into()).collect(),
            ..finding
        }));
    }
    document.findings.truncate(FINDINGS);
    document.findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    assert!(document.findings.iter().any(|finding| finding.status == FindingStatus::Unknown));
    document
});

#[divan::bench(args = Format::ALL.map(Format::as_str), sample_count = 5)]
fn render(bencher: Bencher<'_, '_>, format: &str) {
    let format: Format = format.parse().expect("a format");
    let background = Background::default();
    let write = || {
        let mut out = Counted::default();
        render_document(format, &DOCUMENT, &background, &mut out, &Options::default())
            .expect("nothing fails to be counted");
        out.0
    };
    bencher.counter(BytesCount::new(write())).bench(write);
}
