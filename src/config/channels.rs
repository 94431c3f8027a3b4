//! `notify`: who is told of changes. Addresses and keys of channels are secrets, so the file names where they are; one
//! that stands in the file itself is refused and never drawn.

use std::{collections::BTreeSet, ops::Range, path::Path};

use crate::{
    model::Severity,
    notify::{Channel, Kind, SecretSource, Settings, Signs},
};

use super::{
    file::{keys, severity},
    problem::{Problem, shown},
    walk::{Fields, Walk},
    yaml::{Node, Value},
};

/// Keys under which people would write a secret itself, beside those that every section refuses.
const OUTRIGHT: &[&str] = &["url", "webhook", "webhook_url", "address", "key"];

/// The channels of a list; those with a problem are left out.
pub(crate) fn read(walk: &Walk<'_>, items: &[Node], path: &str, folder: &Path) -> Vec<Settings> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let entry = Entry { walk, folder, path: format!("{path}[{index}]") };
            // Before anything is told of it: whatever the problem is, its lines are drawn.
            entry.hide_what_may_be_secret(item);
            // What else is wrong with such an entry would be told in sentences that quote it.
            if entry.refuse_outright(item) { None } else { entry.settings(item) }
        })
        .collect()
}

/// The walk over one entry.
struct Entry<'a, 's> {
    walk: &'a Walk<'s>,
    folder: &'a Path,
    path: String,
}

impl Entry<'_, '_> {
    fn settings(&self, node: &Node) -> Option<Settings> {
        let fields = self.mapping(node, &self.path, keys::NOTIFY)?;
        let channel = self.channel(node, &fields);
        let min_severity = match fields.get("min_severity") {
            Some((node, path)) => severity(self.walk, node, &path),
            None => Some(Severity::Low),
        };
        let on = match fields.get("on") {
            Some((node, path)) => self.kinds(node, &path),
            None => Some(Kind::ALL.into()),
        };
        let details = match fields.get("details") {
            Some((node, path)) => self.walk.boolean(node, &path),
            None => Some(false),
        };
        let (channel, address, key) = channel?;
        Some(Settings { channel, address, key, min_severity: min_severity?, on: on?, details: details? })
    }

    fn channel(&self, node: &Node, fields: &Fields<'_>) -> Option<(Channel, SecretSource, Option<SecretSource>)> {
        let named: Vec<Channel> =
            Channel::ALL.into_iter().filter(|channel| fields.get(channel.as_str()).is_some()).collect();
        let [channel] = named.as_slice() else {
            let names = Channel::ALL.map(Channel::as_str).join(", ");
            let what = format!("`{}` must have exactly one of {names}", self.path);
            let help = "write one entry for each channel, as in `- slack: {url_env: SLACK_URL}`";
            self.walk.report(Problem::new(node.at.start..node.at.start, what).help(help));
            return None;
        };
        let (node, path) = fields.get(channel.as_str())?;
        let section = self.mapping(node, &path, keys::CHANNEL)?;
        let address = self.source(&section, ["url_env", "url_file"]);
        if address == Source::None {
            let what = format!("`{path}` does not say where its address is");
            let help = "name the variable that holds it with `url_env`, or the file with `url_file`";
            self.walk.report(Problem::new(node.at.start..node.at.start, what).help(help));
        }
        let key = self.source(&section, ["secret_env", "secret_file"]);
        let wrong = match (channel.signs(), &key) {
            (Signs::Always, Source::None) => Some(("does not say where the key is that signs its messages", true)),
            (Signs::Never, Source::At(_)) => Some(("has a key, and nothing would be signed with it", false)),
            _ => None,
        };
        if let Some((what, missing)) = wrong {
            let help = match missing {
                true => "name the variable that holds it with `secret_env`, or the file with `secret_file`",
                false => "delete it: whoever has the address may write",
            };
            self.walk.report(Problem::new(node.at.start..node.at.start, format!("`{path}` {what}")).help(help));
        }
        match (address, key) {
            (Source::At(address), Source::At(key)) => Some((*channel, address, Some(key))),
            (Source::At(address), Source::None) => Some((*channel, address, None)),
            _ => None,
        }
    }

