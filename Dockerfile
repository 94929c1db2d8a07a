# syntax=docker/dockerfile:1
# Builds the daemon and packs it into an image without a shell. Both bases are arguments, for a mirror or a digest. That of
# the image must have what the default has: glibc, libgcc, and the authorities of TLS in /etc/ssl/certs, without which the
# AWS SDK panics. tests/image/run.sh builds the last stage on one of these alone.
# checkov:skip=CKV_DOCKER_7:The defaults of the arguments have tags, which it does not see.
ARG BUILDER=rust:1.95-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS builder
WORKDIR /build

# The dependencies, in a layer that only the manifests change. The builder image is the toolchain, so
# rust-toolchain.toml, which would fetch clippy and rustfmt, stays outside.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked --bin trailrisk

# The daemon itself. The touch tells cargo that the stand-ins above are out of date.
COPY src ./src
COPY docs/configuration.schema.json ./docs/
ARG REVISION=unknown
RUN touch src/main.rs src/lib.rs \
    && TRAILRISK_REVISION="${REVISION}" cargo build --release --locked --bin trailrisk \
    && mkdir -p /state

FROM ${RUNTIME}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="trailrisk" \
      org.opencontainers.image.description="Runs Splunk ESCU CloudTrail detections as an exact stream over Kinesis and emits risk events" \
      org.opencontainers.image.source="https://github.com/trailrisk/trailrisk" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

COPY --from=builder /build/target/release/trailrisk /usr/local/bin/trailrisk
COPY config /etc/trailrisk
# Checkpoint and dead letters; a volume mounted here inherits the owner.
COPY --from=builder --chown=65532:65532 /state /var/lib/trailrisk

# glibc gives each thread a heap of its own, and none of them gives back what another could use; with one, the memory
# that a flood of state has taken is used again.
ENV MALLOC_ARENA_MAX=1

USER 65532:65532
# The admin port listens on loopback unless TRAILRISK_ADMIN__LISTEN says otherwise.
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/trailrisk", "healthcheck", "--config", "/etc/trailrisk/trailrisk.yaml"]
ENTRYPOINT ["/usr/local/bin/trailrisk"]
CMD ["run", "--config", "/etc/trailrisk/trailrisk.yaml"]
