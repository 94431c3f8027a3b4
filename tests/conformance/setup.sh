#!/bin/sh
# Makes the virtual environment .venv with the vendor's Python SDK, which tests/conformance.rs uses.
# Does nothing where it is there and up to date.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
requirements="$root/tests/conformance/requirements.txt"
stamp="$root/.venv/conformance-requirements.txt"

if cmp -s "$requirements" "$stamp"; then
    exit 0
fi
python3 -m venv "$root/.venv"
"$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$stamp"
