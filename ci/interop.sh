#!/usr/bin/env bash
# What the project says of other implementations is still what they do.
set -euo pipefail
python=target/venv/bin/python
client=prometheus_client==0.26.0

if [ ! -x "$python" ]; then
  python3 -m venv target/venv
fi
if ! "$python" -m pip install --quiet "$client"; then
  if curl -fsS --max-time 20 -o /dev/null https://pypi.org/simple/; then
    echo "$client cannot be installed"
    exit 1
  fi
  echo "SKIPPED comparing with Python's client: $client cannot be fetched"
  exit 0
fi
set -x
"$python" ci/golden.py --check
