"""Drives the simulated cloud through the vendor's official SDK.

    conformance.py URL WORLD.json

Every reply must be understood by the SDK whole: what its models make of a reply, written out again,
must be the reply, and every value must have the type that the model declares. On top of that come
the values of WORLD.json, the paging, and the errors. The SDK computes the hosts itself and reaches
the simulated cloud as an HTTP proxy, so the endpoint table is checked too.
"""

import importlib
import json
import re

from sdk import KEY, PACKAGES, WORLD, Cloud, assert_same, ids, refused, run


def sts_identities():
    cloud = Cloud()
    me = cloud.call("sts", "get_caller_identity")
    assert (me["AccountId"], me["IdentityType"]) == ("1000000000000001", "RAMUser")
    role = "acs:ram::1000000000000002:role/portcullis-audit"
    reply = cloud.call("sts", "assume_role", role_arn=role, role_session_name="test", duration_seconds=900)
    assert reply["AssumedRoleUser"]["Arn"] == "acs:ram::1000000000000002:assumed-role/portcullis-audit/test"
    credentials = reply["Credentials"]
    key = {"access_key_id": credentials["AccessKeyId"], "access_key_secret": credentials["AccessKeySecret"]}
    token = credentials["SecurityToken"]
    them = Cloud(key=key, token=token).call("sts", "get_caller_identity")
    assert (them["AccountId"], them["IdentityType"]) == ("1000000000000002", "AssumedRoleUser")
    anonymous = cloud.call(
        "sts", "assume_role_with_oidc", role_arn=role, role_session_name="test", oidctoken="a.b.c",
        oidcprovider_arn="acs:ram::1000000000000001:oidc-provider/ack",
    )
    assert anonymous["Credentials"]["SecurityToken"]
    refused("EntityNotExist.Role", cloud.call, "sts", "assume_role", role_arn=role + "x", role_session_name="test")
    refused("InvalidParameter.RoleSessionName", cloud.call, "sts", "assume_role", role_arn=role, role_session_name="a b")
    refused("InvalidSecurityToken.Malformed", Cloud(key=key, token="other").call, "sts", "get_caller_identity")
    refused("InvalidSecurityToken.MismatchWithAccessKey", Cloud(token=token).call, "sts", "get_caller_identity")


def bad_keys_are_refused():
    for cloud in (Cloud(direct=True), Cloud()):
        cloud.key = KEY | {"access_key_secret": "wrong"}
        for product, method, arguments in (
            ("vpc", "describe_vpcs", {"region_id": "cn-hangzhou"}),
            ("servicemesh", "describe_service_meshes", {}),
            ("cs", "describe_clusters_v1", {"region_id": "cn-hangzhou"}),
        ):
            refused("SignatureDoesNotMatch", cloud.call, product, method, **arguments)
    unknown = Cloud(key={"access_key_id": "nobody", "access_key_secret": "x"})
    refused("InvalidAccessKeyId.NotFound", unknown.call, "sts", "get_caller_identity")


def meshes():
    cloud = Cloud()
    listed = {mesh["ServiceMeshInfo"]["ServiceMeshId"]: mesh for mesh in cloud.call("servicemesh", "describe_service_meshes")["ServiceMeshes"]}
    assert sorted(listed) == ["cmesh1", "cmesh2"]
    one = listed["cmesh1"]
    assert one["Tag"] == [{"Key": "env", "Value": "prod"}]
    assert one["Endpoints"] == {"PublicPilotEndpoint": "203.0.113.7:15011", "IntranetPilotEndpoint": "10.0.0.5:15011", "ReverseTunnelEndpoint": "tunnel"}
    assert one["Spec"]["LoadBalancer"] == {"PilotPublicEip": True, "PilotPublicLoadbalancerId": "lb-1"}
    detail = cloud.call("servicemesh", "describe_service_mesh_detail", service_mesh_id="cmesh1")["ServiceMesh"]
    assert detail["Endpoints"]["PublicCanaryPilotEndpoint"] == "203.0.113.8:15011"
    assert detail["Spec"]["LoadBalancer"]["CanaryPilotPublicEipId"] == "eip-2"
    assert detail["Spec"]["LoadBalancer"]["CanaryPilotLoadBalancerId"] == "lb-2"
    assert detail["Spec"]["MeshConfig"]["Audit"]["Enabled"] is True
    assert "Tag" not in detail
    clusters = cloud.call("servicemesh", "describe_clusters_in_service_mesh", service_mesh_id="cmesh1")["Clusters"]
    assert ids(clusters, "ClusterId") == ["c1"]
    assert cloud.call("servicemesh", "describe_cens", service_mesh_id="cmesh1")["Clusters"] == ["c2"]
    candidates = cloud.call("servicemesh", "describe_service_mesh_clusters", service_mesh_id="cmesh1", limit=1, offset=1)
    assert candidates["NumberOfClusters"] == 2
    assert [(one["ClusterId"], one["ForbiddenFlag"]) for one in candidates["Clusters"]] == [("c3", 2)]
    full = cloud.call("servicemesh", "describe_service_mesh_additional_status", service_mesh_id="cmesh1", check_mode="full")["ClusterStatus"]
    assert (full["PilotEIPStatus"], full["CanaryPilotEIPStatus"]) == ("exist", "exist")
    normal = cloud.call("servicemesh", "describe_service_mesh_additional_status", service_mesh_id="cmesh2")["ClusterStatus"]
    assert normal["PilotLoadBalancerStatus"]["Reused"] is True
    proxies = cloud.call("servicemesh", "describe_service_mesh_proxy_status", service_mesh_id="cmesh1")
    assert (proxies["Code"], proxies["Success"], ids(proxies["ProxyStatus"], "ProxyId")) == ("200", "true", ["p1"])
    assert cloud.call("servicemesh", "describe_metadata")["MetaData"]["Regions"] == ["cn-hangzhou", "eu-central-1"]
    free = cloud.call("servicemesh", "describe_eip_resources", service_mesh_id="cmesh1", page_num=1, page_size=5)
    assert ids(free["EipList"], "AllocationId") == ["eip-3"]
    assert free["PageResult"] == {"PageNumber": 1, "PageSize": 5, "TotalCount": 1}
    refused("ServiceMesh.NotFound", cloud.call, "servicemesh", "describe_service_mesh_detail", service_mesh_id="nobody")
    refused("MissingParameter", cloud.call, "servicemesh", "describe_service_mesh_detail")


