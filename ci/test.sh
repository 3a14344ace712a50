#!/usr/bin/env bash
# The tests, as README says to run them, and those of the derive macros.
set -euo pipefail
set -x
cargo test
cargo test -p narthex-macros
