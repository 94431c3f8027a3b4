//! How much of the window flow logs cover, by their own records: an interface without traffic has
//! records too, so that where there are none nothing was logged.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, Utc};

use super::{Ask, Window, audit_log, flow_log::Active};
use crate::{
    cloud::api::{
        sls::{self, FlowCoverage},
        wire::Problems,
    },
    model::VSwitchId,
    scan::read::Failure,
};

/// Of which records a logstore holds some, of one VPC.
pub(super) struct Written {
    by_switch: BTreeMap<String, Extent>,
    pub(super) is_cut: bool,
}

/// From when to when there are records.
#[derive(Clone, Copy)]
struct Extent {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    /// The service says that it left some out.
    is_lossy: bool,
}

impl Extent {
    fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            is_lossy: self.is_lossy || other.is_lossy,
        }
    }
}

impl Written {
    /// Asks a logstore.
    pub(super) async fn read(ask: &Ask<'_>, vpc_id: &str, project: &str, logstore: &str) -> Result<Self, Failure> {
        let request = sls::flow_coverage(ask.logstore(project, logstore), vpc_id);
        let rows = ask.reader.rows::<FlowCoverage>(&request).await?;
        let mut problems = Problems::default();
        let by_switch = rows.rows.into_iter().filter_map(|row| extent(row, &mut problems)).collect();
        if problems.is_empty() {
            Ok(Self { by_switch, is_cut: rows.is_cut })
        } else {
            Err(Failure::schema(problems.summary()))
        }
    }

    fn of_vpc(&self) -> Option<Extent> {
        self.by_switch.values().copied().reduce(Extent::with)
    }

    fn of_switch(&self, id: &VSwitchId) -> Option<Extent> {
        self.by_switch.get(id.as_str()).copied()
    }
}

fn extent(row: FlowCoverage, problems: &mut Problems) -> Option<(String, Extent)> {
    let v_switch = row.v_switch.text("v_switch", problems);
    let first = audit_log::at(row.first_seen, "first_seen", problems)?;
    let last = audit_log::at(row.last_seen, "last_seen", problems)?;
    let skipped = row.skipped.required("skipped", problems)?;
    Some((v_switch, Extent { first, last, is_lossy: skipped > 0 }))
}

/// What logstores hold, by project and name.
pub(super) type Stores<'a> = BTreeMap<(&'a str, &'a str), Written>;

/// What a log, or several together, cover of the window.
pub(super) struct Covered {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// Why that is not all of the window; empty where it is.
    pub(super) why: &'static str,
}

impl Covered {
    /// A log of a whole VPC.
    pub(super) fn of_vpc(window: Window, log: &Active, stores: &Stores<'_>) -> Self {
        let extent = stores.get(&log.store()).and_then(Written::of_vpc);
        extent.map_or_else(
            || Self::nothing(window, "the flow log holds no record of the VPC in the window"),
            |extent| Self::by(window, log, extent),
        )
    }

    /// A log of a vSwitch.
    pub(super) fn of_switch(window: Window, log: &Active, id: &VSwitchId, stores: &Stores<'_>) -> Self {
        let extent = stores.get(&log.store()).and_then(|written| written.of_switch(id));
        extent.map_or_else(
            || Self::nothing(window, "the flow log of a vSwitch holds no record of it in the window"),
            |extent| Self::by(window, log, extent),
        )
    }

    fn nothing(Window { from, to }: Window, why: &'static str) -> Self {
        Self { from, to, why }
    }

    fn by(window: Window, log: &Active, extent: Extent) -> Self {
        let created = log.created.map_or(window.from, |at| window.covered_from(at));
        let first = window.covered_from(extent.first);
        let to = window.covered_to(extent.last);
        let why = if first > window.from && first >= created {
            "what the flow log holds begins within the window"
        } else if created > window.from {
            "the flow log was created within the window"
        } else if to < window.to {
            "what the flow log holds ends before the day of the scan"
        } else if extent.is_lossy {
            "the flow log says of itself that records were skipped"
        } else {
            ""
        };
        Self { from: first.max(created), to, why }
    }

    /// The one of several that covers most: all of the window, or what begins first.
    pub(super) fn best(several: impl Iterator<Item = Self>) -> Option<Self> {
        several.min_by_key(|one| (!one.why.is_empty(), one.from, Reverse(one.to)))
    }

    /// What all of several cover, which are parts of one network.
    pub(super) fn common(self, other: Self) -> Self {
        let why = if self.why.is_empty() { other.why } else { self.why };
        Self { from: self.from.max(other.from), to: self.to.min(other.to), why }
    }
}
