//! Random small networks, written as questions about paths. Ids, blocks and states come from small
//! pools, so that routes meet, overlap and contradict each other.
#![allow(dead_code, reason = "each test uses a part")]

use serde_json::{Value, json};

/// A generator that needs nothing but its seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    pub fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Mostly the first.
    fn mostly(&mut self, usual: &'static str, others: &[&'static str]) -> &'static str {
        if self.one_in(8) { self.pick(others) } else { usual }
    }
}

const VPCS: [&str; 4] = ["vpc-m", "vpc-d", "vpc-x", "vpc-y"];
const TABLES: [&str; 5] = ["vtb-m", "vtb-d", "vtb-x", "vtb-y", "vtb-c"];
const ATTACHMENTS: [&str; 5] = ["att-m", "att-d", "att-x", "att-y", "att-l"];
const TR_TABLES: [&str; 3] = ["tr-1-sys", "tr-1-iso", "tr-2-sys"];

/// Blocks around those of the vSwitches.
const PREFIXES: [&str; 14] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.1.0.0/16",
    "10.0.1.0/28",
    "10.0.1.0/29",
    "10.0.1.4/30",
    "10.1.1.0/28",
    "10.1.1.0/29",
    "10.1.1.8/30",
    "172.20.0.0/16",
    "172.20.0.0/28",
    "172.20.0.0/30",
    "100.64.0.0/11",
];

/// Which reads there are, and the objects they may be refused for.
const READS: [(&str, &[&str]); 14] = [
    ("DescribeVSwitches", &VPCS),
    ("DescribeRouteEntryList", &TABLES),
    ("ListVpcPeerConnections", &["pcc-1", "pcc-2", "pcc-3"]),
    ("DescribeRouterInterfaces", &["ri-m", "ri-d", "ri-v"]),
    ("DescribeVpnConnections", &["vpn-m", "vpn-d"]),
    ("DescribeCenAttachedChildInstances", &["cen-9"]),
    ("ListTransitRouterVpcAttachments", &ATTACHMENTS),
    ("ListTransitRouters", &["tr-1", "tr-2"]),
    ("ListTransitRouterRouteTableAssociations", &ATTACHMENTS),
    ("ListTransitRouterRouteEntries", &TR_TABLES),
    ("DescribeNetworkAclAttributes", &["nacl-1"]),
    ("DescribeSecurityGroupAttribute", &["sg-m", "sg-d"]),
    ("ListVpcEndpoints", &["vpc-d"]),
    ("ListVpcEndpointServices", &["epsrv-1"]),
];

/// A question about a random network.
pub fn question(seed: u64) -> Value {
    let random = &mut Random::new(seed);
    // One kind of way between the VPCs is favoured, so that some ends are connected.
    let favour = random.below(6);
    let mut topology = json!({
        "Vpcs": VPCS.iter().zip(["10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8"]).map(|(id, block)| json!({"VpcId": id, "CidrBlock": block})).collect::<Vec<_>>(),
        "VSwitches": switches(random),
        "RouteTables": tables(random, favour),
        "VpcPeers": peers(random),
        "RouterInterfaces": interfaces(random),
        "SecurityGroups": [group(random, "sg-m"), group(random, "sg-d")],
        "NetworkAcls": [acl(random)],
        "VpcEndpoints": [],
        "VpcEndpointServices": [],
        "Unavailable": [],
    });
    routers(random, &mut topology);
    cen(random, &mut topology);
    vpn(random, &mut topology);
    if random.one_in(4) {
        private_link(random, &mut topology);
    }
    json!({"CaseId": format!("seed {seed}"), "Topology": topology, "Pairs": [pair(random)]})
}

fn pair(random: &mut Random) -> Value {
    let mut mesh = json!({"VSwitchId": "vsw-m", "Port": 15012});
    if random.one_in(2) {
        mesh["PrivateIp"] = json!(random.pick(&["10.0.1.1", "10.0.1.6", "10.0.1.9"]));
    }
    let mut plane = json!({"VSwitchId": if random.one_in(30) { "vsw-gone" } else { "vsw-d" }});
    if random.one_in(3) {
        plane["SourceCidrs"] = json!(["10.1.1.0/28", "172.20.0.0/28"]);
    }
    if random.one_in(4) {
        mesh["SecurityGroupIds"] = json!(["sg-m"]);
    }
    if random.one_in(4) {
        plane["SecurityGroupIds"] = random.pick(&[&["sg-d"][..], &["sg-m", "sg-d"], &["sg-d", "sg-gone"]]).into();
    }
    json!({"PairId": "p", "Mesh": mesh, "DataPlane": plane})
}

