//! The signer against the vendor's own code: every ACS3 vector was produced by the official SDK.

use std::collections::BTreeMap;

use portcullis::cloud::sign;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    acs3: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    access_key_id: String,
    access_key_secret: String,
    method: String,
    pathname: String,
    query: BTreeMap<String, String>,
    signed_headers_input: BTreeMap<String, String>,
    body: Option<String>,
    payload_sha256: String,
    canonical_query_string: String,
    signed_headers: String,
    canonical_request: String,
    string_to_sign: String,
    authorization: String,
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("data/signature-vectors.json");
    serde_json::from_str::<Vectors>(text).expect("the vectors are valid JSON").acs3
}

#[test]
fn every_vector_is_signed_as_the_vendor_signs_it() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 21);
    for vector in vectors {
        let name = &vector.name;
        // Sorting is the signer's business, so it gets everything in reverse.
        let query: Vec<_> = vector.query.iter().rev().collect();
        let headers: Vec<_> = vector.signed_headers_input.iter().rev().collect();
        let query = sign::canonical_query(&query);
        let hash = sign::payload_hash(vector.body.as_deref().unwrap_or_default().as_bytes());
        let canonical = sign::canonical(&vector.method, &vector.pathname, &query, &headers, &hash);
        assert_eq!(query, vector.canonical_query_string, "{name}");
        assert_eq!(hash, vector.payload_sha256, "{name}");
        assert_eq!(canonical.signed_headers, vector.signed_headers, "{name}");
        assert_eq!(canonical.request, vector.canonical_request, "{name}");
        assert_eq!(sign::string_to_sign(&canonical), vector.string_to_sign, "{name}");
        let authorization =
            sign::authorization(&vector.access_key_id, &SecretString::from(vector.access_key_secret), &canonical);
        assert_eq!(authorization.expose_secret(), vector.authorization, "{name}");
    }
}

#[test]
fn form_bodies_are_written_as_the_vendor_writes_them() {
    let mut seen = 0;
    for vector in vectors() {
        let form = vector.signed_headers_input.get("content-type").is_some_and(|kind| kind.contains("form"));
        let Some(body) = vector.body.filter(|_| form) else { continue };
        let mut pairs: Vec<_> = body
            .split('&')
            .map(|pair| {
                let (name, value) = pair.split_once('=').expect("a pair has an equals sign");
                let value =
                    percent_encoding::percent_decode_str(&value.replace('+', "%20")).decode_utf8_lossy().into_owned();
                (name.to_owned(), value)
            })
            .collect();
        pairs.reverse();
        assert_eq!(sign::form_body(&pairs), body, "{}", vector.name);
        seen += 1;
    }
    assert!(seen >= 3);
}
