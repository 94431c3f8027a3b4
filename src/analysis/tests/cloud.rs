//! A small cloud to start from: one account, one region, every list read. What is added is private
//! and filtered by nothing until a test says otherwise.

use chrono::{DateTime, Utc};

use crate::{
    analysis::judge,
    model::{
        AccessRow, AccountId, Acl, Cluster, ClusterId, Eip, EndpointJudgement, EndpointKind, Entrance, Gap, Inventory,
        InventoryBuilder, Judgements, Listener, LoadBalancer, Mesh, MeshId, NamedConsumers, NetworkLoadBalancer,
        NlbAddress, NlbListener, Permission, PrefixList,
        Reading::{Absent, Value},
        RegionId, Scope, SecurityGroup, TrustedEntry, TrustedList, Unit, UnitState,
    },
};

pub(super) const REGION: &str = "cn-hangzhou";

pub(super) fn taken_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).expect("a second of 2026")
}

pub(super) fn account_id() -> AccountId {
    AccountId::from("1000000000000001")
}

pub(super) fn scope() -> Scope {
    Scope { account_id: account_id(), region_id: RegionId::from(REGION) }
}

/// The lists that every scan reads: product, operation, and whether one call answers for all regions.
pub(super) const LISTS: [(&str, &str, bool); 5] = [
    ("servicemesh", "DescribeServiceMeshes", true),
    ("cs", "DescribeClustersV1", false),
    ("vpc", "DescribeEipAddresses", false),
    ("slb", "DescribeLoadBalancers", false),
    ("nlb", "ListLoadBalancers", false),
];

pub(super) fn list_unit(product: &str, operation: &str, central: bool) -> Unit {
    let region_id = if central { RegionId::default() } else { scope().region_id };
    Unit::new(&account_id(), &region_id, product, operation, "")
}

pub(super) fn gap(unit: Unit) -> Gap {
    Gap {
        unit,
        state: UnitState::Denied,
        code: "Forbidden.RAM".into(),
        message: String::new(),
        request_id: String::new(),
    }
}

/// Collects what a test plants.
#[derive(Clone)]
pub(super) struct Cloud {
    pub builder: InventoryBuilder,
    pub trusted: TrustedList,
    pub denied: Vec<&'static str>,
}

impl Cloud {
    pub(super) fn new() -> Self {
        Self { builder: InventoryBuilder::new(taken_at()), trusted: TrustedList::default(), denied: Vec::new() }
    }

    /// The list operation was refused.
    pub(super) fn deny(mut self, operation: &'static str) -> Self {
        self.denied.push(operation);
        self
    }

    pub(super) fn trust(mut self, cidr: &str) -> Self {
        self.trusted.entries.push(TrustedEntry::everywhere(cidr.parse().expect("a block")));
        self
    }

    pub(super) fn mesh(mut self, change: impl FnOnce(&mut Mesh)) -> Self {
        let mut mesh = private_mesh();
        change(&mut mesh);
        self.builder.meshes.push(mesh);
        self
    }

    pub(super) fn cluster(mut self, change: impl FnOnce(&mut Cluster)) -> Self {
        let mut cluster = private_cluster();
        change(&mut cluster);
        self.builder.clusters.push(cluster);
        self
    }

    pub(super) fn eip(mut self, id: &str, address: &str, instance_id: &str) -> Self {
        self.builder.eips.push(Eip {
            scope: scope(),
            allocation_id: id.into(),
            ip_address: address.into(),
            status: if instance_id.is_empty() { "Available" } else { "InUse" }.into(),
            instance_id: instance_id.into(),
            instance_type: if instance_id.is_empty() { "" } else { "SlbInstance" }.into(),
            ..Eip::default()
        });
        self
    }

    pub(super) fn clb(self, id: &str, listeners: Vec<Listener>) -> Self {
        self.clb_with(id, listeners, |_| {})
    }

    pub(super) fn clb_with(
        mut self,
        id: &str,
        listeners: Vec<Listener>,
        change: impl FnOnce(&mut LoadBalancer),
    ) -> Self {
        let mut balancer = LoadBalancer {
            scope: scope(),
            load_balancer_id: id.into(),
            address: "10.0.0.5".into(),
            address_type: "intranet".into(),
            address_ip_version: "ipv4".into(),
            load_balancer_status: "active".into(),
            listeners: Value(listeners),
            ..LoadBalancer::default()
        };
        change(&mut balancer);
        self.builder.load_balancers.push(balancer);
        self
    }

    pub(super) fn nlb_with(
        mut self,
        id: &str,
        listeners: Vec<NlbListener>,
        change: impl FnOnce(&mut NetworkLoadBalancer),
    ) -> Self {
        let mut balancer = NetworkLoadBalancer {
            scope: scope(),
            load_balancer_id: id.into(),
            address_type: Value("Internet".into()),
            ipv6_address_type: "Intranet".into(),
            security_group_ids: Absent,
            addresses: vec![NlbAddress {
                public_ipv4_address: "203.0.113.9".into(),
                private_ipv4_address: "10.0.0.9".into(),
                ..NlbAddress::default()
            }],
            listeners: Value(listeners),
            ..NetworkLoadBalancer::default()
        };
        change(&mut balancer);
        self.builder.network_load_balancers.push(balancer);
        self
    }

