//! A strict reader of the part of XML 1.0 that reports are written in: no document type, no comments, no processing
//! instructions but the declaration, no references but the five, every attribute once, every element closed.

/// An element with what is in it.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a whole document.
pub(crate) fn read(text: &str) -> Result<Element, String> {
    for c in text.chars() {
        // Production 2 of XML 1.0, fifth edition.
        let allowed =
            matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
        if !allowed {
            return Err(format!("{c:?} is no character of XML"));
        }
    }
    let rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").ok_or("no declaration")?;
    let (element, rest) = element(rest)?;
    if rest.trim().is_empty() { Ok(element) } else { Err(format!("behind the root: {rest:.40}")) }
}

fn element(text: &str) -> Result<(Element, &str), String> {
    let rest = text.strip_prefix('<').ok_or_else(|| format!("no element: {text:.40}"))?;
    let (name, mut rest) = name(rest)?;
    let mut element =
        Element { name: name.to_owned(), attributes: Vec::new(), children: Vec::new(), text: String::new() };
    loop {
        if let Some(rest) = rest.strip_prefix("/>") {
            return Ok((element, rest));
        }
        if let Some(inside) = rest.strip_prefix('>') {
            rest = inside;
            break;
        }
        let inside = rest.strip_prefix(' ').ok_or_else(|| format!("no blank: {rest:.40}"))?;
        let (name, inside) = self::name(inside)?;
        let inside = inside.strip_prefix("=\"").ok_or("no value")?;
        let (value, inside) = inside.split_once('"').ok_or("a value without an end")?;
        if value.contains('<') || element.attribute(name).is_some() {
            return Err(format!("the value of {name}"));
        }
        element.attributes.push((name.to_owned(), resolved(value)?));
        rest = inside;
    }
    loop {
        let at = rest.find('<').ok_or("an element without an end")?;
        let (text, behind) = rest.split_at(at);
        if text.contains("]]>") {
            return Err("`]]>` in text".to_owned());
        }
        element.text.push_str(&resolved(text)?);
        if let Some(closing) = behind.strip_prefix("</") {
            let (closed, behind) = name_then(closing, '>')?;
            return if closed == element.name { Ok((element, behind)) } else { Err(format!("{closed} closes {name}")) };
        }
        let (child, behind) = self::element(behind)?;
        element.children.push(child);
        rest = behind;
    }
}

fn name(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(text.len());
    if end == 0 { Err(format!("no name: {text:.40}")) } else { Ok(text.split_at(end)) }
}

fn name_then(text: &str, end: char) -> Result<(&str, &str), String> {
    let (name, rest) = name(text)?;
    rest.strip_prefix(end).map(|rest| (name, rest)).ok_or_else(|| format!("no {end} behind {name}"))
}

fn resolved(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (reference, behind) = rest[at + 1..].split_once(';').ok_or("a reference without an end")?;
        out.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => return Err(format!("the reference {other:.20}")),
        });
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[test]
fn what_is_no_xml_is_refused() {
    let with = |body: &str| format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
    for body in [
        "<a>",
        "<a></b>",
        "<a b=\"1\" b=\"2\"/>",
        "<a b=\"<\"/>",
        "<a>&nbsp;</a>",
        "<a>]]></a>",
        "<a/><b/>",
        "<a>\u{1}</a>",
        "<a b=1/>",
        "<a><!-- x --></a>",
        "<a>&</a>",
        "x",
    ] {
        assert!(read(&with(body)).is_err(), "{body}");
    }
    let read = read(&with("<a b=\"&lt;\"><c>&amp;]]</c></a>\n")).unwrap();
    assert_eq!((read.attribute("b"), read.children[0].text.as_str()), (Some("<"), "&]]"));
}
