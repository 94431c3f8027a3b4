//! What the logs say of one endpoint: who used its public address, and whether a consumer that is
//! not in them can be said not to use it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use crate::{
    model::{
        AccountId, Client, Flow, LogReading, Observer, Requests, Text, Traffic, is_of_balancers, is_on_the_internet,
    },
    netset::AddressSet,
};

/// The logs, by what they are about.
pub(super) struct Logs<'a> {
    observed: HashMap<(Observer, &'a str), Vec<&'a LogReading>>,
    files: Vec<&'a LogReading>,
}

/// The public entrance that traffic goes to, on whichever port.
pub(super) struct Entrance {
    pub addresses: BTreeSet<IpAddr>,
}

/// How much came in.
pub(super) struct Volume {
    pub bytes_a_day: u64,
    /// How many days the logs cover.
    pub days: i64,
}

impl Entrance {
    fn is_hit_by(&self, flow: &Flow) -> bool {
        self.addresses.contains(&flow.destination)
    }
}

/// Where a consumer sends from.
pub(super) struct Origin<'a> {
    pub account_id: &'a AccountId,
    pub vpc_id: &'a str,
    /// Its private blocks; `None` where they are not known, so that anything in its VPC may be it.
    pub blocks: Option<&'a AddressSet>,
    /// Its public addresses.
    pub egress: &'a AddressSet,
    /// True if it can have no other public address.
    pub egress_complete: bool,
}

impl<'a> Logs<'a> {
    pub(super) fn new(readings: &'a [LogReading]) -> Self {
        let mut observed: HashMap<_, Vec<&LogReading>> = HashMap::new();
        let mut files = Vec::new();
        for reading in readings {
            match reading.observer {
                Observer::File => files.push(reading),
                observer => observed.entry((observer, reading.observed.as_str())).or_default().push(reading),
            }
        }
        Self { observed, files }
    }

    /// What was read of the logs of a VPC, or of the audit log of an API server.
    pub(super) fn of(&self, observer: Observer, id: &str, account_id: &AccountId) -> Vec<&'a LogReading> {
        let readings = self.observed.get(&(observer, id)).into_iter().flatten().copied();
        readings.filter(|reading| reading.scope.account_id == *account_id).collect()
    }

    /// Whether the consumer uses the entrance. *None* only where a complete log covers it.
    pub(super) fn traffic(&self, entrance: &Entrance, origin: &Origin<'_>) -> Traffic {
        if entrance.addresses.is_empty() {
            // No log was asked about it.
            return Traffic::NotAvailable;
        }
        let (mut covered, mut outside) = (false, false);
        for reading in self.of(Observer::Vpc, origin.vpc_id, origin.account_id) {
            let from_it = |flow: &&Flow| origin.blocks.is_none_or(|blocks| blocks.contains(flow.source));
            let mut hits = reading.flows.iter().filter(|flow| entrance.is_hit_by(flow)).peekable();
            // What another part of the VPC sends may be the consumer's after all: where its nodes are is not in
            // what its API says of it.
            let elsewhere = hits.peek().is_some();
            if hits.any(|flow| from_it(&flow)) {
                return Traffic::Seen;
            }
            outside |= elsewhere;
            covered |= reading.complete;
        }
        if outside {
            return Traffic::NotAvailable;
        }
        let files = self.about(entrance);
        let hits = files.iter().flat_map(|reading| &reading.flows).filter(|flow| entrance.is_hit_by(flow));
        if hits.into_iter().any(|flow| origin.egress.contains(flow.source)) {
            return Traffic::Seen;
        }
        // Each file is of one place: a place whose file has holes may have seen it.
        covered |= origin.egress_complete && cover(&files, entrance);
        if covered { Traffic::None } else { Traffic::NotAvailable }
    }

    /// True if somebody on the internet used the entrance who may be this consumer: not all of its addresses are known.
    pub(super) fn may_use(&self, entrance: &Entrance, origin: &Origin<'_>) -> bool {
        let hits = self.about(entrance).into_iter().flat_map(|reading| &reading.flows);
        let mut strange = hits.filter(|flow| {
            entrance.is_hit_by(flow) && is_on_the_internet(flow.source) && !origin.egress.contains(flow.source)
        });
        !origin.egress_complete && strange.next().is_some()
    }

    /// Sources seen at the entrance itself that are none of `expected`, sorted by address.
    pub(super) fn strangers(&self, entrance: &Entrance, expected: &AddressSet) -> (Traffic, Vec<Client>) {
        let files = self.about(entrance);
        let covered = cover(&files, entrance);
        let mut clients = Clients::default();
        for flow in files.iter().flat_map(|reading| &reading.flows).filter(|flow| entrance.is_hit_by(flow)) {
            if is_on_the_internet(flow.source) && !expected.contains(flow.source) {
                clients.add(flow.client());
            }
        }
        let clients = clients.sorted();
        let traffic = match (clients.is_empty(), covered) {
            (false, _) => Traffic::Seen,
            (true, true) => Traffic::None,
            (true, false) => Traffic::NotAvailable,
        };
        (traffic, clients)
    }

    /// What came in at the entrance from the internet by all files about it, where these are complete.
    pub(super) fn volume(&self, entrance: &Entrance) -> Option<Volume> {
        let files = self.about(entrance);
        if !cover(&files, entrance) {
            return None;
        }
        // The shortest counts: what happened outside of it is not known of all places.
        let days = files.iter().map(|reading| (reading.to - reading.from).num_days()).min()?;
        let hits = files.iter().flat_map(|reading| &reading.flows).filter(|flow| entrance.is_hit_by(flow));
        let bytes =
            hits.filter(|flow| is_on_the_internet(flow.source)).map(|flow| flow.bytes).fold(0, u64::saturating_add);
        Some(Volume { bytes_a_day: bytes / u64::try_from(days.max(1)).unwrap_or(1), days })
    }

    /// Of these readings and the files about an entrance, those that do not show everything: why, one sentence each,
    /// sorted.
    pub(super) fn incomplete(&self, entrance: &Entrance, readings: Vec<&LogReading>) -> Vec<String> {
        let all = readings.into_iter().chain(self.about(entrance));
        let sentences: BTreeSet<String> = all.filter(|reading| !reading.complete).map(in_words).collect();
        sentences.into_iter().collect()
    }

    /// The files that say something of an entrance: those that have any record of its address.
    fn about(&self, entrance: &Entrance) -> Vec<&'a LogReading> {
        let is_about = |reading: &&LogReading| reading.flows.iter().any(|flow| entrance.is_hit_by(flow));
        self.files.iter().copied().filter(is_about).collect()
    }
}

