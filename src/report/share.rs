//! A report for people outside: account ids, public addresses and fingerprints stand under pseudonyms (reliability.md 6.2).
//!
//! Addresses are exchanged bit by bit, so that two that share a prefix still do, and a block holds the same addresses as before
//! under their new names: the sets of a report stay what they were to one another. What decides what kind of address it is stays
//! as it was: the first 8 bits, 16 or 24 where a private or reserved range begins with the same 8, of IPv6 16 or 32; private
//! addresses stay whole, and so do blocks as wide as that. Fingerprints go because an account id can be found from one by trying.
//!
//! With another key everything has another name. Without the key nobody can tell which.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::Sha256;

use super::v1::{Document, EndpointV1, FindingV1, Known};
use crate::model::is_on_the_internet;

/// Bytes of a key. They must be random, and are not kept.
pub const SHARE_KEY_BYTES: usize = 32;

/// The report under pseudonyms. Names of resources and people stay, and so does what people wrote, but for what it says of these.
///
/// # Errors
/// If a record cannot be read back from its own JSON.
pub fn shared(document: &Document<'_>, key: [u8; SHARE_KEY_BYTES]) -> Result<Document<'static>, serde_json::Error> {
    let mut names = Pseudonyms::new(key, document);
    let mut known = Known::default();
    let endpoints: Result<Vec<_>, _> = document.endpoints.iter().map(|one| names.endpoint(one, &mut known)).collect();
    let findings: Result<Vec<_>, _> = document.findings.iter().map(|one| names.finding(one, &mut known)).collect();
    let mut shared = Document {
        schema: document.schema.as_str().to_owned().into(),
        run: names.record(&document.run)?,
        verdict: document.verdict,
        summary: document.summary.clone(),
        endpoints: endpoints?,
        findings: findings?,
        coverage: names.record(&document.coverage)?,
    };
    // In the order that every report has, by what they are called now.
    shared.endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    shared.findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    Ok(shared)
}

struct Pseudonyms {
    key: [u8; SHARE_KEY_BYTES],
    accounts: BTreeMap<String, String>,
    addresses: HashMap<IpAddr, IpAddr>,
}

impl Pseudonyms {
    fn new(key: [u8; SHARE_KEY_BYTES], document: &Document<'_>) -> Self {
        let of_endpoints = document.endpoints.iter().map(|one| &one.account_id);
        let of_findings = document.findings.iter().map(|one| &one.account_id);
        let of_gaps = document.coverage.gaps.iter().map(|one| &one.account_id);
        let of_callers = document.run.caller.iter().map(|one| &one.account_id);
        let ids: BTreeSet<&str> =
            of_endpoints.chain(of_findings).chain(of_gaps).chain(of_callers).map(|id| id.as_str()).collect();
        let mut names = Self { key, accounts: BTreeMap::new(), addresses: HashMap::new() };
        // What the report calls an account is one, however long its id is.
        for id in ids.into_iter().filter(|id| is_number(id)) {
            names.account(id);
        }
        names
    }

    fn endpoint(&mut self, one: &EndpointV1<'_>, known: &mut Known) -> Result<EndpointV1<'static>, serde_json::Error> {
        let mut endpoint: EndpointV1<'static> = self.record(one)?;
        endpoint.unread = one.unread.iter().map(|text| self.text(text)).collect();
        known.endpoint(&mut endpoint);
        Ok(endpoint)
    }

    fn finding(&mut self, one: &FindingV1<'_>, known: &mut Known) -> Result<FindingV1<'static>, serde_json::Error> {
        let mut finding: FindingV1<'static> = self.record(one)?;
        finding.title = one.title.as_str().to_owned().into();
        finding.resource_name = self.text(&one.resource_name).into();
        known.finding(&mut finding);
        Ok(finding)
    }

    /// The record with every text of it under pseudonyms.
    fn record<T: DeserializeOwned>(&mut self, record: &impl Serialize) -> Result<T, serde_json::Error> {
        let mut value = serde_json::to_value(record)?;
        self.value(&mut value);
        serde_json::from_value(value)
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.value(item));
                // Lists of blocks are sorted everywhere.
                let blocks: Option<Vec<IpNet>> = items.iter().map(|item| item.as_str()?.parse().ok()).collect();
                if let Some(mut blocks) = blocks.filter(|blocks| !blocks.is_empty()) {
                    blocks.sort_unstable();
                    *items = blocks.into_iter().map(|block| block.to_string().into()).collect();
                }
            }
            Value::Object(fields) => {
                for (name, mut field) in std::mem::take(fields) {
                    // Numbers of frameworks' controls look like addresses.
                    if name != "controls" {
                        self.value(&mut field);
                    }
                    fields.insert(self.text(&name), field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.');
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_of_word) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c| !is_of_word(c)).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            told.push_str(before);
            rest = match waiver_id(word, after) {
                Some((before, id, after)) => {
                    told.push_str(&self.word(before, None));
                    told.push_str(&self.print("w-", id));
                    after
                }
                None => {
                    told.push_str(&self.word(word, prefix_length(after)));
                    after
                }
            };
        }
        told.push_str(rest);
        told
    }

    /// The digits of a fingerprint or a waiver's id, from which an account id can be found by trying: others, as many.
    fn print(&self, prefix: &str, digits: &str) -> String {
        let all = HEXLOWER.encode(&self.digest(0, format!("{prefix}{digits}").as_bytes()));
        format!("{prefix}{}", all.get(..digits.len()).unwrap_or(&all))
    }

    /// A word of letters, digits, colons and dots; an address at its end is a block where a prefix length follows.
    fn word(&mut self, word: &str, length: Option<u8>) -> String {
        if let Some((before, found)) = word.split_once("v1:") {
            let end = found.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(found.len());
            let (digits, after) = found.split_at(end);
            if is_digest(digits) {
                return format!("{}{}{}", self.word(before, None), self.print("v1:", digits), self.word(after, None));
            }
        }
        if let Some(told) = self.resource_name(word) {
            return told;
        }
        // As it stands, or at the end of a sentence, or in front of a colon; a block of IPv6 ends with colons of its own.
        let sentence = word.trim_end_matches('.');
        let ends = [word, sentence, sentence.strip_suffix(':').unwrap_or(sentence)];
        if let Some((bare, address)) = ends.into_iter().find_map(|bare| Some((bare, bare.parse().ok()?))) {
            let length = length.filter(|_| bare == word);
            return format!("{}{}", self.address(address, length), word.strip_prefix(bare).unwrap_or_default());
        }
        // `from:2400:3200::5`
        let behind = |(at, _): (usize, _)| Some((word.get(..=at)?, word.get(at + 1..)?));
        let mut suffixes = word.match_indices(':').filter_map(behind);
        if let Some((before, address)) =
            suffixes.find_map(|(before, rest)| Some((before, rest.parse::<Ipv6Addr>().ok()?)))
        {
            return format!("{before}{}", self.address(address.into(), length));
        }
        let is_of_number = |c: char| c.is_ascii_digit() || c == '.';
        let mut told = String::with_capacity(word.len());
        let mut rest = word;
        while let Some(start) = rest.find(is_of_number) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c| !is_of_number(c)).unwrap_or(from.len());
            let (number, after) = from.split_at(end);
            told.push_str(before);
            let is_in_letters = told.ends_with(|c: char| c.is_ascii_alphabetic())
                || after.starts_with(|c: char| c.is_ascii_alphabetic());
            told.push_str(&self.number(number, is_in_letters, length.filter(|_| after.is_empty())));
            rest = after;
        }
        told.push_str(rest);
        told
    }

    /// `acs:ram::1000000000000001:user`, the beginning of a name that the vendor gives to everything: the fourth word is whose it is.
    fn resource_name(&mut self, word: &str) -> Option<String> {
        let mut parts: Vec<&str> = word.split(':').collect();
        let account = *parts.get(3).filter(|id| parts.first() == Some(&"acs") && is_number(id))?;
        let told = self.account(account);
        *parts.get_mut(3)? = &told;
        Some(parts.join(":"))
    }

    /// Digits and dots: an address, an account id, or neither.
    fn number(&mut self, number: &str, is_in_letters: bool, length: Option<u8>) -> String {
        let bare = number.trim_matches('.');
        // `v1.18.0.139` is a version.
        let replaced = if let Ok(address) = bare.parse::<Ipv4Addr>()
            && !is_in_letters
        {
            self.address(address.into(), length.filter(|_| number.ends_with(bare))).to_string()
        } else if self.accounts.contains_key(bare) || (is_account(bare) && !is_in_letters) {
            self.account(bare)
        } else {
            return number.to_owned();
        };
        number.replacen(bare, &replaced, 1)
    }

    fn account(&mut self, id: &str) -> String {
        let next = self.accounts.len() + 1;
        self.accounts.entry(id.to_owned()).or_insert_with(|| format!("account-{next:04}")).clone()
    }

    /// The address by which another stands; the first one of a block that long.
    fn address(&mut self, address: IpAddr, length: Option<u8>) -> IpAddr {
        if !is_on_the_internet(address) {
            return address;
        }
        let other = match self.addresses.get(&address) {
            Some(other) => *other,
            None => {
                let other = self.exchanged(address);
                self.addresses.insert(address, other);
                other
            }
        };
        match length.map(|length| IpNet::new(other, length)) {
            Some(Ok(block)) => block.network(),
            Some(Err(_)) | None => other,
        }
    }

    fn exchanged(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let [first, second, ..] = v4.octets();
                let kept = match (first, second) {
                    // What is no address of a host.
                    (0 | 224.., _) => 32,
                    // Here reserved ranges begin within 24 bits.
                    (192, 0 | 88) | (198, 51) | (203, 0) => 24,
                    // Here such ranges, and private ones, begin within 16 bits.
                    (100 | 169 | 172 | 192 | 198 | 203, _) => 16,
                    _ => 8,
                };
                let bits = self.bits(4, u128::from(v4.to_bits()), 32, kept);
                Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or_default()).into()
            }
            IpAddr::V6(v6) => match embedded(v6) {
                Some((at, v4)) => match self.exchanged(v4.into()) {
                    // Behind it stands what 6to4 has of its own.
                    IpAddr::V4(other) => {
                        let (bits, behind) = (v6.to_bits(), 96 - at);
                        let low = self.bits(6, bits, 128, 128 - behind) & ((1 << behind) - 1);
                        let high = bits >> (32 + behind) << (32 + behind);
                        Ipv6Addr::from_bits(high | (u128::from(other.to_bits()) << behind) | low).into()
                    }
                    other @ IpAddr::V6(_) => other,
                },
                // Global unicast.
                None if v6.segments()[0] & 0xe000 == 0x2000 => {
                    let kept = match (v6.segments()[0], v6.segments()[1]) {
                        // Here reserved ranges begin within 48 bits, here within 32.
                        (0x2001, 2) => 48,
                        (0x2001 | 0x3fff, _) => 32,
                        _ => 16,
                    };
                    Ipv6Addr::from_bits(self.bits(6, v6.to_bits(), 128, kept)).into()
                }
                None => address,
            },
        }
    }

    /// The lowest `width` bits, of which each behind the first `kept` is turned over or not, by those before it.
    fn bits(&self, family: u8, bits: u128, width: u32, kept: u32) -> u128 {
        (kept..width).fold(bits, |other, at| {
            let before = bits.checked_shr(width - at).unwrap_or(0);
            let mut text = before.to_be_bytes().to_vec();
            text.push(u8::try_from(at).unwrap_or_default());
            let turn = self.digest(family, &text).first().is_some_and(|byte| byte & 1 == 1);
            other ^ (u128::from(turn) << (width - 1 - at))
        })
    }

    /// What only who has the key can work out; `what` keeps the uses apart.
    fn digest(&self, what: u8, text: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            unreachable!("a key of any length will do")
        };
        mac.update(&[what]);
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
}

