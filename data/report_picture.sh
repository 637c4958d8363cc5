#!/usr/bin/env bash
# Draws docs/report.webp: the report of every fifth frame of the sample video, in headless Chromium.
# Usage: data/report_picture.sh [PICTURE]; needs chromium, and nearframe's programs on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
picture=$(realpath "${1:-docs/report.webp}")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

python data/render.py frames "$folder/frames"
mkdir "$folder/yard"
for number in $(seq 1 5 300); do
    # 2021-03-25 17:54:32 UTC and on, at 30 frames per second.
    time=$((1616694872500 + (number - 1) * 1000 / 30))
    mv "$folder/frames/$(printf %06d "$number").png" "$folder/yard/gate-$time.png"
done
cd "$folder"
TZ=UTC dedup yard --report report.html
# No name of a temporary folder.
sed -i "s|$folder|/nvr|" report.html
# Chromium complains about a missing desktop; a missing picture is an error all the same.
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1340 \
    --virtual-time-budget=5000 --screenshot=report.png "file://$folder/report.html" 2>chromium.log
python -c "from PIL import Image; Image.open('report.png').save('$picture', quality=80, method=6)"
