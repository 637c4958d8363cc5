"""The file formats that `fuzz_files.py` changes, each with the commands that read it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

IMAGES = 5
_SUFFIXES = ("jpg", "tiff", "gif", "webp", "bmp")


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: What the table calls it.
        file: Which of the files of `make_files` is changed; a pattern.
        commands: Of ``nearframe``, those that read it; each try takes one.
        needs: What else they use, files or folders.
        kind: How it is changed, besides its bytes: ``json``, ``jsonl``, ``sqlite``, or not at all.
        weight: How many tries it gets, compared with others.
    """

    name: str
    file: str
    commands: tuple[str, ...]
    needs: tuple[str, ...] = ()
    kind: str = ""
    weight: int = 4


def formats() -> list[Format]:
    """Return all of them."""
    query, alike = "queryDataset frames/000002.png ", "getSimilarity frames/000002.png "
    weights = alike + "frames/000003.png --weights "
    folder = ("buildIndex frames -o n.index", "overview frames")
    repeats = ("dedup moved --recursive", "overview moved --recursive")
    mask = "explain frames/000001.png frames/000002.png --mask mask.png"
    truth = "evaluate frames --ground-truth truth.csv"
    frames = ("frames",)
    return [
        Format("catalogue", "x.index/frames.sqlite", _of("x.index"), frames, "sqlite", 12),
        Format("catalogue, lists", "l.index/frames.sqlite", _of("l.index"), frames, "sqlite", 2),
        Format("vectors", "x.index/*.f32", _of("x.index"), frames),
        Format("exact search", "x.index/search-*.faiss", _of("x.index"), frames),
        Format("lists", "l.index/ivf-*.faiss", _of("l.index"), frames),
        Format("export .json", "x.json", (query + "x.json",), frames, "json", 6),
        Format("export .faiss", "x.faiss", (query + "x.faiss",), ("frames", "x.faiss.json"), "", 8),
        Format("frames of .faiss", "x.faiss.json", (query + "x.faiss",), _FAISS, "json", 8),
        Format("plan", "plan.json", ("apply plan.json --action move",), frames, "json", 12),
        Format("journal", "j.jsonl", ("undo j.jsonl",), ("moved",), "jsonl", 12),
        Format("list of moved files", "moved/.nearframe-moved.json", repeats, (), "json"),
        Format("record of trash", "data/Trash/info/*", ("undo t.jsonl",), ("trashed", "t.jsonl")),
        Format("ground truth", "truth.csv", (truth,), frames, "", 6),
        Format("mask", "mask.png", (mask,), frames, "", 1),
        Format("vector cache", _CACHE, ("dedup frames", folder[0]), frames, "sqlite", 2),
        Format("image .png", "frames/000003.png", folder, (), "", 2),
        Format("video", "clip.mp4", ("buildIndex clip.mp4 -o n.index",), (), "", 2),
        *(
            Format(f"weights {one}", one, (weights + one,), frames)
            for one in ("w.safetensors", "w.pth")
        ),
        *(
            Format(f"image {one}", one, (alike + one,), frames, "", 1)
            for one in map("one.{}".format, _SUFFIXES)
        ),
    ]


_FAISS = ("frames", "x.faiss")
_CACHE = "cache/nearframe/vectors/1.sqlite"


def _of(index: str) -> tuple[str, ...]:
    """Return the commands that read an index."""
    return (
        f"info {index}",
        f"info {index} --json",
        f"verify {index}",
        f"queryDataset frames/000002.png {index}",
        f"buildIndex frames -o {index} --prune",
        f"buildIndex frames/000001.png -o {index} --rehash",
        f"export {index} out.faiss",
        f"queryDataset frames/000002.png {index} -k 9 --source frames",
        f"dedup {index}",
    )


def make_files(run: Callable[[str], object]) -> None:
    """Write a valid file of each format into the current folder.

    Args:
        run: Runs a command of ``nearframe``.
    """
    for folder in ("frames", "moved", "trashed"):
        Path(folder).mkdir()
        for number in range(1, IMAGES + 1):
            # The last is the one before once more, so that there is something to drop.
            _picture(min(number, IMAGES - 1)).save(f"{folder}/{number:06d}.png")
    for suffix in _SUFFIXES:
        _picture(40).save(f"one.{suffix}")
    Image.new("L", (96, 64), 255).save("mask.png")
    Path("truth.csv").write_text("query,original\nframes/000001.png,frames/000002.png\n")
    _write_video(Path("clip.mp4"))
    Path("cache").mkdir()
    run("dedup frames --plan plan.json")
    run("buildIndex frames clip.mp4 -o x.index --ann flat")
    run("buildIndex frames -o l.index --ann ivf")
    run("export x.index x.json")
    run("export x.index x.faiss")
    run("dedup moved --plan p.json")
    run("apply p.json --action move --to moved/repeats")
    run("dedup trashed --plan q.json")
    run("apply q.json --action trash")
    next(Path().glob("p*.jsonl")).rename("j.jsonl")
    next(Path().glob("q*.jsonl")).rename("t.jsonl")
    _write_weights()


def _picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC)


def _write_video(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for seed in (1, 2, 50):
            container.mux(stream.encode(av.VideoFrame.from_image(_picture(seed))))
        container.mux(stream.encode())


def _write_weights() -> None:
    import torch
    from safetensors.numpy import save_file

    tensors: dict[str, Any] = {
        "conv1.weight": np.ones((4, 3, 2, 2), np.float32),
        "bn1.bias": np.zeros(4, np.float32),
        "layer1.0.conv1.weight": np.ones((2, 2, 1, 1), np.float32),
    }
    save_file(tensors, "w.safetensors")
    torch.save({"model": {key: torch.tensor(value) for key, value in tensors.items()}}, "w.pth")
