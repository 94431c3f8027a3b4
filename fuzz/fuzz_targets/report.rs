//! A JSON report from anywhere: what can be read is written and read again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::report::{Background, Format, Options, read_from, render_document};

fuzz_target!(|data: &[u8]| {
    let Ok(document) = read_from(data) else { return };
    let mut text = Vec::new();
    render_document(Format::Json, &document, &Background::default(), &mut text, &Options::default())
        .expect("memory can be written");
    assert_eq!(read_from(&*text).expect("our own report"), document);
    for format in Format::ALL {
        render_document(format, &document, &Background::default(), &mut Vec::new(), &Options::default())
            .expect("memory can be written");
    }
});
