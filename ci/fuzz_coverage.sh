#!/usr/bin/env bash
# How much of what they fuzz the targets reach with what they have found so far,
# while none runs: ci/fuzz_coverage.sh files for the readers of shared files,
# ci/fuzz_coverage.sh formats for the parsers and the headers of formats.
set -euo pipefail

case ${1:-} in
  files)
    targets=(db_reader side_reader directory)
    files=(src/multiprocess/{reader,key,keys,labels,listing,manifest,file_name,file_kind,merge,merged,settle,native_sum}.rs
      src/multiprocess/side/{reader,row_key,said,exemplar,publish,known,merge,native,fold,dead}.rs
      src/multiprocess/fold/{adopt,cells,protocol,sweep}.rs)
    ;;
  formats)
    targets=(accept content_type text_parse openmetrics_parse openmetrics2_parse protobuf_parse text_encode)
    files=(src/parser/*.rs src/parser/*/*.rs src/exposition/{accept,negotiate}.rs)
    ;;
  *)
    echo "usage: ci/fuzz_coverage.sh files|formats" >&2
    exit 2
    ;;
esac

# Where ci/fuzz.sh puts cargo-fuzz.
export PATH=$PWD/target/tools/bin:$PATH
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
tools=$(rustc +nightly --print sysroot)/lib/rustlib/$host/bin
if ! [ -x "$tools/llvm-cov" ]; then
  rustup component add llvm-tools --toolchain nightly
fi

programs=()
profiles=()
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target"
  folders=("fuzz/corpus/$target")
  if [ -d "fuzz/seeds/$target" ]; then
    folders+=("fuzz/seeds/$target")
  fi
  cargo +nightly fuzz coverage --target "$host" "$target" "${folders[@]}"
  # The first program stands by itself, the others behind an option.
  [ ${#programs[@]} -eq 0 ] || programs+=(-object)
  programs+=("target/$host/coverage/$host/release/$target")
  profiles+=("fuzz/coverage/$target/coverage.profdata")
done
"$tools/llvm-profdata" merge -sparse "${profiles[@]}" -o fuzz/coverage/all.profdata
"$tools/llvm-cov" report -instr-profile=fuzz/coverage/all.profdata "${programs[@]}" "${files[@]}"
"$tools/llvm-cov" show -instr-profile=fuzz/coverage/all.profdata "${programs[@]}" "${files[@]}" \
  -show-regions=false -show-instantiations=false >fuzz/coverage/lines.txt
echo "line by line: fuzz/coverage/lines.txt"