def container_clusters():
    cloud = Cloud()
    page = cloud.call("cs", "describe_clusters_v1", region_id="cn-hangzhou", page_number=2, page_size=1)
    assert ids(page["clusters"], "cluster_id") == ["c2"]
    assert page["page_info"] == {"page_number": 2, "page_size": 1, "total_count": 2}
    one = cloud.call("cs", "describe_clusters_v1", cluster_id="c1")["clusters"][0]
    assert json.loads(one["master_url"])["api_server_endpoint"] == "https://203.0.113.9:6443"
    assert "control_plane_endpoints_config" not in one
    by_region = cloud.call("cs", "describe_clusters_for_region", "cn-hangzhou")["clusters"]
    assert ids(by_region, "cluster_id") == ["c1", "c2"] and "master_url" not in by_region[0]
    detail = cloud.call("cs", "describe_cluster_detail", "c1")
    balancers = detail["control_plane_endpoints_config"]["load_balancers_config"]
    assert ids(balancers, "load_balancer_id") == ["nlb-1"]
    assert ids(cloud.call("cs", "describe_cluster_resources", "c1"), "instance_id") == ["lb-1"]
    with_addons = cloud.call("cs", "describe_cluster_resources", "c1", with_addon_resources=True)
    assert ids(with_addons, "instance_id") == ["lb-1", "lb-9"]
    assert ids(cloud.call("cs", "describe_regions")["regions"], "regionId") == ["cn-hangzhou", "eu-central-1"]
    assert cloud.call("cs", "describe_task_info", "T-1")["state"] == "success"
    assert ids(cloud.call("cs", "describe_cluster_tasks", "c1")["tasks"], "task_id") == ["T-1"]
    audit = cloud.call("cs", "get_cluster_audit_project", "c1")
    assert (audit["audit_enabled"], audit["sls_project_name"]) == (True, "k8s-log-c1")
    assert cloud.call("cs", "check_control_plane_log_enable", "c1")["components"] == ["apiserver"]
    refused("ErrorClusterNotFound", cloud.call, "cs", "describe_cluster_detail", "nobody")
    refused("ErrorClusterNotFound", cloud.call, "cs", "describe_cluster_detail", "c3")
    assert Cloud("eu-central-1").call("cs", "describe_cluster_detail", "c3")["state"] == "waiting"


