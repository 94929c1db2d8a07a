#!/usr/bin/env bash
# The shipped detection over one generated file, by trailrisk and by what else could do it: processor seconds (user and
# system) of whole processes on one thread, side by side, the median of several rounds, and how many times trailrisk's
# each of them takes. What trailrisk and DuckDB print is checked to be the same groups with the same figures.
#
#   benches/compare.sh [MIX...]     a mix is PERCENT:GROUPS, such as 0.1:1000 (default: 0:1 0.1:1000 10:50000 100:50000)
#
# Variables: EVENTS (1000000), ROUNDS (3), PYTHON (a python3 with the package duckdb; without it DuckDB is left out),
# RSIGMA (an rsigma; without it it is left out), SLOW=1 (with jq, which takes minutes).
set -euo pipefail
cd "$(dirname "$0")/.."
events=${EVENTS:-1000000} rounds=${ROUNDS:-3} python=${PYTHON:-python3} rsigma=${RSIGMA:-rsigma}
mixes=("$@")
if ((${#mixes[@]} == 0)); then mixes=(0:1 0.1:1000 10:50000 100:50000); fi

if [[ -z ${BIN:-} ]]; then
  cargo build --release --locked --quiet --bin trailrisk --example events --example value_loop
  BIN=${CARGO_TARGET_DIR:-target}/release
fi
trailrisk=$BIN/trailrisk generate=$BIN/examples/events loop=$BIN/examples/value_loop
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
file=$folder/events.ndjson

# Processor seconds of a command; its output goes to $folder/<name>.
measure() {
  local name=$1 TIMEFORMAT='%U %S'
  shift
  { time "$@" >"$folder/$name" 2>"$folder/$name.err"; } 2>"$folder/time" || { cat "$folder/$name.err" >&2; return 1; }
  awk '{print $1 + $2}' "$folder/time" >>"$folder/$name.seconds"
}

median() { sort -n "$1" | awk '{line[NR] = $1} END {print line[int((NR + 1) / 2)]}'; }

trailrisk() { "$trailrisk" replay --detections config/detections "$file"; }
value_loop() { "$loop" "$file"; }
duckdb() { "$python" benches/duckdb_groups.py plain "$file"; }
duckdb_like() { "$python" benches/duckdb_groups.py like "$file"; }
by_jq() { jq -c 'select(.eventName == "JobCreated") | [.sourceIPAddress, .userIdentity.accountId, .errorCode, .userAgent]' "$file"; }
by_rsigma() { "$rsigma" engine eval --rules benches/rsigma --event "@$file"; }

# The rows as DuckDB prints them.
rows() {
  jq -r '.row | [.src_ip, .aws_account_id, .eventName, .errorCode, .userAgent, .count, .firstTime, .lastTime,
    (.job_arn | if type == "array" then length else 1 end)] | @tsv' "$folder/trailrisk" | LC_ALL=C sort
}

tools=(trailrisk value_loop)
if "$python" -c 'import duckdb' 2>/dev/null; then tools+=(duckdb duckdb_like); else echo "no duckdb for $python: left out"; fi
if [[ -n ${SLOW:-} ]]; then tools+=(by_jq); fi
if command -v "$rsigma" >/dev/null; then tools+=(by_rsigma); else echo "no rsigma: left out"; fi

for mix in "${mixes[@]}"; do
  rm -f "$folder"/*
  "$generate" --events "$events" --match-percent "${mix%:*}" --groups "${mix#*:}" --output "$file"
  printf '\n%s events, %s %% match, %s groups, %s bytes\n' "$events" "${mix%:*}" "${mix#*:}" "$(stat -c %s "$file")"
  for ((round = 0; round < rounds; round++)); do
    for tool in "${tools[@]}"; do measure "$tool" "$tool"; done
  done
  if [[ -f $folder/duckdb ]]; then
    rows >"$folder/rows"
    for tool in duckdb duckdb_like; do
      cmp "$folder/rows" <(LC_ALL=C sort "$folder/$tool") || { echo "$tool and trailrisk differ"; exit 1; }
    done
    echo "trailrisk and DuckDB agree on $(wc -l <"$folder/rows") groups"
  fi
  own=$(median "$folder/trailrisk.seconds")
  for tool in "${tools[@]}"; do
    seconds=$(median "$folder/$tool.seconds")
    awk -v tool="$tool" -v s="$seconds" -v own="$own" -v n="$events" -v bytes="$(stat -c %s "$file")" 'BEGIN {
      if (s == 0) s = 0.005; if (own == 0) own = 0.005
      printf "%-12s %8.2f s %10.0f events/s %6.2f GB/s %7.2f x trailrisk\n", tool, s, n / s, bytes / s / 1e9, s / own }'
  done
done
