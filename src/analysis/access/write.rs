//! Writes answers: one JSON object a line for programs, a few lines for people.

use std::{cmp::Reverse, fmt, io::Write};

use ipnet::IpNet;
use serde::Serialize;

use crate::{
    analysis::saved::{name, printable, write_line},
    netset::AddressSet,
};

use super::{evaluate::Answer, share::Share};

/// Writes an answer as one JSON object, as a line; `case_id` is the name of its question. By hand:
/// answers are mostly blocks and ids, which need neither a serializer nor memory of their own.
pub(super) fn write_json<N: AsRef<str>>(case_id: Option<&str>, answer: &Answer<N>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"CaseId\":");
    write_value(&case_id, out);
    out.extend_from_slice(b",\"Complete\":");
    write_value(&answer.is_complete(), out);
    out.extend_from_slice(b",\"Allowed\":");
    write_cover(&answer.allowed.upper, out);
    out.extend_from_slice(b",\"Residue\":");
    write_cover(&answer.residue.upper, out);
    if !answer.is_complete() {
        out.extend_from_slice(b",\"ResidueLower\":");
        write_cover(&answer.residue.lower, out);
    }
    write_display(format_args!(",\"ResidueCount\":\"{}\"", answer.residue.upper.count()), out);
    write_display(format_args!(",\"Exposure\":\"{}\"", answer.exposure.as_str()), out);
    match answer.witness {
        Some(address) => write_display(format_args!(",\"Witness\":\"{address}\""), out),
        None => out.extend_from_slice(b",\"Witness\":null"),
    }
    out.extend_from_slice(b",\"Blame\":");
    write_texts(&answer.blame, out);
    out.extend_from_slice(b",\"FixSet\":");
    write_texts(&answer.fix_set, out);
    out.extend_from_slice(b",\"Unresolved\":");
    write_texts(&answer.unresolved, out);
    out.extend_from_slice(b"}\n");
}

fn write_value(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("texts and numbers can be written to memory");
}

fn write_display(text: fmt::Arguments<'_>, out: &mut Vec<u8>) {
    out.write_fmt(text).expect("text can be written to memory");
}

/// Writes a list of ids and words.
fn write_texts<N: AsRef<str>>(texts: &[N], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let text = text.as_ref();
        // Nearly no id holds anything that must be escaped.
        if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            write_value(&text, out);
            continue;
        }
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
    out.push(b']');
}

/// Writes the minimal cover of a set as it is found.
fn write_cover(set: &AddressSet, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, net) in set.v4.cover().chain(set.v6.cover()).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match net {
            IpNet::V4(net) => {
                let mut text = BlockText::default();
                text.push(b'"');
                for (octet, after) in net.addr().octets().into_iter().zip([b'.', b'.', b'.', b'/']) {
                    text.push_number(octet);
                    text.push(after);
                }
                text.push_number(net.prefix_len());
                text.push(b'"');
                out.extend_from_slice(&text.bytes[..text.length]);
            }
            IpNet::V6(_) => write_display(format_args!("\"{}\"", Shown(net)), out),
        }
    }
    out.push(b']');
}

/// The text of an IPv4 block. The formatting machinery would take as long as the analysis.
#[derive(Default)]
struct BlockText {
    /// Room for `"255.255.255.255/32"`.
    bytes: [u8; 20],
    length: usize,
}

impl BlockText {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn push_number(&mut self, number: u8) {
        if number >= 100 {
            self.push(b'0' + number / 100);
        }
        if number >= 10 {
            self.push(b'0' + number / 10 % 10);
        }
        self.push(b'0' + number % 10);
    }
}

/// A block without dots in IPv6: `::ffff:808:800/120` is no IPv4 and must not look like it.
#[derive(Clone, Copy, Debug)]
struct Shown(IpNet);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some() => {
                let [.., high, low] = net.addr().segments();
                write!(f, "::ffff:{high:x}:{low:x}/{}", net.prefix_len())
            }
            net => fmt::Display::fmt(&net, f),
        }
    }
}

/// More blocks than this are counted rather than shown to people.
const SHOWN_BLOCKS: usize = 12;

/// Writes an answer for people. `shares` are those of the rules to blame, unless there are too many.
pub(super) fn write_text<N: AsRef<str>>(
    case_id: Option<&str>,
    answer: &Answer<N>,
    shares: Option<&[Share]>,
    out: &mut Vec<u8>,
) {
    let count = answer.residue.upper.count();
    let certainty = if answer.is_complete() { "" } else { "at most " };
    let addresses = if count.to_string() == "1" { "address" } else { "addresses" };
    write_line(
        out,
        format_args!("{}  {}: {certainty}{count} untrusted {addresses}", name(case_id), answer.exposure.as_str()),
    );
    let mut field = |label: &str, values: Vec<String>| {
        if !values.is_empty() {
            write_line(out, format_args!("  {label:<11}{}", values.join(" ")));
        }
    };
    field("gets in", answer.witness.iter().map(ToString::to_string).collect());
    field("untrusted", blocks(&answer.residue.upper));
    if !answer.is_complete() {
        let certain = blocks(&answer.residue.lower);
        field("certainly", if certain.is_empty() { vec!["none".to_owned()] } else { certain });
    }
    let printable_all = |texts: &[N]| texts.iter().map(|text| printable(text.as_ref())).collect();
    field("blame", printable_all(&answer.blame));
    for (index, share) in share_lines(shares.unwrap_or_default()).into_iter().enumerate() {
        field(if index == 0 { "share" } else { "" }, vec![share]);
    }
    field("delete", printable_all(&answer.fix_set));
    field("unread", printable_all(&answer.unresolved));
}

/// More rules than this are counted rather than shown to people.
const SHOWN_SHARES: usize = 12;

/// The rules that decide for most addresses, and what becomes of the residue without each.
fn share_lines(shares: &[Share]) -> Vec<String> {
    let mut shares: Vec<&Share> = shares.iter().collect();
    shares.sort_by_key(|share| (Reverse(share.addresses), &share.rule));
    let line = |share: &&Share| {
        let effect = if share.alone { "fewer get in without it" } else { "as many get in without it" };
        format!("{} decides for {}; {effect}", printable(&share.rule), share.addresses)
    };
    let mut lines: Vec<String> = shares.iter().take(SHOWN_SHARES).map(line).collect();
    if shares.len() > SHOWN_SHARES {
        lines.push(format!("and {} more", shares.len() - SHOWN_SHARES));
    }
    lines
}

fn blocks(set: &AddressSet) -> Vec<String> {
    let blocks = set.cover();
    let mut shown: Vec<String> = blocks.iter().take(SHOWN_BLOCKS).map(|net| Shown(*net).to_string()).collect();
    if blocks.len() > SHOWN_BLOCKS {
        shown.push(format!("and {} more", blocks.len() - SHOWN_BLOCKS));
    }
    shown
}
