//! A snapshot is one inventory in one file, so that a scan can be judged again without keys:
//! JSON Lines in a zstd frame. The first line is the header (version, time, tool, callers), then
//! comes one resource a line under its wire names with a `Kind`, then the coverage ledger, one
//! unit a line, and last the number and digest of the lines between, so that a file cut at a line
//! end is noticed. Both directions stream: beside the inventory, one line is in memory.
//!
//! Nothing here is secret: the model holds no field that is.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::model::{
    Acl, Caller, Cluster, Eip, Gap, Interner, Inventory, InventoryBuilder, LoadBalancer, LogReading, Mesh, MeshOpinion,
    Network, NetworkInterface, NetworkLoadBalancer, PortRangeList, PrefixList, SecurityGroup, TrailReading, Unit,
    UnitState,
};

/// The version that this program writes, and the only one it reads.
const VERSION: &str = "portcullis.snapshot/v1";

/// Longest line that is read. The largest resource is an access control list or a security group
/// with a thousand rules: some hundred kilobytes.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Most bytes that are read after decompression: many times the largest account, and small enough
/// that a hostile file ends.
const MAX_TOTAL_BYTES: u64 = 4 << 30;

/// Largest decompression window accepted, as a power of two. The writer stays far below.
const MAX_WINDOW_LOG: u32 = 24;

/// Level 3 is where more effort stops paying for JSON.
const COMPRESSION_LEVEL: i32 = 3;

/// Why a snapshot could not be written or read.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The disk or pipe failed.
    #[error("failed to write the snapshot")]
    Write(#[source] io::Error),
    /// The file cannot be decompressed: not a snapshot, cut short, or damaged.
    #[error(
        "failed to read the snapshot after line {lines}: the file is no zstd file, is cut short or is damaged; \
         take it again with `scan --save`"
    )]
    Read { lines: u64, source: io::Error },
    /// Some other file in zstd.
    #[error("not a snapshot: its first line is no header of `{VERSION}`")]
    NotASnapshot,
    /// Written by another version of the format.
    #[error("the snapshot has the format `{found}`, this program reads `{VERSION}`: use a program that knows it")]
    Version { found: String },
    /// A line that does not hold what it should.
    #[error("line {line} of the snapshot is damaged: {why}")]
    Content { line: u64, why: String },
    /// Longer than any snapshot that this program writes.
    #[error("line {line} of the snapshot exceeds the limit of {limit} bytes of {what}")]
    Oversized { line: u64, limit: u64, what: &'static str },
    /// The last line is missing: the writer was interrupted, or the file was cut.
    #[error("the snapshot ends after line {lines} without its closing line: it is cut short; take it again")]
    Truncated { lines: u64 },
}

/// SHA-256 over the lines between header and closing line, each with its line end: equal for
/// equal inventories, whoever took them and whenever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDigest(String);

impl SnapshotDigest {
    /// `sha256:…`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    snapshot: String,
    taken_at: DateTime<Utc>,
    tool_version: String,
    callers: Vec<Caller>,
}

/// What the first line of every version holds, however the rest changes.
#[derive(Debug, Deserialize)]
struct AnyHeader {
    snapshot: String,
}

