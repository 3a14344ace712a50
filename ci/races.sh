#!/usr/bin/env bash
# What is done to the memory of shared files, judged access by access: by Miri,
# and by ThreadSanitizer where the standard library can be built for it.
set -euo pipefail

if ! rustc +nightly --version 2>/dev/null; then
  echo "SKIPPED Miri and ThreadSanitizer: there is no nightly compiler"
  exit 0
fi

# Whether a part of the nightly compiler is here or could be fetched.
have() {
  rustup component list --toolchain nightly 2>/dev/null | grep -q "^$1.*(installed)" && return 0
  rustup component add "$1" --toolchain nightly && return 0
  echo "SKIPPED $2: the compiler's $1 is not installed and cannot be fetched"
  return 1
}

library=(--lib --no-default-features --features multiprocess)

if have rust-src Miri && have miri Miri; then
  # The files are real ones, so that there is somewhere to write.
  MIRIFLAGS="-Zmiri-disable-isolation" CARGO_TARGET_DIR=target/miri \
    cargo +nightly miri test "${library[@]}" miri_tests
fi

if have rust-src ThreadSanitizer; then
  host=$(rustc +nightly -vV | sed -n 's/^host: //p')
  RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR=target/tsan \
    cargo +nightly test -Zbuild-std --target "$host" "${library[@]}" -- cell:: side::reader
fi