/// The IPv4 address in one of IPv6, and how many bits stand in front of it: mapped, compatible, NAT64 and 6to4.
fn embedded(v6: Ipv6Addr) -> Option<(u32, Ipv4Addr)> {
    let at = match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => 96,
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => 96,
        [0x2002, ..] => 16,
        _ => return None,
    };
    let bits = (v6.to_bits() >> (96 - at)) & u128::from(u32::MAX);
    Some((at, Ipv4Addr::from_bits(u32::try_from(bits).ok()?)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of a waiver's id, `w-` and sixteen of them or more, with what stands before and behind them.
fn waiver_id<'a>(word: &'a str, after: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
    let before = word.strip_suffix('w').filter(|before| before.is_empty() || before.ends_with([':', '.']))?;
    let digits = after.strip_prefix('-')?;
    let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    let (id, after) = digits.split_at(end);
    (id.len() >= 16 && !after.starts_with(|c: char| c.is_ascii_alphanumeric())).then_some((before, id, after))
}

/// Account ids of the vendor have 16 digits.
fn is_account(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Fingerprints have 64 digits; what is shorter is none that this program made, and no harm is in its going.
fn is_digest(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The number behind the slash with which the text begins.
fn prefix_length(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('/')?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, after) = digits.split_at(end);
    digits.parse().ok().filter(|_| !after.starts_with(|c: char| c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::fixture;

    const KEY: [u8; SHARE_KEY_BYTES] = [7; SHARE_KEY_BYTES];

    fn names() -> Pseudonyms {
        Pseudonyms { key: KEY, accounts: BTreeMap::new(), addresses: HashMap::new() }
    }

    /// The last two groups of an IPv6 address that holds it.
    fn six(address: IpAddr) -> String {
        match address {
            IpAddr::V4(v4) => format!("{:x}:{:x}", v4.to_bits() >> 16, v4.to_bits() & 0xffff),
            IpAddr::V6(v6) => v6.to_string(),
        }
    }

    fn common_bits(one: u32, other: u32) -> u32 {
        (one ^ other).leading_zeros()
    }

    proptest! {
        /// Two addresses share as many bits as before, so that no block gains or loses one.
        #[test]
        fn prefixes_are_kept(one: u32, other: u32, share in 0_u32..=32) {
            let other = if share == 32 { one } else { one ^ (1 << (31 - share)) ^ (other & ((1 << (31 - share)) - 1)) };
            let mut names = names();
            let mut named = |bits: u32| match names.address(Ipv4Addr::from_bits(bits).into(), None) {
                IpAddr::V4(v4) => v4.to_bits(),
                IpAddr::V6(v6) => panic!("{v6}"),
            };
            // What is private stays, and what is not never becomes it: else bits would be shared where none were.
            prop_assert_eq!(common_bits(named(one), named(other)), common_bits(one, other));
        }

        #[test]
        fn what_is_private_stays_and_nothing_becomes_private(bits: u32) {
            let address = IpAddr::from(Ipv4Addr::from_bits(bits));
            let named = names().address(address, None);
            prop_assert_eq!(is_on_the_internet(named), is_on_the_internet(address));
            prop_assert!(is_on_the_internet(address) || named == address);
            // IANA's special-purpose registry: what is reserved decides verdicts as private ranges do.
            let reserved = ["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"];
            for block in reserved.iter().filter_map(|text| text.parse::<IpNet>().ok()) {
                prop_assert_eq!(block.contains(&named), block.contains(&address), "{}", block);
            }
        }

        #[test]
        fn prefixes_of_ipv6_are_kept(one: u128, share in 48_u32..128) {
            let one = (one >> 3) | (1 << 125);
            let other = one ^ (1 << (127 - share));
            let mut names = names();
            let mut named = |bits: u128| match names.address(Ipv6Addr::from_bits(bits).into(), None) {
                IpAddr::V6(v6) => v6.to_bits(),
                IpAddr::V4(v4) => panic!("{v4}"),
            };
            prop_assert_eq!((named(one) ^ named(other)).leading_zeros(), share);
        }
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        let mut names = names();
        let address = names.address(IpAddr::from([203, 0, 113, 7]), None);
        let block = names.address(IpAddr::from([203, 0, 113, 0]), Some(24));
        assert!(block.to_string().ends_with(".0"), "{block}");
        for (text, told) in [
            ("1000000000000001/cn-hangzhou/mesh/c1", "account-0001/cn-hangzhou/mesh/c1".to_owned()),
            ("acs:ram::1000000000000001:user/audit", "acs:ram::account-0001:user/audit".to_owned()),
            ("c1000000000000001x of 1000000000000002.", "caccount-0001x of account-0002.".to_owned()),
            ("c3000000000000003x", "c3000000000000003x".to_owned()),
            ("https://203.0.113.7:6443", format!("https://{address}:6443")),
            ("open to 203.0.113.7.", format!("open to {address}.")),
            ("(203.0.113.0/24, 10.0.0.0/8)", format!("({block}/24, 10.0.0.0/8)")),
            ("from:203.0.113.7,to:0.0.0.0/0", format!("from:{address},to:0.0.0.0/0")),
            ("::ffff:203.0.113.7", format!("::ffff:{address}")),
            (
                "2400:3200::/32: all",
                format!("{}/32: all", names.address("2400:3200::".parse().expect("one"), Some(32))),
            ),
            ("from 203.0.113.7: nobody", format!("from {address}: nobody")),
            ("from:2400:3200::5", format!("from:{}", names.address("2400:3200::5".parse().expect("one"), None))),
            ("64:ff9b::203.0.113.7", format!("64:ff9b::{}", six(address))),
            ("acs:ram::512345678901:role/x of v1.18.0.139", "acs:ram::account-0003:role/x of v1.18.0.139".to_owned()),
            ("lb-1/6443 since 2026-11-20T06:00:00Z", "lb-1/6443 since 2026-11-20T06:00:00Z".to_owned()),
            ("版本 1.2.3 é203.0.113.7é", format!("版本 1.2.3 é{address}é")),
        ] {
            assert_eq!(names.text(text), told, "{text}");
        }
        for (print, prefix) in [(format!("v1:{}", "ab".repeat(32)), "v1:"), (format!("w-{}", "ab".repeat(8)), "w-")] {
            let other = names.text(&print);
            assert!(other != print && other.len() == print.len() && other.starts_with(prefix), "{other}");
            for (before, after) in [("", "."), ("fingerprint:", ""), ("(", ")"), ("", ":1")] {
                assert_eq!(names.text(&format!("{before}{print}{after}")), format!("{before}{other}{after}"));
            }
        }
        assert_eq!(names.text("w-1 and lb-w-ab"), "w-1 and lb-w-ab");
    }

    #[test]
    fn lists_of_blocks_are_sorted_again_and_controls_are_no_addresses() {
        let mut names = names();
        let blocks: Vec<String> = (0..40).map(|third| format!("8.8.{third}.0/24")).collect();
        let mut value = serde_json::json!({"untrusted": blocks, "controls": ["mlps-2-level-3:8.1.3.1"]});
        names.value(&mut value);
        let sorted: Vec<IpNet> = serde_json::from_value(value["untrusted"].clone()).expect("blocks");
        assert!(sorted.is_sorted() && sorted.len() == 40);
        assert_eq!(value["controls"][0], "mlps-2-level-3:8.1.3.1");
    }

    #[test]
    fn the_report_is_the_same_under_other_names() {
        let run = fixture::run();
        let document = Document::of(&run);
        let told = shared(&document, KEY).expect("our own records");
        assert_eq!((told.verdict, &told.summary), (document.verdict, &document.summary));
        assert_eq!((told.endpoints.len(), told.findings.len()), (document.endpoints.len(), document.findings.len()));
        let text = serde_json::to_string(&told).expect("JSON");
        for account in document.endpoints.iter().map(|one| one.account_id.as_str()) {
            assert!(!text.contains(account), "{account}");
        }
        for finding in &document.findings {
            assert!(!text.contains(finding.fingerprint.as_str()), "{}", finding.fingerprint);
        }
        for address in document.endpoints.iter().filter_map(|one| one.public_address.as_ref()) {
            assert!(!text.contains(address.as_str()), "{address}");
        }
        assert_ne!(shared(&document, [8; SHARE_KEY_BYTES]).expect("our own records").endpoints, told.endpoints);
    }
}
