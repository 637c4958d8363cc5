"""Which files are images and which are videos: one list for all commands.

A suffix decides, unless the first bytes say that the file clearly holds the other kind; where the
suffix is unknown, the first bytes decide. Only formats that hold all of their picture themselves
are read: playlists, concat scripts, SDP, SVG and PostScript name other files or are programs.
"""

import os
from pathlib import Path
from typing import Literal

from .signatures import Content, content_of, head_of, is_tiff
from .tiff import is_raw_tiff

Kind = Literal["image", "video", "raw"]
"""How a file is read."""

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo"})
_JPEG2000_SUFFIXES = frozenset({".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"})
_PNM_SUFFIXES = frozenset({".pbm", ".pgm", ".ppm", ".pnm"})
TGA_SUFFIXES = frozenset({".tga", ".icb", ".vda", ".vst"})
IMAGE_SUFFIXES = (
    frozenset({".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"})
    | frozenset({".avif", ".avifs", ".qoi", ".sgi", ".pcx"})
    | _JPEG_SUFFIXES
    | _JPEG2000_SUFFIXES
    | _PNM_SUFFIXES
    | TGA_SUFFIXES
    | HEIF_SUFFIXES
)
"""Lower-case suffixes of the files that a folder counts as images."""

RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"}
    | {".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl"}
    | {".sr2", ".srf", ".srw", ".x3f"}
)
"""Lower-case suffixes of cameras' raw files."""

# What several pictures one behind the other make; each of them is a JPEG.
_MJPEG_SUFFIXES = frozenset({".mjpeg", ".mjpg"})
# Source code of TypeScript has the suffixes of transport streams.
_TYPESCRIPT_SUFFIXES = frozenset({".ts", ".mts"})
VIDEO_SUFFIXES = (
    frozenset({".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".3gpp", ".f4v"})
    | frozenset({".mkv", ".mk3d", ".webm", ".avi", ".divx", ".wmv", ".asf", ".flv", ".ogv"})
    | frozenset({".m2ts", ".m2t", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".mxf"})
    | frozenset({".dv", ".y4m", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".nut"})
    | frozenset({".rm", ".rmvb", ".wtv", ".gxf"})
    | _TYPESCRIPT_SUFFIXES
    | _MJPEG_SUFFIXES
)
"""Lower-case suffixes of the files that a folder counts as videos."""

IMAGE_FORMATS = (
    *("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "JPEG2000", "AVIF", "HEIF"),
    *("PPM", "QOI", "SGI", "PCX"),
)
"""Pillow's formats that are read: stills that need no other file and start no program."""

DEMUXERS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "mxf", "ogg", "dv"),
    *("yuv4mpegpipe", "h264", "hevc", "m4v", "mjpeg", "ivf", "nut", "rm", "wtv", "gxf", "obu"),
    *("gif", "apng"),
)
"""FFmpeg's formats that are read: none of them opens another file."""

# Sound in a container that also holds videos.
_SOUND_SUFFIXES = frozenset({".m4a", ".m4b", ".m4p", ".m4r", ".mka", ".oga", ".ogg", ".opus"})

# What systems and file managers leave in folders; `._` begins what macOS keeps beside a file.
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db", ".picasa.ini"})
_APPLE_DOUBLE = "._"


def is_litter(name: str) -> bool:
    """Tell whether a file is one that a system keeps for itself, whatever its suffix."""
    return name.startswith(_APPLE_DOUBLE) or name.lower() in _LITTER


def kind_of(path: str | os.PathLike[str]) -> Kind | None:
    """Tell how a file is read; None if it is neither an image nor a video."""
    name = os.path.basename(path)  # noqa: PTH119  # of 10,000 files
    if is_litter(name):
        return None
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    head = head_of(path)
    content = content_of(head)
    if suffix in RAW_SUFFIXES:
        # A picture that only has the name of a raw file; a raw file itself may be a TIFF.
        known = content in ("image", "video") and not is_tiff(head)
        return _as_kind(content) if known else "raw"
    if suffix in IMAGE_SUFFIXES:
        return "video" if content == "video" else "image"
    if suffix in VIDEO_SUFFIXES:
        return _kind_of_video_suffix(suffix, content)
    if suffix in _SOUND_SUFFIXES:
        return None
    if content == "image" and is_tiff(head) and is_raw_tiff(path):
        return "raw"
    return _as_kind(content)


def is_raw(path: str | os.PathLike[str], head: bytes) -> bool:
    """Tell whether an image file is a camera's raw file, whatever its suffix.

    Args:
        path: The file.
        head: Its first bytes.
    """
    content = content_of(head)
    if content == "image" and is_tiff(head):
        return suffix_of(path) in RAW_SUFFIXES or is_raw_tiff(path)
    return content == "raw" or (content is None and suffix_of(path) in RAW_SUFFIXES)


def _kind_of_video_suffix(suffix: str, content: Content | None) -> Kind | None:
    if content == "image" and suffix not in _MJPEG_SUFFIXES:
        return "image"
    if content == "other" and suffix in _TYPESCRIPT_SUFFIXES:
        return None
    return "video"


def _as_kind(content: Content | None) -> Kind | None:
    return None if content == "other" else content


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix in lower case, with its dot; empty where there is none."""
    return Path(path).suffix.lower()
