"""The folder that receives the new frames of a video: complete, or known to be incomplete."""

import glob
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2

from nearframe.common import (
    TEMPORARY_SUFFIX,
    OutputError,
    atomic_path,
    holding,
    remove_leftovers,
    show_time,
    shown,
    writing_errors,
)
from nearframe.common.typed_json import parsed
from nearframe.embeddings import Frame

_MARK = ".nearframe-frames.json"
_HEAD = {"nearframe": "frames of a video", "version": 1}
_QUALITY = 95


class FrameFolder:
    """Writes frames of one video into a folder; made by `frame_folder`.

    Args:
        path: The folder.
        stem: What the names of its files begin with.
    """

    def __init__(self, path: Path, stem: str) -> None:
        self._path = path
        self._stem = stem

    def write(self, frame: Frame) -> str:
        """Write a frame as JPEG of quality 95, unless an earlier run did; return its file.

        Raises:
            OutputError: If it cannot be written, or another file has its name.
        """
        path = self._path / f"{self._stem}_{frame.number:06d}{_clock(frame.time_s)}.jpg"
        bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        done, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not done:
            raise OutputError(f"frame {frame.number} cannot be written as JPEG: it is too large")
        _write_new(path, content.tobytes())
        return str(path)


@contextmanager
def frame_folder(path: Path, *, stem: str, made_by: Mapping[str, Any]) -> Iterator[FrameFolder]:
    """Open a folder for the frames of a video.

    Until the block ends without an exception, the folder holds a mark. A later run that would make
    the same frames finds it, and goes on; so a run that a full disk or an interruption ended can
    simply be started again.

    Args:
        path: A new or empty folder, or one that such a run has left.
        stem: What the names of its files begin with.
        made_by: What decides which frames are written, as JSON values.

    Raises:
        OutputError: If the folder holds something else or cannot be written, or if another process
            writes into it.
    """
    text = json.dumps({**_HEAD, **made_by}, indent=1)
    mark = path / _MARK
    with ExitStack() as stack:
        with writing_errors(path):
            is_new = _prepare(path, mark, text)
            held = stack.enter_context(holding(mark))
            if not held:
                raise OutputError(
                    f"{shown(path)} is being written by another process; wait until it ends"
                )
            _remove_leftovers(path, stem)
        try:
            yield FrameFolder(path, stem)
        except BaseException:
            with suppress(OSError):
                if os.listdir(path) == [_MARK]:  # noqa: PTH208
                    mark.unlink()
                    if is_new:
                        path.rmdir()
            raise
        with writing_errors(path):
            mark.unlink()


def _prepare(path: Path, mark: Path, text: str) -> bool:
    """Make the folder and its mark; return whether the folder is new."""
    is_new = not os.path.lexists(path)
    if is_new:
        path.mkdir(parents=True)
    elif not path.is_dir():
        raise _in_the_way(path)
    remove_leftovers([mark])
    if mark.is_file():
        if _differs(mark, text):
            raise OutputError(
                f"{shown(path)} has frames of another video, or of the same with other options, "
                "from a run that did not come to its end; run that one again, or give a new name"
            )
        return False
    if any(path.iterdir()):
        raise _in_the_way(path)
    try:
        with atomic_path(mark, replace=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except BaseException:
        if is_new:
            with suppress(OSError):
                path.rmdir()
        raise
    return is_new


def _differs(mark: Path, text: str) -> bool:
    try:
        return bool(parsed(mark.read_bytes()) != parsed(text))
    except ValueError:
        return True


def _in_the_way(path: Path) -> OutputError:
    return OutputError(
        f"{shown(path)} exists and is not an empty folder; give a new name, so that "
        "nothing there is mixed with the frames"
    )


def _remove_leftovers(path: Path, stem: str) -> None:
    """Remove frames that a run which was killed had half written."""
    half = path.glob(f".{glob.escape(stem)}_*{TEMPORARY_SUFFIX}")
    names = (file.name[1:].removesuffix(TEMPORARY_SUFFIX).rpartition(".")[0] for file in half)
    remove_leftovers([path / name for name in names])


def _write_new(path: Path, content: bytes) -> None:
    with writing_errors(path):
        if os.path.lexists(path):
            if path.read_bytes() != content:
                raise OutputError(
                    f"{shown(path)} exists and holds something else; it is not replaced; move it "
                    "away, or give a new folder"
                )
            return
        with atomic_path(path, replace=False) as temporary:
            temporary.write_bytes(content)


def _clock(time_s: float | None) -> str:
    """Return a time for a file name: 83.4 gives ``_0h01m23.400s``."""
    if time_s is None:
        return ""
    return "_{}h{}m{}s".format(*show_time(time_s).split(":"))
