#!/usr/bin/env bash
# Copies the images that README and GUIDE show out of a fresh trace of the bundled image.
set -euo pipefail
cd "$(dirname "$0")/../.."
trace=$(mktemp -d)/trace
swift run -c release maskrcnn --trace "$trace"
target=Fixtures/guide
copy() { cp "$trace/$1/figures/$2.png" "$target/${3:-$2}.png"; }
copy 0-input input
copy 1-backbone pyramid
copy 2-anchors anchors
copy 2-anchors objectness
copy 3-proposals candidates
copy 4-roi roi-best
copy 5-heads masks class-masks
copy 5-heads refinement
copy 6-masks paste
copy 6-masks overlay
copy 9-gradients roi gradient-roi
swift run -c release roi sweep --trace "$trace" --into "$trace/sweep"
cp "$trace/sweep/sweep.png" "$target/sweep.png"
swift run -c release bench --scaling --plot "$target/scaling.png"
