//! Audit logs of API servers: who used them, from where.

use std::{collections::BTreeMap, net::IpAddr};

use chrono::{DateTime, Utc};

use super::{
    Ask, CUT, PARTIAL, UNANSWERED, Window,
    coverage::{Presence, RESTLESS},
    is_partial, lessen,
};
use crate::{
    cloud::api::{
        cs,
        sls::{self, AuditUser},
        wire::{Field, Problems},
    },
    model::{ClusterId, InventoryBuilder, LogReading, MeshId, Observer, Requests, is_on_the_internet},
    scan::read::Failure,
};

/// Who a request without credentials is to the API server.
const ANONYMOUS: &str = "system:anonymous";

/// The audit log of a cluster, where it keeps one.
pub(super) async fn of_cluster(ask: &Ask<'_>, id: &ClusterId) -> InventoryBuilder {
    let mut builder = ask.empty();
    let unit = ask.unit(&cs::GET_CLUSTER_AUDIT_PROJECT, id.as_str());
    let project = match project(ask, id).await {
        Ok(project) => project,
        Err(failure) => {
            builder.gap(failure.gap(unit));
            return builder;
        }
    };
    builder.scanned(unit);
    read(ask, Observer::Cluster, id.as_str(), project.as_deref(), &mut builder).await;
    builder
}

/// The audit log of a mesh in the project that its detail names.
pub(super) async fn of_mesh(ask: &Ask<'_>, id: &MeshId, project: Option<&str>) -> InventoryBuilder {
    let mut builder = ask.empty();
    read(ask, Observer::Mesh, id.as_str(), project, &mut builder).await;
    builder
}

/// `None` where the audit log is switched off.
async fn project(ask: &Ask<'_>, id: &ClusterId) -> Result<Option<String>, Failure> {
    let request = cs::get_cluster_audit_project(ask.region(), id.as_str());
    let reply: cs::AuditProject = ask.reader.one(&request).await?;
    let mut problems = Problems::default();
    let enabled = reply.audit_enabled.required("audit_enabled", &mut problems);
    let named = reply.sls_project_name.text("sls_project_name", &mut problems);
    if !problems.is_empty() {
        return Err(Failure::schema(problems.summary()));
    }
    let project = if named.is_empty() { format!("k8s-log-{id}") } else { named };
    Ok((enabled == Some(true)).then_some(project))
}

async fn read(ask: &Ask<'_>, observer: Observer, id: &str, project: Option<&str>, builder: &mut InventoryBuilder) {
    let unit = ask.unit(&sls::GET_LOGS_V2, id);
    let Some(project) = project else {
        if ask.settings.audit_logs_expected {
            let message = "no audit log is kept: switch it on, or set `evidence.audit_logs` to auto";
            builder.gap(Failure::new("no-audit-log", message).gap(unit));
        }
        return;
    };
    let logstore = format!("audit-{id}");
    let request = sls::audit_users(ask.logstore(project, &logstore));
    let mut reading = ask.reading(observer, id);
    let rows = match ask.reader.rows::<AuditUser>(&request).await {
        Ok(rows) => rows,
        Err(failure) => {
            if is_partial(&failure) {
                lessen(&mut reading, PARTIAL);
                builder.logs.push(reading);
            }
            builder.gap(failure.gap(unit));
            return;
        }
    };
    if rows.is_cut {
        lessen(&mut reading, CUT);
    }
    let mut problems = Problems::default();
    let mut users = Users::default();
    for row in rows.rows {
        add_row(row, &mut users, &mut problems);
    }
    if !problems.is_empty() {
        builder.gap(Failure::schema(problems.summary()).gap(unit));
        return;
    }
    let presence = Presence::read(ask, &sls::audit_hours(ask.logstore(project, &logstore)), false).await;
    match &presence {
        Ok(_) => builder.scanned(unit),
        Err(failure) => {
            lessen(&mut reading, if is_partial(failure) { PARTIAL } else { UNANSWERED });
            builder.gap(failure.gap(unit));
        }
    }
    users.tell(&mut reading, ask.window, presence.ok().as_ref());
    builder.logs.push(reading);
}

fn add_row(row: AuditUser, users: &mut Users, problems: &mut Problems) {
    let sources = row.sources.text("sources", problems);
    let username = row.username.text("username", problems);
    let (Some(first), Some(last), Some(requests), Some(rejected)) = (
        at(row.first_seen, "first_seen", problems),
        at(row.last_seen, "last_seen", problems),
        row.requests.required("requests", problems),
        row.rejected.required("rejected", problems),
    ) else {
        return;
    };
    users.add(&Asked { sources: &sources, username: &username, requests, rejected }, (first, last));
}

/// Seconds since 1970.
pub(super) fn at(field: Field<u64>, name: &'static str, problems: &mut Problems) -> Option<DateTime<Utc>> {
    let seconds = field.required(name, problems)?;
    let at = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    if at.is_none() {
        problems.note(name, "is no time");
    }
    at
}

/// Requests, as the log has them: sources as JSON in text, and a user's name that may be `null`.
pub(super) struct Asked<'a> {
    pub(super) sources: &'a str,
    pub(super) username: &'a str,
    pub(super) requests: u64,
    /// Of these: those of somebody who could not authenticate.
    pub(super) rejected: u64,
}

impl Asked<'_> {
    /// How many do not say whose they are: one that names no user is of nobody only where it was turned away.
    fn unsigned(&self) -> u64 {
        if matches!(self.username, "" | "null") { self.requests.saturating_sub(self.rejected) } else { 0 }
    }
}