fn switches(random: &mut Random) -> Vec<Value> {
    let mut switches = vec![
        json!({"VSwitchId": "vsw-m", "VpcId": "vpc-m", "CidrBlock": "10.0.1.0/28", "RouteTableId": "vtb-m"}),
        json!({"VSwitchId": "vsw-d", "VpcId": "vpc-d", "CidrBlock": "10.1.1.0/28", "RouteTableId": if random.one_in(4) { "vtb-c" } else { "vtb-d" }}),
    ];
    if random.one_in(6) {
        switches[1]["VpcId"] = json!("vpc-m");
        switches[1]["RouteTableId"] = json!("vtb-m");
    } else if random.one_in(8) {
        switches[1]["CidrBlock"] = json!("10.0.1.0/28");
    }
    for (id, vpc, table) in [("vsw-x", "vpc-x", "vtb-x"), ("vsw-y", "vpc-y", "vtb-y")] {
        let block = random.pick(&["10.2.1.0/28", "10.0.1.0/28", "10.1.1.8/29", "10.3.1.0/28"]);
        switches.push(json!({"VSwitchId": id, "VpcId": vpc, "CidrBlock": block, "RouteTableId": table}));
    }
    for switch in &mut switches {
        if random.one_in(8) {
            switch["NetworkAclId"] = json!("nacl-1");
        }
    }
    switches
}

fn next_hop(random: &mut Random, vpc: &str, favour: usize) -> Value {
    let end = if vpc == "vpc-m" { "m" } else { "d" };
    let favoured = match favour {
        0 => ("VpcPeer", "pcc-1".to_owned()),
        1 | 2 => ("Attachment", format!("att-{}", &vpc[4..])),
        3 => ("Cen", "cen-9".to_owned()),
        4 => ("VpnGateway", format!("vpn-{end}")),
        _ => ("RouterInterface", format!("ri-{end}")),
    };
    let other: [(&str, &str); 9] = [
        ("VpcPeer", "pcc-2"),
        ("VpcPeer", "pcc-3"),
        ("VpcPeer", "pcc-gone"),
        ("Attachment", "att-d"),
        ("Attachment", "att-x"),
        ("NatGateway", "ngw-1"),
        ("Instance", "i-1"),
        ("NetworkInterface", "eni-1"),
        ("RouterInterface", "ri-d"),
    ];
    let (kind, id) = if random.one_in(4) {
        let (kind, id) = random.pick(&other);
        (kind, id.to_owned())
    } else {
        favoured
    };
    let mut hop = json!({"NextHopType": kind, "NextHopId": id, "Enabled": i32::from(!random.one_in(20))});
    if kind == "Cen" && !random.one_in(3) {
        let far = if vpc == "vpc-m" { "vpc-d" } else { "vpc-m" };
        let (kind, id) = random.pick(&[("VPC", far), ("VPC", far), ("VPC", far), ("VPC", "vpc-x"), ("VBR", "vbr-1")]);
        hop["NextHopRelatedInfo"] = json!({"InstanceType": kind, "InstanceId": id});
    }
    hop
}

fn entry(random: &mut Random, vpc: &str, favour: usize, block: &str) -> Value {
    let mut hops = vec![next_hop(random, vpc, favour)];
    if random.one_in(12) {
        hops.push(next_hop(random, vpc, favour));
    }
    if random.one_in(30) {
        hops.clear();
    }
    let status = random.mostly("Available", &["Pending", "Deleting"]);
    json!({"DestinationCidrBlock": block, "Type": random.mostly("Custom", &["CEN", "BGP"]), "Status": status, "NextHops": hops})
}

