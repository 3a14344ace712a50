#!/usr/bin/env bash
# A short run of every fuzz target: ci/fuzz.sh [seconds], 20 each by default.
set -euo pipefail
seconds=${1:-20}

if ! cargo +nightly --version 2>/dev/null &&
  ! rustup toolchain install nightly --profile minimal --no-self-update; then
  echo "SKIPPED fuzzing: there is no nightly compiler and none can be fetched"
  exit 0
fi
if ! cargo fuzz --version 2>/dev/null; then
  # Into the build folder, so that nothing of the user's is changed.
  export PATH=$PWD/target/tools/bin:$PATH
  if ! cargo fuzz --version 2>/dev/null; then
    CARGO_TARGET_DIR=target/tools/build cargo install cargo-fuzz --locked --quiet --root target/tools
  fi
fi
# The sanitizer is that of the machine; cargo-fuzz would otherwise guess musl or gnu.
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
# What judges the texts is itself judged.
cargo +nightly test --quiet --manifest-path fuzz/Cargo.toml --lib

for target in $(cargo +nightly fuzz list); do
  echo "fuzzing $target for $seconds s"
  mkdir -p "fuzz/corpus/$target"
  folders=("fuzz/corpus/$target")
  if [ -d "fuzz/seeds/$target" ]; then
    folders+=("fuzz/seeds/$target")
  fi
  cargo +nightly fuzz run --target "$host" "$target" "${folders[@]}" -- \
    -max_total_time="$seconds" -rss_limit_mb=1024 -print_final_stats=1
done
