#!/usr/bin/env bash
# How many instructions the hot paths take, counted by valgrind: the same on a busy
# machine as on a quiet one. A path that grows beyond its bound fails.
set -euo pipefail

# The most that one operation may take, and beside it what was counted when that was
# set (x86-64, rustc 1.95). Lower the bound when a path becomes shorter.
bounds="
counter-inc              18  # 16
counter-add-fraction     43  # 39
gauge-set                18  # 16
gauge-inc                27  # 24
histogram-observe        57  # 52
native-histogram-observe 107 # 98
look-up-closed-and-inc   50  # 45
look-up-and-inc         320  # 290, more or less: hashes differ from run to run
new-child              2250  # 2000, with the drop of what was made
"

if [ "$(uname -m)" != x86_64 ]; then
  echo "SKIPPED instructions: the bounds are those of x86-64, and this is $(uname -m)"
  exit 0
fi
if ! command -v valgrind >/dev/null; then
  echo "SKIPPED instructions: there is no valgrind"
  exit 0
fi

echo "cargo bench --no-run --bench instructions"
program=$(cargo bench --no-run --bench instructions --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\/instructions-[^"]*\)".*/\1/p')

# The instructions of a whole run.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# Twice as often less once: what a process takes to begin and to end is in both.
times=20000
failed=
while read -r operation most _; do
  [ -n "$operation" ] || continue
  once=$(count "$operation" "$times")
  twice=$(count "$operation" $((2 * times)))
  if [ -z "$once" ] || [ -z "$twice" ]; then
    echo "valgrind cannot count $program $operation"
    exit 1
  fi
  each=$(((twice - once + times / 2) / times))
  echo "$operation: $each instructions, and $most at most"
  if [ "$each" -gt "$most" ]; then
    failed="$failed $operation"
  fi
done <<<"$bounds"
if [ -n "$failed" ]; then
  echo "longer than they may be:$failed"
  exit 1
fi