def security_groups():
    cloud, region = Cloud(), {"region_id": "cn-hangzhou"}
    regions = cloud.call("ecs", "describe_regions")["Regions"]["Region"]
    assert regions[0]["RegionEndpoint"] == "ecs-cn-hangzhou.aliyuncs.com"
    first = cloud.call("ecs", "describe_security_groups", max_results=1, **region)
    assert "TotalCount" not in first and first["NextToken"]
    second = cloud.call("ecs", "describe_security_groups", max_results=1, next_token=first["NextToken"], **region)
    groups = [reply["SecurityGroups"]["SecurityGroup"][0] for reply in (first, second)]
    assert ids(groups, "SecurityGroupId") == ["sg-1", "sg-2"] and second["NextToken"] == ""
    assert groups[0]["SecurityGroupType"] == "enterprise" and groups[0]["ServiceManaged"] is True
    by_number = cloud.call("ecs", "describe_security_groups", page_number=1, page_size=10, **region)
    assert by_number["TotalCount"] == 2
    by_id = cloud.call("ecs", "describe_security_groups", security_group_ids='["sg-2","sg-9"]', max_results=100, **region)
    assert ids(by_id["SecurityGroups"]["SecurityGroup"], "SecurityGroupId") == ["sg-2"]
    one = cloud.call("ecs", "describe_security_group_attribute", security_group_id="sg-1", direction="ingress", **region)
    assert (one["InnerAccessPolicy"], one["VpcId"], "SecurityGroupType" in one) == ("Drop", "vpc-1", False)
    assert ids(one["Permissions"]["Permission"], "SecurityGroupRuleId") == ["sgr-1", "sgr-3"]
    everything = cloud.call("ecs", "describe_security_group_attribute", security_group_id="sg-1", **region)
    assert ids(everything["Permissions"]["Permission"], "SecurityGroupRuleId") == ["sgr-1", "sgr-2", "sgr-3"]
    lists = cloud.call("ecs", "describe_prefix_lists", prefix_list_id=["pl-1"], **region)["PrefixLists"]["PrefixList"]
    assert ids(lists, "PrefixListName") == ["offices"]
    entries = cloud.call("ecs", "describe_prefix_list_attributes", prefix_list_id="pl-1", **region)["Entries"]["Entry"]
    assert ids(entries, "Cidr") == ["203.0.113.0/24"]
    ports = cloud.call("ecs", "describe_port_range_lists", max_results=100, **region)["PortRangeLists"]
    assert ids(ports, "PortRangeListId") == ["prl-1"]
    entries = cloud.call("ecs", "describe_port_range_list_entries", port_range_list_id="prl-1", **region)["Entries"]
    assert ids(entries, "PortRange") == ["1/2"]

    def interfaces(**filters):
        reply = cloud.call("ecs", "describe_network_interfaces", max_results=10, **region, **filters)
        return ids(reply["NetworkInterfaceSets"]["NetworkInterfaceSet"], "NetworkInterfaceId")

    assert interfaces() == ["eni-1", "eni-2"]
    instances = cloud.call("ecs", "describe_instances", vpc_id="vpc-1", max_results=100, **region)
    assert instances["Instances"]["Instance"] == []
    assert interfaces(private_ip_address=["10.0.0.5"]) == ["eni-1"]
    assert interfaces(security_group_id="sg-1") == ["eni-1"]
    assert interfaces(type="Primary") == ["eni-2"]
    refused("InvalidSecurityGroupId.NotFound", cloud.call, "ecs", "describe_security_group_attribute", security_group_id="sg-3", **region)
    refused("InvalidPrefixListId.NotFound", cloud.call, "ecs", "describe_prefix_list_attributes", prefix_list_id="pl-9", **region)
    refused("InvalidParameter.MaxResults", cloud.call, "ecs", "describe_security_groups", max_results=101, **region)
    refused("MissingParameter", cloud.call, "ecs", "describe_security_groups")
    refused("InvalidRegionId.NotFound", Cloud("mars-1").call, "ecs", "describe_security_groups", region_id="mars-1")


def networks():
    cloud, region = Cloud(), {"region_id": "cn-hangzhou"}

    def eips(**filters):
        reply = cloud.call("vpc", "describe_eip_addresses", page_number=1, page_size=100, **region, **filters)
        return ids(reply["EipAddresses"]["EipAddress"], "AllocationId")

    assert eips() == ["eip-1", "eip-2", "eip-3"]
    assert eips(associated_instance_id="lb-2", associated_instance_type="SlbInstance") == ["eip-2"]
    assert eips(allocation_id="eip-1,eip-3,eip-4") == ["eip-1", "eip-3"]
    assert eips(eip_address="203.0.113.8") == ["eip-2"]
    assert eips(status="Available") == ["eip-3"]
    assert eips(service_managed=True) == ["eip-1"]
    usual = cloud.call("vpc", "describe_eip_addresses", **region)
    assert (usual["PageNumber"], usual["PageSize"], usual["TotalCount"]) == (1, 10, 3)
    vpcs = cloud.call("vpc", "describe_vpcs", page_size=50, **region)["Vpcs"]["Vpc"]
    assert vpcs[0]["SecondaryCidrBlocks"]["SecondaryCidrBlock"] == ["10.1.0.0/16"]
    assert vpcs[0]["OwnerId"] == 1000000000000001
    switches = cloud.call("vpc", "describe_vswitches", vpc_id="vpc-1", **region)["VSwitches"]["VSwitch"]
    assert switches[0]["RouteTable"]["RouteTableId"] == "vtb-1"
    refused("InvalidParameter.PageSize", cloud.call, "vpc", "describe_eip_addresses", page_size=101, **region)
    refused("InvalidParameter.PageSize", cloud.call, "vpc", "describe_vpcs", page_size=51, **region)