    /// Stars out every value that stands where the name of a secret is due and is none, wherever in the entry.
    fn hide_what_may_be_secret(&self, node: &Node) {
        match &node.value {
            Value::Scalar { .. } | Value::Refused => {}
            Value::Sequence(items) => items.iter().for_each(|item| self.hide_what_may_be_secret(item)),
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    let is_harmless = match (key.text.as_str(), &value.value) {
                        ("url_env" | "secret_env", Value::Scalar { text, .. }) => is_variable(text),
                        ("url_file" | "secret_file", Value::Scalar { text, .. }) => is_path(text),
                        (known, Value::Scalar { .. } | Value::Sequence(_)) => {
                            keys::NOTIFY.contains(&known) && !is_channel(known)
                        }
                        _ => true,
                    };
                    if !is_harmless {
                        self.walk.hide(value.at.clone());
                    }
                    self.hide_what_may_be_secret(value);
                }
            }
        }
    }

    /// Refuses addresses and keys that stand in the file itself; true if there are any.
    fn refuse_outright(&self, node: &Node) -> bool {
        match &node.value {
            Value::Scalar { text, .. } if text.contains("://") || text.contains("access_token") => {
                self.refuse(node.at.clone(), node);
                true
            }
            Value::Scalar { .. } | Value::Refused => false,
            Value::Sequence(items) => items.iter().filter(|item| self.refuse_outright(item)).count() > 0,
            Value::Mapping(entries) => entries.iter().fold(false, |any, (key, value)| {
                let outright =
                    OUTRIGHT.contains(&key.text.as_str()) && !matches!(value.value, Value::Mapping(_) | Value::Refused);
                if outright {
                    self.refuse(key.at.clone(), value);
                }
                outright || self.refuse_outright(value) || any
            }),
        }
    }

    fn refuse(&self, at: Range<usize>, secret: &Node) {
        self.walk.hide(secret.at.clone());
        let what = format!("`{}` holds an address or a key, and whoever knows one can write to the channel", self.path);
        let help = "put it into a variable of the environment and name that with `url_env` or `secret_env`, or into a file \
                    and name that with `url_file` or `secret_file`; treat it as leaked if this file was shared";
        self.walk.report(Problem::new(at, what).help(help));
    }

    /// The keys of a mapping. Other text may be an address without its beginning: it is not quoted.
    fn mapping<'n>(&self, node: &'n Node, path: &str, known: &[&str]) -> Option<Fields<'n>> {
        if matches!(node.value, Value::Scalar { .. }) {
            self.walk.hide(node.at.clone());
            let help = "write it as `slack: {url_env: SLACK_URL}`";
            self.walk.report(Problem::new(node.at.clone(), format!("`{path}` must be a mapping, not text")).help(help));
            return None;
        }
        self.walk.fields(node, path, known)
    }

    /// A secret's place: the first key names a variable, the second a file.
    fn source(&self, section: &Fields<'_>, [variable, file]: [&str; 2]) -> Source {
        match (section.get(variable), section.get(file)) {
            (None, None) => Source::None,
            (Some((node, path)), None) => self.variable(node, &path),
            (None, Some((node, path))) => self.file(node, &path),
            (Some(_), Some((node, path))) => {
                let what = format!("`{path}` beside `{variable}`: the same secret twice");
                self.walk.report(Problem::new(node.at.clone(), what).help("keep one of them"));
                Source::Wrong
            }
        }
    }

    fn variable(&self, node: &Node, path: &str) -> Source {
        // What is no name may be the secret itself: neither the drawing nor the sentence shows it.
        let Value::Scalar { text, .. } = &node.value else {
            self.walk.wrong_type(node, path, "the name of a variable");
            return Source::Wrong;
        };
        if is_variable(text) {
            return Source::At(SecretSource::Variable(text.clone()));
        }
        self.walk.hide(node.at.clone());
        self.walk.report(
            Problem::new(node.at.clone(), format!("`{path}` is not the name of a variable")).help(
                "write a name of capital letters, digits and `_`, as in `DINGTALK_URL`, and put the secret into that variable",
            ),
        );
        Source::Wrong
    }

    fn file(&self, node: &Node, path: &str) -> Source {
        match self.walk.text(node, path) {
            Some(text) => Source::At(SecretSource::File(self.folder.join(text))),
            None => Source::Wrong,
        }
    }

    fn kinds(&self, node: &Node, path: &str) -> Option<BTreeSet<Kind>> {
        let words = Kind::ALL.map(|kind| (kind.as_str(), kind));
        let items = self.walk.list(node, path)?;
        if items.is_empty() {
            let what = format!("`{path}` is empty: nothing would be told");
            self.walk.report(Problem::new(node.at.clone(), what).help("leave it out for everything"));
            return None;
        }
        let mut kinds = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let kind = self.walk.word(item, &format!("{path}[{index}]"), &words)?;
            if !kinds.insert(kind) {
                let what = format!("`{}` is listed twice", shown(kind.as_str()));
                self.walk.report(Problem::new(item.at.clone(), what).help("delete one of them"));
            }
        }
        Some(kinds)
    }
}

/// Where a secret is said to be.
#[derive(PartialEq, Eq)]
enum Source {
    None,
    At(SecretSource),
    /// Told already.
    Wrong,
}

fn is_channel(key: &str) -> bool {
    Channel::ALL.into_iter().any(|channel| channel.as_str() == key)
}

/// With a folder or an ending, as no key has.
fn is_path(text: &str) -> bool {
    !text.contains("://") && (text.contains('/') || text.contains('.'))
}

/// Capital letters, digits and `_`: a key or token that somebody writes here by mistake is none, and is not shown.
pub(super) fn is_variable(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}
