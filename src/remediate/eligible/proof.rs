//! Why a change harms nobody, one sentence a line, and the digest of the judgement that says so.

use data_encoding::HEXLOWER;

use super::{Change, Digest, EndpointJudgement, Proof, Sha256};
use crate::model::Consumer;

pub(super) fn of(judged: &EndpointJudgement, change: &Change) -> Proof {
    let staleness = &judged.staleness;
    let mut text =
        vec![format!("{} ({}% sure): {}", staleness.verdict, staleness.confidence_percent, staleness.reason)];
    for consumer in &staleness.consumers {
        text.extend(consumer_in_words(consumer));
    }
    if staleness.consumers.is_empty() {
        text.push("no consumer is left".to_owned());
    }
    if staleness.whole_logs > 0 {
        text.push(format!("logs that were read whole: {}", staleness.whole_logs));
    }
    text.extend(staleness.platform_disagrees.iter().map(|said| format!("the platform disagrees: {said}")));
    if let Change::Fence { .. } = change {
        let blocks = |blocks: &[ipnet::IpNet]| blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        text.push(format!("whoever needs it comes from {}", blocks(&staleness.proposed_allowlist)));
        text.push(format!("trusted, or of its networks: {}", blocks(&staleness.also_admit)));
    }
    Proof { digest: digest(judged), text }
}

/// Who, whether it needs the endpoint, why, and the private path there and back.
fn consumer_in_words(consumer: &Consumer) -> Vec<String> {
    let name = if consumer.name.is_empty() || consumer.name == consumer.id {
        String::new()
    } else {
        format!(" \"{}\"", consumer.name)
    };
    let path = match consumer.path.via {
        Some(via) => format!("; {} by {via}", consumer.path.connectivity),
        None => String::new(),
    };
    let mut lines = vec![format!(
        "{} {}{name} is {} ({}% sure): {}{path}",
        consumer.kind, consumer.id, consumer.need, consumer.confidence_percent, consumer.reason
    )];
    for (direction, hops) in [("there", &consumer.path.forward), ("back", &consumer.path.r#return)] {
        if !hops.is_empty() {
            lines.push(format!("{} {direction}: {}", consumer.id, hops.join(" > ")));
        }
    }
    lines
}

/// Equal judgements are equal bytes.
fn digest(judged: &EndpointJudgement) -> String {
    let bytes = serde_json::to_vec(judged).unwrap_or_default();
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(&bytes)))
}
