#!/usr/bin/env bash
# Builds and runs the package in this folder as anybody else's: in a folder far from the repository,
# with a tagged version of what is committed there as its dependency. Prints how many nuclei it finds
# in the bundled image, and the first three; fails if there are none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(git -C "$here" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q "$repository" "$work/MaskRCNN"
git -C "$work/MaskRCNN" tag 1.0.0
cp -r "$here" "$work/dependent"
cd "$work/dependent"
export MASKRCNN_URL=file://$work/MaskRCNN
swift build -c release --product nuclei
fixtures=$repository/Fixtures
.build/release/nuclei "$fixtures/weights/nuclei.safetensors" "$fixtures/images/nuclei.png" \
  >nuclei.txt
head -n 3 nuclei.txt
count=$(wc -l <nuclei.txt)
echo "$count nuclei"
((count > 0)) || exit 1
