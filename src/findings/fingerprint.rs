//! How a finding is recognised from run to run.

use sha2::{Digest, Sha256};

use super::Subject;

/// `v1:` and the hex SHA-256 of rule, account, region, resource kind and id, endpoint kind and
/// sub-id: what a finding is about, never how it reads. Names, address ranges, severity and texts
/// may change without making it another finding.
///
/// Each part is written as its length in bytes (eight bytes, big endian) and its bytes, so that no
/// two lists of parts have the same encoding.
pub fn fingerprint(rule_id: &str, subject: &Subject) -> String {
    let endpoint_kind = subject.endpoint_kind.map_or("", |kind| kind.as_str());
    // No subject has parts of its own yet; the slot keeps fingerprints stable when one does.
    let sub_id = "";
    let parts = [
        rule_id,
        subject.account_id.as_str(),
        subject.region_id.as_str(),
        subject.resource_kind.as_str(),
        &subject.resource_id,
        endpoint_kind,
        sub_id,
    ];
    format!("v1:{}", digest(parts))
}

/// Hex SHA-256 of length-prefixed parts.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use crate::{
        findings::Subject,
        model::{EndpointKind, ResourceKind},
    };

    fn subject() -> Subject {
        Subject {
            account_id: "1000000000000001".into(),
            region_id: "cn-hangzhou".into(),
            resource_kind: ResourceKind::Mesh,
            resource_id: "c08".to_owned(),
            endpoint_kind: Some(EndpointKind::IstioPilot),
        }
    }

    #[test]
    fn the_fingerprint_never_changes() {
        // Computed apart from this code, with Python's hashlib. Waivers and stores hold such values for years.
        assert_eq!(
            fingerprint("control-plane-open-to-untrusted", &subject()),
            "v1:f1af21046539a40677f416fbe2f594c61ef06376dc3f8877f655dda64eef681d"
        );
    }

    #[test]
    fn every_part_counts_and_borders_between_parts_count() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(seen.insert(fingerprint("rule", &subject())));
        assert!(seen.insert(fingerprint("other", &subject())));
        assert!(seen.insert(fingerprint("rule", &Subject { account_id: "2".into(), ..subject() })));
        assert!(seen.insert(fingerprint("rule", &Subject { region_id: "cn-shanghai".into(), ..subject() })));
        assert!(seen.insert(fingerprint("rule", &Subject { resource_kind: ResourceKind::Cluster, ..subject() })));
        assert!(seen.insert(fingerprint("rule", &Subject { resource_id: "c09".to_owned(), ..subject() })));
        assert!(seen.insert(fingerprint("rule", &Subject { endpoint_kind: None, ..subject() })));
        let shifted = Subject { account_id: "100000000000000".into(), region_id: "1cn-hangzhou".into(), ..subject() };
        assert!(seen.insert(fingerprint("rule", &shifted)));
    }
}
