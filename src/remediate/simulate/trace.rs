//! What happened, as a digest always and as lines where they are wanted.

use super::weather::{HOUR, MINUTE, SECOND};

/// Who did something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Host(usize),
    Weather,
    Store,
    Network,
    Gateway,
    Cloud,
    Console,
    Operator,
    Row,
    Checker,
}

/// The trace of one seed.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    digest: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(readable: bool) -> Self {
        Self { digest: 0xcbf2_9ce4_8422_2325, lines: readable.then(Vec::new) }
    }

    /// Numbers that stand for what happened.
    pub(super) fn mix(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.digest = (self.digest ^ number).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }

    /// Text that stands for what happened.
    pub(super) fn mix_bytes(&mut self, bytes: &[u8]) {
        let word = |chunk: &[u8]| chunk.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
        self.mix(&[bytes.len() as u64]);
        for chunk in bytes.chunks(8) {
            self.mix(&[word(chunk)]);
        }
    }

    pub(super) fn say(&mut self, time: u64, who: Who, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            let who = match who {
                Who::Host(number) => format!("host-{number}"),
                other => format!("{other:?}").to_lowercase(),
            };
            let (hours, minutes) = (time / HOUR, time % HOUR / MINUTE);
            lines.push(format!("{hours:>4}:{minutes:02}:{:06.3} {who:<9} {}", seconds(time), what()));
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

fn seconds(time: u64) -> f64 {
    let millis = u32::try_from(time % MINUTE).unwrap_or(0);
    f64::from(millis) / SECOND as f64
}
