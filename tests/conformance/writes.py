"""Changes the simulated cloud through the vendor's official SDK.

    writes.py URL WORLD.json

The calls are those of `tests/conformance.rs`, in the same order and with the same values: there they are made by our own
client, and what arrives must be the same. Every reply must be understood by the SDK whole.
"""

import importlib
import json

from sdk import PACKAGES, Cloud, refused, run

REGION = "cn-hangzhou"
cloud = Cloud()


def meshes():
    for fields in [
        {"operation": "UnBindEip"},
        {"operation": "BindEip", "eip_id": "eip-pilot"},
        {"operation": "UnBindEip", "is_canary": True},
        {"operation": "BindEip", "eip_id": "eip-canary", "is_canary": True},
    ]:
        cloud.call("servicemesh", "modify_pilot_eip_resource", service_mesh_id="m1", **fields)
    for fields in [{"operation": "UnBindEip"}, {"operation": "BindEip", "api_server_eip_id": "eip-api"}]:
        cloud.call("servicemesh", "modify_api_server_eip_resource", service_mesh_id="m1", **fields)
    mesh = cloud.call("servicemesh", "describe_service_mesh_detail", service_mesh_id="m1")["ServiceMesh"]
    assert mesh["Spec"]["LoadBalancer"]["CanaryPilotPublicEipId"] == "eip-canary"
    assert mesh["Endpoints"]["PublicApiServerEndpoint"] == "https://203.0.113.3:6443"


def clusters():
    for fields in [
        {"api_server_eip": False, "client_token": "token-1"},
        {"api_server_eip": True, "api_server_eip_id": "eip-cluster", "client_token": "token-2"},
    ]:
        reply = cloud.call("cs", "modify_cluster", "c1", **fields)
        task = cloud.call("cs", "describe_task_info", reply["task_id"])
        assert (task["cluster_id"], task["state"]) == ("c1", "success"), task
    assert "203.0.113.4" in cloud.call("cs", "describe_cluster_detail", "c1")["master_url"]


def addresses():
    protection = {"region_id": REGION, "instance_id": "eip-pilot", "type": "EIP"}
    cloud.call("vpc", "deletion_protection", protection_enable=True, client_token="token-3", **protection)
    eip = cloud.call("vpc", "describe_eip_addresses", region_id=REGION, allocation_id="eip-pilot")
    assert eip["EipAddresses"]["EipAddress"][0]["DeletionProtection"] is True
    cloud.call("vpc", "deletion_protection", protection_enable=False, client_token="token-4", **protection)
    models = importlib.import_module(PACKAGES["vpc"] + ".models")
    tag = models.TagResourcesRequestTag(key="portcullis:plan", value="plan 1/a")
    tagged = {"region_id": REGION, "resource_type": "EIP", "resource_id": ["eip-pilot"]}
    cloud.call("vpc", "tag_resources", tag=[tag], **tagged)
    cloud.call("vpc", "un_tag_resources", tag_key=["portcullis:plan"], **tagged)


def access_control():
    region = {"region_id": REGION}
    acl = cloud.call("slb", "create_access_control_list", acl_name="portcullis-1", address_ipversion="ipv4", **region)["AclId"]
    entries = [{"entry": "203.0.113.0/24", "comment": "head office"}, {"entry": "100.104.0.0/16", "comment": ""}]
    cloud.call("slb", "add_access_control_list_entry", acl_id=acl, acl_entrys=json.dumps(entries), **region)
    listeners = [("tcp", 15011), ("udp", 15011), ("http", 80), ("https", 443)]
    for protocol, port in listeners:
        listener = {"load_balancer_id": "lb-pilot", "listener_port": port, **region}
        on = {"acl_status": "on", "acl_type": "white", "acl_id": acl}
        cloud.call("slb", f"set_load_balancer_{protocol}listener_attribute", **on, **listener)
        seen = cloud.call("slb", f"describe_load_balancer_{protocol}listener_attribute", **listener)
        assert (seen["AclStatus"], seen["AclIds"]) == ("on", {"AclId": [acl]}), seen
        cloud.call("slb", f"set_load_balancer_{protocol}listener_attribute", acl_status="off", **listener)
    cloud.call("slb", "delete_access_control_list", acl_id=acl, **region)


def what_we_never_send():
    release = {"region_id": REGION, "allocation_id": "eip-spare"}
    cloud.call("vpc", "release_eip_address", **release)
    refused("InvalidAllocationId.NotFound", cloud.call, "vpc", "release_eip_address", **release)
    refused("IncorrectEipStatus", cloud.call, "vpc", "release_eip_address", region_id=REGION, allocation_id="eip-pilot")


run([meshes, clusters, addresses, access_control, what_we_never_send])
