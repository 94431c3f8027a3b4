//! The texts and lists of a report. Those of a run just made are borrowed from it; those that were read are owned, and
//! equal ones are one: of a rule's remedy a report holds a copy a finding, of a group's ranges a copy an endpoint.

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AccessV1, ConsumerV1, EndpointV1, FindingV1, StalenessV1};
use crate::model::{self, Pool, Shared, Sign};

/// A text, borrowed or shared.
#[derive(Clone)]
pub enum Text<'a> {
    Borrowed(&'a str),
    Shared(model::Text),
}

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::Borrowed("")
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// As its text, so that it can be looked up by it.
impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text)
    }
}

impl<'a> From<&'a String> for Text<'a> {
    fn from(text: &'a String) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        model::Text::deserialize(deserializer).map(Self::Shared)
    }
}

/// A list, borrowed or shared.
#[derive(Clone, Debug)]
pub enum List<'a, T> {
    Borrowed(&'a [T]),
    Shared(Shared<T>),
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::Borrowed(&[])
    }
}

impl<T> Deref for List<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Borrowed(list) => list,
            Self::Shared(list) => list,
        }
    }
}

impl<T: PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(list: &'a [T]) -> Self {
        Self::Borrowed(list)
    }
}

impl<T> From<Vec<T>> for List<'_, T> {
    fn from(list: Vec<T>) -> Self {
        Self::Shared(list.into())
    }
}

impl<T> FromIterator<T> for List<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::Shared(items.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shared::deserialize(deserializer).map(Self::Shared)
    }
}

/// What was read of a report so far that may come again. What never does (fingerprints, messages) is not looked up.
#[derive(Default)]
pub(in crate::report) struct Known {
    texts: Pool<model::Text>,
    words: Pool<Shared<String>>,
    blocks: Pool<Shared<IpNet>>,
    signs: Pool<Shared<Sign>>,
}

impl Known {
    fn text(&mut self, text: &mut Text<'_>) {
        if let Text::Shared(text) = text {
            self.texts.share(text);
        }
    }

    fn texts<'a, 'b: 'a>(&mut self, texts: impl IntoIterator<Item = &'a mut Text<'b>>) {
        texts.into_iter().for_each(|text| self.text(text));
    }

    fn words(&mut self, list: &mut List<'_, String>) {
        if let List::Shared(list) = list {
            self.words.share(list);
        }
    }

    fn blocks(&mut self, list: &mut List<'_, IpNet>) {
        if let List::Shared(list) = list {
            self.blocks.share(list);
        }
    }

    /// Makes what the endpoint holds one with what is known.
    pub(in crate::report) fn endpoint(&mut self, endpoint: &mut EndpointV1<'_>) {
        let EndpointV1 { id, account_id, region_id, resource_id, .. } = endpoint;
        self.texts([id, account_id, region_id, resource_id]);
        if let List::Shared(signs) = &mut endpoint.signs {
            self.signs.share(signs);
        }
        for list in [&mut endpoint.contradictions, &mut endpoint.protected_by, &mut endpoint.unread] {
            self.words(list);
        }
        endpoint.access.shrink_to_fit();
        endpoint.access.iter_mut().for_each(|row| self.access(row));
        self.staleness(&mut endpoint.staleness);
        endpoint.listeners.shrink_to_fit();
        for listener in &mut endpoint.listeners {
            self.texts([&mut listener.protocol, &mut listener.acl_type]);
            self.texts(&mut listener.acl_status);
            listener.acl_ids.shrink_to_fit();
            self.texts(&mut listener.acl_ids);
        }
    }

    fn access(&mut self, row: &mut AccessV1<'_>) {
        self.text(&mut row.protocol);
        for list in [&mut row.untrusted, &mut row.untrusted_all_gates] {
            self.blocks(list);
        }
        for list in [&mut row.blame, &mut row.fix_set] {
            self.words(list);
        }
        row.gates.shrink_to_fit();
        for gate in &mut row.gates {
            self.texts([&mut gate.id, &mut gate.note]);
            self.blocks(&mut gate.admits);
        }
    }

    fn staleness(&mut self, staleness: &mut StalenessV1<'_>) {
        self.text(&mut staleness.reason);
        let StalenessV1 { deciding, silent, incomplete_logs, platform_disagrees, .. } = staleness;
        for list in [deciding, silent, incomplete_logs, platform_disagrees] {
            self.words(list);
        }
        for list in [&mut staleness.proposed_allowlist, &mut staleness.also_admit] {
            self.blocks(list);
        }
        staleness.consumers.shrink_to_fit();
        staleness.consumers.iter_mut().for_each(|consumer| self.consumer(consumer));
        staleness.unexpected_clients.shrink_to_fit();
        for client in &mut staleness.unexpected_clients {
            self.words(&mut client.users);
        }
    }

    fn consumer(&mut self, consumer: &mut ConsumerV1<'_>) {
        let ConsumerV1 { id, name, account_id, region_id, vpc_id, state, reason, .. } = consumer;
        self.texts([id, name, account_id, region_id, vpc_id, state, reason]);
        let ConsumerV1 { forward, r#return, reasons, steps, .. } = consumer;
        for list in [forward, r#return, reasons, steps] {
            self.words(list);
        }
        self.blocks(&mut consumer.egress);
    }

    /// Makes what the finding holds one with what is known.
    pub(in crate::report) fn finding(&mut self, finding: &mut FindingV1<'_>) {
        let FindingV1 { rule_id, account_id, region_id, resource_id, remedy, .. } = finding;
        self.texts([rule_id, account_id, region_id, resource_id, remedy]);
        self.texts(&mut finding.endpoint_id);
        finding.concerns.shrink_to_fit();
        self.texts(&mut finding.concerns);
        for list in [&mut finding.references, &mut finding.controls] {
            self.words(list);
        }
        if let Some(blocks) = &mut finding.untrusted {
            self.blocks(blocks);
        }
        if let Some(waiver) = &mut finding.waiver {
            self.texts([&mut waiver.reason, &mut waiver.owner]);
            self.texts(&mut waiver.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_lists_are_two_words_and_three_wide() {
        assert_eq!(size_of::<Text<'_>>(), 2 * size_of::<usize>());
        assert_eq!(size_of::<List<'_, String>>(), 3 * size_of::<usize>());
    }

    #[test]
    fn borrowed_or_shared_they_are_the_same() {
        let (borrowed, shared) = (Text::from("a"), Text::from("a".to_owned()));
        assert_eq!(borrowed, shared);
        assert_eq!(List::from([1_u8, 2].as_slice()), List::from(vec![1, 2]));
        assert_eq!(serde_json::to_string(&(borrowed, shared)).ok().as_deref(), Some(r#"["a","a"]"#));
    }
}
