"""The commands that `kill_points.py` kills, each with the files that it starts from."""

import os
import random
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import Image, PngImagePlugin

INDEX = "my.index"
FILMED = (0, 0, 0, 1, 1, 2, 0, 0, 3, 3)
_HOUR_NS = 3_600_000_000_000


class Place:
    """Folders of one case: `work`, where commands run, `disk`, perhaps another one, and `home`."""

    def __init__(self, root: Path, run: Callable[[str], None]) -> None:
        self.root = root
        self.work, self.disk, self.home = (root / name for name in ("work", "disk", "home"))
        self.run = run
        """Runs a command to its end, ``nearframe`` left out."""

    def command(self, arguments: str) -> list[str]:
        """Return the words of a command, with the other disk's place filled in."""
        return shlex.split(arguments.replace("DISK", str(self.disk)))


@dataclass(frozen=True)
class Case:
    """A command that writes.

    Attributes:
        name: What the table calls it.
        arguments: Of ``nearframe``; DISK stands for the folder on the other disk.
        prepare: Makes the user's files, and runs what has to have run before.
        disks: On how many file systems its files are.
        journal: What ``nearframe undo`` takes after it, relative to `Place.work`; else empty.
        settles: Whether files must be a while old, so that the cache of vectors takes them.
    """

    name: str
    arguments: str
    prepare: Callable[[Place], None]
    disks: int = 1
    journal: str = ""
    settles: bool = False


