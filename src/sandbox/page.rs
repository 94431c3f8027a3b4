//! The vendor's paging dialects: page numbers with a total, and opaque tokens.

use std::ops::Range;

use data_encoding::BASE64URL_NOPAD;

use super::reply::ApiError;

/// What a planted fault does to pages. None of them may lose an item without a trace, as the
/// real API's do not: a total that does not add up, a repeated id or a repeated token tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageFault {
    /// No items. The total stays, or a token leads to the same place.
    Empty,
    /// The page before once more, or the token that was sent once more.
    Repeat,
    /// As if an item had appeared in front while the pages were read: the window begins one
    /// earlier and the total is one more.
    Shift,
}

/// The items of one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) items: Range<usize>,
    pub(super) total: usize,
}

/// Cuts page `number` (from 1) of `size` items.
pub(super) fn by_number(total: usize, number: usize, size: usize, fault: Option<PageFault>) -> Page {
    let shown = if fault == Some(PageFault::Repeat) && number > 1 { number - 1 } else { number };
    let start = (shown - 1).saturating_mul(size);
    let shift = usize::from(fault == Some(PageFault::Shift));
    let start = if start > 0 { start - shift } else { 0 };
    let end = start.saturating_add(size);
    let items = if fault == Some(PageFault::Empty) { 0..0 } else { start.min(total)..end.min(total) };
    Page { items, total: total + shift }
}

/// Cuts the page that a token leads to, and says where the next token leads.
pub(super) fn by_token(total: usize, offset: usize, size: usize, fault: Option<PageFault>) -> (Page, Next) {
    let end = offset.saturating_add(size).min(total);
    let offset = offset.min(total);
    let next = if end < total { Next::At(end) } else { Next::End };
    match fault {
        Some(PageFault::Empty) if offset < total => (Page { items: 0..0, total }, Next::At(offset)),
        Some(PageFault::Repeat) => (Page { items: offset..end, total }, Next::Same),
        Some(PageFault::Shift) => (Page { items: offset.saturating_sub(1)..end, total: total + 1 }, next),
        _ => (Page { items: offset..end, total }, next),
    }
}

/// Where a token reply goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nowhere: an empty or absent token.
    End,
    /// At this item.
    At(usize),
    /// The token that was sent, again.
    Same,
}

/// Makes and reads tokens. A token is bound to the query that it belongs to, so that one used with
/// other parameters is refused, and carries a number that makes every token a new text.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenKind {
    query: u64,
}

impl TokenKind {
    /// Tokens for one operation, account, region and set of filters.
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in parts.into_iter().flat_map(|part| part.bytes().chain([0])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self { query: hash }
    }

    /// A token that leads to an item.
    pub(super) fn token(self, offset: usize, salt: u64) -> String {
        let offset = offset as u64;
        let mut bytes = Vec::with_capacity(24);
        bytes.extend_from_slice(&mix(salt).to_be_bytes());
        bytes.extend_from_slice(&(offset ^ mix(salt ^ self.query)).to_be_bytes());
        bytes.extend_from_slice(&mix(self.query ^ offset.rotate_left(17) ^ salt).to_be_bytes());
        bytes.extend_from_slice(&salt.to_be_bytes());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Where a token leads.
    pub(super) fn offset(self, token: &str) -> Result<usize, ApiError> {
        let refuse =
            || ApiError::new(400, "InvalidParameter.NextToken", "The specified parameter NextToken is not valid.");
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| refuse())?;
        let word = |at: usize| bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_be_bytes);
        let (Some(hidden), Some(check), Some(salt)) = (word(8), word(16), word(24)) else { return Err(refuse()) };
        let offset = hidden ^ mix(salt ^ self.query);
        if bytes.len() != 32 || check != mix(self.query ^ offset.rotate_left(17) ^ salt) {
            return Err(refuse());
        }
        usize::try_from(offset).map_err(|_| refuse())
    }
}

/// Finaliser of SplitMix64: spreads every bit over the word.
pub(super) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_pages_cover_everything_once() {
        for (total, size) in [(0, 10), (10, 10), (11, 10), (95, 7)] {
            let pages = total / size + 2;
            let seen: Vec<usize> = (1..=pages).flat_map(|number| by_number(total, number, size, None).items).collect();
            assert_eq!(seen, (0..total).collect::<Vec<_>>());
        }
    }

    #[test]
    fn tokens_cover_everything_once() {
        for (total, size) in [(0, 10), (10, 10), (11, 10), (95, 7)] {
            let (mut seen, mut offset) = (Vec::new(), 0);
            loop {
                let (page, next) = by_token(total, offset, size, None);
                seen.extend(page.items);
                match next {
                    Next::At(next) => offset = next,
                    other => break assert_eq!(other, Next::End),
                }
            }
            assert_eq!(seen, (0..total).collect::<Vec<_>>());
        }
    }

    #[test]
    fn faults_leave_a_trace() {
        assert_eq!(by_number(25, 2, 10, Some(PageFault::Empty)), Page { items: 0..0, total: 25 });
        assert_eq!(by_number(25, 2, 10, Some(PageFault::Repeat)).items, 0..10);
        assert_eq!(by_number(25, 2, 10, Some(PageFault::Shift)), Page { items: 9..19, total: 26 });
        assert_eq!(by_number(5, 1, 10, Some(PageFault::Shift)), Page { items: 0..5, total: 6 });
        assert_eq!(by_token(25, 10, 10, Some(PageFault::Empty)), (Page { items: 0..0, total: 25 }, Next::At(10)));
        assert_eq!(by_token(25, 10, 10, Some(PageFault::Repeat)), (Page { items: 10..20, total: 25 }, Next::Same));
        assert_eq!(by_token(25, 10, 10, Some(PageFault::Shift)).0.items, 9..20);
    }

    #[test]
    fn a_token_works_for_its_own_query_only() {
        let (one, other) = (TokenKind::new(["a", "b"]), TokenKind::new(["ab"]));
        for offset in [0, 1, 500, usize::MAX] {
            assert_eq!(one.offset(&one.token(offset, 7)), Ok(offset));
        }
        assert_ne!(one.token(1, 1), one.token(1, 2));
        assert!(one.offset(&other.token(1, 1)).is_err());
        assert!(one.offset("").is_err());
        assert!(one.offset("MTA").is_err());
    }
}
