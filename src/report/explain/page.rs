//! The page that an explanation is written on: labels, texts that hang beside them, and what is
//! written the same everywhere.

use std::io::{self, Write};

use anstyle::Style;

use crate::report::{
    Options, escape,
    style::{NARROWEST, confidence_word, paint, wrapped},
};

/// Columns of the labels within a section.
const LABEL: usize = 16;

/// Columns of an identifier before it is cut: longer ones are nobody's.
const ID_WIDTH: usize = 160;

/// Where text goes, and how wide.
pub(super) struct Page<'p> {
    pub(super) out: &'p mut dyn Write,
    pub(super) options: &'p Options,
}

impl Page<'_> {
    pub(super) fn paint(&self, text: &str, style: Style) -> String {
        paint(text, style, self.options)
    }

    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(text, Style::new().bold());
        writeln!(self.out, "\n{text}")
    }

    /// A paragraph that goes on `hang` columns further in.
    pub(super) fn paragraph(&mut self, indent: usize, hang: usize, text: &str) -> io::Result<()> {
        let width = self.options.width.map_or(usize::MAX, |width| width.max(NARROWEST) - indent - hang);
        for (position, line) in wrapped(text, width).iter().enumerate() {
            let margin = indent + if position == 0 { 0 } else { hang };
            writeln!(self.out, "{}{line}", " ".repeat(margin))?;
        }
        Ok(())
    }

    /// A label with a text beside it, which goes on below itself; an empty label belongs to the entry above.
    pub(super) fn entry(&mut self, indent: usize, label: &str, text: &str) -> io::Result<()> {
        let gap = LABEL.saturating_sub(label.len()).max(1);
        let margin = indent + label.len() + gap;
        let label = self.paint(label, Style::new().dimmed());
        let width = self.options.width.map_or(usize::MAX, |width| width.max(NARROWEST) - margin);
        for (position, line) in wrapped(text, width).iter().enumerate() {
            match position {
                0 => writeln!(self.out, "{}{label}{}{line}", " ".repeat(indent), " ".repeat(gap))?,
                _ => writeln!(self.out, "{}{line}", " ".repeat(margin))?,
            }
        }
        Ok(())
    }

    /// Entries of a list under one label.
    pub(super) fn list(
        &mut self,
        indent: usize,
        label: &str,
        items: impl IntoIterator<Item = String>,
    ) -> io::Result<()> {
        for (position, item) in items.into_iter().enumerate() {
            self.entry(indent, if position == 0 { label } else { "" }, &item)?;
        }
        Ok(())
    }

    /// A line that must stay in one piece, to be copied.
    pub(super) fn verbatim(&mut self, indent: usize, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}{text}", " ".repeat(indent))
    }
}

pub(super) fn id(text: &str) -> String {
    escape::capped(text, ID_WIDTH)
}

pub(super) fn sentence(text: &str) -> String {
    escape::paragraph(text)
}

pub(super) fn quoted(name: &str, id: &str) -> String {
    if name.is_empty() || name == id { String::new() } else { format!(" \"{}\"", escape::name(name)) }
}

/// Address ranges, all of them: this is the place where nothing is cut.
pub(super) fn blocks(blocks: &[ipnet::IpNet]) -> String {
    match blocks {
        [] => "nobody".to_owned(),
        blocks => blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

pub(super) fn confidence(confidence: f64) -> String {
    format!("{} confidence ({confidence:.2})", confidence_word(confidence))
}