/// Every other line, as it is written.
#[derive(Serialize)]
#[serde(tag = "Kind", rename_all = "kebab-case")]
enum LineRef<'a> {
    Mesh(&'a Mesh),
    Cluster(&'a Cluster),
    Eip(&'a Eip),
    LoadBalancer(&'a LoadBalancer),
    NetworkLoadBalancer(&'a NetworkLoadBalancer),
    Acl(&'a Acl),
    SecurityGroup(&'a SecurityGroup),
    PrefixList(&'a PrefixList),
    PortRangeList(&'a PortRangeList),
    NetworkInterface(&'a NetworkInterface),
    /// One noun of the network, in its list.
    Network(&'a Network),
    Log(&'a LogReading),
    Trail(&'a TrailReading),
    Opinion(&'a MeshOpinion),
    Scanned(&'a Unit),
    Gap(&'a Gap),
    End {
        lines: u64,
        digest: &'a SnapshotDigest,
    },
}

/// What a line is, read before the rest of it: told in one go, serde would keep the whole line in a form of its own first.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "Kind")]
    kind: Kind,
}

/// The kinds of [`LineRef`].
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Mesh,
    Cluster,
    Eip,
    LoadBalancer,
    NetworkLoadBalancer,
    Acl,
    SecurityGroup,
    PrefixList,
    PortRangeList,
    NetworkInterface,
    Network,
    Log,
    Trail,
    Opinion,
    Scanned,
    Gap,
    End,
}

/// The last line.
#[derive(Deserialize)]
struct Closing {
    lines: u64,
    digest: SnapshotDigest,
}

/// Writes the inventory and says its digest. The writer is flushed, not closed.
///
/// # Errors
/// [`SnapshotError::Write`] when the writer fails; what was written until then is no snapshot.
pub fn write(inventory: &Inventory, tool_version: &str, writer: impl Write) -> Result<SnapshotDigest, SnapshotError> {
    let mut encoder = zstd::Encoder::new(writer, COMPRESSION_LEVEL).map_err(SnapshotError::Write)?;
    encoder.include_checksum(true).map_err(SnapshotError::Write)?;
    let header = Header {
        snapshot: VERSION.to_owned(),
        taken_at: inventory.taken_at(),
        tool_version: tool_version.to_owned(),
        callers: inventory.callers().to_vec(),
    };
    let mut lines = LineWriter::new(encoder);
    lines.unhashed(&header)?;
    lines.inventory(inventory)?;
    let (mut encoder, count, digest) = lines.finish();
    let mut closing = to_line(&LineRef::End { lines: count, digest: &digest })?;
    encoder.write_all(&closing).map_err(SnapshotError::Write)?;
    closing.clear();
    encoder.finish().and_then(|mut writer| writer.flush()).map_err(SnapshotError::Write)?;
    Ok(digest)
}

/// The digest that [`write()`] would return, without writing.
pub fn digest(inventory: &Inventory) -> SnapshotDigest {
    let mut lines = LineWriter::new(io::sink());
    lines.inventory(inventory).expect("a sink takes everything, and the model has text keys only");
    lines.finish().2
}

/// Reads an inventory and its digest.
///
/// # Errors
/// Every way in which a file can fail to be a snapshot of this version; see [`SnapshotError`].
pub fn read(reader: impl Read) -> Result<(Inventory, SnapshotDigest), SnapshotError> {
    let mut decoder =
        zstd::Decoder::new(reader).map_err(|source| SnapshotError::Read { lines: 0, source })?.single_frame();
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(|source| SnapshotError::Read { lines: 0, source })?;
    let mut lines = LineReader::new(BufReader::new(decoder));
    let header = read_header(&mut lines)?;
    let mut builder = InventoryBuilder::new(header.taken_at);
    builder.callers = header.callers;
    let mut texts = Interner::default();
    let mut hash = Sha256::new();
    let mut count = 0_u64;
    loop {
        let Some((number, text)) = lines.next_line()? else {
            return Err(SnapshotError::Truncated { lines: lines.number });
        };
        let Named { kind } = parse(text, number)?;
        if let Kind::End = kind {
            let Closing { lines: expected_lines, digest: expected } = parse(text, number)?;
            let digest = to_digest(hash);
            if expected_lines != count || expected != digest {
                let why = format!("it promises {expected_lines} lines with the digest {expected}, and {count} came");
                return Err(SnapshotError::Content { line: number, why });
            }
            // Read on to the frame's end, where its checksum is.
            if lines.next_line()?.is_some() {
                let why = "something follows the closing line".to_owned();
                return Err(SnapshotError::Content { line: lines.number, why });
            }
            return Ok((builder.build(), digest));
        }
        hash.update(text);
        hash.update(b"\n");
        count += 1;
        collect(&mut builder, &mut texts, (kind, text), number)?;
    }
}

fn read_header(lines: &mut LineReader<impl BufRead>) -> Result<Header, SnapshotError> {
    let Some((_, text)) = lines.next_line()? else { return Err(SnapshotError::NotASnapshot) };
    let Ok(AnyHeader { snapshot }) = serde_json::from_slice(text) else { return Err(SnapshotError::NotASnapshot) };
    if snapshot != VERSION {
        return Err(SnapshotError::Version { found: snapshot.escape_debug().take(80).collect() });
    }
    parse(text, 1)
}

/// What is wrong with a line. The parser sees only that line and calls it the first: its column is
/// all that it knows of the place.
fn damaged(line: u64, error: &serde_json::Error) -> SnapshotError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let why = match text.strip_suffix(&place) {
        Some(message) => format!("column {}: {message}", error.column()),
        None => text,
    };
    SnapshotError::Content { line, why }
}

fn parse<T: DeserializeOwned>(text: &[u8], line: u64) -> Result<T, SnapshotError> {
    serde_json::from_slice(text).map_err(|error| damaged(line, &error))
}

fn collect(
    builder: &mut InventoryBuilder,
    texts: &mut Interner,
    (kind, text): (Kind, &[u8]),
    number: u64,
) -> Result<(), SnapshotError> {
    match kind {
        Kind::Mesh => builder.meshes.push(parse(text, number)?),
        Kind::Cluster => builder.clusters.push(parse(text, number)?),
        Kind::Eip => builder.eips.push(parse(text, number)?),
        Kind::LoadBalancer => builder.load_balancers.push(parse(text, number)?),
        Kind::NetworkLoadBalancer => builder.network_load_balancers.push(parse(text, number)?),
        Kind::Acl => builder.acls.push(parse(text, number)?),
        Kind::SecurityGroup => {
            let mut group: SecurityGroup = parse(text, number)?;
            group.permissions.iter_mut().for_each(|rule| rule.share(texts));
            builder.security_groups.push(group);
        }
        Kind::PrefixList => builder.prefix_lists.push(parse(text, number)?),
        Kind::PortRangeList => builder.port_range_lists.push(parse(text, number)?),
        Kind::NetworkInterface => builder.network_interfaces.push(parse(text, number)?),
        Kind::Network => builder.network.merge(parse(text, number)?),
        Kind::Log => builder.logs.push(parse(text, number)?),
        Kind::Trail => builder.trails.push(parse(text, number)?),
        Kind::Opinion => builder.opinions.push(parse(text, number)?),
        Kind::Scanned => builder.scanned(parse(text, number)?),
        Kind::Gap => {
            let gap: Gap = parse(text, number)?;
            if gap.state == UnitState::Scanned {
                let why = "a gap cannot be in the state `scanned`".to_owned();
                return Err(SnapshotError::Content { line: number, why });
            }
            builder.gap(gap);
        }
        Kind::End => {}
    }
    Ok(())
}

/// Writes lines and hashes what it writes.
struct LineWriter<W> {
    writer: W,
    hash: Sha256,
    count: u64,
}

impl<W: Write> LineWriter<W> {
    fn new(writer: W) -> Self {
        Self { writer, hash: Sha256::new(), count: 0 }
    }

    /// Writes a line that the digest leaves out.
    fn unhashed(&mut self, line: &impl Serialize) -> Result<(), SnapshotError> {
        self.writer.write_all(&to_line(line)?).map_err(SnapshotError::Write)
    }

    fn line(&mut self, line: &LineRef<'_>) -> Result<(), SnapshotError> {
        let text = to_line(line)?;
        self.hash.update(&text);
        self.count += 1;
        self.writer.write_all(&text).map_err(SnapshotError::Write)
    }

    /// Every resource in the inventory's order, then the ledger.
    fn inventory(&mut self, inventory: &Inventory) -> Result<(), SnapshotError> {
        inventory.meshes().iter().try_for_each(|item| self.line(&LineRef::Mesh(item)))?;
        inventory.clusters().iter().try_for_each(|item| self.line(&LineRef::Cluster(item)))?;
        inventory.eips().iter().try_for_each(|item| self.line(&LineRef::Eip(item)))?;
        inventory.load_balancers().iter().try_for_each(|item| self.line(&LineRef::LoadBalancer(item)))?;
        inventory
            .network_load_balancers()
            .iter()
            .try_for_each(|item| self.line(&LineRef::NetworkLoadBalancer(item)))?;
        inventory.acls().iter().try_for_each(|item| self.line(&LineRef::Acl(item)))?;
        inventory.security_groups().iter().try_for_each(|item| self.line(&LineRef::SecurityGroup(item)))?;
        inventory.prefix_lists().iter().try_for_each(|item| self.line(&LineRef::PrefixList(item)))?;
        inventory.port_range_lists().iter().try_for_each(|item| self.line(&LineRef::PortRangeList(item)))?;
        inventory.network_interfaces().iter().try_for_each(|item| self.line(&LineRef::NetworkInterface(item)))?;
        inventory.network().pieces().iter().try_for_each(|piece| self.line(&LineRef::Network(piece)))?;
        inventory.logs().iter().try_for_each(|log| self.line(&LineRef::Log(log)))?;
        inventory.trails().iter().try_for_each(|trail| self.line(&LineRef::Trail(trail)))?;
        inventory.opinions().iter().try_for_each(|opinion| self.line(&LineRef::Opinion(opinion)))?;
        inventory.coverage().scanned_units().try_for_each(|unit| self.line(&LineRef::Scanned(unit)))?;
        inventory.coverage().gaps().try_for_each(|gap| self.line(&LineRef::Gap(gap)))
    }

    fn finish(self) -> (W, u64, SnapshotDigest) {
        (self.writer, self.count, to_digest(self.hash))
    }
}

fn to_line(value: &impl Serialize) -> Result<Vec<u8>, SnapshotError> {
    let mut text = serde_json::to_vec(value).map_err(|error| SnapshotError::Write(error.into()))?;
    text.push(b'\n');
    Ok(text)
}

fn to_digest(hash: Sha256) -> SnapshotDigest {
    SnapshotDigest(format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash.finalize())))
}

/// Reads lines of bounded length from a stream of bounded length.
struct LineReader<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Number of the line that was read last, from 1.
    number: u64,
    total: u64,
}

impl<R: BufRead> LineReader<R> {
    fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), number: 0, total: 0 }
    }

    /// The next line without its end, and its number; `None` at the end of the stream.
    fn next_line(&mut self) -> Result<Option<(u64, &[u8])>, SnapshotError> {
        self.buffer.clear();
        let length = (&mut self.reader)
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| SnapshotError::Read { lines: self.number, source })?;
        if length == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.total += self.buffer.len() as u64;
        if self.buffer.len() as u64 > MAX_LINE_BYTES {
            return Err(SnapshotError::Oversized { line: self.number, limit: MAX_LINE_BYTES, what: "one line" });
        }
        if self.total > MAX_TOTAL_BYTES {
            return Err(SnapshotError::Oversized { line: self.number, limit: MAX_TOTAL_BYTES, what: "all lines" });
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        Ok(Some((self.number, &self.buffer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Entrance, Listener, NlbAddress, NlbListener, Observer, Permission, Reading, Scope, VSwitch, Vpc,
    };
    use proptest::prelude::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_323_045, 0).expect("a date of this century")
    }

    fn reading<T: Clone + fmt::Debug + 'static>(
        value: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<Reading<T>> {
        prop_oneof![Just(Reading::Unread), Just(Reading::Absent), value.prop_map(Reading::Value)].boxed()
    }

    fn text() -> BoxedStrategy<String> {
        prop_oneof!["[a-z0-9-]{0,8}", "\\PC{0,6}", Just("\u{1b}[2J\n\u{202e}\"\\".to_owned())].boxed()
    }

    fn scope() -> impl Strategy<Value = Scope> {
        ("[12]", "[ab]").prop_map(|(account, region)| Scope {
            account_id: account.as_str().into(),
            region_id: region.as_str().into(),
        })
    }

    fn entrance() -> BoxedStrategy<Entrance> {
        let id = reading(text().prop_map(|text| text.as_str().into()));
        let balancer = reading(text().prop_map(|text| text.as_str().into()));
        (reading(any::<bool>()), reading(text()), reading(text()), id, balancer)
            .prop_map(|(public_flag, public_endpoint, intranet_endpoint, eip_id, load_balancer_id)| Entrance {
                public_flag,
                public_endpoint,
                intranet_endpoint,
                eip_id,
                load_balancer_id,
            })
            .boxed()
    }

    fn mesh() -> BoxedStrategy<Mesh> {
        let tags = prop::collection::btree_map(text(), text(), 0..3);
        (scope(), text(), text(), entrance(), reading(entrance()), reading(any::<bool>()), tags)
            .prop_map(|(scope, id, name, pilot, canary_pilot, audit_enabled, tags)| Mesh {
                scope,
                service_mesh_id: id.as_str().into(),
                name,
                pilot,
                canary_pilot,
                audit_enabled,
                tags,
                data_plane: Reading::Value(Vec::new()),
                ..Mesh::default()
            })
            .boxed()
    }

    fn balancer() -> BoxedStrategy<LoadBalancer> {
        let listener = (any::<u16>(), reading(text())).prop_map(|(listener_port, acl_status)| Listener {
            listener_port,
            acl_status,
            ..Listener::default()
        });
        (scope(), text(), reading(prop::collection::vec(listener, 0..3)))
            .prop_map(|(scope, id, listeners)| LoadBalancer {
                scope,
                load_balancer_id: id.as_str().into(),
                listeners,
                ..LoadBalancer::default()
            })
            .boxed()
    }

    fn network_balancer() -> BoxedStrategy<NetworkLoadBalancer> {
        (scope(), text(), reading(text()), text(), any::<u16>())
            .prop_map(|(scope, id, address_type, address, port)| NetworkLoadBalancer {
                scope,
                load_balancer_id: id.as_str().into(),
                address_type,
                addresses: vec![NlbAddress { public_ipv4_address: address, ..NlbAddress::default() }],
                listeners: Reading::Value(vec![NlbListener { start_port: port, ..NlbListener::default() }]),
                ..NetworkLoadBalancer::default()
            })
            .boxed()
    }

    fn group() -> BoxedStrategy<SecurityGroup> {
        let rule = (text(), text()).prop_map(|(id, cidr)| Permission {
            security_group_rule_id: id.into(),
            source_cidr_ip: cidr.into(),
            ..Permission::default()
        });
        (scope(), text(), prop::collection::vec(rule, 0..4))
            .prop_map(|(scope, id, permissions)| SecurityGroup {
                scope,
                security_group_id: id.as_str().into(),
                permissions,
                ..SecurityGroup::default()
            })
            .boxed()
    }

    fn gap() -> BoxedStrategy<Gap> {
        (text(), text(), prop::sample::select(vec![UnitState::Denied, UnitState::Failed, UnitState::NotServed]))
            .prop_map(|(resource_id, message, state)| Gap {
                unit: Unit::new(&"1".into(), &"a".into(), "cs", "DescribeClusterDetail", &resource_id),
                state,
                code: "schema".to_owned(),
                message,
                request_id: String::new(),
            })
            .boxed()
    }

    prop_compose! {
        fn inventory()(
            meshes in prop::collection::vec(mesh(), 0..4),
            load_balancers in prop::collection::vec(balancer(), 0..4),
            network_load_balancers in prop::collection::vec(network_balancer(), 0..4),
            security_groups in prop::collection::vec(group(), 0..4),
            gaps in prop::collection::vec(gap(), 0..4),
            read in prop::collection::vec(text(), 0..4),
            lists in prop::collection::vec(text(), 0..4),
        ) -> Inventory {
            let mut builder = InventoryBuilder::new(at());
            builder.callers.push(Caller { account_id: "1".into(), arn: "acs:ram::1:user/auditor".to_owned() });
            builder.meshes = meshes;
            builder.load_balancers = load_balancers;
            builder.network_load_balancers = network_load_balancers;
            builder.security_groups = security_groups;
            for id in &lists {
                builder.clusters.push(Cluster { cluster_id: id.as_str().into(), ..Cluster::default() });
                builder.eips.push(Eip { allocation_id: id.as_str().into(), ..Eip::default() });
                builder.acls.push(Acl { acl_id: id.as_str().into(), entries: vec!["10.0.0.0/8".into()], ..Acl::default() });
                builder.prefix_lists.push(PrefixList { prefix_list_id: id.as_str().into(), ..PrefixList::default() });
                builder.port_range_lists.push(PortRangeList {
                    port_range_list_id: id.as_str().into(),
                    ..PortRangeList::default()
                });
                builder.network_interfaces.push(NetworkInterface {
                    network_interface_id: id.as_str().into(),
                    ..NetworkInterface::default()
                });
                builder.network.vpcs.push(Vpc { vpc_id: format!("vpc-{}", id.len()).into(), ..Vpc::default() });
                builder.logs.push(LogReading {
                    scope: Scope::default(),
                    observer: Observer::Vpc,
                    observed: id.clone(),
                    from: at(),
                    to: at(),
                    complete: true,
                    note: String::new(),
                    flows: Vec::new(),
                    requests: Vec::new(),
                });
                builder.trails.push(TrailReading {
                    scope: Scope::default(),
                    from: at(),
                    to: at(),
                    complete: id.is_empty(),
                    bindings: Vec::new(),
                    kubeconfigs: Vec::new(),
                });
                builder.opinions.push(MeshOpinion { service_mesh_id: id.as_str().into(), ..MeshOpinion::default() });
            }
            for id in &read {
                builder.scanned(Unit::new(&"1".into(), &"a".into(), "vpc", "DescribeEipAddresses", id));
            }
            gaps.into_iter().for_each(|gap| builder.gap(gap));
            builder.build()
        }
    }

    fn saved(inventory: &Inventory) -> Vec<u8> {
        let mut file = Vec::new();
        write(inventory, "0.1.0", &mut file).expect("memory takes it");
        file
    }

    fn lines_to_file(lines: &[&str]) -> Vec<u8> {
        zstd::encode_all(lines.join("\n").as_bytes(), 1).expect("memory takes it")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_what_is_read(inventory in inventory()) {
            let mut file = Vec::new();
            let written = write(&inventory, "0.1.0", &mut file).expect("memory takes it");
            let (read_back, digest) = read(&*file).expect("just written");
            prop_assert_eq!(&read_back, &inventory);
            prop_assert_eq!(&digest, &written);
            prop_assert_eq!(super::digest(&inventory), written);
        }

        #[test]
        fn a_file_cut_anywhere_is_refused(inventory in inventory(), at in any::<prop::sample::Index>()) {
            let file = saved(&inventory);
            prop_assert!(read(&file[..at.index(file.len())]).is_err());
        }

        #[test]
        fn a_flipped_byte_never_gives_another_inventory(
            inventory in inventory(), at in any::<prop::sample::Index>(), flip in 1_u8..,
        ) {
            let mut file = saved(&inventory);
            let index = at.index(file.len());
            file[index] ^= flip;
            if let Ok((read_back, _)) = read(&*file) {
                prop_assert_eq!(read_back, inventory);
            }
        }

        #[test]
        fn garbage_is_refused_and_never_panics(garbage in prop::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(read(&*garbage).is_err());
            prop_assert!(read(&*zstd::encode_all(&*garbage, 1).expect("memory takes it")).is_err());
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let file = lines_to_file(&[r#"{"snapshot":"portcullis.snapshot/v2","something":"else"}"#, ""]);
        let error = read(&*file).expect_err("a newer format");
        assert!(error.to_string().contains("portcullis.snapshot/v2"), "{error}");
    }

    #[test]
    fn another_zstd_file_is_no_snapshot() {
        assert!(matches!(read(&*lines_to_file(&["hello", ""])), Err(SnapshotError::NotASnapshot)));
        assert!(matches!(read(&*lines_to_file(&[""])), Err(SnapshotError::NotASnapshot)));
    }

    #[test]
    fn a_missing_closing_line_is_noticed() {
        let header = r#"{"snapshot":"portcullis.snapshot/v1","taken_at":"2026-01-02T03:04:05Z","tool_version":"0","callers":[]}"#;
        assert!(matches!(read(&*lines_to_file(&[header, ""])), Err(SnapshotError::Truncated { lines: 1 })));
    }

    /// The parser counts lines within the line it was given.
    #[test]
    fn a_damaged_line_has_one_number() {
        let header = r#"{"snapshot":"portcullis.snapshot/v1","taken_at":"2026-01-02T03:04:05Z","tool_version":"0","callers":[]}"#;
        let error = read(&*lines_to_file(&[header, "{]", ""])).expect_err("a damaged line");
        let told = error.to_string();
        assert_eq!(told, "line 2 of the snapshot is damaged: column 2: key must be a string");
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn an_endless_line_stops_at_the_limit() {
        let file = zstd::encode_all(io::repeat(b'a').take(MAX_LINE_BYTES + 10), 1).expect("memory takes it");
        assert!(matches!(read(&*file), Err(SnapshotError::Oversized { line: 1, .. })));
    }

    /// What filters at an end may be none or unread, and an older snapshot has an empty text for none.
    #[test]
    fn filters_that_were_not_read_stay_so_and_older_snapshots_are_understood() {
        let mut builder = InventoryBuilder::new(at());
        let readings = [
            (Reading::Unread, Reading::Unread),
            (Reading::Absent, Reading::Absent),
            (Reading::Value("sg-1".into()), Reading::Value("nacl-1".into())),
        ];
        for (number, (security_group_id, network_acl_id)) in readings.into_iter().enumerate() {
            let cluster_id = format!("c{number}").as_str().into();
            builder.clusters.push(Cluster { cluster_id, security_group_id, ..Cluster::default() });
            let v_switch_id = format!("vsw-{number}").as_str().into();
            let vpc_id = "vpc-1".into();
            builder.network.v_switches.push(VSwitch { v_switch_id, vpc_id, network_acl_id, ..VSwitch::default() });
        }
        let inventory = builder.build();
        assert_eq!(read(&*saved(&inventory)).expect("it was just written").0, inventory);
        let older = |text: &str| text.replace("null", "\"\"");
        let [cluster, switch] = [
            serde_json::to_string(&inventory.clusters()[1]).expect("it is JSON"),
            serde_json::to_string(&inventory.network().v_switches[1]).expect("it is JSON"),
        ];
        assert!(cluster.contains("null") && switch.contains("null"), "{cluster} {switch}");
        let cluster: Cluster = serde_json::from_str(&older(&cluster)).expect("it was understood before");
        let switch: VSwitch = serde_json::from_str(&older(&switch)).expect("it was understood before");
        assert_eq!((cluster.security_group_id, switch.network_acl_id), (Reading::Absent, Reading::Absent));
    }

    #[test]
    fn the_digest_does_not_depend_on_when_and_by_whom() {
        let mut one = InventoryBuilder::new(at());
        let mut other = InventoryBuilder::new(at() + chrono::Duration::days(1));
        one.callers.push(Caller { account_id: "1".into(), arn: "a".to_owned() });
        for builder in [&mut one, &mut other] {
            builder.clusters.push(Cluster { cluster_id: "c1".into(), ..Cluster::default() });
        }
        assert_eq!(digest(&one.build()), digest(&other.build()));
    }
}
