//! Meshes, clusters, security groups, load balancers and members of a resource directory.

use super::{FilterForm, Kind, Spec, commas, filter, numbered, one, tags};

pub(super) static MESH: Spec = Spec::new("servicemesh", "meshes", "ServiceMeshInfo.ServiceMeshId")
    // The list shows neither EIP ids nor anything of a canary control plane.
    .list_hides(&[
        "Endpoints.PublicCanaryPilotEndpoint",
        "Endpoints.IntranetCanaryPilotEndpoint",
        "Spec.LoadBalancer.PilotPublicEipId",
        "Spec.LoadBalancer.ApiServerPublicEipId",
        "Spec.LoadBalancer.CanaryPilotPublicEipId",
        "Spec.LoadBalancer.CanaryPilotLoadBalancerId",
        "Spec.MeshConfig.AccessLog",
        "Spec.MeshConfig.Audit",
        "Spec.MeshConfig.ControlPlaneLogInfo",
        "Spec.MeshConfig.K8sNewAPIsSupport",
        "Spec.MeshConfig.Kiali",
    ])
    .detail_hides(&["Tag", "Upgradable", "Endpoints.ReverseTunnelEndpoint"])
    .filters(&[one("ServiceMeshId", &["ServiceMeshInfo.ServiceMeshId"]), tags(&["Tag"])]);

pub(super) static CLUSTER: Spec = Spec::new("cs", "clusters", "cluster_id")
    .in_region("region_id")
    .placed_by(Kind::Vpc, "vpc_id")
    .list_hides(&[
        "parameters",
        "control_plane_config",
        "control_plane_endpoints_config",
        "extra_sans",
        "rrsa_config",
        "auto_mode",
        "node_cidr_mask",
    ])
    .detail_hides(&[])
    .filters(&[
        one("cluster_id", &["cluster_id"]),
        one("name", &["name"]),
        one("cluster_type", &["cluster_type"]),
        one("cluster_spec", &["cluster_spec"]),
        one("profile", &["profile"]),
    ]);