    pub(super) fn acl(mut self, id: &str, entries: &[&str]) -> Self {
        self.builder.acls.push(Acl {
            scope: scope(),
            acl_id: id.into(),
            address_ip_version: "ipv4".into(),
            entries: entries.iter().map(|entry| Box::from(*entry)).collect(),
            ..Acl::default()
        });
        self
    }

    pub(super) fn group(mut self, id: &str, permissions: Vec<Permission>) -> Self {
        self.builder.security_groups.push(SecurityGroup {
            scope: scope(),
            security_group_id: id.into(),
            security_group_type: Value("normal".into()),
            inner_access_policy: "Drop".into(),
            vpc_id: "vpc-1".into(),
            permissions,
            ..SecurityGroup::default()
        });
        self
    }

    pub(super) fn prefix_list(mut self, id: &str, entries: &[&str]) -> Self {
        self.builder.prefix_lists.push(PrefixList {
            scope: scope(),
            prefix_list_id: id.into(),
            address_family: "IPv4".into(),
            entries: entries.iter().map(|entry| Box::from(*entry)).collect(),
        });
        self
    }

    pub(super) fn inventory(&self) -> Inventory {
        let mut builder = self.builder.clone();
        for (product, operation, central) in LISTS {
            let unit = list_unit(product, operation, central);
            if self.denied.contains(&operation) {
                builder.gap(gap(unit));
            } else {
                builder.scanned(unit);
            }
        }
        builder.build()
    }

    pub(super) fn judge(&self) -> Judgements {
        judge(&self.inventory(), &self.trusted, &NamedConsumers::default())
    }

    pub(super) fn endpoint(&self, kind: EndpointKind) -> EndpointJudgement {
        let judgements = self.judge();
        let found = judgements.endpoints.into_iter().find(|one| one.endpoint.kind == kind);
        found.expect("the test planted such an endpoint")
    }

    /// The access rows of the only exposed endpoint.
    pub(super) fn rows(&self) -> Vec<AccessRow> {
        self.judge().endpoints.into_iter().flat_map(|one| one.access).collect()
    }
}

/// An entrance that everything says is private.
pub(super) fn private_entrance(balancer: &str, port: u16) -> Entrance {
    Entrance {
        public_flag: Value(false),
        public_endpoint: Absent,
        intranet_endpoint: Value(format!("10.0.0.5:{port}")),
        eip_id: Absent,
        load_balancer_id: Value(balancer.into()),
    }
}

/// An entrance that the product says is public through an EIP.
pub(super) fn public_entrance(balancer: &str, port: u16, eip: &str, address: &str) -> Entrance {
    Entrance {
        public_flag: Value(true),
        public_endpoint: Value(format!("{address}:{port}")),
        eip_id: Value(eip.into()),
        ..private_entrance(balancer, port)
    }
}

pub(super) fn private_mesh() -> Mesh {
    Mesh {
        scope: scope(),
        service_mesh_id: MeshId::from("mesh-1"),
        name: "mesh one".into(),
        state: "running".into(),
        security_group_id: "sg-mesh".into(),
        pilot: private_entrance("lb-pilot", 15011),
        canary_pilot: Absent,
        api_server: private_entrance("lb-mesh-api", 6443),
        audit_enabled: Value(true),
        cr_aggregation: Absent,
        ..Mesh::default()
    }
}

pub(super) fn private_cluster() -> Cluster {
    Cluster {
        scope: scope(),
        cluster_id: ClusterId::from("cluster-1"),
        name: "cluster one".into(),
        cluster_type: "ManagedKubernetes".into(),
        state: "running".into(),
        container_cidr: Absent,
        security_group_id: Value("sg-cluster".into()),
        ip_stack: "ipv4".into(),
        api_server: Entrance { public_flag: Absent, ..private_entrance("lb-cluster", 6443) },
        ..Cluster::default()
    }
}

/// A running TCP listener without an ACL.
pub(super) fn listener(port: u16) -> Listener {
    Listener {
        listener_port: port,
        backend_server_port: Value(port),
        listener_protocol: "tcp".into(),
        status: "running".into(),
        acl_status: Value("off".into()),
        ..Listener::default()
    }
}

/// A running TCP listener with ACLs switched on.
pub(super) fn guarded(port: u16, kind: &str, acls: &[&str]) -> Listener {
    Listener {
        acl_status: Value("on".into()),
        acl_type: kind.into(),
        acl_ids: acls.iter().map(|id| (*id).into()).collect(),
        ..listener(port)
    }
}

pub(super) fn nlb_listener(start: u16, end: u16) -> NlbListener {
    NlbListener {
        listener_id: format!("lsn-{start}"),
        start_port: start,
        end_port: end,
        listener_protocol: "TCP".into(),
        listener_status: "Running".into(),
    }
}

/// An ingress rule for TCP: id, policy, priority, ports, source.
pub(super) fn rule(id: &str, policy: &str, priority: u8, ports: &str, source: &str) -> Permission {
    let mut rule = Permission {
        security_group_rule_id: id.into(),
        direction: "ingress".into(),
        policy: policy.into(),
        priority: priority.to_string().into(),
        ip_protocol: "TCP".into(),
        port_range: ports.into(),
        nic_type: "intranet".into(),
        ..Permission::default()
    };
    match source {
        list if list.starts_with("pl-") => rule.source_prefix_list_id = list.into(),
        block if block.contains(':') => rule.ipv6_source_cidr_ip = block.into(),
        block => rule.source_cidr_ip = block.into(),
    }
    rule
}
