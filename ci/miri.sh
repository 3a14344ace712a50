#!/usr/bin/env bash
# What is done to the memory of shared files and of children, judged access by access by Miri.
set -euo pipefail

if ! rustc +nightly --version 2>/dev/null; then
  echo "SKIPPED Miri: there is no nightly compiler"
  exit 0
fi
for part in rust-src miri; do
  if ! rustup component list --toolchain nightly 2>/dev/null | grep -q "^$part.*(installed)" &&
    ! rustup component add "$part" --toolchain nightly; then
    echo "SKIPPED Miri: the compiler's $part is not installed and cannot be fetched"
    exit 0
  fi
done

# The files are real ones, so that there is something to make longer.
MIRIFLAGS="-Zmiri-disable-isolation" CARGO_TARGET_DIR=target/miri \
  cargo +nightly miri test --lib --no-default-features --features multiprocess miri_tests
