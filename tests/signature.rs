//! The signers against the vendor's own code: every vector was produced by the official SDK.

use std::collections::BTreeMap;

use portcullis::cloud::{sign, sign_log};
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

#[derive(Deserialize)]
struct LogVectors {
    sls: Vec<LogVector>,
}

#[derive(Deserialize)]
struct LogVector {
    name: String,
    signature_version: String,
    access_key_id: String,
    access_key_secret: String,
    method: String,
    pathname: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: String,
    canonical_request: Option<String>,
    string_to_sign: String,
    authorization: String,
}

#[test]
fn the_log_services_requests_are_signed_as_the_vendor_signs_them() {
    let text = include_str!("data/signature-vectors.json");
    let vectors = serde_json::from_str::<LogVectors>(text).expect("the vectors are valid JSON").sls;
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let name = &vector.name;
        let secret = SecretString::from(vector.access_key_secret);
        let headers: Vec<_> = vector.headers.iter().rev().collect();
        let query = sign::canonical_query(&vector.query.iter().collect::<Vec<_>>());
        if vector.signature_version == "v1" {
            assert!(query.is_empty(), "{name}: the resource is the path");
            let value =
                sign_log::authorization_v1(&vector.access_key_id, &secret, &vector.method, &vector.pathname, &headers);
            assert_eq!(value.expose_secret(), vector.authorization, "{name}");
            continue;
        }
        let hash = sign::payload_hash(vector.body.as_bytes());
        let canonical = sign_log::canonical(&vector.method, &vector.pathname, &query, &headers, &hash);
        assert_eq!(Some(&canonical.request), vector.canonical_request.as_ref(), "{name}");
        let date = &vector.headers["x-log-date"];
        let region = vector.headers["host"].split('.').nth(1).expect("a region in the host");
        assert_eq!(sign_log::string_to_sign(date, region, &canonical), vector.string_to_sign, "{name}");
        let value = sign_log::authorization(&vector.access_key_id, &secret, date, region, &canonical);
        assert_eq!(value.expose_secret(), vector.authorization, "{name}");
    }
}
