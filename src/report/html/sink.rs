//! Where the page's data go: into the page as text that cannot end its element, or compressed.

use std::io::{self, BufWriter, Write};

use data_encoding::BASE64;
use flate2::{Compression, write::GzEncoder};

/// Writes JSON without a character that markup is made of: they occur in its texts only, where an escape says the same.
pub(super) struct Unmarked<W> {
    inner: W,
}

impl<W: Write> Unmarked<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner }
    }
}

impl<W: Write> Write for Unmarked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let escaped: &[u8] = match byte {
                b'<' => b"\\u003c",
                b'>' => b"\\u003e",
                b'&' => b"\\u0026",
                _ => continue,
            };
            self.inner.write_all(&bytes[from..at])?;
            self.inner.write_all(escaped)?;
            from = at + 1;
        }
        self.inner.write_all(&bytes[from..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// How much is compressed at once. A serializer writes a few bytes at a time, and each call of the encoder has its price.
const PIECE: usize = 1 << 16;

/// Good enough: a better one takes several times as long for a tenth of the size.
const LEVEL: u32 = 3;

/// Compresses, and writes that as Base64.
pub(super) struct Packed<W: Write> {
    inner: BufWriter<GzEncoder<Encoded<W>>>,
}

impl<W: Write> Packed<W> {
    pub(super) fn new(out: W) -> Self {
        let encoder = GzEncoder::new(Encoded { out, rest: Vec::new() }, Compression::new(LEVEL));
        Self { inner: BufWriter::with_capacity(PIECE, encoder) }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let encoder = self.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        let Encoded { mut out, rest } = encoder.finish()?;
        out.write_all(BASE64.encode(&rest).as_bytes())
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Base64 of what comes in pieces: three bytes are four characters, so up to two wait for the next piece.
struct Encoded<W> {
    out: W,
    rest: Vec<u8>,
}

impl<W: Write> Write for Encoded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / 3 * 3;
        self.out.write_all(BASE64.encode(&self.rest[..whole]).as_bytes())?;
        self.rest.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_in_pieces_is_unpacked_whole(pieces: Vec<Vec<u8>>) {
            let mut out = Vec::new();
            let mut packed = Packed::new(&mut out);
            for piece in &pieces {
                packed.write_all(piece).expect("memory takes it");
            }
            packed.finish().expect("memory takes it");
            let bytes = BASE64.decode(&out).expect("it is Base64");
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut read).expect("it is gzip");
            prop_assert_eq!(read, pieces.concat());
        }

        #[test]
        fn json_without_markup_says_the_same(text: String) {
            let mut out = Vec::new();
            serde_json::to_writer(Unmarked::new(&mut out), &text).expect("memory takes it");
            prop_assert!(!out.iter().any(|byte| b"<>&".contains(byte)));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("it is JSON"), text);
        }
    }
}