def picture(seed: int, text: str = "") -> bytes:
    """Draw a PNG, 96 x 64; equal seeds give equal pixels, other texts other bytes."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", text)
    content = BytesIO()
    resized = Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC)
    resized.save(content, "PNG", pnginfo=note)
    return content.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a file of the user's, with a modification time of its own, to the nanosecond."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    moment = random.Random(path.name).randrange(10**17, 10**18)
    os.utime(path, ns=(moment, moment))


def pictures(place: Place, folder: str = "frames") -> Path:
    """Make a folder of eight pictures, of which three repeat another, with sub-folders."""
    top = place.disk / folder.removeprefix("DISK/") if "DISK" in folder else place.work / folder
    for number, seed in enumerate((0, 1, 0, 2, 3, 1, 4, 3)):
        name = f"sub/{number:03}.png" if number % 3 == 2 else f"{number:03}.png"
        write(top / name, picture(seed, f"picture {number}"))
    write(top / "sub" / "only" / "007b.png", picture(4, "picture 7b"))
    write(top / "notes.txt", b"mine")
    (top / "empty").mkdir()
    return top


def cameras(place: Place) -> None:
    """Make a folder of images whose names tell cameras."""
    for number in range(6):
        name = f"c{number % 2}-{1_616_694_872 + 60 * number}.png"
        write(place.work / "frames" / name, picture(number // 2, f"picture {number}"))


def film(place: Place) -> None:
    """Make a lossless video, a frame a second."""
    path = place.work / "gate.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgr0"
        stream.time_base = Fraction(1, 1000)
        for number, seed in enumerate(FILMED):
            frame = av.VideoFrame.from_image(Image.open(BytesIO(picture(seed))).convert("RGB"))
            frame.pts, frame.time_base = number * 1000, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    os.utime(path, ns=(_HOUR_NS, _HOUR_NS))


def indexed(place: Place) -> None:
    """Make an index; since then a file changed, one is new, one is gone and one is broken."""
    folder = pictures(place)
    place.run(f"buildIndex frames -o {INDEX} --recursive --batch-size 1")
    write(folder / "000.png", picture(20))
    write(folder / "000b.png", picture(21))
    (folder / "001.png").unlink()
    write(folder / "003.png", b"no image any more")


def plain_index(place: Place) -> None:
    """Make an index of pictures."""
    pictures(place)
    place.run(f"buildIndex frames -o {INDEX} --recursive --batch-size 1")


def planned(folder: str = "frames") -> Callable[[Place], None]:
    """Make pictures and a plan."""

    def prepare(place: Place) -> None:
        place.run(f"dedup {pictures(place, folder)} --recursive --plan x.json --min-side 1")

    return prepare


def after(prepare: Callable[[Place], None], *commands: str) -> Callable[[Place], None]:
    """Prepare, then run commands."""

    def both(place: Place) -> None:
        prepare(place)
        for command in commands:
            place.run(command)

    return both


_ONE_AND_TWO: Mapping[int, str] = {1: "to", 2: "DISK/to"}


def cases() -> Iterator[Case]:
    """Yield all cases, those that take longest first."""
    build = f"buildIndex frames -o {INDEX} --recursive --batch-size 1"
    yield Case("buildIndex of a folder", build, lambda place: pictures(place) and None)
    yield Case("buildIndex again, --prune", f"{build} --prune", indexed)
    yield Case("buildIndex again, --ann ivf", f"{build} --ann ivf", plain_index)
    yield Case("buildIndex of a video", f"buildIndex gate.mkv -o {INDEX} --batch-size 1", film)
    yield Case(
        "calibrate --into", f"calibrate photos --into {INDEX} --frames 4 --rate 0.1", _calibrated
    )
    for suffix in ("json", "faiss"):
        to = f"buildIndex frames -o x.{suffix} --recursive --batch-size 1"
        yield Case(f"buildIndex -o .{suffix}", to, lambda place: pictures(place) and None)
    for suffix in ("json", "faiss", "npy"):
        export = f"export {INDEX} x.{suffix}"
        yield Case(f"export .{suffix}", export, plain_index)
        yield Case(f"export .{suffix} again", export, after(indexed, export, f"{build} --prune"))
    yield from _dedup()
    yield from _actions()
    yield from _pages()


def _calibrated(place: Place) -> None:
    for number in range(8):
        write(place.work / "photos" / f"{number}.png", picture(number))
    plain_index(place)


def _dedup() -> Iterator[Case]:
    plan = "dedup frames --recursive --min-side 1 --plan x.json --csv x.csv --report x.html"
    fresh = lambda place: pictures(place) and None  # noqa: E731
    yield Case("dedup, plan, table and page", plan, fresh, settles=True)
    again = after(fresh, plan.replace("--recursive", ""))
    yield Case("dedup, the same again", plan, again, settles=True)
    yield Case("dedup of a video", "dedup gate.mkv --to new", film)
    sweep = "dedup frames --recursive --sweep --method embedding --plot x.png --report x.html"
    yield Case("dedup --sweep", sweep, fresh, settles=True)
    yield Case(
        "dedup --apply move",
        "dedup frames --recursive --min-side 1 --apply move --to to",
        fresh,
        journal="frames.dedup.journal.jsonl",
    )


def _actions() -> Iterator[Case]:
    for disks, to in _ONE_AND_TWO.items():
        for action in ("move", "copy-unique"):
            yield from _there_and_back(
                f"apply {action}", f"apply x.json --action {action} --to {to}", planned(), disks
            )
        trash = planned("DISK/frames" if disks == 2 else "frames")
        yield from _there_and_back("apply trash", "apply x.json --action trash", trash, disks)
        for action in ("copy", "move", "link"):
            command = f"split frames --to {to} --action {action} --journal x.journal.jsonl"
            yield from _there_and_back(f"split {action}", command, cameras, disks)
    inside = "apply x.json --action move --to frames/repeats"
    yield from _there_and_back("apply move, into the folder", inside, planned(), 1)
    hardlink = "apply x.json --action hardlink --to to"
    yield from _there_and_back("apply hardlink", hardlink, planned(), 1)
    yield Case("apply delete", "apply x.json --action delete --yes", planned())


def _there_and_back(
    name: str, command: str, prepare: Callable[[Place], None], disks: int
) -> Iterator[Case]:
    journal = "x.journal.jsonl"
    yield Case(name, command, prepare, disks, journal)
    back = f"undo {journal}"
    yield Case(f"undo of {name.removeprefix('apply ')}", back, after(prepare, command), disks)


def _pages() -> Iterator[Case]:
    overview = "overview frames --html x.html"
    yield Case("overview --html", overview, cameras)
    yield Case("explain", "explain frames/000.png frames/001.png -o x.png", planned())
    evaluate = "evaluate frames --frames 3 --plot x.png"
    yield Case("evaluate --plot", evaluate, lambda place: pictures(place) and None)
    query = f"queryDataset frames/000.png {INDEX} --report x.html --show x.png --csv x.csv"
    yield Case("queryDataset, page, picture, table", query, plain_index)
