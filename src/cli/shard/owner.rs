//! Which shard reads an account: rendezvous hashing. Every shard has a weight for every account, and the heaviest reads it;
//! one shard more takes its part from all others, and nothing else moves.

use sha2::{Digest, Sha256};

/// The shard, counted from 0, that reads what belongs to an account. The same in every process and every version: shards
/// of one run may be of machines that know nothing of each other.
pub(crate) fn owner(account: &str, shards: u32) -> u32 {
    (0..shards).max_by_key(|shard| weight(account, *shard)).unwrap_or_default()
}

fn weight(account: &str, shard: u32) -> [u8; 32] {
    Sha256::digest(format!("portcullis shard {shard} {account}")).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Worked out without this program: the largest SHA-256 of `portcullis shard SHARD ACCOUNT`.
    #[test]
    fn owners_are_those_of_every_other_version() {
        for (account, of_two, of_three) in OWNERS {
            assert_eq!((owner(account, 2), owner(account, 3)), (of_two, of_three), "{account}");
        }
    }

    const OWNERS: [(&str, u32, u32); 4] =
        [("1000000000000001", 0, 2), ("1000000000000002", 1, 1), ("1000000000000003", 0, 2), ("", 1, 1)];

    #[test]
    fn shares_are_about_equal() {
        let mut shares = [0_u32; 8];
        for number in 0..8000_u64 {
            let shard = owner(&(1_000_000_000_000_000 + number).to_string(), 8);
            shares[shard as usize] += 1;
        }
        // Eight thousand throws of a fair die with eight sides: a face that is off by 150 is five deviations away.
        assert!(shares.iter().all(|share| share.abs_diff(1000) < 150), "{shares:?}");
    }

    proptest! {
        #[test]
        fn another_shard_only_takes(account in "\\PC{0,20}", shards in 1_u32..50) {
            let before = owner(&account, shards);
            prop_assert!(before < shards);
            let after = owner(&account, shards + 1);
            prop_assert!(after == before || after == shards, "{} moved from {} to {}", account, before, after);
        }
    }

    #[test]
    fn another_shard_takes_its_part() {
        let moved = (0..10_000_u32).filter(|number| owner(&number.to_string(), 10) == 9).count();
        assert!((850..1150).contains(&moved), "{moved} of 10000 accounts move to the tenth shard");
    }
}
