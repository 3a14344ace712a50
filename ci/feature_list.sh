#!/usr/bin/env bash
# Prints the features that Cargo.toml declares, one on each line.
set -euo pipefail
awk '/^\[/ { on = ($0 == "[features]") } on && /^[a-z][a-z0-9_-]* *=/ { print $1 }' Cargo.toml |
  grep -vx default