fn in_words(reading: &LogReading) -> String {
    let observed = Text::from(reading.observed.as_str());
    let kind = match reading.observer {
        Observer::Vpc => "flow logs of ",
        Observer::Cluster | Observer::Mesh => "audit log of ",
        Observer::File => "",
    };
    format!("{kind}{observed}: {}", reading.note)
}

/// Requests from the internet, apart by whether somebody had authenticated.
#[derive(Debug, Default)]
pub(super) struct PublicRequests {
    pub authenticated: Vec<Client>,
    pub others: Vec<Client>,
    /// Some client had a source that a client can have, or no client asked at all: sources are clients.
    pub sources_are_clients: bool,
}

/// Sorts the requests of audit logs. `own` are private addresses of the API server itself.
pub(super) fn public_requests(readings: &[&LogReading], own: &BTreeSet<IpAddr>) -> PublicRequests {
    let (mut authenticated, mut others) = (Clients::default(), Clients::default());
    let (mut is_any_shown, mut is_any_hidden) = (false, false);
    for request in readings.iter().flat_map(|reading| &reading.requests) {
        if !BESIDE_THE_SERVER.contains(&request.user.as_str()) {
            let is_shown = may_be_a_client_s(request.source, own);
            is_any_shown |= is_shown;
            is_any_hidden |= !is_shown;
        }
        if !is_on_the_internet(request.source) {
            continue;
        }
        let Requests { authenticated: known, .. } = request;
        if *known { authenticated.add(request.client()) } else { others.add(request.client()) }
    }
    let sources_are_clients = is_any_shown || !is_any_hidden;
    PublicRequests { authenticated: authenticated.sorted(), others: others.sorted(), sources_are_clients }
}

/// Users whose requests never come through the balancer: the components beside the API server.
const BESIDE_THE_SERVER: [&str; 4] =
    ["system:apiserver", "system:cloud-controller-manager", "system:kube-controller-manager", "system:kube-scheduler"];

/// False for an address that no client of the balancer can have.
fn may_be_a_client_s(source: IpAddr, own: &BTreeSet<IpAddr>) -> bool {
    let source = source.to_canonical();
    let is_routed = match source {
        IpAddr::V4(v4) => {
            let is_reserved = v4.octets()[0] == 0 || v4.octets()[0] >= 224;
            !(v4.is_loopback() || v4.is_link_local() || is_reserved || is_of_balancers(source))
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast()),
    };
    is_routed && !own.contains(&source)
}

/// Clients by address; several records of one are one.
#[derive(Default)]
struct Clients(BTreeMap<IpAddr, Client>);

impl Clients {
    fn add(&mut self, client: Client) {
        match self.0.entry(client.address) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(client);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.first_seen = known.first_seen.min(client.first_seen);
                known.last_seen = known.last_seen.max(client.last_seen);
                known.count = known.count.saturating_add(client.count);
                known.bytes = known.bytes.saturating_add(client.bytes);
                known.users.extend(client.users);
                known.users.sort();
                known.users.dedup();
            }
        }
    }

    fn sorted(self) -> Vec<Client> {
        self.0.into_values().collect()
    }
}

/// True if the files hold all that came in at the entrance. A private source at a public address shows that its file was
/// recorded where that source is, and says nothing of others.
fn cover(files: &[&LogReading], entrance: &Entrance) -> bool {
    let at_entrance = |reading: &LogReading| {
        reading.flows.iter().filter(|flow| entrance.is_hit_by(flow)).all(|flow| is_on_the_internet(flow.source))
    };
    !files.is_empty() && files.iter().all(|reading| reading.complete && at_entrance(reading))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::model::Scope;

    #[test]
    fn a_complete_log_says_nothing_of_an_entrance_without_an_address() {
        let account_id = AccountId::from("1");
        let reading = LogReading {
            scope: Scope { account_id: account_id.clone(), region_id: "cn-hangzhou".into() },
            observer: Observer::Vpc,
            observed: "vpc-1".to_owned(),
            from: DateTime::<Utc>::default(),
            to: DateTime::<Utc>::default(),
            complete: true,
            note: String::new(),
            flows: Vec::new(),
            requests: Vec::new(),
        };
        let readings = [reading];
        let logs = Logs::new(&readings);
        let egress = AddressSet::empty();
        let origin =
            Origin { account_id: &account_id, vpc_id: "vpc-1", blocks: None, egress: &egress, egress_complete: true };
        let traffic = |addresses: BTreeSet<IpAddr>| logs.traffic(&Entrance { addresses }, &origin);
        assert_eq!(traffic(BTreeSet::from([IpAddr::from([203, 0, 113, 8])])), Traffic::None);
        assert_eq!(traffic(BTreeSet::new()), Traffic::NotAvailable);
    }
}
