#!/usr/bin/env bash
# What the project says of other implementations is still what they do: Python's
# client and Google's protobuf write the golden files anew, and Python's client
# merges what real pools leave behind.
set -euo pipefail
python=target/venv/bin/python
packages=(prometheus_client==0.26.0 gunicorn protobuf)

if [ ! -x "$python" ]; then
  python3 -m venv target/venv
fi
if ! "$python" -m pip install --quiet "${packages[@]}"; then
  # Any package will do to tell a broken requirement from an absent network.
  if "$python" -m pip download --quiet --no-deps --dest target/ci/reachable six; then
    echo "${packages[*]} cannot be installed"
    exit 1
  fi
  echo "SKIPPED comparing with Python's client: ${packages[*]} cannot be fetched"
  exit 0
fi
# It is built where it is installed; pools without it say so.
"$python" -m pip install --quiet uwsgi || true
set -x
"$python" ci/golden.py --check
"$python" ci/golden_protobuf.py --check
cargo build --release --features cli --bin narthex --example worker_pool
"$python" ci/pools.py target/pools target/release/examples/worker_pool target/release/narthex
NARTHEX_POOLS=$PWD/target/pools cargo test --test it pools::
NARTHEX_PYTHON=$PWD/$python cargo test --test chaos no_count -- --nocapture
