//! Torn, lost and changed bytes, at every place.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{self, Write};

use super::{Damaged, Disk, Writer, read};

#[derive(Debug, Default)]
struct Memory {
    bytes: Vec<u8>,
    syncs_left: Option<usize>,
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for Memory {
    fn sync(&mut self) -> io::Result<()> {
        match &mut self.syncs_left {
            Some(0) => Err(io::Error::other("no space")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

const PAYLOADS: [&[u8]; 4] = [b"intent 1", b"", b"answered: accepted", b"closed"];

fn written(payloads: &[&[u8]]) -> Vec<u8> {
    let mut writer = Writer::after(&read(b"").unwrap(), Memory::default());
    for payload in payloads {
        writer.append(payload).unwrap();
    }
    writer.disk().bytes.clone()
}

/// Ends of the records, counted from the format in the module's documentation.
fn ends() -> Vec<usize> {
    PAYLOADS
        .iter()
        .scan(4, |at, payload| {
            *at += 40 + payload.len();
            Some(*at)
        })
        .collect()
}

#[test]
fn what_was_written_is_read() {
    let journal = read(&written(&PAYLOADS)).unwrap();
    assert_eq!(journal.records, PAYLOADS);
    assert!(!journal.torn);
}

#[test]
fn a_tail_torn_at_any_byte_loses_the_last_record_only_and_the_journal_goes_on() {
    let whole = written(&PAYLOADS);
    for cut in 0..whole.len() {
        let journal = read(&whole[..cut]).unwrap();
        let kept = ends().iter().filter(|end| **end <= cut).count();
        assert_eq!(journal.records, PAYLOADS[..kept], "cut at {cut}");
        assert_eq!(journal.torn, cut != 0 && cut != 4 && !ends().contains(&cut), "cut at {cut}");

        let mut writer = Writer::after(&journal, Memory { bytes: whole[..journal.whole].to_vec(), syncs_left: None });
        writer.append(b"after the crash").unwrap();
        let again = read(&writer.disk().bytes).unwrap();
        assert_eq!(again.records.len(), kept + 1);
        assert_eq!(again.records[kept], b"after the crash");
    }
}

#[test]
fn a_tail_that_was_allocated_but_not_written_is_torn() {
    let whole = written(&PAYLOADS);
    let last = ends()[2];
    for from in last..whole.len() {
        let mut zeroed = whole.clone();
        zeroed[from..].fill(0);
        if zeroed == whole {
            continue;
        }
        let journal = read(&zeroed).unwrap();
        // A record of no bytes is all zero but for its chain: it is not taken for one.
        assert_eq!(journal.records, PAYLOADS[..3], "zero from {from}");
        assert!(journal.torn);
    }
}

#[test]
fn a_byte_changed_in_the_middle_is_damage_and_in_the_last_record_a_torn_tail() {
    let whole = written(&PAYLOADS);
    let last = ends()[2];
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= flip;
            match read(&changed) {
                Err(Damaged::NotAJournal) => assert!(at < 4, "byte {at}"),
                Err(Damaged::Record { .. }) => assert!(at >= 4, "byte {at}"),
                Ok(journal) => {
                    assert!(at >= last && journal.torn, "byte {at} was changed unseen");
                    assert_eq!(journal.records, PAYLOADS[..3]);
                }
            }
        }
    }
}

#[test]
fn records_that_are_dropped_swapped_or_doubled_are_seen() {
    let ends = ends();
    let whole = written(&PAYLOADS);
    let record = |index: usize| {
        let from = if index == 0 { 4 } else { ends[index - 1] };
        whole[from..ends[index]].to_vec()
    };
    for order in [vec![0, 2, 3], vec![0, 2, 1, 3], vec![0, 1, 1, 2, 3], vec![1, 2, 3]] {
        let mut bytes = b"PCJ1".to_vec();
        bytes.extend(order.iter().flat_map(|index| record(*index)));
        assert!(matches!(read(&bytes), Err(Damaged::Record { .. })), "{order:?}");
    }
}

#[test]
fn a_damaged_record_is_named() {
    let mut bytes = written(&PAYLOADS);
    bytes[4 + 40] ^= 1;
    let behind = bytes.len() - ends()[0];
    assert_eq!(
        read(&bytes).unwrap_err().to_string(),
        format!("record 1 at byte 4 is damaged (its checksum is wrong), and {behind} bytes follow it")
    );
}

#[test]
fn after_a_sync_that_failed_nothing_is_written() {
    let mut writer = Writer::after(&read(b"").unwrap(), Memory { bytes: Vec::new(), syncs_left: Some(1) });
    writer.append(b"one").unwrap();
    writer.append(b"two").unwrap_err();
    let held = writer.disk().bytes.len();
    writer.disk_mut().syncs_left = None;
    writer.append(b"three").unwrap_err();
    assert_eq!(writer.disk().bytes.len(), held);
}

#[test]
fn entries_are_chained_as_the_file_says() {
    let bytes = written(&PAYLOADS);
    let journal = read(&bytes).unwrap();
    let entries: Vec<_> = journal.entries().collect();
    assert_eq!(entries.iter().map(|entry| entry.payload).collect::<Vec<_>>(), PAYLOADS);
    let mut follows = [0; 32];
    for (entry, end) in entries.iter().zip(ends()) {
        let head = end - entry.payload.len() - 32;
        assert_eq!(entry.follows, follows);
        assert_eq!(entry.chain, bytes[head..head + 32]);
        follows = entry.chain;
    }
}
