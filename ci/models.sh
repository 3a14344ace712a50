#!/usr/bin/env bash
# The cells in a model: not the orders of events that happen, but all that can.
set -euo pipefail

# Where the build is a model, only the tests of models make sense. They say how
# many executions they have seen.
set -x
RUST_BACKTRACE=0 RUSTFLAGS="--cfg loom -D warnings" CARGO_TARGET_DIR=target/models \
  cargo test --release --lib --no-default-features --features multiprocess \
  loom_tests -- --show-output