fn tables(random: &mut Random, favour: usize) -> Vec<Value> {
    let homes = ["vpc-m", "vpc-d", "vpc-x", "vpc-y", "vpc-d"];
    let mut tables = Vec::new();
    for (id, vpc) in TABLES.into_iter().zip(homes) {
        let mut entries: Vec<Value> = Vec::new();
        let mut blocks: Vec<&str> = vec![if vpc == "vpc-m" { "10.1.0.0/16" } else { "10.0.0.0/16" }];
        if vpc == "vpc-m" && !random.one_in(3) {
            blocks.push("172.20.0.0/16");
        }
        blocks.extend((0..random.below(4)).map(|_| random.pick(&PREFIXES)).collect::<Vec<_>>());
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks.into_iter().filter(|block| !block.starts_with("100.")) {
            if !random.one_in(10) {
                entries.push(entry(random, vpc, favour, block));
            }
        }
        if vpc == "vpc-d" && !random.one_in(3) {
            entries.push(json!({"DestinationCidrBlock": "172.20.0.0/29", "Type": "Custom", "Status": "Available",
                "NextHops": [{"NextHopType": "Instance", "NextHopId": "i-node", "Enabled": 1}]}));
        }
        let kind = if id == "vtb-c" { "Custom" } else { "System" };
        tables.push(json!({"RouteTableId": id, "VpcId": vpc, "RouteTableType": kind, "RouteEntrys": entries}));
    }
    tables
}

fn peers(random: &mut Random) -> Vec<Value> {
    let ends = [("pcc-1", "vpc-d", "vpc-m"), ("pcc-2", "vpc-d", "vpc-x"), ("pcc-3", "vpc-x", "vpc-m")];
    let mut peers = Vec::new();
    for (id, one, other) in ends {
        let status = random.mostly("Activated", &["Accepting", "Expired", "Deleting"]);
        peers.push(json!({"InstanceId": id, "VpcId": one, "AcceptingVpcId": other, "Status": status}));
    }
    peers
}

fn interfaces(random: &mut Random) -> Vec<Value> {
    let far = if random.one_in(6) { "ri-v" } else { "ri-m" };
    vec![
        json!({"RouterInterfaceId": "ri-d", "RouterType": "VRouter", "VpcId": "vpc-d", "OppositeInterfaceId": far, "Status": random.mostly("Active", &["Inactive"])}),
        json!({"RouterInterfaceId": "ri-m", "RouterType": "VRouter", "VpcId": "vpc-m", "OppositeInterfaceId": random.mostly("ri-d", &["ri-gone", "ri-v"]), "Status": random.mostly("Active", &["Idle"])}),
        json!({"RouterInterfaceId": "ri-v", "RouterType": "VBR", "OppositeInterfaceId": "ri-d", "Status": "Active"}),
    ]
}

