#!/usr/bin/env bash
# The comparison with the peers is a crate of its own: that it keeps its looks, builds
# and runs, and that nothing it counts is lost. How fast anything is decides nothing.
set -euo pipefail
manifest=benches/versus/Cargo.toml
set -x
cargo fmt --manifest-path "$manifest" --check
cargo clippy --manifest-path "$manifest" -- -D warnings
cargo run --release --manifest-path "$manifest" -- --quick --plots target/ci/plots
