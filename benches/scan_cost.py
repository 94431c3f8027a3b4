"""What a scan costs: `python3 benches/scan_cost.py [--portcullis PATH] [PART...]`.

Starts `portcullis sandbox` over generated worlds in one process and `portcullis scan` against it
in another, and prints wall time, CPU seconds, peak memory and API calls of the scanner alone.
Parts are `start`, `demo`, `latency`, `throttled`, `large`, `growth`, `networks` and `organization`; without
any, all of them run. Needs a release build and nothing but the standard library.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

MIB = 1024  # ru_maxrss is in KiB on Linux
KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "testid", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret"}


class Cost:
    """What one process took."""

    def __init__(self, code, wall, usage):
        self.code = code
        self.wall = wall
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss / MIB

    def __str__(self):
        return f"{self.wall:7.2f} s wall {self.cpu:7.2f} s CPU {self.peak:7.1f} MiB"


def run(command, folder):
    """Runs the command with an environment of its own, and says what it took."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "*", **KEY}
    begun = time.perf_counter()
    with open(folder / "stderr", "wb") as errors:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 3, 4):
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{(folder / 'stderr').read_text()}")
    return Cost(process.returncode, wall, usage)


@contextlib.contextmanager
def sandbox(binary, world):
    """The address of a simulated cloud that lives in a process of its own."""
    process = subprocess.Popen([binary, "sandbox", "--world", f"generated:{world}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            sys.exit(f"the simulated cloud did not start: {line}")
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.wait()


READ = """
import json, sys
report = json.load(open(sys.argv[1], encoding="utf-8"))
print(json.dumps({"run": report["run"], "summary": report["summary"], "findings": len(report["findings"])}))
"""


def summary(report):
    """What is told of a report, read by a process of its own: the system counts what we hold to the peak of whom we start."""
    return json.loads(subprocess.run([sys.executable, "-c", READ, report], stdout=subprocess.PIPE, check=True).stdout)


class Scan:
    """One scan of a generated world, with its store and its JSON report."""

    def __init__(self, binary, world, judge_again=0, settings=""):
        with tempfile.TemporaryDirectory() as name, sandbox(binary, world) as url:
            folder = pathlib.Path(name)
            report = folder / "report.json"
            if settings:
                (folder / "portcullis.yaml").write_text(settings)
            store = f"sqlite:{folder / 'runs.db'}"
            output = ["--store", store, "-o", f"json={report}"]
            saved = folder / "saved"
            save = ["--save", saved] if judge_again else []
            self.cost = run([binary, "scan", "--endpoint-url", url, *output, *save], folder)
            self.report_mib = report.stat().st_size / 2**20
            self.report = summary(report)
            self.judged = [run([binary, "scan", "--from", saved, *output], folder) for _ in range(judge_again)]
        self.calls = self.report["run"]["api_calls"]
        self.retries = self.report["run"]["retries"]

    def __str__(self):
        summary = self.report["summary"]
        findings = self.report["findings"]
        return (
            f"{self.cost} {self.calls:6} calls {self.retries:5} retries  exposed {summary['exposed']}"
            f" of {summary['endpoints']}, {findings} findings, report {self.report_mib:.1f} MiB, exit {self.cost.code}"
        )


def start(binary):
    """`--version`, and the size of the file."""
    with tempfile.TemporaryDirectory() as name:
        costs = [run([binary, "--version"], pathlib.Path(name)) for _ in range(50)]
    walls = sorted(cost.wall * 1000 for cost in costs)
    cpu = sum(cost.cpu for cost in costs) / len(costs) * 1000
    print(f"start-up     fastest {walls[0]:.1f} ms, median {walls[25]:.1f} ms, slowest {walls[-1]:.1f} ms, CPU {cpu:.1f} ms")
    print(f"binary       {os.stat(binary).st_size / 2**20:.1f} MiB")


def demo(binary):
    """README's first command, over the embedded world."""
    for _ in range(3):
        with tempfile.TemporaryDirectory() as name:
            print(f"demo         {run([binary, 'scan', '--sandbox', 'demo'], pathlib.Path(name))}")


CLUSTERS = "meshes=0,clusters=1000,groups=1000,rules=5000,eips=0,regions=1,exposed=100"


def latency(binary):
    """1,000 clusters and 1,000 groups in one region, each call 30 ms away."""
    for exposed in (100, 20):
        world = CLUSTERS.replace("exposed=100", f"exposed={exposed}")
        for _ in range(3):
            print(f"30 ms, {exposed:3} % {Scan(binary, f'{world},latency_ms=30')}")


def throttled(binary):
    """The same where the cloud allows so many calls of an operation a second."""
    for qps in (200, 100, 50, 20):
        print(f"qps {qps:3}      {Scan(binary, f'{CLUSTERS},latency_ms=30,qps={qps}')}")


def large(binary):
    """A large organisation, with store and JSON report; then the same from its snapshot, without calls."""
    world = "meshes=5000,clusters=20000,eips=50000,groups=2000,rules=200000,regions=10"
    for exposed in (20, 100):
        scan = Scan(binary, f"{world},exposed={exposed}", judge_again=1)
        print(f"large, {exposed:3} % {scan}\n  judged again {scan.judged[0]}", flush=True)


def growth(binary):
    """How calls grow: one number differs from line to line."""
    base = {"meshes": 100, "clusters": 100, "eips": 0, "groups": 100, "rules": 1000, "regions": 1, "exposed": 0}
    changes = [
        {},
        {"meshes": 0, "clusters": 0},
        {"meshes": 200},
        {"clusters": 200},
        {"exposed": 100},
        {"exposed": 100, "meshes": 0},
        {"exposed": 100, "clusters": 0},
        {"exposed": 100, "groups": 10},
        {"exposed": 100, "rules": 100_000},
        {"eips": 1000},
        {"regions": 10},
        {"regions": 10, "exposed": 100},
    ]
    for change in changes:
        world = ",".join(f"{name}={number}" for name, number in (base | change).items())
        print(f"{Scan(binary, world).calls:6} calls   {change or 'base: ' + world}")


def networks(binary):
    """Four meshes and their sixteen clusters, all exposed, among more and more VPCs; then many more
    consumers among as many VPCs; then a large organisation, judged again from its snapshot."""
    base = "eips=0,groups=20,rules=200,regions=4"
    for vpcs in (20, 200, 2000):
        world = f"meshes=4,clusters=16,vpcs={vpcs},{base}"
        before, after = (Scan(binary, f"{world},exposed={exposed}") for exposed in (0, 100))
        print(f"{vpcs:5} VPCs, 20 of them matter: {before.calls} calls without exposure, {after}", flush=True)
    for meshes, clusters in ((4, 64), (4, 256), (16, 256)):
        world = f"meshes={meshes},clusters={clusters},vpcs=2000,{base}"
        before, after = (Scan(binary, f"{world},exposed={exposed}") for exposed in (0, 100))
        print(f"{meshes:3} meshes, {clusters:3} clusters: {before.calls} calls without exposure, {after}", flush=True)
    world = "meshes=200,clusters=5000,vpcs=2000,eips=1000,groups=200,rules=4000,regions=10"
    for exposed in (20, 100):
        scan = Scan(binary, f"{world},exposed={exposed}", judge_again=3)
        judged = "".join(f"\n  judged again {one}" for one in scan.judged)
        print(f"organisation, {exposed:3} % {scan}{judged}", flush=True)


def organization(binary):
    """Accounts behind roles: an organisation, many small accounts with one of them denied, and ten thousand."""
    settings = "version: 1\norganization: {role_name: portcullis-audit}\n"
    world = "accounts=300,meshes=300,clusters=2000,groups=900,rules=9000,eips=0,regions=3,latency_ms=30"
    print(f"300 accounts, 3 regions, 2,000 clusters, 30 ms {Scan(binary, world, settings=settings)}", flush=True)
    small = "meshes=0,groups=0,rules=0,eips=0,regions=1,exposed=100"
    for denied in (0, 2, 500, 1000):
        world = f"accounts=1000,clusters=1000,{small},denied={denied}"
        print(f"1,000 accounts, number {denied:4} denied {Scan(binary, world, settings=settings)}", flush=True)
    world = f"accounts=10000,clusters=10000,{small}"
    print(f"10,000 accounts {Scan(binary, world, settings=settings)}", flush=True)


PARTS = {part.__name__: part for part in (start, demo, latency, throttled, large, growth, networks, organization)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portcullis", default="target/release/portcullis", help="the program to measure")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    binary = os.path.abspath(arguments.portcullis)
    for name in arguments.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name}: {', '.join(PARTS)}")
    for name in arguments.parts or PARTS:
        PARTS[name](binary)


if __name__ == "__main__":
    main()
