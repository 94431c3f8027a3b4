//! Sets of ports, as security groups write them.

use super::{Interval, RangeSet};

/// A set of ports. Port 0 is in none of them: no connection is made from or to it.
pub type PortSet = RangeSet<u16>;

/// A text that names no ports: bare, reversed, signed or out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a port range; write FIRST/LAST with 1 <= FIRST <= LAST <= 65535, or -1/-1 for all")]
pub struct MalformedPorts;

/// Every port, 1 to 65535.
pub fn all_ports() -> Interval<u16> {
    Interval::new(1, u16::MAX).expect("1 is not after 65535")
}

/// Reads `443/443`, `1/65535`, `-1/-1` (all ports) or several of these with commas between them.
/// The intervals come in the order of the text and may overlap.
///
/// # Errors
/// Where any part is bare (`443`), reversed or out of range: half a text is not a reading of it.
pub fn parse_ports(text: &str, mut each: impl FnMut(Interval<u16>)) -> Result<(), MalformedPorts> {
    let mut rest = text.as_bytes();
    loop {
        let (range, after) = parse_range(rest).ok_or(MalformedPorts)?;
        each(range);
        match after.split_first() {
            None => return Ok(()),
            Some((b',', more)) => rest = more,
            Some(_) => return Err(MalformedPorts),
        }
    }
}

/// A range with the bytes after it.
fn parse_range(text: &[u8]) -> Option<(Interval<u16>, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"-1/-1") {
        return Some((all_ports(), rest));
    }
    let (first, rest) = parse_port(text)?;
    let (last, rest) = parse_port(rest.strip_prefix(b"/")?)?;
    Some((Interval::new(first, last)?, rest))
}

/// A port with the bytes after it. No sign, and no leading zero, which could be octal.
fn parse_port(text: &[u8]) -> Option<(u16, &[u8])> {
    let mut rest = text;
    let mut port = 0_u32;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        port = port * 10 + u32::from(digit - b'0');
        if port == 0 || port > u32::from(u16::MAX) {
            return None;
        }
        rest = after;
    }
    (port != 0).then_some((port as u16, rest))
}

#[cfg(test)]
mod tests {
    use super::{PortSet, parse_ports};

    fn ports(text: &str) -> Option<PortSet> {
        let mut ranges = Vec::new();
        parse_ports(text, |range| ranges.push(range)).ok()?;
        Some(PortSet::from_intervals(ranges))
    }

    #[test]
    fn reads_ranges_and_refuses_the_rest() {
        assert!(ports("443/443").is_some_and(|set| set.contains(443) && !set.contains(444)));
        assert!(ports("-1/-1").is_some_and(|set| set.contains(1) && set.contains(65535) && !set.contains(0)));
        assert_eq!(ports("1/65535"), ports("-1/-1"));
        assert_eq!(ports("2/3,1/1"), ports("1/3"));
        for text in ["", "443", "443/22", "0/443", "1/65536", "+1/2", "01/2", "1/2,", "1-2", " 1/2", "-1/22", "1/2/3"] {
            assert_eq!(ports(text), None, "{text:?}");
        }
    }
}
