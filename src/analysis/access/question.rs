//! A saved question, made of API replies, and its answer.
//!
//! The texts of a question are borrowed from the line it was read from: with a gigabyte of
//! questions copying them would cost more than answering. Where the wire is untidy the reader is
//! lenient: a number may be text, a text may be a number, null is absent, and a list may come bare
//! or within the object that the vendor's older APIs wrap it in. But what is absent was not read: a
//! list that is not there is not an empty one, nor is a page all of its list.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    analysis::saved::TextError,
    netset::{Block, MalformedAddress},
};

use super::{
    evaluate::{Answer, Trusted, evaluate, evaluate_borrowed},
    lists::Lists,
    rule::{Families, Protocol, Query, RuleView, SourcePath},
    share::{Share, shares},
    stage::{AclEntries, Group, Groups, ListenerAcl, Stage},
};

/// A question as it was saved: one JSON object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Question<'a> {
    #[serde(borrow, default)]
    case_id: Option<Text<'a>>,
    query: QueryText<'a>,
    stages: Vec<Text<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    security_groups: Vec<GroupText<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    allowlist: Vec<Text<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    prefix_lists: Vec<PrefixListText<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    port_range_lists: Vec<PortRangeListText<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    source_group_members: BTreeMap<Text<'a>, Vec<Text<'a>>>,
    #[serde(default, deserialize_with = "or_default")]
    destination_ip: DestinationText<'a>,
    #[serde(default)]
    listener: Option<ListenerText<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    acls: Vec<AclText<'a>>,
}

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    #[error("{}; a question is one JSON object with Query and Stages", without_place(.0))]
    Json(#[from] serde_json::Error),
    #[error(
        "a list; a question is one JSON object with Query and Stages: write one object a line, without brackets around them"
    )]
    List,
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("{field} `{}` is not understood; write {choices}", seen.escape_default())]
    Word { field: &'static str, seen: String, choices: &'static str },
    #[error("Query.Port `{}` is no port; write a number from 1 to 65535", seen.escape_default())]
    Port { seen: String },
    /// An allowlist is never read in part: what is left out of it would be reported as untrusted.
    #[error("Allowlist: {0}")]
    Allowlist(MalformedAddress),
    #[error("DestinationIp `{}` is no address of its family; write the interface's own address", seen.escape_default())]
    Destination { seen: String },
}

/// The parser's message without its line, which is always the first.
pub(in crate::analysis) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(message) if error.line() > 1 => format!("line {} column {}: {message}", error.line(), error.column()),
        Some(message) => format!("column {}: {message}", error.column()),
        None => text,
    }
}

impl<'a> Question<'a> {
    /// Reads a question from the text of one JSON object.
    ///
    /// # Errors
    /// Where it is no such object.
    pub fn parse(text: &'a str) -> Result<Self, QuestionError> {
        // The fields of a list would be taken by their places.
        if text.trim_start().starts_with('[') {
            return Err(QuestionError::List);
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The question's name.
    pub fn case_id(&self) -> Option<&str> {
        self.case_id.as_ref().map(Text::as_str)
    }

    /// Answers the question.
    ///
    /// # Errors
    /// Where a word is not one of the schema's, or the allowlist or an address of the interface
    /// cannot be read. What the API said is never an error: it makes the answer incomplete.
    pub fn answer(&self) -> Result<Answer, QuestionError> {
        let query = self.query()?;
        let stages = self.stages()?;
        Ok(evaluate(&query, &stages, &self.lists(), &read_allowlist(&self.allowlist)?))
    }

    /// As [`Self::answer`], with ids borrowed from the question, and without reading an allowlist
    /// again that `last` has read.
    pub(super) fn answer_borrowed<'q>(
        &'q self,
        last: &mut LastAllowlist<'a>,
    ) -> Result<Answer<Cow<'q, str>>, QuestionError> {
        let query = self.query()?;
        let stages = self.stages()?;
        Ok(evaluate_borrowed(&query, &stages, &self.lists(), last.read(&self.allowlist)?))
    }

