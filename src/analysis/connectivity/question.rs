//! A saved question about paths, made of API replies, and its answers.

use std::io::{Read, Write};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    analysis::{
        access::{AnswerError, Format, Lists, TextError, case_id_of, without_place},
        saved::{Answerer, Batch, Input, answer_all, name, printable, write_error, write_line, write_object},
    },
    model::{Network, Permission, Reading, SecurityGroup, SecurityGroupId, Text, VSwitchId, VpcId, lenient},
    netset::{Block, MalformedAddress},
};

use super::{
    pair::{DataPlaneEnd, MeshEnd},
    topology::Topology,
    verdict::{PairAnswer, Verdict},
};

/// A question as it was saved: one JSON object.
#[derive(Debug)]
pub struct PathQuestion {
    case_id: Option<String>,
    network: Network,
    groups: Vec<SecurityGroup>,
    prefix_lists: Vec<PrefixListText>,
    port_range_lists: Vec<PortRangeListText>,
    pairs: Vec<(String, MeshEnd, DataPlaneEnd)>,
}

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum PathQuestionError {
    #[error("{}; a question is one JSON object with Topology and Pairs", without_place(.0))]
    Json(#[from] serde_json::Error),
    #[error(
        "a list; a question is one JSON object with Topology and Pairs: write one object a line, without brackets around them"
    )]
    List,
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("{field} of pair `{}` is not understood: {seen}", pair.escape_default())]
    Pair { field: &'static str, pair: String, seen: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QuestionText {
    #[serde(default, deserialize_with = "lenient::text")]
    case_id: String,
    topology: TopologyText,
    #[serde(deserialize_with = "lenient::items")]
    pairs: Vec<PairText>,
}

/// The network, and what filters refer to.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TopologyText {
    #[serde(flatten)]
    network: Network,
    #[serde(default, deserialize_with = "lenient::items")]
    security_groups: Vec<GroupText>,
    #[serde(default, deserialize_with = "lenient::items")]
    prefix_lists: Vec<PrefixListText>,
    #[serde(default, deserialize_with = "lenient::items")]
    port_range_lists: Vec<PortRangeListText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupText {
    #[serde(deserialize_with = "lenient::id")]
    security_group_id: SecurityGroupId,
    #[serde(default, deserialize_with = "lenient::text")]
    security_group_type: String,
    #[serde(default, deserialize_with = "lenient::text")]
    inner_access_policy: String,
    #[serde(default, deserialize_with = "lenient::text")]
    vpc_id: VpcId,
    /// Not optional: a group without rules says so.
    #[serde(deserialize_with = "lenient::items")]
    permissions: Vec<PermissionText>,
}