fn routers(random: &mut Random, topology: &mut Value) {
    let far = random.one_in(3);
    let home = |id: &str| if far && id == "att-d" { "tr-2" } else { "tr-1" };
    let (mut attachments, mut associations, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for (id, vpc) in ATTACHMENTS.into_iter().zip(VPCS) {
        let mut interfaces: Vec<&str> = Vec::new();
        if random.one_in(2) {
            interfaces.push(match vpc {
                "vpc-m" => "vsw-m",
                "vpc-d" => "vsw-d",
                "vpc-x" => "vsw-x",
                _ => "vsw-y",
            });
        }
        let kind = if id == "att-y" && random.one_in(2) { "VBR" } else { "VPC" };
        attachments.push(
            json!({"TransitRouterAttachmentId": id, "TransitRouterId": home(id), "ResourceType": kind, "VpcId": vpc,
            "VSwitchIds": interfaces, "Status": random.mostly("Attached", &["Attaching", "Detaching"])}),
        );
        let table = if home(id) == "tr-2" { "tr-2-sys" } else { random.mostly("tr-1-sys", &["tr-1-iso"]) };
        if !random.one_in(12) {
            associations.push(json!({"TransitRouterAttachmentId": id, "TransitRouterRouteTableId": table,
                "Status": random.mostly("Active", &["Dissociating"])}));
        }
    }
    attachments
        .push(json!({"TransitRouterAttachmentId": "att-l", "TransitRouterId": "tr-1", "PeerTransitRouterId": "tr-2",
        "ResourceType": "TR", "VpcId": null, "VSwitchIds": [], "Status": random.mostly("Attached", &["Detaching"])}));
    for table in ["tr-1-sys", "tr-2-sys"] {
        if !random.one_in(10) {
            associations.push(
                json!({"TransitRouterAttachmentId": "att-l", "TransitRouterRouteTableId": table, "Status": "Active"}),
            );
        }
    }
    for table in TR_TABLES {
        let mut learned = vec![
            ("10.0.1.0/28", if table == "tr-2-sys" { "att-l" } else { "att-m" }),
            ("10.1.1.0/28", if far && table != "tr-2-sys" { "att-l" } else { "att-d" }),
        ];
        if random.one_in(2) {
            learned.push(("172.20.0.0/16", if far && table != "tr-2-sys" { "att-l" } else { "att-d" }));
        }
        for (block, attachment) in learned {
            if table != "tr-1-iso" && !random.one_in(10) {
                entries.push(tr_entry(random, table, block, attachment, "Propagated"));
            }
        }
        for _ in 0..random.below(3) {
            let block = random.pick(&PREFIXES);
            let attachment = if random.one_in(3) { "" } else { random.pick(&ATTACHMENTS) };
            // A table has one static entry for a block.
            let taken = entries.iter().any(|entry: &Value| {
                entry["TransitRouterRouteTableId"] == table
                    && entry["TransitRouterRouteEntryDestinationCidrBlock"] == block
                    && entry["TransitRouterRouteEntryType"] == "Static"
            });
            if !taken {
                entries.push(tr_entry(random, table, block, attachment, "Static"));
            }
        }
    }
    topology["TransitRouters"] = json!(["tr-1", "tr-2"].map(|id| {
        json!({"TransitRouterId": id, "CenId": "cen-1", "Type": "Enterprise", "Status": random.mostly("Active", &["Active", "Deleting"])})
    }));
    topology["TransitRouterRouteTables"] =
        json!(TR_TABLES.map(|id| json!({"TransitRouterRouteTableId": id, "TransitRouterId": &id[..4]})));
    topology["TransitRouterAttachments"] = json!(attachments);
    topology["TransitRouterRouteTableAssociations"] = json!(associations);
    topology["TransitRouterRouteEntries"] = json!(entries);
}

fn tr_entry(random: &mut Random, table: &str, block: &str, attachment: &str, kind: &str) -> Value {
    let hop = if attachment.is_empty() { "BlackHole" } else { "Attachment" };
    json!({"TransitRouterRouteTableId": table, "TransitRouterRouteEntryDestinationCidrBlock": block,
        "TransitRouterRouteEntryNextHopType": hop, "TransitRouterRouteEntryNextHopId": attachment,
        "TransitRouterRouteEntryStatus": random.mostly("Active", &["Rejected", "Prohibited", "Standby", "Candidate", "Creating"]),
        "TransitRouterRouteEntryType": kind})
}

fn cen(random: &mut Random, topology: &mut Value) {
    let far = random.pick(&["cn-a", "cn-a", "cn-b"]);
    let mut children = Vec::new();
    for (vpc, region) in [("vpc-m", "cn-a"), ("vpc-d", far), ("vpc-x", "cn-a")] {
        let withdrawn: &[&str] = if random.one_in(8) { &["10.0.1.0/28"] } else { &[] };
        if vpc != "vpc-x" || random.one_in(3) {
            children.push(json!({"CenId": "cen-9", "ChildInstanceId": vpc, "ChildInstanceType": "VPC", "ChildInstanceRegionId": region,
                "Status": random.mostly("Attached", &["Detaching"]), "WithdrawnCidrs": withdrawn}));
        }
    }
    if random.one_in(6) {
        children.push(json!({"CenId": "cen-9", "ChildInstanceId": "vbr-1", "ChildInstanceType": "VBR", "ChildInstanceRegionId": "cn-a", "Status": "Attached"}));
    }
    topology["CenChildInstances"] = json!(children);
    if random.one_in(2) {
        topology["CenInterRegionBandwidthLimits"] = json!([{"CenId": "cen-9", "LocalRegionId": "cn-b", "OppositeRegionId": "cn-a", "BandwidthLimit": random.pick(&[0, 5])}]);
    }
    if random.one_in(4) {
        let ids = |random: &mut Random| random.pick(&[&["vpc-m"][..], &["vpc-d"], &[]]);
        let ways = ["RegionIn", "RegionOut"];
        topology["CenRouteMaps"] = json!([
            {"CenId": "cen-9", "RouteMapId": "cenrmap-1", "Priority": 3, "MapResult": "Deny", "Status": "Active", "SourceInstanceIds": ids(random), "DestinationInstanceIds": ids(random),
                "TransmitDirection": random.pick(&ways)},
            {"CenId": "cen-9", "RouteMapId": "cenrmap-0", "Priority": random.pick(&[1, 9]), "MapResult": "Permit", "Status": random.mostly("Active", &["Creating"]), "SourceInstanceIds": ids(random),
                "TransmitDirection": random.pick(&ways)},
        ]);
    }
}

fn vpn(random: &mut Random, topology: &mut Value) {
    topology["VpnGateways"] = json!([("vpn-m", "vpc-m"), ("vpn-d", "vpc-d")].map(|(id, vpc)| {
        json!({"VpnGatewayId": id, "VpcId": vpc, "Status": random.mostly("active", &["updating"])})
    }));
    let ends = [
        ("vco-m", "vpn-m", "10.0.0.0/16", "10.1.0.0/16", "vco-d"),
        ("vco-d", "vpn-d", "10.1.0.0/16", "10.0.0.0/16", "vco-m"),
    ];
    topology["VpnConnections"] = json!(ends.map(|(id, gateway, local, remote, far)| {
        let narrow = random.one_in(6);
        json!({"VpnConnectionId": id, "VpnGatewayId": gateway, "LocalSubnet": if narrow { &PREFIXES[5] } else { local }, "RemoteSubnet": remote,
            "PeerVpnConnectionId": if random.one_in(10) { "?" } else { far },
            "Status": random.mostly("ipsec_sa_established", &["ipsec_sa_not_established"])})
    }));
}

fn private_link(random: &mut Random, topology: &mut Value) {
    topology["VpcEndpoints"] = json!([{"EndpointId": "ep-1", "VpcId": "vpc-d", "ServiceId": "epsrv-1",
        "EndpointStatus": random.mostly("Active", &["Pending"]), "ConnectionStatus": random.mostly("Connected", &["Pending"])}]);
    if !random.one_in(8) {
        topology["VpcEndpointServices"] = json!([{"ServiceId": "epsrv-1", "VpcId": random.mostly("vpc-m", &["vpc-x"]),
            "ServiceStatus": random.mostly("Active", &["Deleting"]), "Ports": random.pick(&[None, Some([15012]), Some([443])]), "TargetIp": null}]);
    }
}

fn group(random: &mut Random, id: &str) -> Value {
    let mut rules = Vec::new();
    for _ in 0..random.below(4) {
        let ingress = random.one_in(2);
        let (cidr, group) = if ingress { ("SourceCidrIp", "SourceGroupId") } else { ("DestCidrIp", "DestGroupId") };
        let mut rule = json!({"Direction": if ingress { "ingress" } else { "egress" }, "IpProtocol": "TCP",
            "PortRange": random.pick(&["15012/15012", "-1/-1", "443/443"]), "Priority": random.pick(&["1", "9", "10", "100"]),
            "Policy": random.pick(&["Accept", "Drop"])});
        if random.one_in(5) {
            rule[group] = json!(random.pick(&["sg-m", "sg-d"]));
        } else {
            rule[cidr] = json!(random.pick(&PREFIXES));
        }
        rules.push(rule);
    }
    if !random.one_in(3) {
        rules.push(json!({"Direction": "ingress", "IpProtocol": "TCP", "PortRange": "-1/-1", "Priority": "50", "Policy": "Accept", "SourceCidrIp": "0.0.0.0/0"}));
    }
    json!({"SecurityGroupId": id, "SecurityGroupType": random.mostly("normal", &["enterprise"]), "InnerAccessPolicy": random.pick(&["Accept", "Drop"]),
        "VpcId": "vpc-m", "Permissions": {"Permission": rules}})
}

fn acl(random: &mut Random) -> Value {
    let entries = |random: &mut Random, key: &str| -> Vec<Value> {
        let mut entries = Vec::new();
        for _ in 0..random.below(3) {
            entries.push(json!({"Policy": random.pick(&["accept", "drop"]), "Protocol": random.pick(&["all", "tcp", "udp"]),
                "Port": random.pick(&["-1/-1", "15012/15012", "40000/60999", "1024/65535", "443/443"]), key: random.pick(&PREFIXES)}));
        }
        if !random.one_in(5) {
            entries.push(json!({"Policy": "accept", "Protocol": "all", "Port": "-1/-1", key: "0.0.0.0/0"}));
        }
        entries
    };
    json!({"NetworkAclId": "nacl-1", "IngressAclEntries": entries(random, "SourceCidrIp"), "EgressAclEntries": entries(random, "DestinationCidrIp")})
}

/// Refuses some reads; with `hide` what they would have told is taken away too.
pub fn refuse(question: &mut Value, random: &mut Random, hide: bool) {
    for _ in 0..=random.below(3) {
        let (action, ids) = random.pick(&READS);
        let id = random.pick(ids);
        let every = random.one_in(5);
        let refusal = json!({"Action": action, "ResourceId": if every { "*" } else { id }});
        let topology = &mut question["Topology"];
        topology["Unavailable"].as_array_mut().expect("a list").push(refusal);
        if hide {
            for id in ids.iter().filter(|one| every || **one == id) {
                forget(topology, action, id);
            }
        }
    }
}

/// Takes away what a read would have told.
fn forget(topology: &mut Value, action: &str, id: &str) {
    let (collection, key) = match action {
        "DescribeVSwitches" => ("VSwitches", "VpcId"),
        "DescribeRouteEntryList" => ("RouteTables", "RouteTableId"),
        "ListVpcPeerConnections" => ("VpcPeers", "InstanceId"),
        "DescribeRouterInterfaces" => ("RouterInterfaces", "RouterInterfaceId"),
        "DescribeVpnConnections" => ("VpnConnections", "VpnGatewayId"),
        "DescribeCenAttachedChildInstances" => ("CenChildInstances", "CenId"),
        "ListTransitRouterVpcAttachments" => ("TransitRouterAttachments", "TransitRouterAttachmentId"),
        "ListTransitRouters" => ("TransitRouters", "TransitRouterId"),
        "ListTransitRouterRouteTableAssociations" => {
            ("TransitRouterRouteTableAssociations", "TransitRouterAttachmentId")
        }
        "ListTransitRouterRouteEntries" => ("TransitRouterRouteEntries", "TransitRouterRouteTableId"),
        "DescribeNetworkAclAttributes" => ("NetworkAcls", "NetworkAclId"),
        "DescribeSecurityGroupAttribute" => ("SecurityGroups", "SecurityGroupId"),
        "ListVpcEndpoints" => ("VpcEndpoints", "VpcId"),
        _ => ("VpcEndpointServices", "ServiceId"),
    };
    if let Some(items) = topology[collection].as_array_mut() {
        items.retain(|item| item[key] != id);
    }
}

/// The same network in IPv6: every IPv4 block becomes one of its own, 32 bits further in.
pub fn in_ipv6(question: &Value) -> Value {
    fn mapped(text: &str) -> Option<String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let v4: std::net::Ipv4Addr = address.parse().ok()?;
        let v6 = std::net::Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(u32::from(v4)) << 64);
        Some(match length {
            Some(length) => format!("{v6}/{}", length.parse::<u32>().ok()? + 32),
            None => v6.to_string(),
        })
    }
    match question {
        Value::String(text) => mapped(text).unwrap_or_else(|| text.clone()).into(),
        Value::Array(items) => items.iter().map(in_ipv6).collect(),
        Value::Object(fields) => {
            let mut fields: serde_json::Map<String, Value> =
                fields.iter().map(|(key, value)| (key.clone(), in_ipv6(value))).collect();
            if fields.contains_key("VSwitchId")
                && let Some(block) = fields.insert("CidrBlock".into(), json!("192.168.0.0/24"))
            {
                fields.insert("Ipv6CidrBlock".into(), block);
            }
            for (v4, v6) in [("SourceCidrIp", "Ipv6SourceCidrIp"), ("DestCidrIp", "Ipv6DestCidrIp")] {
                if fields.contains_key("PortRange")
                    && let Some(block) = fields.remove(v4)
                {
                    fields.insert(v6.into(), block);
                }
            }
            Value::Object(fields)
        }
        other => other.clone(),
    }
}
