"""What lies in a folder, in a form in which two runs of one command compare equal."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

State = dict[str, str]
"""What is at each relative path: a content, with the modification time where it is the user's."""

CATALOGUE = "frames.sqlite"
# What differs from run to run and says nothing.
_VARIES = (
    (re.compile(rb'"created": ?"[^"]*"'), b""),
    (re.compile(rb'"token": ?"[^"]*"'), b""),
    (re.compile(rb"(DeletionDate|X-Nearframe)=.*"), b""),
    (re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d)?"), b""),
)


def sha256(content: bytes) -> str:
    """Return the start of a hash."""
    return hashlib.sha256(content).hexdigest()[:24]


def users_files(*folders: Path) -> State:
    """Return content and modification time of each file, and the folders."""
    return {
        f"{folder.name}/{path.relative_to(folder)}": _described(path, frozenset(), users=True)
        for folder in folders
        for path in sorted(folder.rglob("*"))
    }


def contents(*folders: Path) -> Counter[str]:
    """Count each content."""
    return Counter(
        sha256(path.read_bytes())
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    )


def everything(root: Path, originals: frozenset[str], of_index: Callable[[Path], str]) -> State:
    """Return all that is below a folder, an index as one entry.

    Args:
        root: The folder.
        originals: Hashes of the user's contents, of which the modification time counts.
        of_index: Describes an index.
    """
    state = {}
    for path in _walk(root):
        name = str(path.relative_to(root))
        if path.name.endswith(".partial"):
            state[name] = ""  # of a build that goes on with it or makes it anew
        elif path.is_dir() and (path / CATALOGUE).exists():
            state[name] = of_index(path)
        elif ".cache" in path.parts:
            if name.endswith((".tmp", ".partial", "-journal")):
                state[name] = ""  # what else is there differs from run to run
        else:
            state[name] = _described(path, originals)
    return state


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink() and not _is_index(path):
            yield from _walk(path)


def _is_index(path: Path) -> bool:
    return (path / CATALOGUE).exists() or path.name.endswith(".partial")


def _described(path: Path, originals: frozenset[str], *, users: bool = False) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_dir():
        return "folder"
    content = path.read_bytes()
    found = sha256(content)
    if users or found in originals:
        return f"{found} {path.stat().st_mtime_ns}"
    for pattern, replacement in _VARIES:
        content = pattern.sub(replacement, content)
    return f"written {sha256(content)} {path.stat().st_nlink}"


def index_state(path: Path) -> str:
    """Return the frames of an index and their vectors; run in a process that may make threads.

    Raises:
        AssertionError: If it is damaged, or holds files that are not of its last commit.
    """
    from nearframe.index import FrameIndex, stored_threshold, verify

    damage = verify(path).damage
    assert damage == (), f"damaged: {damage}"
    with FrameIndex.open(path) as index:
        frames = {
            f"{frame.ref.source} {frame.ref.number}": sha256(vector.tobytes())
            for block in index.blocks()
            for frame, vector in zip(block.frames, block.vectors, strict=True)
        }
        shards = {shard.path.name for shard in index.catalog.shards()}
        threshold = stored_threshold(index)
    present = {file.name for file in path.iterdir()}
    extra = {name for name in present if name.endswith((".tmp", "-journal"))}
    extra |= {name for name in present if name.endswith(".f32")} - shards
    searches = sorted(re.sub(r"\d+", "N", name) for name in present if name.endswith(".faiss"))
    return json.dumps(
        {
            "frames": frames,
            "threshold": threshold and threshold.value,
            "extra": sorted(extra),
            "searches": searches,
        }
    )


def index_fault(found: str, *allowed: str | None) -> str:
    """Return what is wrong with an index after a kill, of which these are the states before."""
    known = [json.loads(state)["frames"] for state in allowed if state]
    for ref, vector in json.loads(found)["frames"].items():
        if not any(frames.get(ref) == vector for frames in known):
            return f"the index has an unknown frame {ref}"
    return ""
