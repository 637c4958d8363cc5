#!/usr/bin/env bash
# The main commands on the sample data, each once. Usage: data/smoke.sh OUT_FOLDER, which is new.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1

data/demo.sh "$out"
set -x
nearframe info "$out/frames.index"
nearframe verify "$out/frames.index"
nearframe export "$out/frames.index" "$out/frames.json"
queryDataset -q "$out/frames/000100.png" -i "$out/frames.json" --report "$out/answer.html"
nearframe explain "$out/frames/000001.png" "$out/frames/000100.png" -o "$out/explained.png"
nearframe apply "$out/frames.dedup.json" --action move
nearframe undo "$out/frames.dedup.journal.jsonl"
test "$(find "$out/frames" -name '*.png' | wc -l)" = 300
nearframe overview "$out/frames" --html "$out/overview.html"
dedup data/yard.mp4 --to "$out/kept" --method embedding
python -c 'import sys, nearframe; print(nearframe.open_index(sys.argv[1]))' "$out/frames.index"
