"""Finding the repeats in a folder of photos: nearframe, imagededup and difPy, in one run.

``python -m benchmarks peers FOLDER --python PYTHON``: PYTHON is one that has imagededup and difPy,
which are no dependencies of nearframe; without it, an environment is made for them in a temporary
folder, in which this Python's packages are seen too, so that torch is not installed once more.

A folder with fewer photos than ``--count`` is made up to it with edited copies (cropped, turned a
little, brighter or darker; seeded), and ``--size`` and ``--suffix`` have all photos saved anew.
imagededup's CNN gets random weights of the right shape, since this measures time only and what it
finds is not looked at; so it is told to report no pair, where random weights would report all.

Each runs in a process of its own with its defaults. Images per second, and milliseconds of a core
for each, are those of the vectors or hashes, with the network loaded; the time of all is that of
the process, with its start. Core time depends less than the clock on what else the machine does,
and least with ``--one-core``: threads of torch that wait for each other keep their cores busy.
Memory is explained in ``usage.py``.
"""

import json
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageEnhance
from usage import Usage, run

_PROGRAMS = Path(__file__).with_name("peer_programs.py")
_PACKAGES = ("imagededup", "difPy")
_SUFFIXES = (".jpg", ".jpeg", ".png")
# Where torchvision looks for MobileNetV3 before it would download it.
_CHECKPOINT = Path("hub", "checkpoints", "mobilenet_v3_small-047dcff4.pth")


@dataclass(frozen=True)
class Result:
    """What one program did.

    Attributes:
        images: How many it read.
        encode_s: Seconds for their vectors or hashes.
        encode_core_s: Time on cores for those.
        find_s: Seconds for finding the repeats among those.
        usage: Of its whole process.
    """

    images: int
    encode_s: float
    encode_core_s: float
    find_s: float
    usage: Usage

    @property
    def rate(self) -> float:
        """Vectors or hashes per second."""
        return self.images / self.encode_s

    @property
    def core_ms(self) -> float:
        """Milliseconds of a core for each of them."""
        return 1000 * self.encode_core_s / self.images


def make_photos(
    folder: Path, target: Path, count: int, size: tuple[int, int] | None, suffix: str
) -> None:
    """Save `count` photos: those of a folder, and edited copies once they are used up."""
    originals = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not originals:
        raise click.ClickException(f"no {', '.join(_SUFFIXES)} in {folder}; give a folder of them")
    target.mkdir()
    draws = np.random.default_rng(0)
    for number, path in zip(range(count), cycle(originals), strict=False):
        photo = Image.open(path).convert("RGB")
        if number >= len(originals):
            photo = edited(photo, draws)
        photo.resize(size or photo.size).save(target / f"{number:06d}{suffix}", quality=90)


def edited(photo: Image.Image, draws: np.random.Generator) -> Image.Image:
    """Crop a photo, turn it a little and change its brightness."""
    width, height = photo.size
    left, top = draws.uniform(0, 0.1, 2) * (width, height)
    right, bottom = (1 - draws.uniform(0, 0.1, 2)) * (width, height)
    turned = photo.rotate(draws.uniform(-5, 5), Image.Resampling.BILINEAR)
    cropped = turned.resize(photo.size, box=(left, top, right, bottom))
    return ImageEnhance.Brightness(cropped).enhance(draws.uniform(0.7, 1.3))


def make_environment(folder: Path) -> Path:
    """Make an environment with the other programs and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    site = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", site], check=True, capture_output=True, text=True)
    Path(own.stdout.strip(), "base.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", *_PACKAGES], check=True)
    return python


def make_weights(folder: Path) -> None:
    """Put random weights of MobileNetV3 where torchvision looks for the trained ones."""
    import torch
    from torchvision.models import mobilenet_v3_small

    torch.manual_seed(0)
    path = folder / _CHECKPOINT
    path.parent.mkdir(parents=True)
    torch.save(mobilenet_v3_small(weights=None).state_dict(), path)


def measure(python: Path, name: str, photos: Path, *options: str, torch_home: Path) -> Result:
    """Run one program on a folder."""
    usage = run([python, _PROGRAMS, name, photos, *options], {"TORCH_HOME": str(torch_home)})
    return Result(**json.loads(usage.output.splitlines()[-1]), usage=usage)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--python", type=click.Path(path_type=Path, exists=True), help="Has the others.")
@click.option("--count", default=2_000, show_default=True, help="How many photos.")
@click.option("--size", nargs=2, type=int, help="Width and height of all photos.")
@click.option("--suffix", default=".jpg", show_default=True, help="What to save them as.")
@click.option("--weights", default="builtin", show_default=True, help="Of nearframe.")
@click.option("--one-core", is_flag=True, help="Give all of them one core; Linux only.")
@click.option("--only", multiple=True, help="Leave the other programs out.")
def main(
    folder: Path,
    python: Path | None,
    count: int,
    size: tuple[int, int] | None,
    suffix: str,
    weights: str,
    one_core: bool,
    only: tuple[str, ...],
) -> None:
    """Print speed, time and memory of each program."""
    own = Path(sys.executable)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        photos = base / "photos"
        make_photos(folder, photos, count, size, suffix)
        make_weights(base)
        python = python or make_environment(base / "environment")
        if one_core:
            os.sched_setaffinity(0, {0})  # of the programs that are started from here, too
        print(f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores")
        print(f"{len(list(photos.iterdir()))} photos from {folder}, random weights for the CNN")
        print(
            f"{'':<18} {'images/s':>8} {'core ms':>8} {'find s':>7} {'all s':>7} {'core s':>7} "
            f"{'peak MB':>8} {'own MB':>7}"
        )
        for label, program, *options in (
            ("nearframe", "nearframe", weights, "auto"),
            ("nearframe, int8", "nearframe", weights, "int8"),
            ("imagededup CNN", "imagededup CNN"),
            ("imagededup pHash", "imagededup pHash"),
            ("difPy", "difPy"),
        ):
            if only and label not in only:
                continue
            runs_in = own if program == "nearframe" else python
            result = measure(runs_in, program, photos, *options, torch_home=base)
            print(
                f"{label:<18} {result.rate:8.1f} {result.core_ms:8.1f} {result.find_s:7.1f} "
                f"{result.usage.seconds:7.1f} {result.usage.core_s:7.1f} "
                f"{result.usage.peak_mb:8.0f} {result.usage.own_mb:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
