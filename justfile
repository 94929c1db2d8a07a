# What a developer runs. `just` lists it.

_default:
    @just --list --unsorted

# Types, formatting and lints, as CI demands them.
check: lint
    cargo check --locked --all-targets
    cargo check --locked --no-default-features --lib
    cargo check --locked --no-default-features --lib --profile test

# Everything that can be said without running the code.
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# All tests, or those whose name contains the argument.
test filter="":
    cargo test --locked {{ filter }}

# The pure layers alone: language, plans, decoding, engine.
test-pure filter="":
    cargo test --locked --no-default-features --lib {{ filter }}

# Random searches and events through the plans and the naive evaluator, so many of them.
property cases="200000":
    TRAILRISK_PROPERTY_CASES={{ cases }} cargo test --release --locked --no-default-features --test naive

# What reads foreign text, with random text (needs cargo-fuzz and a nightly toolchain); `fuzz/README.md`.
fuzz target="spl" seconds="600":
    mkdir -p fuzz/corpus/{{ target }} fuzz/seeds/{{ target }}
    cargo +nightly fuzz run {{ if target == "config" { "--features config" } else { "" } }} {{ target }} fuzz/corpus/{{ target }} fuzz/seeds/{{ target }} tests/data/cloudtrail tests/data/escu \
        -- -max_total_time={{ seconds }} -timeout=10

# The whole daemon against an in-process Kinesis; ends by itself.
demo:
    cargo run --release --locked --example demo

# The rows of docs/reliability.md at their sizes, or those that are named; writes the page. All take about three hours.
reliability *rows:
    tests/reliability/scoreboard.py run {{ rows }}

# Speed against a plain loop over the same events (replay over a file, and the daemon catching up with a stream), and
# that of each sink; how soon an alert is with its receiver; and what open groups cost.
bench:
    cargo bench --locked --bench stages
    cargo bench --locked --bench throughput
    cargo bench --locked --bench live
    cargo bench --locked --bench latency
    cargo bench --locked --bench shards
    cargo bench --locked --bench sinks
    cargo bench --locked --bench state

# Processor time of a replay beside DuckDB, a plain loop and others over one generated file (`docs/performance.md`).
compare *mixes:
    benches/compare.sh {{ mixes }}

# The shipped configuration and detections.
check-config:
    cargo run --locked -- check --config config/trailrisk.yaml
    cargo run --locked -- test --config config/trailrisk.yaml

# Mutants of a pure layer that neither its tests nor the simulation notice (needs cargo-mutants); docs/reliability.md.
mutants layer="engine":
    cargo mutants --file 'src/{{ layer }}/**' --file 'src/{{ layer }}.rs' -- --lib --test simulation

# Licences, bans, sources and duplicates of the dependencies (needs cargo-deny; tests/all/dependencies.rs holds the first three).
deny:
    cargo deny --locked check licenses bans sources

# What is shipped and not compiled: Dockerfile, templates, manifests, scripts, workflows. Keeps the validators.
shipped:
    .ci/shipped

# The image's last stage around a build that is there, run as ECS and Kubernetes do (needs root, buildah, runc, kubectl).
image-test:
    cargo build --locked --bin trailrisk --example demo
    tests/image/run.sh target/debug/trailrisk target/debug/examples/demo

# The pure layers' tests, and a replay of the test data, on ARM64 under qemu: the same bytes as here (what it needs stands in it).
arm64:
    tests/arm64/run.sh

# An event of S3 over EventBridge and the stream to a webhook, on LocalStack (needs root and Python 3.13).
whole-path:
    cargo build --locked
    tests/localstack/run.sh target/debug/trailrisk

# The container image.
image tag="trailrisk":
    docker build --build-arg REVISION="$(git rev-parse --short HEAD)" --tag {{ tag }} .
