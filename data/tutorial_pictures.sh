#!/usr/bin/env bash
# Draws the pictures of docs/tutorial.md, with its commands, on the sample data.
# Usage: data/tutorial_pictures.sh [FOLDER]; needs nearframe's programs on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
pictures=$(realpath "${1:-docs/images}")
video=$(realpath data/yard.mp4)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

python data/render.py frames "$folder/frames"
cd "$folder"
buildIndex "$video" -o video.index
queryDataset frames/000285.png video.index -k 3 --show answer.png
nearframe explain frames/000181.png frames/000261.png -o explain.png
for name in answer explain; do
    python -c "from PIL import Image; import sys; picture = Image.open(sys.argv[1]); \
picture.thumbnail((1000, 1000)); picture.save(sys.argv[2], quality=75, method=6)" \
        "$name.png" "$pictures/$name.webp"
done
