#!/usr/bin/env bash
# Installs what the other scripts need, where it is missing and may be installed.
set -euo pipefail

packages=()
command -v cc >/dev/null || packages+=(gcc libc6-dev)
command -v curl >/dev/null || packages+=(curl ca-certificates)
command -v setsid >/dev/null || packages+=(util-linux)
if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip' 2>/dev/null; then
  packages+=(python3 python3-venv)
fi
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "apt-get install ${packages[*]}"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
  else
    echo "SKIPPED installing ${packages[*]}: needs root and apt-get"
  fi
fi

if ! command -v cargo >/dev/null; then
  echo "there is no cargo: install it from https://rustup.rs" >&2
  exit 1
fi
for part in fmt clippy; do
  if ! cargo "$part" --version >/dev/null 2>&1; then
    rustup component add "${part/fmt/rustfmt}"
  fi
done
cargo --version
cargo clippy --version
