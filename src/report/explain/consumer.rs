//! A consumer within an explanation: whether it needs the public path, and its private path.

use std::io;

use super::{
    ReasonV1,
    page::{Page, blocks, confidence, id, quoted, sentence},
};
use crate::{
    model::{Connectivity, ConsumerKind, Need, Traffic, Via},
    report::{
        escape,
        style::{connectivity_style, need_style},
        v1::ConsumerV1,
    },
};

/// One consumer: who, whether it needs the public path and why, and its private path.
pub(super) fn write_consumer(consumer: &ConsumerV1<'_>, reasons: &[ReasonV1], page: &mut Page<'_>) -> io::Result<()> {
    let kind = match consumer.kind {
        ConsumerKind::Configured => "configured consumer",
        kind @ (ConsumerKind::Cluster | ConsumerKind::Mesh | ConsumerKind::Client) => kind.as_str(),
    };
    let mut head = format!("{kind} {}{}", id(&consumer.id), quoted(&consumer.name, &consumer.id));
    if !consumer.state.is_empty() {
        head.push_str(&format!(" ({})", escape::name(&consumer.state)));
    }
    for (word, value) in
        [(" in", &consumer.vpc_id), (", region", &consumer.region_id), (", account", &consumer.account_id)]
    {
        if !value.is_empty() {
            head.push_str(&format!("{word} {}", id(value)));
        }
    }
    writeln!(page.out)?;
    page.paragraph(2, 2, &head)?;
    let need = page.paint(need_in_words(consumer.need), need_style(consumer.need));
    page.entry(4, "Public path", &format!("{need}, {}", confidence(consumer.confidence)))?;
    if !consumer.reason.is_empty() {
        page.entry(4, "Why", &sentence(&consumer.reason))?;
    }
    write_path(consumer, reasons, page)?;
    let traffic = match consumer.traffic {
        Traffic::Seen => "show it on the public path",
        Traffic::None => "cover it for the whole window, and it is not on the public path",
        Traffic::NotAvailable => "none covers it",
    };
    page.entry(4, "Logs", traffic)?;
    if !consumer.egress.is_empty() {
        let all = if consumer.egress_complete { "" } else { ", and maybe others" };
        page.entry(4, "Comes from", &format!("{}{all}", blocks(&consumer.egress)))?;
    }
    Ok(())
}

fn need_in_words(need: Need) -> &'static str {
    match need {
        Need::Needed => "needed",
        Need::NotNeeded => "not needed",
        Need::Misrouted => "used although a private path exists",
        Need::Gone => "not needed: it is gone",
        Need::Undetermined => "undetermined",
        Need::Unexpected => "used by somebody who is no known consumer",
    }
}

/// The private path hop by hop, there and back, or where it breaks and what would mend it.
fn write_path(consumer: &ConsumerV1<'_>, reasons: &[ReasonV1], page: &mut Page<'_>) -> io::Result<()> {
    let word = match consumer.connectivity {
        Connectivity::Connected => "connected",
        Connectivity::Blocked => "blocked",
        Connectivity::Partial => "partial: for some of its addresses only",
        Connectivity::Unknown => "unknown",
    };
    let via = match consumer.via {
        Some(Via::SameVpc) => ", in the same VPC",
        Some(Via::Route) => ", by routes",
        Some(Via::PrivateLink) => ", by PrivateLink",
        None => "",
    };
    let painted = page.paint(word, connectivity_style(consumer.connectivity));
    page.entry(4, "Private path", &format!("{painted}{via}"))?;
    let numbered = |texts: &[String]| -> Vec<String> {
        texts.iter().enumerate().map(|(at, text)| format!("{}. {}", at + 1, sentence(text))).collect()
    };
    page.list(6, "There", numbered(&consumer.forward))?;
    page.list(6, "Back", numbered(&consumer.r#return))?;
    for reason in consumer.reasons.iter() {
        let label = match consumer.connectivity {
            Connectivity::Connected => "Remark",
            Connectivity::Unknown => "Not known",
            Connectivity::Blocked | Connectivity::Partial => "Breaks at",
        };
        page.entry(6, label, &id(reason))?;
        if let Some(known) = reasons.iter().find(|known| known.reason == *reason) {
            page.entry(6, "", &sentence(&known.meaning))?;
        }
    }
    page.list(6, "Would mend it", numbered(&consumer.steps))
}
