#!/usr/bin/env bash
# What the tests of the HTML report need: a browser, the program that drives it, and a library that judges accessibility.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v chromium >/dev/null 2>&1; then
  apt-get install -y --no-install-recommends chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }
fi
# Half of the page's words are Chinese.
if ! fc-list :lang=zh 2>/dev/null | grep -q .; then
  fonts=(fontconfig fonts-wqy-microhei)
  apt-get install -y --no-install-recommends "${fonts[@]}" || { apt-get update && apt-get install -y --no-install-recommends "${fonts[@]}"; }
fi
mkdir -p target/browser
if ! [ -d target/browser/node_modules/axe-core ]; then
  npm install --prefix target/browser --no-save --no-audit --no-fund playwright-core@1.65.1 axe-core@4.14.1
fi