/// Requests by source and user.
#[derive(Default)]
pub(super) struct Users {
    requests: BTreeMap<(IpAddr, String), Requests>,
    without_source: u64,
    /// From the internet, and nobody knows whose.
    without_user: u64,
    /// Of somebody, through a private address, and on behalf of one on the internet.
    forwarded: u64,
}

impl Users {
    pub(super) fn add(&mut self, asked: &Asked<'_>, (first, last): (DateTime<Utc>, DateTime<Utc>)) {
        let count = asked.requests;
        let Some(Source { address: source, is_forwarded }) = source(asked.sources) else {
            self.without_source = self.without_source.saturating_add(count);
            return;
        };
        let authenticated = !matches!(asked.username, "" | "null" | ANONYMOUS);
        let unsigned = asked.unsigned();
        if is_forwarded {
            self.forwarded = self.forwarded.saturating_add(if authenticated { count } else { unsigned });
        }
        if is_on_the_internet(source) {
            self.without_user = self.without_user.saturating_add(unsigned);
        }
        let user = if authenticated { asked.username.to_owned() } else { String::new() };
        let known = self.requests.entry((source, user.clone())).or_insert(Requests {
            source,
            user,
            authenticated,
            first_seen: first,
            last_seen: last,
            count: 0,
        });
        known.first_seen = known.first_seen.min(first);
        known.last_seen = known.last_seen.max(last);
        known.count = known.count.saturating_add(count);
    }

    /// Puts them into the reading, and what the log covers where that is known. An API server never rests, so its
    /// first record says how far back its log goes and its last where it ended, and a log without any says nothing.
    pub(super) fn tell(self, reading: &mut LogReading, window: Window, presence: Option<&Presence>) {
        if let Some(presence) = presence {
            cover(reading, window, presence);
        }
        if self.without_source > 0 {
            lessen(reading, format!("{} requests do not say where they came from", self.without_source));
        }
        if self.forwarded > 0 {
            let passed = "requests came through another address on behalf of one on the internet";
            lessen(reading, format!("{} {passed}", self.forwarded));
        }
        if self.without_user > 0 {
            lessen(reading, format!("{} requests from the internet do not say who made them", self.without_user));
        }
        reading.requests = self.requests.into_values().collect();
    }
}

fn cover(reading: &mut LogReading, window: Window, presence: &Presence) {
    let Some((first, last)) = presence.span() else {
        lessen(reading, "the audit log holds no record of the window");
        return;
    };
    reading.from = window.covered_from(first);
    reading.to = window.covered_to(last);
    if reading.to < window.to {
        lessen(reading, "the audit log ends before the day of the scan");
    }
    let why = presence.shortcoming(RESTLESS);
    if !why.is_empty() {
        lessen(reading, why);
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    /// The address that the API server itself saw: the last of the list. What comes before is the client's claim, which
    /// never goes into an allowlist.
    address: IpAddr,
    /// That one is private, and an address before it is on the internet: it may be a proxy.
    is_forwarded: bool,
}

fn source(text: &str) -> Option<Source> {
    let list: Option<Vec<String>> = serde_json::from_str(text).ok();
    let one = || serde_json::from_str::<String>(text).ok();
    let list = list.unwrap_or_else(|| vec![one().unwrap_or_else(|| text.to_owned())]);
    let mut addresses = list.iter().rev().map(|text| text.trim().parse::<IpAddr>());
    let address = addresses.next()?.ok()?;
    let is_forwarded = !is_on_the_internet(address) && addresses.flatten().any(is_on_the_internet);
    Some(Source { address, is_forwarded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_source_is_not_the_clients_claim() {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let found = |text: &str| source(text).map(|source| source.address);
        assert_eq!(found(r#"["10.0.0.1","203.0.113.9"]"#), address("203.0.113.9"));
        assert_eq!(found(r#""203.0.113.9""#), address("203.0.113.9"));
        assert_eq!(found("203.0.113.9"), address("203.0.113.9"));
        for nobody in ["null", "[]", "", r#"["somebody"]"#, r#"["203.0.113.9",""]"#] {
            assert_eq!(source(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn an_address_on_the_internet_before_a_private_one_may_be_the_client() {
        for (text, is_forwarded) in [
            (r#"["203.0.113.9","10.0.0.8"]"#, true),
            (r#"["203.0.113.9","10.0.0.8","100.64.0.7"]"#, true),
            (r#"["2400:3200::1","10.0.0.8"]"#, true),
            (r#"["203.0.113.9","198.51.100.7"]"#, false),
            (r#"["10.0.0.1","10.0.0.8"]"#, false),
            (r#"["somebody","10.0.0.8"]"#, false),
        ] {
            assert_eq!(source(text).map(|source| source.is_forwarded), Some(is_forwarded), "{text}");
        }
    }

    #[test]
    fn a_request_without_a_user_is_of_nobody_only_where_it_was_turned_away() {
        for (username, requests, rejected, unsigned) in [
            ("alice", 2, 0, 0),
            (ANONYMOUS, 2, 0, 0),
            ("null", 2, 2, 0),
            ("", 1, 1, 0),
            ("null", 3, 1, 2),
            ("", 1, 0, 1),
        ] {
            let asked = Asked { sources: "", username, requests, rejected };
            assert_eq!(asked.unsigned(), unsigned, "{username} {requests} {rejected}");
        }
    }
}
