#!/usr/bin/env bash
# Formatting, lints for every set of features, and the documentation's links.
set -euo pipefail
features=$(ci/feature_list.sh)
set -x
cargo fmt --all --check
cargo clippy -p narthex-macros --all-targets -- -D warnings
cargo clippy --all-targets -- -D warnings
cargo clippy --all-targets --no-default-features -- -D warnings
for feature in $features; do
  cargo clippy --all-targets --no-default-features --features "$feature" -- -D warnings
done
cargo clippy --all-targets --all-features -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
