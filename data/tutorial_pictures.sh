#!/usr/bin/env bash
# Draws docs/images/: the README's first picture and those of the tutorial, with its commands, on the
# sample data. Usage: data/tutorial_pictures.sh [FOLDER]; needs nearframe's programs on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
pictures=$(realpath "${1:-docs/images}")
video=$(realpath data/yard.mp4)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

python data/render.py frames "$folder/frames"
cd "$folder"
# A still as people have it: grey, half as large, with bars, heavily compressed.
python -c "from PIL import Image, ImageOps; frame = Image.open('frames/000075.png').convert('L')
ImageOps.expand(frame.resize((320, 180)), (0, 30), 0).save('old-still.jpg', quality=25)"
buildIndex "$video" -o video.index
queryDataset old-still.jpg video.index -k 3 --show found.png
queryDataset frames/000285.png video.index -k 3 --show answer.png
nearframe explain frames/000181.png frames/000261.png -o explain.png
for name in found answer explain; do
    python -c "from PIL import Image; picture = Image.open('$name.png')
picture.thumbnail((1040, 1040)); picture.save('$pictures/$name.webp', quality=80, method=6)"
done
