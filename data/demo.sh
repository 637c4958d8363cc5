#!/usr/bin/env bash
# The main job on the sample data. Usage: data/demo.sh OUT_FOLDER
# Prints each command before it runs it, and what it prints is the README's example.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1

show() {
    printf '$ %s\n' "$*"
    "$@"
}

# The frames of the sample video as PNGs, named 000001.png to 000300.png.
if [[ ! -e $out/frames/000300.png ]]; then
    show python data/render.py frames "$out/frames"
fi
show getSimilarity -q "$out/frames/000001.png" -t "$out/frames/000100.png"
show buildIndex -i data/yard.mp4 -o "$out/video.index"
show buildIndex -i "$out/frames" -o "$out/frames.index"
show queryDataset -q "$out/frames/000285.png" -i "$out/video.index"
show queryDataset -q "$out/frames/000100.png" -i "$out/frames.index" -k 3
show dedup "$out/frames.index" --method hybrid --plan "$out/frames.dedup.json"
