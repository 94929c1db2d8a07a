#!/usr/bin/env bash
# Makes the pictures of the status page in docs/images. Needs Node, npm and a Chromium.
set -euo pipefail
cd "$(dirname "$0")/../.."
modules=$(mktemp -d)
trap 'rm -rf "$modules"' EXIT
npm install --silent --no-save --no-fund --no-audit --prefix "$modules" playwright-core@1.65.1 axe-core@4.14.1 >/dev/null
BROWSER_NODE_MODULES="$modules/node_modules" tests/browser/serve.sh plain node tests/browser/page.mjs pictures URL docs/images
