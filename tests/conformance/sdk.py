"""The vendor's official SDK, pointed at a simulated cloud: what the scripts of this folder call it with.

A script is run as `SCRIPT URL WORLD.json`.
"""

import importlib
import inspect
import json
import re
import sys
import traceback
import typing

from alibabacloud_tea_openapi.models import Config

URL = sys.argv[1]
WORLD = json.load(open(sys.argv[2], encoding="utf-8"))
ACCOUNT = WORLD["accounts"][0]
KEY = ACCOUNT["access_keys"][0]

PACKAGES = {
    "servicemesh": "alibabacloud_servicemesh20200111",
    "cs": "alibabacloud_cs20151215",
    "ecs": "alibabacloud_ecs20140526",
    "vpc": "alibabacloud_vpc20160428",
    "vpcpeer": "alibabacloud_vpcpeer20220101",
    "cbn": "alibabacloud_cbn20170912",
    "privatelink": "alibabacloud_privatelink20200415",
    "actiontrail": "alibabacloud_actiontrail20200706",
    "sls": "alibabacloud_sls20201230",
    "slb": "alibabacloud_slb20140515",
    "nlb": "alibabacloud_nlb20220430",
    "sts": "alibabacloud_sts20150401",
    "resourcemanager": "alibabacloud_resourcemanager20200331",
    "resourcedirectorymaster": "alibabacloud_resourcedirectorymaster20220419",
}
# The SDK computes a host for this product that the vendor does not document.
ENDPOINTS = {"resourcedirectorymaster": "resourcedirectory.aliyuncs.com"}

called = set()


class Cloud:
    """One identity in one region."""

    def __init__(self, region="cn-hangzhou", key=None, token=None, direct=False):
        self.region, self.key, self.token, self.direct = region, key or KEY, token, direct
        self.clients = {}

    def client(self, product):
        if product not in self.clients:
            module = importlib.import_module(PACKAGES[product] + ".client")
            config = Config(
                access_key_id=self.key["access_key_id"],
                access_key_secret=self.key["access_key_secret"],
                security_token=self.token,
                region_id=self.region,
                protocol="http",
                # The simulated cloud refuses the log service's older signature; others have one only.
                signature_version="v4" if product == "sls" else None,
            )
            if self.direct:
                config.endpoint = URL.removeprefix("http://")
            else:
                config.http_proxy = URL
                config.endpoint = ENDPOINTS.get(product)
            client = module.Client(config)
            self.record(product, client, "do_request", lambda arguments: arguments[0].action)
            # The anonymous operation takes an older way through the SDK.
            self.record(product, client, "do_rpcrequest", lambda arguments: arguments[0])
            self.record(product, client, "execute", lambda arguments: arguments[0].action)
            self.clients[product] = client
        return self.clients[product]

    @staticmethod
    def record(product, client, way, action):
        """Keeps each reply as it was before the models made something of it."""
        original = getattr(client, way)

        def recorded(*arguments):
            client.last_reply = original(*arguments)
            called.add((product, action(arguments)))
            return client.last_reply

        setattr(client, way, recorded)

    def call(self, product, method, *path, **fields):
        """Calls an operation and checks that the SDK understands the reply whole."""
        client = self.client(product)
        function = getattr(client, method)
        arguments = list(path)
        for name, annotation in typing.get_type_hints(function).items():
            if name in ("request", "tmp_req"):
                arguments.append(annotation(**fields))
        body = function(*arguments).body
        raw = client.last_reply["body"]
        understood = [part.to_map() for part in body] if isinstance(body, list) else body.to_map()
        assert_same(understood, raw, f"{product} {method}")
        for part in body if isinstance(body, list) else [body]:
            assert_types(part, f"{product} {method}")
        return raw


def assert_same(understood, raw, where):
    if isinstance(raw, dict) and isinstance(understood, dict):
        for name in sorted(raw.keys() | understood.keys()):
            assert name in understood, f"{where}: the SDK does not know {name}: {raw[name]!r}"
            # The SDK makes an empty list of an absent one.
            assert name in raw or understood[name] == [], f"{where}: the SDK invented {name}: {understood[name]!r}"
            if name not in raw:
                continue
            assert_same(understood[name], raw[name], f"{where}.{name}")
        return
    if isinstance(raw, list) and isinstance(understood, list):
        assert len(raw) == len(understood), f"{where}: {len(raw)} items became {len(understood)}"
        for index, (left, right) in enumerate(zip(understood, raw)):
            assert_same(left, right, f"{where}[{index}]")
        return
    assert understood == raw, f"{where}: {raw!r} became {understood!r}"


SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def assert_types(model, where):
    """Every value has the type that the model's constructor declares."""
    for name, parameter in inspect.signature(type(model).__init__).parameters.items():
        value = getattr(model, name, None)
        if name == "self" or value is None:
            continue
        declared = parameter.annotation if isinstance(parameter.annotation, str) else type_name(parameter.annotation)
        assert_type(value, declared, f"{where}.{name}")


def type_name(annotation):
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def assert_type(value, declared, where):
    of_list = re.fullmatch(r"List\[(.*)\]", declared)
    if of_list:
        assert isinstance(value, list), f"{where}: expected a list, found {value!r}"
        for index, item in enumerate(value):
            assert_type(item, of_list[1], f"{where}[{index}]")
    elif declared in SCALARS:
        is_right = isinstance(value, SCALARS[declared]) and (declared == "bool" or not isinstance(value, bool))
        assert is_right, f"{where}: expected {declared}, found {value!r}"
    elif declared.startswith("Dict"):
        assert isinstance(value, dict), f"{where}: expected a map, found {value!r}"
    elif hasattr(value, "to_map"):
        assert_types(value, where)
    elif declared not in ("Any",):
        raise AssertionError(f"{where}: {value!r} is not of the declared type {declared}")


def refused(code, call, *arguments, **fields):
    """The call must fail with a code of the vendor."""
    try:
        call(*arguments, **fields)
    except AssertionError:
        raise
    except Exception as error:
        found = getattr(error, "code", None)
        assert found == code, f"expected {code}, found {found}: {error}"
        return error
    raise AssertionError(f"expected {code}, but the call succeeded")


def ids(items, name):
    return [item[name] for item in items]


def run(tests):
    """Runs every test in turn, says how each ended, and ends the program."""
    failures = 0
    for test in tests:
        try:
            test()
            print(f"ok      {test.__name__}")
        except Exception:
            failures += 1
            print(f"FAILED  {test.__name__}")
            traceback.print_exc(file=sys.stdout)
    print("called:", " ".join(sorted(f"{product}/{action}" for product, action in called)))
    sys.exit(1 if failures else 0)
