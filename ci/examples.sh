#!/usr/bin/env bash
# Builds the examples and runs each. They must end well, but for those that
# serve: these print their addresses, are asked at each, and are stopped.
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
cargo build --all-features --examples

# The examples that serve: at how many addresses, and how they are run so that
# they take ports which are free.
declare -A addresses=([axum]=2 [every_type]=1 [service]=1 [worker_pool]=2)
declare -A arguments=([worker_pool]="--workers 2 --listen 127.0.0.1:0 --metrics 127.0.0.1:0")

log=$(mktemp)
answer=$(mktemp)
group=
stop() {
  if [ -n "$group" ]; then
    kill -TERM -- "-$group" 2>/dev/null || true
    wait "$group" 2>/dev/null || true
    group=
  fi
}
trap 'stop; rm -f "$log" "$answer"' EXIT

ask() { curl --silent --show-error --retry 20 --retry-connrefused --retry-delay 1 --max-time 20 "$@"; }

urls_in_log() { grep -oE 'http://[0-9.a-z]+:[0-9]+/[a-z/]*' "$log" | sort -u || true; }

for example in "${examples[@]}"; do
  echo "running $example"
  wanted=${addresses[$example]:-}
  read -ra words <<<"${arguments[$example]:-}"
  setsid cargo run --quiet --all-features --example "$example" -- \
    ${words[@]+"${words[@]}"} >"$log" 2>&1 </dev/null &
  group=$!
  outcome=
  for _ in $(seq 300); do
    if ! kill -0 "$group" 2>/dev/null; then
      outcome=ended
      break
    fi
    if [ -n "$wanted" ] && [ "$(urls_in_log | wc -l)" -ge "$wanted" ]; then
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
      if [ "$status" != 0 ] || [ -n "$wanted" ]; then
        cat "$log"
        echo "$example ended with status $status"
        exit 1
      fi
      ;;
    serves)
      # What is measured first, so that there is something to tell.
      for url in $(urls_in_log | grep -v '/metrics$'); do
        echo "  asking $url"
        ask "$url" >/dev/null
      done
      for url in $(urls_in_log | grep '/metrics$'); do
        echo "  scraping $url"
        ask --fail "$url" >"$answer"
        if ! grep -m1 '^# TYPE ' "$answer"; then
          cat "$log" "$answer"
          echo "$url tells no metrics"
          exit 1
        fi
      done
      stop
      ;;
    *)
      cat "$log"
      echo "$example did not $([ -n "$wanted" ] && echo "print $wanted addresses" || echo end) in 30 s"
      exit 1
      ;;
  esac
done