    /// How much of the residue each blamed rule answers for; `None` where there are too many rules
    /// to say.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn shares(&self) -> Result<Option<Vec<Share>>, QuestionError> {
        let query = self.query()?;
        let stages = self.stages()?;
        Ok(shares(&query, &stages, &self.lists(), &read_allowlist(&self.allowlist)?))
    }

    fn stages(&self) -> Result<Vec<Stage<'_>>, QuestionError> {
        self.stages.iter().map(|name| self.stage(name)).collect()
    }

    fn query(&self) -> Result<Query, QuestionError> {
        let QueryText { ip_protocol, port, address_family, source_path } = &self.query;
        let (destination_v4, destination_v6) = self.destination_ip.read()?;
        Ok(Query {
            protocol: ip_protocol.word(
                "Query.IpProtocol",
                "TCP or UDP",
                &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp)],
            )?,
            port: port
                .as_str()
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| QuestionError::Port { seen: port.as_str().chars().take(80).collect() })?,
            families: address_family.word(
                "Query.AddressFamily",
                "ipv4, ipv6 or both",
                &[("ipv4", Families::Ipv4), ("ipv6", Families::Ipv6), ("both", Families::Both)],
            )?,
            path: source_path.word(
                "Query.SourcePath",
                "internet, private or any",
                &[("internet", SourcePath::Internet), ("private", SourcePath::Private), ("any", SourcePath::Any)],
            )?,
            destination_v4,
            destination_v6,
        })
    }

    fn lists(&self) -> Lists<'_> {
        let mut lists = Lists::default();
        // A list whose entries are null was not read, and is as one that is not here.
        for (list, entries) in self.prefix_lists.iter().filter_map(|list| Some((list, list.entries.0.as_ref()?))) {
            let cidrs = entries.iter().map(|entry| entry.cidr.as_str());
            lists.add_prefix_list(list.prefix_list_id.as_str(), list.address_family.as_str(), cidrs);
        }
        for (list, entries) in self.port_range_lists.iter().filter_map(|list| Some((list, list.entries.0.as_ref()?))) {
            let ranges = entries.iter().map(|entry| entry.port_range.as_str());
            lists.add_port_range_list(list.port_range_list_id.as_str(), ranges);
        }
        for (group_id, members) in &self.source_group_members {
            lists.add_group_members(group_id.as_str(), members.iter().map(Text::as_str));
        }
        lists
    }

    fn stage(&self, name: &Text<'_>) -> Result<Stage<'_>, QuestionError> {
        let groups = || Groups {
            groups: self.security_groups.iter().map(GroupText::view).collect(),
            unread: !self.security_groups.iter().all(|group| self.is_whole(group)),
        };
        match name.as_str() {
            "SecurityGroup" => Ok(Stage::SecurityGroup(groups())),
            "NlbSecurityGroup" => Ok(Stage::NlbSecurityGroup(groups())),
            "ListenerAcl" => Ok(Stage::ListenerAcl(self.listener_acl())),
            other => Err(QuestionError::Word {
                field: "Stages",
                seen: other.chars().take(80).collect(),
                choices: "SecurityGroup, NlbSecurityGroup or ListenerAcl",
            }),
        }
    }

    /// True if all rules of a group are here: its rules were read, and if it is a page of many then
    /// the last page is here too.
    fn is_whole(&self, group: &GroupText<'_>) -> bool {
        let id = group.security_group_id.as_str();
        group.permissions.0.is_some()
            && (group.is_last_page()
                || self
                    .security_groups
                    .iter()
                    .any(|other| !id.is_empty() && other.security_group_id.as_str() == id && other.is_last_page()))
    }

    fn listener_acl(&self) -> ListenerAcl<'_> {
        let Some(listener) = &self.listener else {
            return ListenerAcl { unread: true, ..ListenerAcl::default() };
        };
        // `AclId` is the older field; it may be stale where the list is there.
        let many = listener.acl_ids.known();
        let single = Some(&listener.acl_id).filter(|id| many.is_empty() && !id.as_str().is_empty());
        let ids = many.iter().map(|id| &id.0).chain(single);
        ListenerAcl {
            status: listener.acl_status.as_str(),
            acl_type: listener.acl_type.as_str(),
            acls: ids.flat_map(|id| self.acl(id.as_str())).collect(),
            unread: false,
        }
    }

    /// The entries of all pages of an ACL, and what is missing beside them: there may be more where
    /// the pages hold fewer than they say that there are.
    fn acl(&self, id: &str) -> Vec<AclEntries<'_>> {
        let pages: Vec<&AclText<'_>> = self.acls.iter().filter(|acl| acl.acl_id.as_str() == id).collect();
        if pages.is_empty() {
            return vec![AclEntries::Unread];
        }
        let entries = pages.iter().flat_map(|acl| acl.acl_entrys.known());
        let entries: Vec<&str> = entries.map(|entry| entry.acl_entry_ip.as_str()).collect();
        let totals: Vec<&str> =
            pages.iter().map(|acl| acl.total_acl_entry.as_str()).filter(|total| !total.is_empty()).collect();
        let distinct = if totals.is_empty() { 0 } else { entries.iter().collect::<BTreeSet<_>>().len() };
        let holds_all = |total: &&str| total.parse().is_ok_and(|total: usize| total <= distinct);
        let is_whole = pages.iter().all(|acl| acl.acl_entrys.0.is_some()) && totals.iter().all(holds_all);
        let rest = (!is_whole).then_some(AclEntries::Unread);
        [AclEntries::Read(entries)].into_iter().chain(rest).collect()
    }
}

