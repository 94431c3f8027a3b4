//! The JSON report, and the escaping that all JSON output shares.

use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter};

use super::{escape, v1};

/// Writes the document, two blanks a level, with a line end behind it.
pub(super) fn write(document: &v1::Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_pretty(document, out)
}

/// Writes one value, two blanks a level, with a line end behind it.
pub(super) fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new()));
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Writes one value on one line.
pub(super) fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Safe(CompactFormatter));
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// How many pieces wait at once to be written in their order.
const AHEAD: usize = 1024;

/// A line for each item, in their order: made by all threads, since making them takes longer than writing.
pub(super) fn write_lines<'a, T: Sync, S: Serialize>(
    items: &'a [T],
    line: impl Fn(&'a T) -> S + Sync,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_each(items, |item, text| write_line(&line(item), text), out)
}

/// What is written of each item, in their order.
pub(super) fn write_each<'a, T: Sync>(
    items: &'a [T],
    write: impl Fn(&'a T, &mut Vec<u8>) -> io::Result<()> + Sync,
    out: &mut dyn Write,
) -> io::Result<()> {
    for some in items.chunks(AHEAD) {
        let made = some.par_chunks(AHEAD / 16).map(|few| {
            let mut text = Vec::new();
            few.iter().try_for_each(|item| write(item, &mut text)).map(|()| text)
        });
        for text in made.collect::<io::Result<Vec<_>>>()? {
            out.write_all(&text)?;
        }
    }
    Ok(())
}

/// One value on one line, without a line end.
pub(super) fn text(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    write_line(value, &mut out).expect("memory takes everything, and what is logged or answered has text keys");
    out.pop();
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Escapes what a terminal or an editor would obey, beyond what JSON itself demands; the value
/// that a parser reads stays the same.
struct Safe<F>(F);

macro_rules! forward {
    ($($name:ident($($argument:ident: $ty:ty),*)),+ $(,)?) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $ty),*) -> io::Result<()> {
            self.0.$name(writer, $($argument),*)
        }
    )+};
}

impl<F: Formatter> Formatter for Safe<F> {
    forward! {
        begin_array(), end_array(), begin_array_value(first: bool), end_array_value(),
        begin_object(), end_object(), begin_object_key(first: bool), end_object_key(),
        begin_object_value(), end_object_value(), write_char_escape(escape: CharEscape),
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if escape::is_plain(fragment) {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut safe_from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| escape::is_unsafe(*c)) {
            self.0.write_string_fragment(writer, &fragment[safe_from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            safe_from = at + c.len_utf8();
        }
        self.0.write_string_fragment(writer, &fragment[safe_from..])
    }
}
