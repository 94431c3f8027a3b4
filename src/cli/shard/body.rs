//! What a part holds in the store: one line of JSON with all that is no inventory, then a snapshot.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::{
    cli::pipeline::Kept,
    model::Inventory,
    scan::{AccountFailure, Notes, Readable},
    store::{Part, snapshot},
};

/// The version that this program writes, and the only one it reads.
const VERSION: u32 = 2;

/// A part that was read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) head: Head,
    pub(super) inventory: Inventory,
}

/// What is no inventory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Head {
    /// Of the first round: which of the part's accounts let themselves be read.
    pub(super) readable: Vec<Readable>,
    /// Of the first round: which did not.
    pub(super) failures: Vec<AccountFailure>,
    /// What later reads of the network go by.
    pub(super) notes: Notes,
    /// Sent since the process finished the part before.
    pub(super) api_calls: u64,
    pub(super) retries: u64,
    /// Of the replies to them.
    pub(super) kept: Kept,
}

impl Body {
    pub(super) fn write(&self, round: u32, name: &str) -> anyhow::Result<Part> {
        let mut body = serde_json::to_vec(&self.head)?;
        body.write_all(b"\n")?;
        snapshot::write(&self.inventory, env!("CARGO_PKG_VERSION"), &mut body)?;
        Ok(Part { round, name: name.to_owned(), version: VERSION, body })
    }

    pub(super) fn read(part: &Part) -> anyhow::Result<Self> {
        anyhow::ensure!(
            part.version == VERSION,
            "it has format {}, and this version knows {VERSION}: use the portcullis that the shards are of",
            part.version
        );
        let end = part.body.iter().position(|byte| *byte == b'\n');
        let (head, rest) = part.body.split_at(end.map_or(part.body.len(), |end| end + 1));
        let head = serde_json::from_slice(head)?;
        let (inventory, _) = snapshot::read(rest)?;
        Ok(Self { head, inventory })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{InventoryBuilder, Unit};

    fn part() -> Part {
        let mut builder = InventoryBuilder::new(DateTime::UNIX_EPOCH);
        builder.scanned(Unit::new(&"1".into(), &"".into(), "sts", "GetCallerIdentity", ""));
        let readable = Readable { account_id: "1".into(), place: 2, regions: Some(["cn-hangzhou".into()].into()) };
        let head = Head { readable: vec![readable], api_calls: 7, ..Head::default() };
        Body { head, inventory: builder.build() }.write(1, "1").expect("memory takes it")
    }

    #[test]
    fn a_part_comes_back() {
        let part = part();
        assert_eq!((part.round, &*part.name), (1, "1"));
        let body = Body::read(&part).expect("just written");
        assert_eq!((body.head.api_calls, body.head.readable[0].place), (7, 2));
        assert_eq!(body.inventory.coverage().scanned_units().count(), 1);
    }

    #[test]
    fn a_part_of_another_format_or_cut_short_is_refused() {
        let newer = Part { version: VERSION + 1, ..part() };
        assert!(Body::read(&newer).expect_err("it is newer").to_string().contains("format 3"));
        for end in 0..part().body.len() {
            let cut = Part { body: part().body[..end].to_vec(), ..part() };
            assert!(Body::read(&cut).is_err(), "cut after {end} bytes");
        }
    }
}