fn read_allowlist(texts: &[Text<'_>]) -> Result<Trusted, QuestionError> {
    let blocks = texts.iter().map(|text| Block::parse(text.as_str()));
    let set = blocks.collect::<Result<_, _>>().map_err(QuestionError::Allowlist)?;
    Ok(Trusted::new(&set))
}

/// The allowlist that was read last. The questions of a file mostly have the same one.
#[derive(Debug, Default)]
pub(super) struct LastAllowlist<'a>(Option<(Vec<Text<'a>>, Trusted)>);

impl<'a> LastAllowlist<'a> {
    fn read(&mut self, texts: &[Text<'a>]) -> Result<&Trusted, QuestionError> {
        let known = self.0.take().filter(|(known, _)| known == texts);
        let known = match known {
            Some(known) => known,
            None => (texts.to_vec(), read_allowlist(texts)?),
        };
        Ok(&self.0.insert(known).1)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryText<'a> {
    #[serde(borrow)]
    ip_protocol: Text<'a>,
    port: Text<'a>,
    address_family: Text<'a>,
    source_path: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupText<'a> {
    #[serde(borrow, default)]
    security_group_id: Text<'a>,
    #[serde(default)]
    security_group_type: Text<'a>,
    #[serde(default)]
    inner_access_policy: Text<'a>,
    #[serde(default)]
    vpc_id: Text<'a>,
    #[serde(default)]
    permissions: Items<PermissionText<'a>>,
    /// Of a page after which there are more.
    #[serde(default)]
    next_token: Text<'a>,
}

impl GroupText<'_> {
    fn is_last_page(&self) -> bool {
        self.next_token.as_str().is_empty()
    }

    fn view(&self) -> Group<'_> {
        Group {
            id: self.security_group_id.as_str(),
            group_type: self.security_group_type.as_str(),
            inner_access_policy: self.inner_access_policy.as_str(),
            vpc_id: self.vpc_id.as_str(),
            rules: self.permissions.known().iter().map(PermissionText::view).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PermissionText<'a> {
    #[serde(borrow, default)]
    security_group_rule_id: Text<'a>,
    #[serde(default)]
    direction: Text<'a>,
    #[serde(default)]
    ip_protocol: Text<'a>,
    #[serde(default)]
    port_range: Text<'a>,
    #[serde(default)]
    port_range_list_id: Text<'a>,
    #[serde(default)]
    policy: Text<'a>,
    #[serde(default)]
    priority: Text<'a>,
    #[serde(default)]
    source_cidr_ip: Text<'a>,
    #[serde(default, rename = "Ipv6SourceCidrIp")]
    ipv6_source_cidr_ip: Text<'a>,
    #[serde(default)]
    source_group_id: Text<'a>,
    #[serde(default)]
    source_prefix_list_id: Text<'a>,
    #[serde(default)]
    source_port_range: Text<'a>,
    #[serde(default)]
    dest_cidr_ip: Text<'a>,
    #[serde(default, rename = "Ipv6DestCidrIp")]
    ipv6_dest_cidr_ip: Text<'a>,
    #[serde(default)]
    nic_type: Text<'a>,
}

impl PermissionText<'_> {
    fn view(&self) -> RuleView<'_> {
        RuleView {
            id: self.security_group_rule_id.as_str(),
            direction: self.direction.as_str(),
            policy: self.policy.as_str(),
            priority: self.priority.as_str(),
            protocol: self.ip_protocol.as_str(),
            port_range: self.port_range.as_str(),
            port_range_list_id: self.port_range_list_id.as_str(),
            source_cidr: self.source_cidr_ip.as_str(),
            source_cidr_v6: self.ipv6_source_cidr_ip.as_str(),
            source_group_id: self.source_group_id.as_str(),
            source_prefix_list_id: self.source_prefix_list_id.as_str(),
            source_port_range: self.source_port_range.as_str(),
            dest_cidr: self.dest_cidr_ip.as_str(),
            dest_cidr_v6: self.ipv6_dest_cidr_ip.as_str(),
            nic_type: self.nic_type.as_str(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrefixListText<'a> {
    #[serde(borrow)]
    prefix_list_id: Text<'a>,
    #[serde(default)]
    address_family: Text<'a>,
    /// Not optional: a list without entries says so, a reply without them was cut short.
    entries: Items<CidrText<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CidrText<'a> {
    #[serde(borrow)]
    cidr: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PortRangeListText<'a> {
    #[serde(borrow)]
    port_range_list_id: Text<'a>,
    entries: Items<PortRangeText<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PortRangeText<'a> {
    #[serde(borrow)]
    port_range: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct DestinationText<'a> {
    #[serde(borrow, default, rename = "IPv4")]
    v4: Text<'a>,
    #[serde(default, rename = "IPv6")]
    v6: Text<'a>,
}

impl DestinationText<'_> {
    fn read(&self) -> Result<(Option<Ipv4Addr>, Option<Ipv6Addr>), QuestionError> {
        fn one<T: std::str::FromStr>(text: &Text<'_>) -> Result<Option<T>, QuestionError> {
            if text.as_str().is_empty() {
                return Ok(None);
            }
            let seen = || text.as_str().chars().take(80).collect();
            text.as_str().parse().map(Some).map_err(|_| QuestionError::Destination { seen: seen() })
        }
        Ok((one(&self.v4)?, one(&self.v6)?))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListenerText<'a> {
    #[serde(borrow, default)]
    acl_status: Text<'a>,
    #[serde(default)]
    acl_type: Text<'a>,
    #[serde(default)]
    acl_ids: Items<AclIdText<'a>>,
    #[serde(default)]
    acl_id: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct AclIdText<'a>(#[serde(borrow)] Text<'a>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AclText<'a> {
    #[serde(borrow)]
    acl_id: Text<'a>,
    /// Not optional: without entries a white list admits everybody, so absence must be said.
    acl_entrys: Items<AclEntryText<'a>>,
    /// How many entries there are on all pages.
    #[serde(default)]
    total_acl_entry: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct AclEntryText<'a> {
    #[serde(borrow, rename = "AclEntryIP")]
    acl_entry_ip: Text<'a>,
}

/// A text borrowed from the line where it has no escapes; empty where it is null or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn as_str(&self) -> &str {
        &self.0
    }

    /// One of a few words, in any case.
    fn word<T: Copy>(
        &self,
        field: &'static str,
        choices: &'static str,
        words: &[(&str, T)],
    ) -> Result<T, QuestionError> {
        let found = words.iter().find(|(word, _)| self.0.eq_ignore_ascii_case(word)).map(|(_, value)| *value);
        found.ok_or_else(|| QuestionError::Word { field, seen: self.0.chars().take(80).collect(), choices })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

/// A list, bare or within an object under the key that the vendor uses for its elements; `None`
/// where it is null or absent, which is not the same as empty.
#[derive(Debug)]
struct Items<T>(Option<Vec<T>>);

impl<T> Items<T> {
    /// The elements that are there.
    fn known(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// An element that may come wrapped.
trait Item {
    /// The key of the list within its wrapper.
    const KEY: &'static str;
}

impl Item for PermissionText<'_> {
    const KEY: &'static str = "Permission";
}

impl Item for CidrText<'_> {
    const KEY: &'static str = "Entry";
}

impl Item for PortRangeText<'_> {
    const KEY: &'static str = "Entry";
}

impl Item for AclIdText<'_> {
    const KEY: &'static str = "AclId";
}

impl Item for AclEntryText<'_> {
    const KEY: &'static str = "AclEntry";
}

