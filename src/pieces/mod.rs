//! Reads large JSON a piece at a time, so that neither its text nor what it says is in memory whole.
//!
//! Whoever reads says what comes next: an object, a list or a value. Where a piece ends is found by its brackets and
//! quotes alone; whether it is JSON, and of the right shape, its parser decides. Elements of a list are parsed by all
//! threads and handed over in their order.

#![deny(clippy::disallowed_methods)]

use std::{
    fmt,
    io::{self, Read},
    ops::Range,
};

use rayon::prelude::*;
use serde::de::DeserializeOwned;

/// How much is read at once.
const CHUNK: usize = 1 << 18;

/// Elements of a list that are parsed together have this much text.
const BATCH: usize = 1 << 20;

/// Why a piece could not be read.
#[derive(Debug)]
pub enum PieceError {
    /// The text could not be read.
    Read(io::Error),
    /// It is no JSON, or not of the right shape. Lines and columns count from one.
    Json { what: String, line: usize, column: usize },
}

impl fmt::Display for PieceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Json { what, line, column } => write!(f, "{what} at line {line} column {column}"),
        }
    }
}

impl std::error::Error for PieceError {}

impl From<io::Error> for PieceError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// JSON text that is read from its beginning to its end.
pub struct Pieces<R> {
    reader: R,
    /// What was read and is not forgotten yet.
    buffer: Vec<u8>,
    /// Up to where the buffer was taken.
    at: usize,
    /// Lines that ended in what is forgotten, and the columns behind the last of them.
    lines: usize,
    columns: usize,
}

