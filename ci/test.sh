#!/usr/bin/env bash
# The tests, as README says to run them.
set -euo pipefail
set -x
cargo test
