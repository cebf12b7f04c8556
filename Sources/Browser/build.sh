#!/usr/bin/env bash
# Compiles the package's mathematics to one WebAssembly module, with Embedded Swift.
#
#   Sources/Browser/build.sh [OUT]      OUT: Sources/TracePage/Page/network/network.wasm unless given
#
# The files are those that `swift build` compiles: every room of the package is a module here too, and
# the lists below leave out what a page does not need: files, figures, adapters, gradients of stages.
# Needs the Swift toolchain with Embedded Swift, lld and wasi-libc (`apt-get install lld wasi-libc`):
# malloc, exp and log are that library's. The same sources give the same bytes in any folder.
set -euo pipefail
sources=$(cd "$(dirname "$0")/.." && pwd)
out=$(realpath -m "${1:-$sources/TracePage/Page/network/network.wasm}")
embedded=$(cd "$(dirname "$(readlink -f "$(command -v swiftc)")")/../lib/swift/embedded" && pwd)
# Debian's folders; others can be named.
headers=${WASI_HEADERS:-/usr/include/wasm32-wasi}
libraries=${WASI_LIBRARIES:-/usr/lib/wasm32-wasi}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$sources"

modules=(
  "Tensors: Box ElementType Fault Half Shape Tensor Tensor+Sum Window"
  # All of it but the measurement of speed and the settings of the system's allocator.
  "Kernels: $(cd Kernels && ls *.swift | grep -vE '^(ArithmeticPeak|Memory)\.' | sed 's/\.swift$//' | tr '\n' ' ')"
  "Model: AnchorShapes Architecture COCO FileParameters FileParameters+Network Layers Layout
    Layout+Reading MaskRCNNModel MaskRCNNParameters+Layout ModelSettings OlderNames ParameterNames
    ParameterTree Parameters WeightSource"
  "Stage0Input: InputTransform"
  "Stage1Backbone: ResNet FeaturePyramid"
  "Stage2Anchors: AnchorIndex Anchors RPNHead"
  "Stage3Proposals: BoxCoding Fate Ledger NonMaximumSuppression NonMaximumSuppression+Fast Proposals"
  "Stage4RoI: LevelAssignment RoI+Settings RoIAlign RoIOperator RoIOperator+Fast RoIPool RoIPyramid"
  "Stage5Heads: BoxHead Branches DetectionLedger Detections MaskHead"
  "Stage6Masks: Detection MaskPaste"
  "Annotations: MaskRegion"
  "Inference: InputBatch Network"
  "Browser: Boxes Masks Memory Options RoIOperators Session Settings Stages TensorName Weights"
)

printf 'module CVectorWidth { header "%s" export * }\n' \
  "$sources/CVectorWidth/include/CVectorWidth.h" >"$work/module.modulemap"
objects=()
for module in "${modules[@]}"; do
  name=${module%%:*}
  files=()
  for file in ${module#*:}; do files+=("$name/$file.swift"); done
  # Paths in messages of traps would differ from folder to folder.
  swiftc -target wasm32-unknown-none-wasm -enable-experimental-feature Embedded \
    -enable-experimental-feature Extern -swift-version 6 -wmo -O -parse-as-library \
    -package-name maskrcnn -module-name "$name" -file-prefix-map "$sources=." \
    -Xfrontend -disable-stack-protector \
    -I "$work" -I CMathematics -Xcc -msimd128 -Xcc -isystem -Xcc "$headers" \
    -emit-module -emit-module-path "$work/$name.swiftmodule" -c -o "$work/$name.o" "${files[@]}"
  objects+=("$work/$name.o")
done

# The toolchain's tables for the comparison of text, an archive without an index.
wasm-ld --no-entry --gc-sections --strip-all --allow-undefined -z stack-size=1048576 \
  -o "$work/network.wasm" "${objects[@]}" \
  --whole-archive "$embedded/wasm32-unknown-none-wasm/libswiftUnicodeDataTables.a" \
  --no-whole-archive "$libraries/libc.a" "$libraries/libm.a"
mkdir -p "$(dirname "$out")"
mv "$work/network.wasm" "$out"
printf '%s: %d bytes, %d compressed\n' "$out" "$(stat -c %s "$out")" "$(gzip -9 -c "$out" | wc -c)"