impl<R: Read> Pieces<R> {
    /// Begins.
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), at: 0, lines: 0, columns: 0 }
    }

    /// The members of the object that comes next: `take` is told each name, and must take its value.
    ///
    /// # Errors
    /// What `take` returns, and if there is no object.
    pub fn object<E: From<PieceError>>(
        &mut self,
        mut take: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'{', "expected an object")?;
        if self.take_if(b'}')? {
            return Ok(());
        }
        loop {
            let name: String = self.value()?;
            self.expect(b':', "expected `:`")?;
            take(self, &name)?;
            if self.take_if(b'}')? {
                return Ok(());
            }
            self.expect(b',', "expected `,` or `}`")?;
        }
    }

    /// The elements of the list that comes next, in their order.
    ///
    /// # Errors
    /// If there is no list, or an element is of another shape.
    pub fn list<T: DeserializeOwned + Send>(&mut self, mut take: impl FnMut(T)) -> Result<(), PieceError>
    where
        R: Send,
    {
        self.expect(b'[', "expected a list")?;
        if self.take_if(b']')? {
            return Ok(());
        }
        let mut next = Some(self.batch()?);
        while let Some(batch) = next {
            // While some elements are parsed, the next ones are unpacked and found.
            let (parsed, found) = rayon::join(|| batch.parsed(), || (!batch.is_last).then(|| self.batch()).transpose());
            for (place, value) in batch.places.iter().zip(parsed) {
                take(value.map_err(|error| batch.refused(place.start, &error))?);
            }
            next = found?;
        }
        Ok(())
    }

    /// The value that comes next.
    ///
    /// # Errors
    /// If there is none, or it is of another shape.
    pub fn value<T: DeserializeOwned>(&mut self) -> Result<T, PieceError> {
        self.forget();
        let place = self.next()?;
        let value = serde_json::from_slice(&self.buffer[place.clone()]);
        value.map_err(|error| refused(self.position(place.start), &error))
    }

    /// Passes the value that comes next over.
    ///
    /// # Errors
    /// If there is none.
    pub fn skip(&mut self) -> Result<(), PieceError> {
        self.value::<serde::de::IgnoredAny>().map(drop)
    }

    /// Makes sure that nothing comes after what was taken.
    ///
    /// # Errors
    /// If something does.
    pub fn end(mut self) -> Result<(), PieceError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("trailing characters")),
        }
    }

    /// What is wrong with what was taken last.
    pub fn wrong(&self, what: &str) -> PieceError {
        let (line, column) = self.position(self.at);
        PieceError::Json { what: what.to_owned(), line, column }
    }

    /// The elements of a list up to about [`BATCH`].
    fn batch(&mut self) -> Result<Batch, PieceError> {
        self.forget();
        let begin = self.at;
        let mut places = Vec::new();
        let is_last = loop {
            let place = self.next()?;
            places.push(place.start - begin..place.end - begin);
            if self.take_if(b']')? {
                break true;
            }
            self.expect(b',', "expected `,` or `]`")?;
            if self.at - begin >= BATCH {
                break false;
            }
        };
        let (line, column) = self.position(begin);
        Ok(Batch { text: self.buffer[begin..self.at].to_vec(), places, is_last, line, column })
    }

    /// Takes the value that comes next, and says where it is. It is empty where there is none.
    fn next(&mut self) -> Result<Range<usize>, PieceError> {
        let first = self.peek()?;
        let from = self.at;
        self.at = match first {
            None => from,
            Some(b'"') => self.end_of_text(from)?,
            Some(b'{' | b'[') => self.end_of_nested(from)?,
            Some(_) => self.end_of_word(from)?,
        };
        Ok(from..self.at)
    }

    /// Where the text ends whose opening quote is at `from`.
    fn end_of_text(&mut self, from: usize) -> Result<usize, PieceError> {
        let mut at = from + 1;
        while self.has(at)? {
            match memchr::memchr2(b'"', b'\\', &self.buffer[at..]) {
                None => at = self.buffer.len(),
                Some(ahead) if self.buffer[at + ahead] == b'"' => return Ok(at + ahead + 1),
                // Whatever is escaped does not end the text.
                Some(ahead) => at += ahead + 2,
            }
        }
        Ok(self.buffer.len())
    }

    /// Where the object or list ends whose bracket is at `from`.
    fn end_of_nested(&mut self, from: usize) -> Result<usize, PieceError> {
        let (mut at, mut depth) = (from, 0_usize);
        while self.has(at)? {
            let ahead = self.buffer[at..].iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'));
            let Some(ahead) = ahead else {
                at = self.buffer.len();
                continue;
            };
            at += ahead + 1;
            match self.buffer[at - 1] {
                b'"' => at = self.end_of_text(at - 1)?,
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 {
                return Ok(at);
            }
        }
        Ok(self.buffer.len())
    }

    /// Where the number or word ends that begins at `from`.
    fn end_of_word(&mut self, from: usize) -> Result<usize, PieceError> {
        let mut at = from;
        while self.has(at)? && !matches!(self.buffer[at], b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        Ok(at)
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Result<Option<u8>, PieceError> {
        while self.has(self.at)? {
            match self.buffer[self.at] {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Ok(Some(byte)),
            }
        }
        Ok(None)
    }

    fn take_if(&mut self, byte: u8) -> Result<bool, PieceError> {
        let is_next = self.peek()? == Some(byte);
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    fn expect(&mut self, byte: u8, or_else: &str) -> Result<(), PieceError> {
        if self.take_if(byte)? { Ok(()) } else { Err(self.wrong(or_else)) }
    }

    /// True if there is a byte at that place of the buffer, reading on as far as it takes.
    fn has(&mut self, at: usize) -> Result<bool, PieceError> {
        while at >= self.buffer.len() {
            let known = self.buffer.len();
            self.buffer.resize(known + CHUNK, 0);
            let read = self.reader.read(&mut self.buffer[known..]);
            self.buffer.truncate(known + read.as_ref().map_or(0, |bytes| *bytes));
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Drops what was taken, once it is much.
    fn forget(&mut self) {
        if self.at < CHUNK {
            return;
        }
        let (line, column) = self.position(self.at);
        (self.lines, self.columns) = (line - 1, column);
        self.buffer.drain(..self.at);
        self.at = 0;
    }

    /// The line and the column in front of that place of the buffer; lines count from one.
    fn position(&self, at: usize) -> (usize, usize) {
        position(&self.buffer[..at], self.lines + 1, self.columns)
    }
}

/// Some elements of a list, and where they are in it.
struct Batch {
    text: Vec<u8>,
    places: Vec<Range<usize>>,
    is_last: bool,
    /// In front of the text.
    line: usize,
    column: usize,
}

impl Batch {
    fn parsed<T: DeserializeOwned + Send>(&self) -> Vec<Result<T, serde_json::Error>> {
        self.places.par_iter().map(|place| serde_json::from_slice(&self.text[place.clone()])).collect()
    }

    fn refused(&self, from: usize, error: &serde_json::Error) -> PieceError {
        refused(position(&self.text[..from], self.line, self.column), error)
    }
}

/// The line and the column behind the text, which begins at that line and column.
fn position(before: &[u8], line: usize, column: usize) -> (usize, usize) {
    let lines = memchr::memchr_iter(b'\n', before).count();
    let columns = match memchr::memrchr(b'\n', before) {
        Some(last) => before.len() - last - 1,
        None => column + before.len(),
    };
    (line + lines, columns)
}

/// What the parser of a piece says that begins there, counted from the beginning of the whole text.
fn refused((line, column): (usize, usize), error: &serde_json::Error) -> PieceError {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = said.strip_suffix(&place).unwrap_or(&said).to_owned();
    match error.line() {
        0 | 1 => PieceError::Json { what, line, column: column + error.column() },
        further => PieceError::Json { what, line: line + further - 1, column: error.column() },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// Gives a few bytes at a time.
    struct Few<'a>(&'a [u8], usize);

    impl Read for Few<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    /// The object as `Pieces` tells it: lists by their elements, everything else as a value.
    fn told(text: &[u8], step: usize) -> Result<Map<String, Value>, PieceError> {
        let mut pieces = Pieces::new(Few(text, step));
        let mut members = Map::new();
        pieces.object(|pieces, name| {
            let value = match pieces.peek()? {
                Some(b'[') => {
                    let mut elements = Vec::new();
                    pieces.list(|element| elements.push(element))?;
                    Value::Array(elements)
                }
                _ => pieces.value()?,
            };
            members.insert(name.to_owned(), value);
            Ok::<_, PieceError>(())
        })?;
        pieces.end().map(|()| members)
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[\\PC\"\\\\{}\\[\\],:\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\]{0,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_object() -> impl Strategy<Value = Map<String, Value>> {
        prop::collection::btree_map("[a-d\"\\\\{]{0,4}", any_value(), 0..5)
            .prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(object in any_object(), step in 1_usize..40, pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) };
            prop_assert_eq!(told(&text.expect("text keys"), step).expect("it is an object"), object);
        }

        #[test]
        fn nothing_passes_that_is_cut_or_has_a_byte_changed(
            object in any_object(),
            step in 1_usize..40,
            at: prop::sample::Index,
            byte: u8,
        ) {
            let text = serde_json::to_vec(&object).expect("text keys");
            let at = at.index(text.len());
            prop_assert!(told(&text[..at], step).is_err());
            let mut changed = text;
            changed[at] = byte;
            let whole = serde_json::from_slice::<Map<String, Value>>(&changed);
            prop_assert_eq!(told(&changed, step).ok(), whole.ok());
        }
    }

    #[test]
    fn long_lists_are_read_in_batches_and_errors_say_where() {
        let mut lines: Vec<String> =
            (0..80_000).map(|number| format!("  {{\"number\": {number}, \"text\": \"{{\"}},")).collect();
        let text = |lines: &[String]| format!("{{\"list\": [\n{}\n  null\n]}}\n", lines.join("\n"));
        assert!(text(&lines).len() > 2 * BATCH);
        let read = told(text(&lines).as_bytes(), usize::MAX).expect("it is an object");
        let list = read["list"].as_array().expect("a list");
        assert_eq!((list.len(), &list[79_999]["number"]), (80_001, &Value::from(79_999)));
        lines[50_000] = "  {\"number\": nought},".to_owned();
        let error = told(text(&lines).as_bytes(), usize::MAX).expect_err("nought is no number").to_string();
        let whole = serde_json::from_str::<Value>(&text(&lines)).expect_err("nought is no number").to_string();
        assert_eq!(error, whole);
        assert!(error.contains("at line 50002 "), "{error}");
    }

    #[test]
    fn what_comes_after_the_end_is_refused() {
        for text in
            ["{} {}", "{}x", "[]", "", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}"]
        {
            assert!(told(text.as_bytes(), 1).is_err(), "{text}");
        }
    }
}
