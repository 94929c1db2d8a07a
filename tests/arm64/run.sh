#!/usr/bin/env bash
# The build for ARM64, under qemu: its pure layers pass their tests, and what it makes of the test data are the bytes that this
# machine's build makes of them (EM-4). Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user, and the target from rustup.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=aarch64-unknown-linux-gnu
emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="${emulator[*]}"
built=${CARGO_TARGET_DIR:-target}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cargo test --locked --no-default-features --lib --target "$target"
cargo build --locked --bin trailrisk
cargo build --locked --bin trailrisk --target "$target"

# Behind the compared bytes of a risk event stands `meta`. What is said of the input goes to standard error.
replay() {
  "${@:2}" replay --detections tests/data/escu --macros config/macros.yaml tests/data/cloudtrail 2>"$folder/$1.err" |
    sed 's/,"meta":.*//' >"$folder/$1"
}
replay here "$built/debug/trailrisk"
replay arm64 "${emulator[@]}" "$built/$target/debug/trailrisk"
test -s "$folder/here"
cmp "$folder/here" "$folder/arm64"
cmp "$folder/here.err" "$folder/arm64.err"
echo "the same $(wc -l <"$folder/here") risk events on both"
