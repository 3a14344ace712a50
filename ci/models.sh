#!/usr/bin/env bash
# Cells and folds as models: not the orders of events that happen, but all that can, within bounds.
set -euo pipefail
export RUST_BACKTRACE=0

echo "folds, readers and workers by turns, with two surprises in each order"
NARTHEX_MODEL_SURPRISES=2 cargo test --lib model_tests -- --show-output

# Where the build is a model, only the tests of models make sense.
echo "cells of shared files, in loom"
RUSTFLAGS="--cfg loom -D warnings" CARGO_TARGET_DIR=target/models \
  cargo test --release --lib --no-default-features --features multiprocess \
  loom_ -- --show-output
