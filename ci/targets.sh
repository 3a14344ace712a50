#!/usr/bin/env bash
# The library builds for other systems; on 32 bits its tests run as well.
set -euo pipefail

# Whether the standard library of a target is here or could be fetched.
have() {
  local libraries
  libraries=$(rustc --print target-libdir --target "$1")
  [ -d "$libraries" ] && return 0
  command -v rustup >/dev/null && rustup target add "$1" && return 0
  echo "SKIPPED $1: its standard library is not installed and cannot be fetched"
  return 1
}

check() {
  local target=$1
  shift
  if have "$target"; then
    echo "cargo check --target $target $*"
    RUSTFLAGS="-D warnings" cargo check --target "$target" "$@"
  fi
}

# All but zstd, and tls and what brings it: they have C, for which there would have to be a compiler
# for each system.
features=$(ci/feature_list.sh | grep -vxE "zstd|tls|web-config" | paste -sd, -)

check x86_64-pc-windows-gnu
check x86_64-pc-windows-gnu --features "$features"
check aarch64-apple-darwin
check aarch64-apple-darwin --features "$features"
check wasm32-unknown-unknown --no-default-features
check i686-unknown-linux-gnu --features "$features"

links_32_bits() { echo 'int main(void){return 0;}' | cc -m32 -x c - -o target/ci-32-bits 2>/dev/null; }

if have i686-unknown-linux-gnu; then
  mkdir -p target
  if ! links_32_bits && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q || true
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends gcc-multilib || true
  fi
  if links_32_bits; then
    set -x
    # A test runs one of the examples.
    cargo build --target i686-unknown-linux-gnu --examples
    cargo test --target i686-unknown-linux-gnu --lib --tests
  else
    echo "SKIPPED the tests on i686-unknown-linux-gnu: the C compiler cannot link for 32 bits"
  fi
fi