def routes_and_gateways():
    cloud, region = Cloud(), {"region_id": "cn-hangzhou"}

    def listed(method, wrapper, inner, **fields):
        return cloud.call("vpc", method, **region, **fields)[wrapper][inner]

    tables = listed("describe_route_table_list", "RouterTableList", "RouterTableListType", page_number=1, page_size=50, vpc_id="vpc-1")
    assert ids(tables, "RouteTableId") == ["vtb-1", "vtb-2"] and tables[0]["VSwitchIds"]["VSwitchId"] == ["vsw-1"]
    assert "RouteEntrys" not in tables[0]
    assert ids(listed("describe_route_table_list", "RouterTableList", "RouterTableListType", route_table_type="Custom"), "RouteTableId") == ["vtb-2"]
    first = cloud.call("vpc", "describe_route_entry_list", route_table_id="vtb-1", max_result=2, **region)
    second = cloud.call("vpc", "describe_route_entry_list", route_table_id="vtb-1", max_result=2, next_token=first["NextToken"], **region)
    entries = first["RouteEntrys"]["RouteEntry"] + second["RouteEntrys"]["RouteEntry"]
    assert (ids(entries, "RouteEntryId"), first["TotalCount"], second["NextToken"]) == (["rte-1", "rte-2", "rte-3"], 3, "")
    assert entries[1]["NextHops"]["NextHop"][0]["NextHopRelatedInfo"]["InstanceId"] == "vpc-1"
    assert [hop["Enabled"] for hop in entries[2]["NextHops"]["NextHop"]] == [1, 0]
    custom = cloud.call("vpc", "describe_route_entry_list", route_table_id="vtb-1", route_entry_type="Custom", **region)
    assert custom["TotalCount"] == 2
    empty = cloud.call("vpc", "describe_route_entry_list", route_table_id="vtb-2", **region)
    assert (empty["RouteEntrys"]["RouteEntry"], empty["NextToken"]) == ([], "")
    refused("InvalidParameter.MaxResult", cloud.call, "vpc", "describe_route_entry_list", route_table_id="vtb-1", max_result=101, **region)
    refused("InvalidRouteTableId.NotFound", cloud.call, "vpc", "describe_route_entry_list", route_table_id="vtb-9", **region)
    refused("MissingParameter", cloud.call, "vpc", "describe_route_entry_list", **region)

    gateways = listed("describe_nat_gateways", "NatGateways", "NatGateway", vpc_id="vpc-1")
    assert gateways[0]["IpLists"]["IpList"][0]["IpAddress"] == "203.0.113.10"
    entries = listed("describe_snat_table_entries", "SnatTableEntries", "SnatTableEntry", snat_table_id="stb-1")
    assert entries == listed("describe_snat_table_entries", "SnatTableEntries", "SnatTableEntry", nat_gateway_id="ngw-1")
    assert ids(entries, "SnatIp") == ["203.0.113.10,203.0.113.12"]
    refused("MissingParameter", cloud.call, "vpc", "describe_snat_table_entries", **region)
    forwards = listed("describe_forward_table_entries", "ForwardTableEntries", "ForwardTableEntry", forward_table_id="ftb-1")
    assert ids(forwards, "InternalPort") == ["6443"]

    assert ids(listed("describe_vpn_gateways", "VpnGateways", "VpnGateway", vpc_id="vpc-1"), "SslVpn") == ["disable"]
    connections = listed("describe_vpn_connections", "VpnConnections", "VpnConnection", vpn_gateway_id="vpn-1")
    assert ids(connections, "Status") == ["ipsec_sa_established"]
    assert connections[0]["TunnelOptionsSpecification"]["TunnelOptions"][0]["TunnelId"] == "tun-1"

    module = importlib.import_module(PACKAGES["vpc"] + ".models")
    by_status = module.DescribeRouterInterfacesRequestFilter(key="Status", value=["Active", "Idle"])
    interfaces = listed("describe_router_interfaces", "RouterInterfaceSet", "RouterInterfaceType", filter=[by_status])
    assert ids(interfaces, "OppositeInterfaceId") == ["ri-9"]
    assert len(listed("describe_router_interfaces", "RouterInterfaceSet", "RouterInterfaceType", page_size=50)) == 2
    odd = module.DescribeRouterInterfacesRequestFilter(key="Colour", value=["red"])
    refused("InvalidParameter.Filter.1.Key", cloud.call, "vpc", "describe_router_interfaces", filter=[odd], **region)
    borders = listed("describe_virtual_border_routers", "VirtualBorderRouterSet", "VirtualBorderRouterType")
    assert ids(borders, "VbrId") == ["vbr-1"]

    acls = cloud.call("vpc", "describe_network_acls", vpc_id="vpc-1", page_number=1, page_size=50, **region)
    assert (acls["TotalCount"], acls["PageSize"]) == ("1", "50")
    acl = cloud.call("vpc", "describe_network_acl_attributes", network_acl_id="nacl-1", **region)["NetworkAclAttribute"]
    assert acl == acls["NetworkAcls"]["NetworkAcl"][0]
    assert ids(acl["IngressAclEntries"]["IngressAclEntry"], "Port") == ["15011/15011"]
    refused("InvalidNetworkAcl.NotFound", cloud.call, "vpc", "describe_network_acl_attributes", network_acl_id="nacl-9", **region)
    logs = cloud.call("vpc", "describe_flow_logs", page_number=1, page_size=50, **region)
    assert (logs["TotalCount"], logs["Success"], ids(logs["FlowLogs"]["FlowLog"], "FlowLogId")) == ("1", "true", ["fl-1"])


