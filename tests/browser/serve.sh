#!/usr/bin/env bash
# Serves the status page with figures that are made up, and runs a command on it:
#   serve.sh plain|hostile|large COMMAND...    URL in the command's words stands for the page's address
# DEMO may name an executable of the example that is there already.
set -euo pipefail
kind=$1
shift
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
mkfifo "$scratch/open"
if [[ -z "${DEMO:-}" ]]; then
  cargo build --locked --quiet --example demo
  DEMO=${CARGO_TARGET_DIR:-target}/debug/examples/demo
fi
"$DEMO" page "$kind" <"$scratch/open" >"$scratch/url" &
server=$!
exec 3>"$scratch/open"
trap 'exec 3>&-; wait "$server" || true; rm -rf "$scratch"' EXIT
for ((tries = 0; tries < 600; tries++)); do
  [[ -s "$scratch/url" ]] && break
  kill -0 "$server"
  sleep 0.5
done
url=$(<"$scratch/url")
timeout 300 "${@/URL/$url}"
