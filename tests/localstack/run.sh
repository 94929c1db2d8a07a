#!/usr/bin/env bash
# The whole path on LocalStack: whole_path.py. By hand, not in CI: half a gigabyte of packages, and brittle.
#
#   PYTHON=python3.13 tests/localstack/run.sh target/debug/trailrisk
#
# Needs root (a network namespace, so that nothing but loopback is reached), Python 3.13 or newer, npm's registry and
# PyPI. TOOLS names a folder to keep the packages in for the next time.
set -euo pipefail
executable=$(realpath "$1")
cd "$(dirname "$0")/../.."
tools=${TOOLS:-$(mktemp -d)}
scratch=$(mktemp -d)
localstack=
cleanup() {
  [[ -z $localstack ]] || kill "$localstack" 2>/dev/null || true
  rm -rf "$scratch"
  [[ -n ${TOOLS:-} ]] || rm -rf "$tools"
}
trap cleanup EXIT

# The bounds are what LocalStack 2026.3 needs of libraries that have moved on since.
if [[ ! -x $tools/bin/python ]]; then
  "${PYTHON:-python3}" -c 'import sys; assert sys.version_info >= (3, 13), "Python 3.13 or newer"'
  "${PYTHON:-python3}" -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check 'localstack-core[runtime]==2026.3.0' 'cbor2<6' \
    'pyopenssl<26' 'cryptography<47' 'service_identity<25'
  "$tools/bin/python" -m localstack.cli.lpm install kinesis-mock
fi

export SERVICES=cloudformation,cloudwatch,events,iam,kinesis,kms,sqs,sts GATEWAY_LISTEN=127.0.0.1:4566 \
  DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1
# shellcheck disable=SC2016 # expanded in the namespace
unshare --net --pid --fork --kill-child --mount-proc bash -c '
  ip link set lo up
  "$1/bin/python" -m localstack.runtime.main >"$2/localstack.log" 2>&1 &
  "$1/bin/python" tests/localstack/whole_path.py "$3" || { tail -n 40 "$2/localstack.log" >&2 && exit 1; }
' bash "$tools" "$scratch" "$executable" &
localstack=$!
wait "$localstack"