def peerings():
    cloud = Cloud()
    first = cloud.call("vpcpeer", "list_vpc_peer_connections", region_id="cn-hangzhou", max_results=1)
    second = cloud.call("vpcpeer", "list_vpc_peer_connections", region_id="cn-hangzhou", max_results=1, next_token=first["NextToken"])
    found = first["VpcPeerConnects"] + second["VpcPeerConnects"]
    assert (ids(found, "InstanceId"), first["TotalCount"], second["NextToken"]) == (["pcc-1", "pcc-2"], 2, "")
    other_end = cloud.call("vpcpeer", "list_vpc_peer_connections", region_id="eu-central-1")
    assert ids(other_end["VpcPeerConnects"], "InstanceId") == ["pcc-1"]
    by_vpc = cloud.call("vpcpeer", "list_vpc_peer_connections", vpc_id=["vpc-2", "vpc-7"])
    assert ids(by_vpc["VpcPeerConnects"], "InstanceId") == ["pcc-2"]
    one = cloud.call("vpcpeer", "get_vpc_peer_connection_attribute", instance_id="pcc-1")
    assert (one["AcceptingVpc"]["Ipv4Cidrs"], one["Bandwidth"]) == (["10.9.0.0/16"], -1)
    refused("ResourceNotFound.InstanceId", cloud.call, "vpcpeer", "get_vpc_peer_connection_attribute", instance_id="pcc-9")


def enterprise_networks():
    cloud = Cloud()
    module = importlib.import_module(PACKAGES["cbn"] + ".models")
    by_id = module.DescribeCensRequestFilter(key="CenId", value=["cen-1"])
    cens = cloud.call("cbn", "describe_cens", page_number=1, page_size=50, filter=[by_id])["Cens"]["Cen"]
    assert ids(cens, "CenId") == ["cen-1"] and "ChildInstances" not in cens[0]
    children = cloud.call("cbn", "describe_cen_attached_child_instances", cen_id="cen-1", child_instance_type="VPC")
    assert ids(children["ChildInstances"]["ChildInstance"], "ChildInstanceId") == ["vpc-1"]
    limits = cloud.call("cbn", "describe_cen_inter_region_bandwidth_limits", cen_id="cen-1")
    assert ids(limits["CenInterRegionBandwidthLimits"]["CenInterRegionBandwidthLimit"], "BandwidthLimit") == [5]
    packages = cloud.call("cbn", "describe_cen_bandwidth_packages", page_size=50)
    assert ids(packages["CenBandwidthPackages"]["CenBandwidthPackage"], "Bandwidth") == [5]
    maps = cloud.call("cbn", "describe_cen_route_maps", cen_id="cen-1", cen_region_id="cn-hangzhou")["RouteMaps"]["RouteMap"]
    assert maps[0]["SourceInstanceIds"]["SourceInstanceId"] == ["vpc-1"]
    routers = cloud.call("cbn", "list_transit_routers", cen_id="cen-1", page_size=50)
    assert (ids(routers["TransitRouters"], "TransitRouterId"), routers["TotalCount"]) == (["tr-1", "tr-2"], 2)
    assert "VpcAttachments" not in routers["TransitRouters"][0]
    refused("ParameterCenInstanceId", cloud.call, "cbn", "list_transit_routers", cen_id="cen-9")
    refused("MissingParameter", cloud.call, "cbn", "list_transit_routers")

    def attachments(kind, **fields):
        reply = cloud.call("cbn", f"list_transit_router_{kind}_attachments", max_results=20, **fields)
        return ids(reply["TransitRouterAttachments"], "TransitRouterAttachmentId")

    assert attachments("vpc", transit_router_id="tr-1") == ["tr-attach-1", "tr-attach-2"]
    assert attachments("vpc", cen_id="cen-1", region_id="cn-hangzhou", vpc_id="vpc-1") == ["tr-attach-1"]
    assert attachments("vpc", region_id="eu-central-1") == []
    assert attachments("peer", transit_router_id="tr-1") == attachments("peer", transit_router_id="tr-2") == ["tr-attach-3"]
    assert attachments("vpn", transit_router_id="tr-1") == ["tr-attach-4"]
    assert attachments("vbr", transit_router_id="tr-1") == ["tr-attach-5"]
    refused("MissingParameter", cloud.call, "cbn", "list_transit_router_vpc_attachments")
    first = cloud.call("cbn", "list_transit_router_vpc_attachments", transit_router_id="tr-1", max_results=1)
    assert first["NextToken"] and (first["MaxResults"], first["TotalCount"]) == (1, 2)
    assert first["TransitRouterAttachments"][0]["VpcRegionId"] == "cn-hangzhou"

    tables = cloud.call("cbn", "list_transit_router_route_tables", transit_router_id="tr-1", max_results=100)
    assert ids(tables["TransitRouterRouteTables"], "TransitRouterRouteTableId") == ["vtb-tr-1", "vtb-tr-2"]
    by_table = cloud.call("cbn", "list_transit_router_route_table_associations", transit_router_route_table_id="vtb-tr-1")
    assert ids(by_table["TransitRouterAssociations"], "TransitRouterAttachmentId") == ["tr-attach-1"]
    none = cloud.call("cbn", "list_transit_router_route_table_associations", transit_router_attachment_id="tr-attach-2")
    assert none["TransitRouterAssociations"] == []
    unknown = cloud.call("cbn", "list_transit_router_route_table_associations", transit_router_attachment_id="tr-attach-99")
    assert list(unknown) == ["RequestId"]

    def propagations(**fields):
        reply = cloud.call("cbn", "list_transit_router_route_table_propagations", **fields)
        return ids(reply["TransitRouterPropagations"], "TransitRouterAttachmentId")

    assert propagations(transit_router_route_table_id="vtb-tr-1") == ["tr-attach-1", "tr-attach-5"]
    assert propagations(transit_router_route_table_id="vtb-tr-1", status="Enabling") == ["tr-attach-5"]
    assert propagations(transit_router_route_table_id="vtb-tr-1", transit_router_attachment_resource_id="vpc-1") == ["tr-attach-1"]
    assert propagations(transit_router_route_table_id="vtb-tr-1", transit_router_attachment_resource_type="VBR") == ["tr-attach-5"]
    assert propagations(transit_router_attachment_id="tr-attach-5") == ["tr-attach-5"]
    assert propagations(transit_router_route_table_id="vtb-tr-2") == []
    unknown = cloud.call("cbn", "list_transit_router_route_table_propagations", transit_router_route_table_id="vtb-tr-99")
    assert list(unknown) == ["RequestId"]

    def statuses(**fields):
        reply = cloud.call("cbn", "list_transit_router_route_entries", transit_router_route_table_id="vtb-tr-1", max_results=100, **fields)
        return ids(reply["TransitRouterRouteEntries"], "TransitRouterRouteEntryStatus")

    assert statuses() == ["Active"]
    assert statuses(transit_router_route_entry_status="All") == ["Active", "Rejected"]
    assert statuses(transit_router_route_entry_status="Rejected") == ["Rejected"]


