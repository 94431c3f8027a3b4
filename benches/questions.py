"""Writes questions for `portcullis access` as JSON Lines: `python3 benches/questions.py BYTES > FILE`.

A thousand different groups of 20 rules, each rule with the 24 fields of the vendor's reply, over
and over until so many bytes are written.
"""

import json
import random
import sys

EMPTY = (
    "PortRangeListId PortRangeListName Ipv6SourceCidrIp SourceGroupId SourceGroupName SourceGroupOwnerAccount "
    "SourcePrefixListId SourcePrefixListName SourcePortRange DestCidrIp Ipv6DestCidrIp DestGroupId DestGroupName "
    "DestPrefixListId DestPrefixListName Description"
).split()


def permission(draw, number, is_open):
    length = draw.choice([8, 12, 16, 20, 24, 24, 28, 32])
    address = draw.getrandbits(32) >> (32 - length) << (32 - length)
    source = ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{length}"
    port = 443 if number < 14 else 8443
    return {
        "SecurityGroupRuleId": f"sgr-bp1{draw.getrandbits(48):012x}",
        "Direction": "ingress",
        "IpProtocol": "TCP",
        "PortRange": f"{port}/{port}",
        "Policy": "Accept" if is_open or draw.random() < 0.7 else "Drop",
        "Priority": "100" if is_open else str(draw.randint(1, 100)),
        "SourceCidrIp": "0.0.0.0/0" if is_open else source,
        "NicType": "intranet",
        "CreateTime": "2025-01-01T00:00:00Z",
        **dict.fromkeys(EMPTY, ""),
    }


def question(draw, number):
    rules = [permission(draw, rule, number % 10 == 0 and rule == 13) for rule in range(20)]
    group = {
        "SecurityGroupId": f"sg-{number}",
        "SecurityGroupType": "normal",
        "InnerAccessPolicy": "Accept",
        "VpcId": "vpc-1",
        "Permissions": {"Permission": rules},
    }
    return {
        "CaseId": f"g{number}",
        "Query": {"IpProtocol": "TCP", "Port": 443, "AddressFamily": "ipv4", "SourcePath": "internet"},
        "Stages": ["SecurityGroup"],
        "Allowlist": ["10.0.0.0/8", "198.51.100.0/24"],
        "SecurityGroups": [group],
    }


def main():
    wanted = int(sys.argv[1])
    draw = random.Random(1)
    lines = [json.dumps(question(draw, number), separators=(",", ":")) + "\n" for number in range(1000)]
    block = "".join(lines).encode()
    while wanted > 0:
        sys.stdout.buffer.write(block)
        wanted -= len(block)


if __name__ == "__main__":
    main()
