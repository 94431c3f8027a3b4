//! The parsers of addresses, ports and questions on hostile input: no panic, and no entry that
//! means one thing to the strict reader and another to the lenient one.

use std::str::FromStr;

use ipnet::IpNet;
use portcullis::{
    analysis::access::{Format, answer},
    netset::{
        Block,
        allowlist::{Settings, parse_entry},
        parse_ports,
    },
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn strict_entries_mean_the_same_to_everybody(text in "[0-9a-f:./%+x -]{0,24}|\\PC{0,12}") {
        let Ok(entry) = parse_entry(&text, Settings::default()) else { return Ok(()) };
        prop_assert_eq!(entry.cidr, entry.cidr.trunc());
        let lenient = Block::parse(&text);
        if !entry.mapped {
            prop_assert_eq!(lenient, Ok(Block::from(entry.cidr)));
        }
    }

    #[test]
    fn well_formed_blocks_are_read_as_they_are(address in any::<u32>(), length in 0_u8..=32, six in any::<u128>(), length6 in 0_u8..=128) {
        let four = IpNet::new(std::net::Ipv4Addr::from(address).into(), length).expect("a length");
        let six = IpNet::new(std::net::Ipv6Addr::from(six).into(), length6).expect("a length");
        for net in [four, six] {
            prop_assert_eq!(Block::from_str(&net.to_string()), Ok(Block::from(net)));
            prop_assert_eq!(Block::from_str(&net.addr().to_string()), Ok(Block::host(net.addr())));
        }
    }

    #[test]
    fn no_ports_panic_and_none_are_zero(text in "[-0-9/, ]{0,16}|\\PC{0,8}") {
        let mut ranges = Vec::new();
        if parse_ports(&text, |range| ranges.push(range)).is_ok() {
            prop_assert!(ranges.iter().all(|range| range.first() >= 1));
        }
    }

    #[test]
    fn every_line_is_answered_once(lines in proptest::collection::vec("[ -~]{0,40}|\\PC{0,20}", 0..8)) {
        let lines: Vec<String> = lines.into_iter().map(|line| line.replace(['\n', '\r'], "")).collect();
        let wanted = lines.iter().filter(|line| !line.trim_ascii().is_empty()).count() as u64;
        // A first line so that no later one is taken for the start of an object over lines.
        let text = format!("{{}}\n{}", lines.join("\n"));
        let mut out = Vec::new();
        let summary = answer(text.as_bytes(), &mut out, Format::JsonLines).expect("memory can be read and written");
        prop_assert_eq!(summary.answered + summary.failed, wanted + 1);
        prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count() as u64, wanted + 1);
    }
}
