//! Bodies of replies, put together as text.

use std::fmt::Write;

/// Builds the text of a JSON object from pieces that are JSON already.
#[derive(Debug)]
pub(super) struct Body {
    text: String,
}

impl Body {
    /// A reply with its request id.
    pub(super) fn new(request_id: &str) -> Self {
        let mut body = Self::bare();
        body.text("RequestId", request_id);
        body
    }

    /// A reply without one, as the container service's.
    pub(super) fn bare() -> Self {
        Self { text: String::from("{") }
    }

    fn key(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        let _ = write!(self.text, "\"{name}\":");
    }

    /// A field that is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.key(name);
        self.text.push_str(json);
        self
    }

    /// A text field.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &serde_json::Value::from(value).to_string())
    }

    /// A number field.
    pub(super) fn number(&mut self, name: &str, value: usize) -> &mut Self {
        self.raw(name, &value.to_string())
    }

    /// A list, flat or within wrappers: `Outer.Inner` is `{"Outer":{"Inner":[…]}}`.
    pub(super) fn list<T: AsRef<str>>(&mut self, path: &str, items: impl IntoIterator<Item = T>) -> &mut Self {
        let (outer, inner) = path.split_once('.').map_or((path, None), |(outer, inner)| (outer, Some(inner)));
        self.key(outer);
        if let Some(inner) = inner {
            let _ = write!(self.text, "{{\"{inner}\":");
        }
        self.text.push('[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.text.push_str(item.as_ref());
        }
        self.text.push(']');
        if inner.is_some() {
            self.text.push('}');
        }
        self
    }

    /// The fields of an object that is JSON already.
    pub(super) fn fields_of(&mut self, object: &str) -> &mut Self {
        let inner = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if inner.is_empty() {
            return self;
        }
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(inner);
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json() {
        let mut body = Body::new("r");
        body.list("A.B", ["1", "2"])
            .list("C", Vec::<String>::new())
            .fields_of("{}")
            .fields_of("{\"d\":{}}")
            .number("e", 3);
        assert_eq!(body.finish(), r#"{"RequestId":"r","A":{"B":[1,2]},"C":[],"d":{},"e":3}"#);
        let mut body = Body::bare();
        body.fields_of("{\"a\":1}");
        assert_eq!(body.finish(), r#"{"a":1}"#);
    }
}