pub(super) static SECURITY_GROUP: Spec = Spec::new("ecs", "security_groups", "SecurityGroupId")
    .in_hidden_region()
    .placed_by(Kind::Vpc, "VpcId")
    .list_hides(&["InnerAccessPolicy", "SnapshotPolicyIds"])
    // The attribute call does not say which type the group is.
    .detail_hides(&[
        "SecurityGroupType",
        "ServiceManaged",
        "ServiceID",
        "EcsCount",
        "RuleCount",
        "GroupToGroupRuleCount",
        "ResourceGroupId",
        "AvailableInstanceAmount",
        "CreationTime",
        "Tags",
    ])
    .children("Permissions.Permission")
    .filters(&[
        filter("SecurityGroupIds", FilterForm::JsonList(100), &["SecurityGroupId"]),
        one("SecurityGroupId", &["SecurityGroupId"]),
        one("SecurityGroupName", &["SecurityGroupName"]),
        one("VpcId", &["VpcId"]),
        one("SecurityGroupType", &["SecurityGroupType"]),
        one("ServiceManaged", &["ServiceManaged"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static PREFIX_LIST: Spec = Spec::new("ecs", "prefix_lists", "PrefixListId")
    .in_hidden_region()
    .detail_hides(&["AssociationCount", "ResourceGroupId", "Tags"])
    .children("Entries.Entry")
    .filters(&[
        numbered("PrefixListId", 100, &["PrefixListId"]),
        one("PrefixListName", &["PrefixListName"]),
        one("AddressFamily", &["AddressFamily"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static PORT_RANGE_LIST: Spec =
    Spec::new("ecs", "port_range_lists", "PortRangeListId").in_hidden_region().children("Entries").filters(&[
        numbered("PortRangeListId", 100, &["PortRangeListId"]),
        one("PortRangeListName", &["PortRangeListName"]),
        tags(&["Tags"]),
    ]);

pub(super) static NETWORK_INTERFACE: Spec = Spec::new("ecs", "network_interfaces", "NetworkInterfaceId")
    .in_hidden_region()
    .placed_by(Kind::Vpc, "VpcId")
    .filters(&[
        numbered("NetworkInterfaceId", 100, &["NetworkInterfaceId"]),
        one("VpcId", &["VpcId"]),
        one("VSwitchId", &["VSwitchId"]),
        one("InstanceId", &["InstanceId"]),
        one("Type", &["Type"]),
        one("ServiceManaged", &["ServiceManaged"]),
        one("PrimaryIpAddress", &["PrivateIpAddress"]),
        numbered("PrivateIpAddress", 100, &["PrivateIpAddress", "PrivateIpSets.PrivateIpSet.PrivateIpAddress"]),
        numbered("Ipv6Address", 100, &["Ipv6Sets.Ipv6Set.Ipv6Address"]),
        // The operation applies it to secondary interfaces only; see operation/ecs.rs.
        one("SecurityGroupId", &["SecurityGroupIds.SecurityGroupId"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static INSTANCE: Spec = Spec::new("ecs", "instances", "InstanceId")
    .in_region("RegionId")
    .placed_by(Kind::Vpc, "VpcAttributes.VpcId")
    .filters(&[
        filter("InstanceIds", FilterForm::JsonList(100), &["InstanceId"]),
        one("VpcId", &["VpcAttributes.VpcId"]),
        one("VSwitchId", &["VpcAttributes.VSwitchId"]),
        one("Status", &["Status"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static CLB: Spec = Spec::new("slb", "load_balancers", "LoadBalancerId")
    .in_region("RegionId")
    .placed_by(Kind::Vpc, "VpcId")
    .list_hides(&[
        "BackendServers",
        "ListenerPorts",
        "ListenerPortsAndProtocol",
        "ListenerPortsAndProtocal",
        "AutoReleaseTime",
        "EndTime",
        "EndTimeStamp",
    ])
    .detail_hides(&[])
    .filters(&[
        commas("LoadBalancerId", 10, &["LoadBalancerId"]),
        one("LoadBalancerName", &["LoadBalancerName"]),
        one("Address", &["Address"]),
        one("AddressType", &["AddressType"]),
        one("AddressIPVersion", &["AddressIPVersion"]),
        one("NetworkType", &["NetworkType"]),
        one("LoadBalancerStatus", &["LoadBalancerStatus"]),
        one("VpcId", &["VpcId"]),
        one("VSwitchId", &["VSwitchId"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static CLB_LISTENER: Spec =
    Spec::new("slb", "listeners", "").in_hidden_region().placed_by(Kind::Clb, "LoadBalancerId").filters(&[
        numbered("LoadBalancerId", 10, &["LoadBalancerId"]),
        one("ListenerProtocol", &["ListenerProtocol"]),
        one("ListenerPort", &["ListenerPort"]),
        one("AclId", &["AclId", "AclIds"]),
        tags(&["Tags"]),
    ]);

pub(super) static ACL: Spec = Spec::new("slb", "acls", "AclId")
    .in_hidden_region()
    .list_hides(&["RelatedListeners"])
    .detail_hides(&[])
    .children("AclEntrys.AclEntry")
    .filters(&[
        one("AclId", &["AclId"]),
        one("AclName", &["AclName"]),
        one("AddressIPVersion", &["AddressIPVersion"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static NLB: Spec = Spec::new("nlb", "load_balancers", "LoadBalancerId")
    .in_region("RegionId")
    .placed_by(Kind::Vpc, "VpcId")
    .list_hides(&["Cps"])
    .detail_hides(&[])
    .filters(&[
        numbered("LoadBalancerIds", 20, &["LoadBalancerId"]),
        numbered("LoadBalancerNames", 20, &["LoadBalancerName"]),
        numbered("VpcIds", 10, &["VpcId"]),
        one("AddressType", &["AddressType"]),
        one("AddressIpVersion", &["AddressIpVersion"]),
        one("Ipv6AddressType", &["Ipv6AddressType"]),
        one("DNSName", &["DNSName"]),
        one("LoadBalancerStatus", &["LoadBalancerStatus"]),
        tags(&["Tags"]),
    ]);

pub(super) static NLB_LISTENER: Spec = Spec::new("nlb", "listeners", "ListenerId")
    .in_region("RegionId")
    .placed_by(Kind::Nlb, "LoadBalancerId")
    .filters(&[
        numbered("LoadBalancerIds", 20, &["LoadBalancerId"]),
        numbered("ListenerIds", 20, &["ListenerId"]),
        one("ListenerProtocol", &["ListenerProtocol"]),
        tags(&["Tags"]),
    ]);

pub(super) static MEMBER: Spec =
    Spec::new("resourcedirectory", "accounts", "AccountId").filters(&[tags(&["Tags.Tag"])]);

/// The parameters are the words of `LookupAttribute.1.Key`, and the time.
pub(super) static AUDIT_EVENT: Spec = Spec::new("actiontrail", "events", "eventId").in_region("acsRegion").filters(&[
    one("EventId", &["eventId"]),
    one("EventName", &["eventName"]),
    one("EventRW", &["eventRW"]),
    one("ServiceName", &["serviceName"]),
    one("User", &["userIdentity.userName"]),
    one("EventAccessKeyId", &["userIdentity.accessKeyId"]),
    one("ResourceType", &["resourceType"]),
    one("ResourceName", &["resourceName"]),
    one("EventTime", &["eventTime"]),
]);