def private_links():
    cloud, region = Cloud(), {"region_id": "cn-hangzhou"}
    endpoints = cloud.call("privatelink", "list_vpc_endpoints", vpc_id="vpc-1", max_results=1000, **region)
    assert (ids(endpoints["Endpoints"], "ConnectionStatus"), endpoints["TotalCount"]) == (["Connected"], 1)
    one = cloud.call("privatelink", "get_vpc_endpoint_attribute", endpoint_id="ep-1", **region)
    assert one["ServiceId"] == "epsrv-1" and "Tags" not in one
    services = cloud.call("privatelink", "list_vpc_endpoint_services", resource_id="lb-1", **region)["Services"]
    assert ids(services, "ServiceId") == ["epsrv-1"] and "Resources" not in services[0]
    assert cloud.call("privatelink", "list_vpc_endpoint_services", resource_id="lb-9", **region)["Services"] == []
    resources = cloud.call("privatelink", "list_vpc_endpoint_service_resources", service_id="epsrv-1", **region)["Resources"]
    assert ids(resources, "ResourceId") == ["lb-1"] and "ServiceId" not in resources[0]
    refused("EndpointNotFound", cloud.call, "privatelink", "get_vpc_endpoint_attribute", endpoint_id="ep-2", **region)
    refused("EndpointServiceNotFound", cloud.call, "privatelink", "list_vpc_endpoint_service_resources", service_id="epsrv-9", **region)
    refused("MissingParameter", cloud.call, "privatelink", "list_vpc_endpoints")


