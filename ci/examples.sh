#!/usr/bin/env bash
# Builds the examples and runs each. One that ends must end well; one that
# serves prints its addresses, is scraped at each of them, and is stopped.
set -euo pipefail

shopt -s nullglob
examples=()
for path in examples/*.rs examples/*/main.rs; do
  name=${path#examples/}
  name=${name%/main.rs}
  examples+=("${name%.rs}")
done
if [ ${#examples[@]} -eq 0 ]; then
  echo "SKIPPED examples: there are none"
  exit 0
fi
echo "building ${examples[*]}"
cargo build --release --all-features --examples

# How many addresses an example has to serve at least.
declare -A addresses=([worker_pool]=2)

log=$(mktemp)
group=
stop() {
  if [ -n "$group" ]; then
    kill -TERM -- "-$group" 2>/dev/null || true
    wait "$group" 2>/dev/null || true
    group=
  fi
}
trap 'stop; rm -f "$log"' EXIT

urls_in_log() { grep -oE 'http://[0-9.a-z]+:[0-9]+/[a-z/]*' "$log" | sort -u || true; }

for example in "${examples[@]}"; do
  echo "running $example"
  wanted=${addresses[$example]:-1}
  setsid cargo run --quiet --release --all-features --example "$example" >"$log" 2>&1 </dev/null &
  group=$!
  outcome=
  for _ in $(seq 300); do
    if ! kill -0 "$group" 2>/dev/null; then
      outcome=ended
      break
    fi
    if [ "$(urls_in_log | wc -l)" -ge "$wanted" ]; then
      outcome=serves
      break
    fi
    sleep 0.1
  done
  case $outcome in
    ended)
      status=0
      wait "$group" || status=$?
      group=
      if [ "$status" != 0 ] || [ -n "${addresses[$example]:-}" ]; then
        cat "$log"
        echo "$example ended with status $status"
        exit 1
      fi
      ;;
    serves)
      for url in $(urls_in_log); do
        echo "  scraping $url"
        curl -fsS --retry 20 --retry-connrefused --retry-delay 0 --max-time 20 "$url" |
          grep -m1 '^# TYPE' || { cat "$log"; echo "$url serves no metrics"; exit 1; }
      done
      stop
      ;;
    *)
      cat "$log"
      echo "$example neither ended nor printed $wanted address(es) in 30 s"
      exit 1
      ;;
  esac
done
