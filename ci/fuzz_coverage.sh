#!/usr/bin/env bash
# How much of the readers of shared files the fuzz targets reach with what they
# have found so far, while none runs: ci/fuzz_coverage.sh [file …], by default those below.
set -euo pipefail

files=("$@")
if [ ${#files[@]} -eq 0 ]; then
  files=(src/multiprocess/{reader,key,keys,labels,listing,manifest,file_name,file_kind,merge,merged,settle}.rs
    src/multiprocess/side/{reader,row_key,said,exemplar,publish,known,merge,fold,dead}.rs
    src/multiprocess/fold/{adopt,cells,protocol,sweep}.rs)
fi
targets=(db_reader side_reader directory)

host=$(rustc +nightly -vV | sed -n 's/^host: //p')
tools=$(rustc +nightly --print sysroot)/lib/rustlib/$host/bin
if ! [ -x "$tools/llvm-cov" ]; then
  rustup component add llvm-tools --toolchain nightly
fi

programs=()
profiles=()
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target"
  cargo +nightly fuzz coverage --target "$host" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target"
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
