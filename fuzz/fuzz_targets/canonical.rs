//! What is signed: encoding leaves no character that the vendor would encode otherwise, and loses nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::cloud::sign::encode;

fuzz_target!(|text: &str| {
    let encoded = encode(text);
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte.expect("two digits follow")).to_digit(16).expect("a digit");
            let (high, low) = (digit(rest.next()), digit(rest.next()));
            bytes.push((high * 16 + low) as u8);
        } else {
            assert!(byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte), "{encoded}");
            bytes.push(byte);
        }
    }
    assert_eq!(bytes, text.as_bytes());
});