def audit_trail():
    cloud = Cloud()
    module = importlib.import_module(PACKAGES["actiontrail"] + ".models")
    window = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-31T00:00:00Z"}

    def lookup(key, value, **fields):
        condition = module.LookupEventsRequestLookupAttribute(key=key, value=value)
        return cloud.call("actiontrail", "lookup_events", lookup_attribute=[condition], **window, **fields)

    first = lookup("EventName", "ModifyPilotEipResource", max_results="1")
    second = lookup("EventName", "ModifyPilotEipResource", max_results="1", next_token=first["NextToken"])
    assert ids(first["Events"] + second["Events"], "eventId") == ["e-2", "e-1"] and "NextToken" not in second
    forward = lookup("EventRW", "Write", direction="FORWARD")
    assert ids(forward["Events"], "eventId") == ["e-1", "e-2", "e-3"]
    assert cloud.call("actiontrail", "lookup_events")["Events"] == []
    refused("InvalidParameter.NextToken", lookup, "EventName", "Other", max_results="1", next_token=first["NextToken"])
    refused("InvalidParameter.MaxResults", lookup, "EventName", "Other", max_results="51")


def log_service():
    cloud = Cloud()
    document = open("docs/evidence.md", encoding="utf-8").read()
    flows, hours, switch_hours, audits, audit_hours = [text.strip() for text in re.findall(r"```sql\n(.*?)```", document, re.S)]
    module = importlib.import_module(PACKAGES["sls"] + ".models")

    def logs(project, logstore, query, begin=1767300000, end=1767303600):
        request = module.GetLogsV2Request(from_=begin, to=end, query=query)
        client = cloud.client("sls")
        body = client.get_logs_v2(project, logstore, request).body
        assert_same(body.to_map(), client.last_reply["body"], "sls get_logs_v2")
        return body

    found = logs("flow", "vpc-1", flows.replace("{vpc}", "vpc-1").replace("{address}", "203.0.113.7").replace("{ports}", "15011, 15012"))
    assert (found.meta.progress, found.meta.count) == ("Complete", 2)
    assert [(row["source"], row["bytes"]) for row in found.data] == [("192.0.2.1", "300"), ("192.0.2.2", "50")]
    hour = str(1767300000 // 3600)
    of_vpc = logs("flow", "vpc-1", hours.replace("{vpc}", "vpc-1")).data
    assert of_vpc == [{"hour": hour, "first_seen": "1767300000", "last_seen": "1767300300", "skipped": "1"}]
    of_switch = logs("flow", "vpc-1", switch_hours.replace("{vpc}", "vpc-1").replace("{v_switch}", "vsw-1")).data
    assert of_switch == [{"hour": hour, "first_seen": "1767300000", "last_seen": "1767300120", "skipped": "0"}]
    users = logs("k8s-log-c1", "audit-c1", audits).data
    assert [(row["username"], row["requests"]) for row in users] == [("system:anonymous", "1"), ("alice", "3")]
    assert logs("k8s-log-c1", "audit-c1", audits, end=1767300010).data == []
    in_use = logs("k8s-log-c1", "audit-c1", audit_hours).data
    assert in_use == [{"hour": hour, "first_seen": "1767300010", "last_seen": "1767300040"}]
    refused("InvalidQueryString", logs, "flow", "vpc-1", "* | SELECT 1")
    refused("InvalidTimeRange", logs, "flow", "vpc-1", audits, end=0)
    refused("LogStoreNotExist", logs, "flow", "nothing", audits)
    refused("ProjectNotExist", logs, "nobody", "vpc-1", audits)
    cloud.key = KEY | {"access_key_secret": "wrong"}
    cloud.clients.clear()
    refused("SignatureNotMatch", logs, "flow", "vpc-1", audits)


def classic_balancers():
    cloud, region = Cloud(), {"region_id": "cn-hangzhou"}

    def balancers(**filters):
        return ids(cloud.call("slb", "describe_load_balancers", **region, **filters)["LoadBalancers"]["LoadBalancer"], "LoadBalancerId")

    assert balancers() == ["lb-1", "lb-2"]
    assert balancers(address_type="internet") == ["lb-2"]
    assert balancers(load_balancer_id="lb-1,lb-3") == ["lb-1"]
    assert ids(Cloud("eu-central-1").call("slb", "describe_load_balancers", region_id="eu-central-1")["LoadBalancers"]["LoadBalancer"], "LoadBalancerId") == ["lb-3"]
    one = cloud.call("slb", "describe_load_balancer_attribute", load_balancer_id="lb-1", **region)
    assert one["ListenerPorts"]["ListenerPort"] == [6443, 15011]
    assert one["BackendServers"]["BackendServer"][0]["ServerIp"] == "10.0.0.8"
    page = cloud.call("slb", "describe_load_balancer_listeners", load_balancer_id=["lb-1", "lb-2"], max_results=1, **region)
    assert (page["TotalCount"], page["Listeners"][0]["AclIds"], page["Listeners"][0]["TCPListenerConfig"]["ProxyProtocolV2Enabled"]) == (2, ["acl-1"], "true")
    rest = cloud.call("slb", "describe_load_balancer_listeners", load_balancer_id=["lb-1", "lb-2"], max_results=1, next_token=page["NextToken"], **region)
    assert ids(rest["Listeners"], "ListenerPort") == [15011]
    assert "Listeners" not in cloud.call("slb", "describe_load_balancer_listeners", load_balancer_id=["lb-2"], **region)
    listener = cloud.call("slb", "describe_load_balancer_tcplistener_attribute", load_balancer_id="lb-1", listener_port=6443, **region)
    assert (listener["AclIds"], listener["AclStatus"], listener["ProxyProtocolV2Enabled"]) == ({"AclId": ["acl-1"]}, "on", True)
    acls = cloud.call("slb", "describe_access_control_lists", page_number=1, page_size=50, **region)["Acls"]["Acl"]
    assert ids(acls, "AclName") == ["offices"]
    acl = cloud.call("slb", "describe_access_control_list_attribute", acl_id="acl-1", page=2, page_size=2, **region)
    assert acl["TotalAclEntry"] == 3 and ids(acl["AclEntrys"]["AclEntry"], "AclEntryIP") == ["192.0.2.0/24"]
    assert acl["RelatedListeners"]["RelatedListener"] == [{"LoadBalancerId": "lb-1", "ListenerPort": 6443, "Protocol": "tcp", "AclType": "white"}]
    refused("InvalidLoadBalancerId.NotFound", cloud.call, "slb", "describe_load_balancer_attribute", load_balancer_id="lb-3", **region)
    refused("AclNotExist", cloud.call, "slb", "describe_access_control_list_attribute", acl_id="acl-9", **region)
    refused("InvalidParameter.PageSize", cloud.call, "slb", "describe_load_balancers", page_size=10, **region)
    eleven = [f"lb-{number}" for number in range(11)]
    refused("InvalidParameter.LoadBalancerId", cloud.call, "slb", "describe_load_balancers", load_balancer_id=",".join(eleven), **region)
    refused("InvalidParameter.LoadBalancerId", cloud.call, "slb", "describe_load_balancer_listeners", load_balancer_id=eleven, **region)
    refused("MissingParameter", cloud.call, "slb", "describe_load_balancers")


def network_balancers():
    cloud = Cloud()
    listed = cloud.call("nlb", "list_load_balancers", load_balancer_ids=["nlb-1"], region_id="cn-hangzhou", max_results=100)
    assert (listed["TotalCount"], listed["LoadBalancers"][0]["Tags"]) == (1, [{"Key": "env", "Value": "prod"}])
    one = cloud.call("nlb", "get_load_balancer_attribute", load_balancer_id="nlb-1", region_id="cn-hangzhou")
    assert one["Tags"] == [{"TagKey": "env", "TagValue": "prod"}] and one["SecurityGroupIds"] == ["sg-1"]
    address = one["ZoneMappings"][0]["LoadBalancerAddresses"][0]
    assert (address["PublicIPv4Address"], address["Ipv6Address"]) == ("203.0.113.7", "2001:db8::7")
    listeners = cloud.call("nlb", "list_listeners", load_balancer_ids=["nlb-1"], region_id="cn-hangzhou")["Listeners"]
    assert (listeners[0]["ListenerPort"], listeners[0]["StartPort"], listeners[0]["EndPort"]) == (0, "6443", "6444")
    refused("ResourceNotFound.loadBalancer", cloud.call, "nlb", "get_load_balancer_attribute", load_balancer_id="nlb-9")


def members():
    cloud = Cloud()
    page = cloud.call("resourcemanager", "list_accounts", page_number=1, page_size=1)
    assert (page["TotalCount"], ids(page["Accounts"]["Account"], "AccountId")) == (2, ["1000000000000002"])
    directory = cloud.call("resourcedirectorymaster", "get_resource_directory")["ResourceDirectory"]
    assert (directory["MasterAccountId"], directory["RootFolderId"][:2]) == ("1000000000000001", "r-")
    first = cloud.call("resourcedirectorymaster", "list_accounts", max_results=1)
    second = cloud.call("resourcedirectorymaster", "list_accounts", max_results=1, next_token=first["NextToken"])
    assert ids(second["Accounts"]["Account"], "AccountId") == ["1000000000000003"] and second["NextToken"] == ""
    member = Cloud(key=WORLD["accounts"][1]["access_keys"][0])
    refused("ResourceDirectoryNotInUse", member.call, "resourcemanager", "list_accounts")


def a_direct_endpoint_serves_every_product():
    cloud = Cloud(direct=True)
    assert cloud.call("vpc", "describe_vpcs", region_id="cn-hangzhou")["TotalCount"] == 1
    assert cloud.call("cs", "describe_cluster_detail", "c1")["name"] == "one"
    assert len(cloud.call("servicemesh", "describe_service_meshes")["ServiceMeshes"]) == 2


TESTS = [
    sts_identities,
    bad_keys_are_refused,
    meshes,
    container_clusters,
    security_groups,
    networks,
    routes_and_gateways,
    peerings,
    enterprise_networks,
    private_links,
    audit_trail,
    log_service,
    classic_balancers,
    network_balancers,
    members,
    a_direct_endpoint_serves_every_product,
]

run(TESTS)