/// The fields of [`Permission`], each written in any way.
#[derive(Deserialize)]
#[serde(transparent)]
struct PermissionText(#[serde(deserialize_with = "permission")] Permission);

fn permission<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Permission, D::Error> {
    #[derive(Deserialize)]
    struct One(#[serde(deserialize_with = "lenient::text")] Text);

    let fields = std::collections::HashMap::<String, Field<One>>::deserialize(deserializer)?;
    let text = |name: &str| match fields.get(name) {
        Some(Field::Text(One(text))) => text.clone(),
        Some(Field::Other(_)) | None => Text::default(),
    };
    Ok(Permission {
        security_group_rule_id: text("SecurityGroupRuleId"),
        direction: text("Direction"),
        policy: text("Policy"),
        priority: text("Priority"),
        ip_protocol: text("IpProtocol"),
        port_range: text("PortRange"),
        port_range_list_id: text("PortRangeListId"),
        source_cidr_ip: text("SourceCidrIp"),
        ipv6_source_cidr_ip: text("Ipv6SourceCidrIp"),
        source_group_id: text("SourceGroupId"),
        source_prefix_list_id: text("SourcePrefixListId"),
        source_port_range: text("SourcePortRange"),
        dest_cidr_ip: text("DestCidrIp"),
        ipv6_dest_cidr_ip: text("Ipv6DestCidrIp"),
        dest_group_id: text("DestGroupId"),
        dest_prefix_list_id: text("DestPrefixListId"),
        nic_type: text("NicType"),
    })
}

/// A field that matters is a text; others may be anything.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field<T> {
    Text(T),
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrefixListText {
    #[serde(deserialize_with = "lenient::id")]
    prefix_list_id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    address_family: String,
    #[serde(deserialize_with = "lenient::items")]
    entries: Vec<CidrText>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CidrText {
    #[serde(deserialize_with = "lenient::text")]
    cidr: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PortRangeListText {
    #[serde(deserialize_with = "lenient::id")]
    port_range_list_id: String,
    #[serde(deserialize_with = "lenient::items")]
    entries: Vec<PortRangeText>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PortRangeText {
    #[serde(deserialize_with = "lenient::text")]
    port_range: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PairText {
    #[serde(default, deserialize_with = "lenient::text")]
    pair_id: String,
    mesh: MeshText,
    data_plane: DataPlaneText,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MeshText {
    #[serde(rename = "VSwitchId", deserialize_with = "lenient::id")]
    v_switch_id: VSwitchId,
    #[serde(default, deserialize_with = "lenient::text")]
    private_ip: String,
    #[serde(deserialize_with = "lenient::text")]
    port: String,
    #[serde(default, deserialize_with = "lenient::texts")]
    security_group_ids: Vec<SecurityGroupId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DataPlaneText {
    #[serde(rename = "VSwitchId", deserialize_with = "lenient::id")]
    v_switch_id: VSwitchId,
    #[serde(default, deserialize_with = "lenient::texts")]
    source_cidrs: Vec<String>,
    #[serde(default, deserialize_with = "lenient::texts")]
    security_group_ids: Vec<SecurityGroupId>,
}

impl PathQuestion {
    /// Reads a question from the text of one JSON object.
    ///
    /// # Errors
    /// Where it is no such object, or a pair's own words cannot be read. What the API said is never
    /// an error where it can be told from nothing.
    pub fn parse(text: &str) -> Result<Self, PathQuestionError> {
        // The fields of a list would be taken by their places.
        if text.trim_start().starts_with('[') {
            return Err(PathQuestionError::List);
        }
        let QuestionText { case_id, topology, pairs } = serde_json::from_str(text)?;
        let TopologyText { mut network, security_groups, prefix_lists, port_range_lists } = topology;
        // A question names what there is: a vSwitch without an ACL has none.
        for switch in network.v_switches.iter_mut().filter(|switch| switch.network_acl_id.is_unread()) {
            switch.network_acl_id = Reading::Absent;
        }
        network.sort();
        Ok(Self {
            case_id: (!case_id.is_empty()).then_some(case_id),
            network,
            groups: groups(security_groups),
            prefix_lists,
            port_range_lists,
            pairs: pairs.into_iter().map(pair).collect::<Result<_, _>>()?,
        })
    }

    /// The question's name.
    pub fn case_id(&self) -> Option<&str> {
        self.case_id.as_deref()
    }

    /// The network ready to be walked.
    pub fn topology(&self) -> Topology<'_> {
        let mut lists = Lists::default();
        for list in &self.prefix_lists {
            let cidrs = list.entries.iter().map(|entry| entry.cidr.as_str());
            lists.add_prefix_list(&list.prefix_list_id, &list.address_family, cidrs);
        }
        for list in &self.port_range_lists {
            let ranges = list.entries.iter().map(|entry| entry.port_range.as_str());
            lists.add_port_range_list(&list.port_range_list_id, ranges);
        }
        Topology::new(&self.network, &self.groups, lists)
    }

    /// The pairs, each with its name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &MeshEnd, &DataPlaneEnd)> {
        self.pairs.iter().map(|(id, mesh, cluster)| (id.as_str(), mesh, cluster))
    }
}

/// The pages of one group are one group. Sorted, so that their order does not matter.
fn groups(texts: Vec<GroupText>) -> Vec<SecurityGroup> {
    let mut groups: Vec<SecurityGroup> = Vec::with_capacity(texts.len());
    for text in texts {
        let permissions = text.permissions.into_iter().map(|PermissionText(rule)| rule);
        let kind = text.security_group_type;
        let known = groups.iter_mut().find(|group| group.security_group_id == text.security_group_id);
        if let Some(known) = known {
            known.permissions.extend(permissions);
            continue;
        }
        groups.push(SecurityGroup {
            security_group_id: text.security_group_id,
            security_group_type: if kind.is_empty() { Reading::Unread } else { Reading::Value(kind) },
            inner_access_policy: text.inner_access_policy,
            vpc_id: text.vpc_id,
            permissions: permissions.collect(),
            ..SecurityGroup::default()
        });
    }
    groups
}

fn pair(text: PairText) -> Result<(String, MeshEnd, DataPlaneEnd), PathQuestionError> {
    let PairText { pair_id, mesh, data_plane } = text;
    let wrong = |field: &'static str, seen: String| PathQuestionError::Pair { field, pair: pair_id.clone(), seen };
    let quoted = |text: &str| format!("`{}`", text.chars().take(80).collect::<String>().escape_default());
    let private_ip = match mesh.private_ip.as_str() {
        "" => None,
        text => {
            let seen = || format!("{} is no address", quoted(text));
            Some(text.parse().map_err(|_| wrong("Mesh.PrivateIp", seen()))?)
        }
    };
    let port = mesh.port.parse().ok().filter(|port| *port != 0);
    let port = port.ok_or_else(|| wrong("Mesh.Port", format!("{} is no port from 1 to 65535", quoted(&mesh.port))))?;
    let blocks = data_plane.source_cidrs.iter().map(|text| Block::parse(text));
    let source_cidrs = blocks
        .collect::<Result<Vec<_>, MalformedAddress>>()
        .map_err(|error| wrong("DataPlane.SourceCidrs", error.to_string()))?;
    let mesh_end =
        MeshEnd { v_switch_id: mesh.v_switch_id, private_ip, port, security_group_ids: mesh.security_group_ids };
    let cluster_end = DataPlaneEnd {
        v_switch_id: data_plane.v_switch_id,
        source_cidrs,
        security_group_ids: data_plane.security_group_ids,
    };
    Ok((pair_id, mesh_end, cluster_end))
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathSummary {
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that could not be understood; their answers say why. Any of these means exit
    /// code 2.
    pub failed: u64,
}

/// Answers every question of `reader`: one JSON object (over several lines if need be), or JSON
/// Lines with one object a line. A question that cannot be understood is answered with its
/// `CaseId` and `Error`, and the rest go on.
///
/// # Errors
/// Where reading or writing fails; what was answered before that is written.
pub fn answer(reader: impl Read, writer: impl Write, format: Format) -> Result<PathSummary, AnswerError> {
    let mut answering = Answering { format, summary: PathSummary::default() };
    answer_all(reader, writer, &mut answering)?;
    Ok(answering.summary)
}

struct Answering {
    format: Format,
    summary: PathSummary,
}

impl Answerer for Answering {
    type Batch<'a, 'b> = PathBatch;
    type Outcome = PathSummary;

    fn batch<'b>(&self) -> Self::Batch<'_, 'b> {
        PathBatch { format: self.format, summary: PathSummary::default() }
    }

    fn take(&mut self, outcome: PathSummary, _: &[u8]) {
        self.summary.answered += outcome.answered;
        self.summary.failed += outcome.failed;
    }
}

struct PathBatch {
    format: Format,
    summary: PathSummary,
}

impl<'b> Batch<'b> for PathBatch {
    type Outcome = PathSummary;

    fn answer(&mut self, input: Input<'b, '_>, out: &mut Vec<u8>) {
        let (read, readable) = match input.text() {
            Ok(text) => (PathQuestion::parse(text), text),
            Err((error, readable)) => (Err(error.into()), readable),
        };
        match read {
            Ok(question) => {
                write_answers(&question, self.format, out);
                self.summary.answered += 1;
            }
            Err(error) => {
                write_error(case_id_of(readable).as_deref(), &error, (input.line)(), self.format, out);
                self.summary.failed += 1;
            }
        }
    }

    fn finish(self) -> PathSummary {
        self.summary
    }
}

/// The answer to a question, field by field.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AnswerLine<'q> {
    case_id: Option<&'q str>,
    pairs: Vec<PairLine<'q>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PairLine<'q> {
    pair_id: &'q str,
    verdict: &'static str,
    via: Option<&'static str>,
    reasons: Vec<String>,
    /// Of connected pairs only.
    forward: Vec<String>,
    r#return: Vec<String>,
}

fn texts(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn pair_line<'q>(pair_id: &'q str, answer: &PairAnswer<'_>) -> PairLine<'q> {
    let connected = answer.verdict == Verdict::Connected;
    PairLine {
        pair_id,
        verdict: answer.verdict.as_str(),
        via: answer.via.map(|via| via.as_str()),
        reasons: texts(&answer.reasons),
        forward: if connected { texts(&answer.forward) } else { Vec::new() },
        r#return: if connected { texts(&answer.back) } else { Vec::new() },
    }
}

fn write_answers(question: &PathQuestion, format: Format, out: &mut Vec<u8>) {
    let topology = question.topology();
    let answers = question.pairs().map(|(id, mesh, cluster)| (id, topology.pair(mesh, cluster)));
    match format {
        Format::JsonLines => {
            let pairs = answers.map(|(id, answer)| pair_line(id, &answer)).collect();
            write_object(&AnswerLine { case_id: question.case_id(), pairs }, out);
        }
        Format::Text => answers.for_each(|(id, answer)| write_text(question.case_id(), id, &answer, out)),
    }
}

fn write_text(case_id: Option<&str>, pair_id: &str, answer: &PairAnswer<'_>, out: &mut Vec<u8>) {
    let via = answer.via.map(|via| format!(" ({})", via.as_str())).unwrap_or_default();
    let verdict = answer.verdict.as_str();
    write_line(out, format_args!("{}  {}: {verdict}{via}", name(case_id), printable(pair_id)));
    let mut field = |label: &str, texts: Vec<String>| {
        for (index, text) in texts.iter().enumerate() {
            write_line(out, format_args!("  {:<9}{}", if index == 0 { label } else { "" }, printable(text)));
        }
    };
    field("because", texts(&answer.reasons));
    field("there", texts(&answer.forward));
    field("back", texts(&answer.back));
    if let Some(nearest) = &answer.nearest {
        field("nearest", vec![nearest.forward.join(" -> ")]);
        field("needs", nearest.changes.clone());
    }
}
