#!/usr/bin/env bash
# Every feature builds alone, and the tests hold without any and with all of them.
set -euo pipefail
features=$(ci/feature_list.sh)
set -x
cargo check --no-default-features
for feature in $features; do
  cargo check --no-default-features --features "$feature"
done
cargo check --all-features
# Without the documentation's examples: they are written for the default features.
cargo test --no-default-features --lib --tests
cargo test --all-features
