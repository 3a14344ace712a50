#!/usr/bin/env bash
# The library builds with the oldest compiler that Cargo.toml promises.
set -euo pipefail
version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

if ! cargo "+$version" --version 2>/dev/null; then
  if ! rustup toolchain install "$version" --profile minimal --no-self-update; then
    echo "SKIPPED building with Rust $version: it is not installed and cannot be fetched;" \
      "clippy's incompatible_msrv in ci/lint.sh still holds"
    exit 0
  fi
fi
set -x
# A folder of its own, so that two compilers do not undo each other's work.
export CARGO_TARGET_DIR=target/msrv
cargo "+$version" check --locked --no-default-features
cargo "+$version" check --locked
cargo "+$version" check --locked --all-features
