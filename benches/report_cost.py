"""What a report costs: `python3 benches/report_cost.py [--portcullis PATH] [FORMAT...]`.

Scans a generated world in which everything is exposed, 100,000 findings, into a store and a JSON
report; then `portcullis report` renders every format from the file and from the store, each in a
process of its own, and this prints wall time, CPU seconds and peak memory of that process. Needs a
release build and nothing but the standard library.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import scan_cost

WORLD = "meshes=8800,clusters=35200,eips=0,groups=3500,rules=350000,regions=10,exposed=100"
FORMATS = "table html json jsonl csv csv-endpoints sarif ocsf junit markdown prometheus".split()


def scan(binary, folder):
    """Reads the world into `runs.db` and `report.json` of the folder; twice, since some formats tell what moved."""
    with scan_cost.sandbox(binary, WORLD) as url:
        store, output = f"sqlite:{folder / 'runs.db'}", f"json={folder / 'report.json'}"
        for _ in range(2):
            cost = scan_cost.run([binary, "scan", "--endpoint-url", url, "--store", store, "-o", output], folder)
    report = folder / "report.json"
    told = scan_cost.summary(report)
    print(
        f"scan           {cost}  {told['findings']} findings, {told['summary']['endpoints']} endpoints,"
        f" report {report.stat().st_size / 2**20:.0f} MiB, store {(folder / 'runs.db').stat().st_size / 2**20:.0f} MiB",
        flush=True,
    )


def render(binary, folder, form):
    """Renders one format from the file and from the store; both must say the same."""
    written = []
    for source in (["report.json"], ["latest", "--store", f"sqlite:{folder / 'runs.db'}"]):
        path = folder / f"{len(written)}.{form}"
        cost = scan_cost.run([binary, "report", *source, "-o", f"{form}={path}"], folder)
        written.append(path)
        print(f"{form:14} {cost}  from {'the file' if len(written) == 1 else 'the store'}, {path.stat().st_size / 2**20:.1f} MiB", flush=True)
    if form == "json" and subprocess.run(["cmp", *written], check=False).returncode:
        sys.exit("the file and the store say different things")
    for path in written:
        path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portcullis", default="target/release/portcullis", help="the program to measure")
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=", ".join(FORMATS))
    arguments = parser.parse_args()
    binary = os.path.abspath(arguments.portcullis)
    for form in arguments.formats:
        if form not in FORMATS:
            parser.error(f"there is no format {form}: {', '.join(FORMATS)}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        scan(binary, folder)
        for form in arguments.formats or FORMATS:
            render(binary, folder, form)


if __name__ == "__main__":
    main()
