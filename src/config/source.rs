//! The bytes of a file a person wrote: read once from one handle, bounded, and decoded with a plain
//! word about every encoding that is not UTF-8.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    ops::Range,
    path::Path,
};

/// No file that a person writes is larger; reading stops here, so an endless pipe cannot hold us.
pub(crate) const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// Whether a file may be believed, by what is known of it once it is open; if not, why, after "cannot read FILE: ".
pub type Check<'a> = &'a dyn Fn(&Metadata) -> Result<(), String>;

/// Why a file gave no text. Each message reads after "cannot read FILE: ".
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("it does not exist; {0}")]
    Missing(&'static str),
    #[error("it is not a regular file; give the path of a plain file, not of a directory, pipe or device")]
    NotRegular,
    #[error("it is larger than 4 MiB, which no such file needs; is it the right file?")]
    TooLarge,
    #[error("{0}")]
    Io(#[source] io::Error),
    #[error("{0}")]
    Distrusted(String),
    #[error("it is encoded as UTF-16; save it as UTF-8")]
    Utf16,
    #[error("byte {offset} (line {line}) is not UTF-8; save the file as UTF-8")]
    NotUtf8 { offset: usize, line: usize },
}

/// The text of a file, and what had to be put up with to get it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The path as the user gave it, for messages.
    pub(crate) name: String,
    pub(crate) text: String,
    /// True where a byte-order mark was dropped.
    pub(crate) had_bom: bool,
}

impl Source {
    /// Reads a regular file of at most 4 MiB, if `check` believes it. What is checked and what is read is one open handle, so
    /// that a file which is swapped in between changes nothing.
    pub(crate) fn read_if(path: &Path, check: Check<'_>) -> Result<Self, SourceError> {
        // Looked at before opening as well: opening a pipe would wait for its writer.
        let before = std::fs::metadata(path).map_err(not_found)?;
        if !before.is_file() {
            return Err(SourceError::NotRegular);
        }
        let file = File::open(path).map_err(not_found)?;
        let opened = file.metadata().map_err(SourceError::Io)?;
        if !opened.is_file() {
            return Err(SourceError::NotRegular);
        }
        check(&opened).map_err(SourceError::Distrusted)?;
        let mut bytes = Vec::new();
        file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(SourceError::Io)?;
        Self::decode(&path.display().to_string(), &bytes)
    }

    /// Text from bytes: UTF-8, with or without a byte-order mark.
    pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<Self, SourceError> {
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(SourceError::TooLarge);
        }
        if looks_like_utf16(bytes) {
            return Err(SourceError::Utf16);
        }
        let (had_bom, bytes) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => (true, rest),
            None => (false, bytes),
        };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &bytes[..offset]).count();
            SourceError::NotUtf8 { offset: offset + if had_bom { 3 } else { 0 }, line }
        })?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), had_bom })
    }
}

/// Line and column of a byte offset, both counted from 1; columns are characters.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (1 + memchr::memchr_iter(b'\n', before.as_bytes()).count(), 1 + before[line_start..].chars().count())
}

/// Where the lines of a text begin, to look up many positions.
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        Self { starts: std::iter::once(0).chain(ends.map(|at| at + 1)).collect() }
    }

    /// The line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

/// The text with some byte ranges starred out, every other offset unchanged.
pub(crate) fn masked(text: &str, hidden: &[Range<usize>]) -> String {
    let mut hidden: Vec<&Range<usize>> = hidden.iter().collect();
    hidden.sort_by_key(|range| range.start);
    let mut ranges = hidden.into_iter().peekable();
    let mut until = 0;
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        while let Some(range) = ranges.next_if(|range| range.start <= at) {
            until = until.max(range.end);
        }
        if at < until && character != '\n' {
            out.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            out.push(character);
        }
    }
    out
}

fn not_found(error: io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::Missing("check the path"),
        _ => SourceError::Io(error),
    }
}

/// A byte-order mark of UTF-16, or the zero bytes that plain ASCII has in it.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || matches!(bytes, [0, first, ..] if *first != 0)
        || matches!(bytes, [first, 0, ..] if *first != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between the check and the reading, the path comes to lead to another file, which nobody has checked.
    #[test]
    fn what_is_read_is_what_was_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("checked"), folder.path().join("swapped-in"));
        std::fs::write(&path, "checked").expect("it writes");
        std::fs::write(&other, "not checked").expect("it writes");
        let swap = |opened: &Metadata| {
            assert_eq!(opened.len(), 7);
            std::fs::rename(&other, &path).map_err(|error| error.to_string())
        };
        assert_eq!(Source::read_if(&path, &swap).expect("it reads").text, "checked");
        assert_eq!(Source::read_if(&path, &|_| Ok(())).expect("it reads").text, "not checked");
        let refused = Source::read_if(&path, &|_| Err("it is somebody else's".to_owned())).expect_err("it is refused");
        assert_eq!(refused.to_string(), "it is somebody else's");
    }

    #[test]
    fn masks_keep_every_offset() {
        let (first, second) = (2..6, 4..7);
        assert_eq!(masked("a: né\nx", &[second, first]), "a:****\n*".replacen("\n*", "\nx", 1));
        assert_eq!(masked("abc", &[]), "abc");
    }

    #[test]
    fn lines_agree_with_positions() {
        let text = "a\nbé\n\nc";
        let lines = Lines::of(text);
        for (offset, _) in text.char_indices() {
            assert_eq!(lines.line(offset), position(text, offset).0, "{offset}");
        }
    }
}
