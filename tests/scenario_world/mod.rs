//! Saved questions about paths as whole clouds: each part of a topology becomes what the vendor's
//! APIs would have said of it, with an exposed mesh at one end and a data-plane cluster at the other.
#![allow(dead_code, reason = "each test uses a part")]

use serde_json::{Value, json};

pub const ACCOUNT: &str = "1000000000000001";
pub const MESH: &str = "c08mesh";
pub const CLUSTER: &str = "c1plane";
const PILOT: &str = "lb-pilot";
const PUBLIC: &str = "203.0.113.7";

/// The regions of the scenarios by names that exist.
fn region(name: &str) -> &'static str {
    match name {
        "cn-a" => "cn-hangzhou",
        "cn-b" => "cn-shanghai",
        other => panic!("no region is called {other}"),
    }
}

/// One scenario and what can be looked up in it.
struct Scenario<'a> {
    topology: &'a Value,
    mesh: &'a Value,
    plane: &'a Value,
}

/// The world of a scenario with one pair.
pub fn world(scenario: &Value) -> Value {
    let pairs = scenario["Pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "a world has one mesh and one cluster");
    let scenario = Scenario { topology: &scenario["Topology"], mesh: &pairs[0]["Mesh"], plane: &pairs[0]["DataPlane"] };
    json!({
        "world": "portcullis.world/v1",
        "accounts": [{
            "account_id": ACCOUNT,
            "access_keys": [{"access_key_id": "testid", "access_key_secret": "testsecret"}],
            "regions": ["cn-hangzhou", "cn-shanghai"],
            "servicemesh": scenario.service_mesh(),
            "cs": {"clusters": [scenario.cluster()], "resources": {}},
            "ecs": {"security_groups": scenario.groups()},
            "vpc": scenario.vpc(),
            "vpcpeer": {"connections": scenario.peerings()},
            "cbn": {"cens": scenario.cens(), "transit_routers": scenario.routers(), "route_maps": scenario.route_maps()},
            "privatelink": {"endpoints": scenario.endpoints(), "endpoint_services": scenario.services()},
            "slb": {"load_balancers": scenario.balancers(), "listeners": scenario.listeners()},
        }],
        "faults": scenario.faults(),
    })
}

fn items<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[list].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The object with further fields; those that are null are taken out.
fn with(object: &Value, more: Value) -> Value {
    let mut object = object.clone();
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(name),
            value => object.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    object
}

impl<'a> Scenario<'a> {
    fn list(&self, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        items(self.topology, name)
    }

    fn vpc_of_switch(&self, id: &str) -> &'a str {
        self.list("VSwitches").find(|switch| switch["VSwitchId"] == id).map(|switch| text(switch, "VpcId")).unwrap()
    }

    fn region_of_vpc(&self, id: &str) -> &'static str {
        self.list("Vpcs").find(|vpc| vpc["VpcId"] == id).map_or("cn-hangzhou", |vpc| region(text(vpc, "RegionId")))
    }

    fn mesh_vpc(&self) -> &'a str {
        self.vpc_of_switch(text(self.mesh, "VSwitchId"))
    }

    fn plane_vpc(&self) -> &'a str {
        self.vpc_of_switch(text(self.plane, "VSwitchId"))
    }

    /// The one group of an end, as both APIs know one at most.
    fn group_of(end: &'a Value) -> &'a str {
        let ids: Vec<&str> = items(end, "SecurityGroupIds").filter_map(Value::as_str).collect();
        assert!(ids.len() <= 1, "an end has one group");
        ids.first().copied().unwrap_or_default()
    }

    /// Pods with a block of their own; the other sources are the vSwitch itself. Sidecars of a cluster
    /// without such a block may be in any vSwitch of its VPC. Where the scenario names one of several,
    /// its own block keeps them there.
    fn pods(&self) -> &'a str {
        let named = &self.plane["VSwitchId"];
        let own = self.list("VSwitches").find(|one| one["VSwitchId"] == *named).unwrap();
        let cidrs = items(self.plane, "SourceCidrs").filter(|cidr| **cidr != own["CidrBlock"]);
        let others: Vec<&str> = cidrs.filter_map(Value::as_str).collect();
        assert!(others.len() <= 1, "a cluster has one block for pods");
        let is_one_of_several = self.list("VSwitches").filter(|one| one["VpcId"] == own["VpcId"]).count() > 1;
        let kept = if is_one_of_several { text(own, "CidrBlock") } else { "" };
        others.first().copied().unwrap_or(kept)
    }

    fn service_mesh(&self) -> Value {
        let (vpc, port) = (self.mesh_vpc(), &self.mesh["Port"]);
        let private = self.mesh["PrivateIp"].as_str().map(|address| format!("{address}:{port}")).unwrap_or_default();
        let plane_vpc = self.plane_vpc();
        json!({
            "meshes": [{
                "ServiceMeshInfo": {"ServiceMeshId": MESH, "Name": "mesh", "RegionId": self.region_of_vpc(vpc), "State": "running"},
                "Endpoints": {"IntranetPilotEndpoint": private, "PublicPilotEndpoint": format!("{PUBLIC}:{port}"), "PublicApiServerEndpoint": ""},
                "Spec": {
                    "LoadBalancer": {"PilotPublicEip": true, "PilotPublicEipId": "eip-pilot", "PilotPublicLoadbalancerId": PILOT,
                        "ApiServerPublicEip": false, "ApiServerPublicEipId": "", "ApiServerLoadbalancerId": "lb-api"},
                    "Network": {"VpcId": vpc, "VSwitches": [self.mesh["VSwitchId"]], "SecurityGroupId": Self::group_of(self.mesh)},
                    "MeshConfig": {"Audit": {"Enabled": true}},
                },
                "Clusters": [CLUSTER], "Tag": [],
            }],
            "clusters": {MESH: [{"ClusterId": CLUSTER, "Name": "plane", "ClusterType": "ManagedKubernetes", "State": "running",
                "RegionId": self.region_of_vpc(plane_vpc), "VpcId": plane_vpc, "SgId": Self::group_of(self.plane)}]},
            "unconnected_clusters": {MESH: []},
        })
    }

    fn cluster(&self) -> Value {
        let vpc = self.plane_vpc();
        json!({
            "cluster_id": CLUSTER, "name": "plane", "region_id": self.region_of_vpc(vpc), "state": "running",
            "cluster_type": "ManagedKubernetes", "profile": "Default", "vpc_id": vpc, "vswitch_ids": [self.plane["VSwitchId"]],
            "security_group_id": Self::group_of(self.plane), "container_cidr": self.pods(), "ip_stack": "ipv4", "tags": [],
            "master_url": json!({"api_server_endpoint": "", "intranet_api_server_endpoint": "https://10.9.0.9:6443"}).to_string(),
            "meta_data": json!({"Capabilities": {"PublicSLB": false}}).to_string(),
        })
    }

    fn groups(&self) -> Vec<Value> {
        let home = |id: &Value| if *id == *Self::group_of(self.mesh) { self.mesh_vpc() } else { self.plane_vpc() };
        self.list("SecurityGroups")
            .map(|group| {
                let vpc = home(&group["SecurityGroupId"]);
                let rules: Vec<Value> = items(&group["Permissions"], "Permission")
                    .map(|rule| with(rule, json!({"NicType": "intranet", "DestCidrIp": ""})))
                    .collect();
                with(group, json!({"Permissions": {"Permission": rules}, "VpcId": vpc, "RegionId": self.region_of_vpc(vpc), "SecurityGroupName": "group"}))
            })
            .collect()
    }

    fn vpc(&self) -> Value {
        let vpcs = self.list("Vpcs").map(|vpc| {
            let secondary = &vpc["SecondaryCidrBlocks"];
            let here = region(text(vpc, "RegionId"));
            with(
                vpc,
                json!({"RegionId": here, "Status": "Available", "OwnerId": 1_000_000_000_000_001_u64,
                "SecondaryCidrBlocks": {"SecondaryCidrBlock": secondary}}),
            )
        });
        let gateways = self.list("VpnGateways").map(Clone::clone);
        json!({
            "vpcs": vpcs.collect::<Vec<_>>(),
            "vswitches": self.switches(),
            "route_tables": self.list("RouteTables").map(|table| self.route_table(table)).collect::<Vec<_>>(),
            "eips": [{"AllocationId": "eip-pilot", "IpAddress": PUBLIC, "RegionId": self.region_of_vpc(self.mesh_vpc()), "Status": "InUse",
                "InstanceId": PILOT, "InstanceType": "SlbInstance", "VpcId": self.mesh_vpc()}],
            "router_interfaces": self.interfaces(),
            "network_acls": self.acls(),
            "vpn_gateways": gateways.collect::<Vec<_>>(),
            "vpn_connections": self.list("VpnConnections").map(|one| with(one, json!({"PeerVpnConnectionId": null}))).collect::<Vec<_>>(),
        })
    }

    fn switches(&self) -> Vec<Value> {
        let kind = |id: &Value| {
            self.list("RouteTables")
                .find(|table| table["RouteTableId"] == *id)
                .map_or("System", |table| text(table, "RouteTableType"))
        };
        self.list("VSwitches")
            .map(|switch| {
                let id = &switch["RouteTableId"];
                let changes = json!({"RouteTableId": null, "NetworkAclId": text(switch, "NetworkAclId"),
                    "RouteTable": {"RouteTableId": id, "RouteTableType": kind(id)}});
                with(switch, changes)
            })
            .collect()
    }

    /// As the API has it, with the routes of the system beside those of the scenario.
    fn route_table(&self, table: &Value) -> Value {
        let id = text(table, "RouteTableId");
        let local = self.list("VSwitches").filter(|switch| switch["VpcId"] == table["VpcId"]).map(|switch| {
            json!({"DestinationCidrBlock": switch["CidrBlock"], "Type": "System", "Status": "Available",
                "NextHops": [{"NextHopType": "local", "NextHopId": "", "Enabled": 1}]})
        });
        let entries = local.chain(items(table, "RouteEntrys").cloned()).enumerate().map(|(number, entry)| {
            let hops: Vec<Value> = items(&entry, "NextHops").map(next_hop).collect();
            with(&entry, json!({"RouteEntryId": format!("rte-{id}-{number}"), "NextHops": {"NextHop": hops}}))
        });
        with(table, json!({"RouteEntrys": {"RouteEntry": entries.collect::<Vec<_>>()}, "AssociateType": "VSwitch"}))
    }

    fn interfaces(&self) -> Vec<Value> {
        let here = self.region_of_vpc(self.mesh_vpc());
        self.list("RouterInterfaces")
            .map(|one| {
                let router = if one["VbrId"].is_string() { &one["VbrId"] } else { &one["VpcId"] };
                with(
                    one,
                    json!({"VpcId": null, "VbrId": null, "VpcInstanceId": text(one, "VpcId"), "RouterId": router,
                    "RegionId": here, "OppositeRegionId": here}),
                )
            })
            .collect()
    }

    fn acls(&self) -> Vec<Value> {
        let entries = |acl: &Value, list: &str| -> Vec<Value> {
            let numbered = items(acl, list).enumerate();
            numbered
                .map(|(number, entry)| with(entry, json!({"NetworkAclEntryId": format!("nae-{list}-{number}")})))
                .collect()
        };
        self.list("NetworkAcls")
            .map(|acl| {
                let holder =
                    self.list("VSwitches").find(|switch| switch["NetworkAclId"] == acl["NetworkAclId"]).unwrap();
                let vpc = text(holder, "VpcId");
                with(
                    acl,
                    json!({
                        "VpcId": vpc, "RegionId": self.region_of_vpc(vpc), "Status": "Available",
                        "IngressAclEntries": {"IngressAclEntry": entries(acl, "IngressAclEntries")},
                        "EgressAclEntries": {"EgressAclEntry": entries(acl, "EgressAclEntries")},
                    }),
                )
            })
            .collect()
    }

    fn peerings(&self) -> Vec<Value> {
        self.list("VpcPeers")
            .map(|peer| {
                let (one, other) = (text(peer, "VpcId"), text(peer, "AcceptingVpcId"));
                json!({
                    "InstanceId": peer["InstanceId"], "Status": peer["Status"], "BizStatus": "Normal",
                    "RegionId": self.region_of_vpc(one), "AcceptingRegionId": self.region_of_vpc(other),
                    "OwnerId": 1_000_000_000_000_001_u64, "AcceptingOwnerUid": 1_000_000_000_000_001_u64,
                    "Vpc": {"VpcId": one}, "AcceptingVpc": {"VpcId": other},
                })
            })
            .collect()
    }

    fn routers(&self) -> Vec<Value> {
        self.list("TransitRouters")
            .map(|router| {
                let id = &router["TransitRouterId"];
                let of_router = |kind: &'static str| {
                    self.list("TransitRouterAttachments")
                        .filter(move |one| one["TransitRouterId"] == *id && one["ResourceType"] == kind)
                };
                let tables = self.list("TransitRouterRouteTables").filter(|table| table["TransitRouterId"] == *id);
                with(
                    router,
                    json!({
                        "RegionId": region(text(router, "RegionId")),
                        "AliUid": 1_000_000_000_000_001_u64,
                        "VpcAttachments": of_router("VPC").map(vpc_attachment).collect::<Vec<_>>(),
                        "PeerAttachments": of_router("TR").map(|one| self.peer_attachment(one)).collect::<Vec<_>>(),
                        "RouteTables": tables.map(|table| self.router_table(table)).collect::<Vec<_>>(),
                    }),
                )
            })
            .collect()
    }

    fn peer_attachment(&self, one: &Value) -> Value {
        let peer = &one["PeerTransitRouterId"];
        let there = self.list("TransitRouters").find(|router| router["TransitRouterId"] == *peer).unwrap();
        json!({
            "TransitRouterAttachmentId": one["TransitRouterAttachmentId"], "Status": one["Status"], "PeerTransitRouterId": peer,
            "PeerTransitRouterRegionId": region(text(there, "RegionId")), "Bandwidth": 5,
        })
    }

    fn router_table(&self, table: &Value) -> Value {
        let id = &table["TransitRouterRouteTableId"];
        let of_table =
            |list: &str| self.list(list).filter(|one| one["TransitRouterRouteTableId"] == *id).map(Clone::clone);
        let kind = |attachment: &Value| {
            let named = |one: &&Value| one["TransitRouterAttachmentId"] == *attachment;
            self.list("TransitRouterAttachments").find(named).map(|one| one["ResourceType"].clone())
        };
        let associations = of_table("TransitRouterRouteTableAssociations")
            .map(|one| with(&one, json!({"ResourceType": kind(&one["TransitRouterAttachmentId"])})));
        let entries = of_table("TransitRouterRouteEntries").enumerate().map(|(number, entry)| {
            let hop = &entry["TransitRouterRouteEntryNextHopId"];
            let kind = kind(hop).unwrap_or_else(|| "".into());
            with(
                &entry,
                json!({
                    "TransitRouterRouteEntryId": format!("rte-tr-{number}"),
                    "TransitRouterRouteEntryNextHopId": hop.as_str().unwrap_or_default(),
                    "TransitRouterRouteEntryNextHopResourceType": kind,
                }),
            )
        });
        with(
            table,
            json!({"Associations": associations.collect::<Vec<_>>(), "RouteEntries": entries.collect::<Vec<_>>()}),
        )
    }

    fn cens(&self) -> Vec<Value> {
        let basic = self.list("CenChildInstances").map(|child| text(child, "CenId"));
        let mut ids: Vec<&str> = basic.chain(self.list("TransitRouters").map(|router| text(router, "CenId"))).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .map(|id| {
                let children = self.list("CenChildInstances").filter(|child| child["CenId"] == id).map(|child| {
                    let here = region(text(child, "ChildInstanceRegionId"));
                    with(
                        child,
                        json!({"ChildInstanceRegionId": here, "ChildInstanceOwnerId": 1_000_000_000_000_001_u64}),
                    )
                });
                let limits =
                    self.list("CenInterRegionBandwidthLimits").filter(|limit| limit["CenId"] == id).map(|limit| {
                        let at = |field: &str| region(text(limit, field));
                        with(
                            limit,
                            json!({"LocalRegionId": at("LocalRegionId"), "OppositeRegionId": at("OppositeRegionId"),
                        "BandwidthPackageId": "cenbwp-1"}),
                        )
                    });
                json!({
                    "CenId": id, "Status": "Active",
                    "ChildInstances": {"ChildInstance": children.collect::<Vec<_>>()},
                    "CenInterRegionBandwidthLimits": {"CenInterRegionBandwidthLimit": limits.collect::<Vec<_>>()},
                })
            })
            .collect()
    }

    fn route_maps(&self) -> Vec<Value> {
        self.list("CenRouteMaps")
            .map(|map| {
                with(map, json!({
                    "CenRegionId": self.region_of_vpc(self.mesh_vpc()), "TransmitDirection": "RegionIn",
                    "SourceInstanceIds": {"SourceInstanceId": map.get("SourceInstanceIds").unwrap_or(&json!([]))},
                    "DestinationInstanceIds": {"DestinationInstanceId": map.get("DestinationInstanceIds").unwrap_or(&json!([]))},
                    "DestinationCidrBlocks": {"DestinationCidrBlock": map.get("DestinationCidrBlocks").unwrap_or(&json!([]))},
                }))
            })
            .collect()
    }

    fn endpoints(&self) -> Vec<Value> {
        self.list("VpcEndpoints")
            .map(|one| {
                with(one, json!({"EndpointType": "Interface", "RegionId": self.region_of_vpc(text(one, "VpcId"))}))
            })
            .collect()
    }

    /// A service of the mesh's VPC stands in front of the pilot's own balancer.
    fn services(&self) -> Vec<Value> {
        self.list("VpcEndpointServices")
            .map(|service| {
                let ours = service["VpcId"] == *self.mesh_vpc();
                let (balancer, address) =
                    if ours { (PILOT, text(self.mesh, "PrivateIp")) } else { ("lb-other", "10.9.0.8") };
                with(service, json!({
                    "VpcId": null, "TargetIp": null, "Ports": null, "RegionId": self.region_of_vpc(self.mesh_vpc()),
                    "ServiceResourceType": "slb",
                    "Resources": [{"ResourceId": balancer, "ResourceType": "slb", "ZoneId": "a", "VpcId": service["VpcId"], "Ip": address}],
                }))
            })
            .collect()
    }

    fn balancers(&self) -> Vec<Value> {
        let here = self.region_of_vpc(self.mesh_vpc());
        let one = |id: &str, vpc: &str, address: &str| {
            json!({"LoadBalancerId": id, "RegionId": here, "Address": address, "AddressType": "intranet", "AddressIPVersion": "ipv4",
                "LoadBalancerStatus": "active", "VpcId": vpc})
        };
        vec![one(PILOT, self.mesh_vpc(), text(self.mesh, "PrivateIp")), one("lb-other", "vpc-z", "10.9.0.8")]
    }

    /// The ports of a service are those of the balancer behind it.
    fn listeners(&self) -> Vec<Value> {
        let exposed = self.list("VpcEndpointServices").find_map(|service| service["Ports"].as_array().cloned());
        let ports = exposed.unwrap_or_else(|| vec![self.mesh["Port"].clone()]);
        let one = |balancer: &str, port: &Value| json!({"LoadBalancerId": balancer, "ListenerPort": port, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off"});
        ports.iter().map(|port| one(PILOT, port)).chain([one("lb-other", &self.mesh["Port"])]).collect()
    }

    fn faults(&self) -> Vec<Value> {
        let mut faults: Vec<Value> = self
            .list("Unavailable")
            .map(|refusal| refusing(text(refusal, "Action"), text(refusal, "ResourceId")))
            .collect();
        let known = |id: &str| self.list("SecurityGroups").any(|group| group["SecurityGroupId"] == id);
        let groups = [self.mesh, self.plane].map(Self::group_of);
        for id in groups.into_iter().filter(|id| !id.is_empty() && !known(id)) {
            faults.push(refusing("DescribeSecurityGroupAttribute", id));
        }
        if !self.mesh["PrivateIp"].is_string() {
            // Whoever could read the balancer would know its address.
            faults.push(refusing("DescribeLoadBalancers", "*"));
        }
        faults
    }
}

fn next_hop(hop: &Value) -> Value {
    // Saved topologies and the API have two words for it.
    let kind = if hop["NextHopType"] == "Cen" { json!("CenBasic") } else { hop["NextHopType"].clone() };
    with(hop, json!({"NextHopType": kind}))
}

fn vpc_attachment(one: &Value) -> Value {
    let zones: Vec<Value> =
        items(one, "VSwitchIds").map(|switch| json!({"VSwitchId": switch, "ZoneId": "a"})).collect();
    json!({"TransitRouterAttachmentId": one["TransitRouterAttachmentId"], "VpcId": one["VpcId"], "Status": one["Status"], "ZoneMappings": zones})
}

/// A fault that denies one object, or all, of an operation for good.
fn refusing(action: &str, id: &str) -> Value {
    let parameter = match action {
        "DescribeRouteEntryList" => "RouteTableId",
        "ListVpcPeerConnections" => "InstanceId",
        "ListTransitRouterRouteEntries" => "TransitRouterRouteTableId",
        "ListVpcEndpoints" => "VpcId",
        "ListVpcEndpointServices" => "ServiceId",
        "DescribeSecurityGroupAttribute" => "SecurityGroupId",
        "DescribeLoadBalancers" => "LoadBalancerId",
        other => panic!("nobody said what {other} is asked for by"),
    };
    let matched = if id == "*" { json!({}) } else { json!({parameter: id}) };
    json!({"action": action, "region_id": "*", "account_id": "*", "match": matched, "kind": "deny", "times": 0})
}