impl<'de, T: Deserialize<'de> + Item> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Item> Visitor<'de> for ItemsVisitor<T> {
            type Value = Items<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list, or an object with the list `{}`", T::KEY)
            }

            fn visit_unit<E>(self) -> Result<Items<T>, E> {
                Ok(Items::default())
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Items<T>, S::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Items(Some(items)))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut wrapper: M) -> Result<Items<T>, M::Error> {
                let mut items = None;
                while let Some(key) = wrapper.next_key::<Text<'de>>()? {
                    if key.as_str() != T::KEY {
                        wrapper.next_value::<IgnoredAny>()?;
                    } else if items.replace(wrapper.next_value::<Option<Vec<T>>>()?).is_some() {
                        return Err(serde::de::Error::duplicate_field(T::KEY));
                    }
                }
                Ok(Items(items.ok_or_else(|| serde::de::Error::missing_field(T::KEY))?))
            }
        }

        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

/// Null is absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The `CaseId` of a text that could not be read as a question, if it comes before what is wrong.
pub(in crate::analysis) fn case_id_of(text: &str) -> Option<String> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The error was reported already; what was found before it stays found.
    let _ = CaseIdSeed(&mut found).deserialize(&mut deserializer);
    found
}

struct CaseIdSeed<'f>(&'f mut Option<String>);

impl<'de> DeserializeSeed<'de> for CaseIdSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for CaseIdSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut object: M) -> Result<(), M::Error> {
        while let Some(key) = object.next_key::<Text<'de>>()? {
            if key.as_str() == "CaseId" && self.0.is_none() {
                *self.0 = object.next_value::<Option<Text<'de>>>()?.map(|text| text.0.into_owned());
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
