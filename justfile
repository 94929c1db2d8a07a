# What a developer runs. `just` lists it.

_default:
    @just --list --unsorted

# Types, formatting and lints, as CI demands them.
check: lint
    cargo check --locked --all-targets
    cargo check --locked --no-default-features --lib

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

# The whole daemon against an in-process Kinesis; ends by itself.
demo:
    cargo run --release --locked --example demo

# Speed against a plain loop over the same events: replay over a file, and the daemon catching up with a stream.
bench:
    cargo bench --locked --bench throughput
    cargo bench --locked --bench live

# The shipped configuration and detections.
check-config:
    cargo run --locked -- check --config config/trailrisk.yaml
    cargo run --locked -- test --config config/trailrisk.yaml

# Licences, bans and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny --locked check licenses bans sources

# The container image.
image tag="trailrisk":
    docker build --build-arg REVISION="$(git rev-parse --short HEAD)" --tag {{ tag }} .
