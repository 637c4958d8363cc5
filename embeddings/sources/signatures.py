"""What a file holds, by its first bytes."""

import os
import re
import stat
from typing import Literal

Content = Literal["image", "video", "raw", "other"]
"""What first bytes tell: a picture, a video, a camera's raw file, or surely none of these."""

HEAD_SIZE = 4096
"""How many bytes of a file are looked at."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_IMAGES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"qoif"),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),  # JPEG 2000: boxes, bare code stream
    *_TIFF,
)
_MPEG = {b"\0\0\x01\xba": "mpeg", b"\0\0\x01\xb3": "mpegvideo"}
_VIDEOS = (
    *(b"FLV\x01", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"YUV4MPEG2 ", b"DKIF\0\0", b".RMF\0\0"),
    *_MPEG,
    *(b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02",),  # MXF
    *(b"\x1f\x07\0\xbf", b"\x1f\x07\0\x3f", b"nut/multimedia container\0"),  # DV: PAL, NTSC
    *(b"\xb7\xd8\0\x20\x37\x49\xda\x11", b"\0\0\0\0\x01\xbc"),  # WTV, GXF
)
_RAWS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
# What names other files, which FFmpeg would open, is a program, or is text.
_SCRIPTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]", b"[Reference]", b"RTSPtext", b"<")
_POSTSCRIPT = (b"%!", b"\xc5\xd0\xd3\xc6")
# Kinds of ISO base media files (after `ftyp`) that are no video.
_BRANDS: dict[bytes, Content] = {
    **dict.fromkeys((b"avif", b"avis", b"mif1", b"msf1", b"miaf"), "image"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image"),
    **dict.fromkeys((b"jp2 ", b"jpx ", b"jpm "), "image"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P ", b"aax ", b"jxl "), "other"),
    b"crx ": "raw",
}
_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_PLAIN_PNM = re.compile(rb"P[1-6]\s(?:\s|#[^\n]*\n)*\d+\s+\d+\s|P[fF]\s+\d+\s+\d+\s")
_RAW_H26X = re.compile(
    rb"\0?\0\0\x01(?:[\x67\x27\x47]|\x09[\x10-\xf0]\0?\0\0\x01\x67|\x40\x01|\x46\x01)"
)
_PACKETS = ((0, 188), (4, 192))  # first sync byte and distance: MPEG-TS, AVCHD and Blu-ray


def head_of(path: str | os.PathLike[str]) -> bytes:
    """Return the first bytes of a regular file; of anything else, and of what cannot be read, none.

    A named pipe is not opened: that would wait for a writer for ever.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  # of 10,000 files
            return b""
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            return os.read(descriptor, HEAD_SIZE)
        finally:
            os.close(descriptor)
    except (OSError, ValueError):
        return b""


def content_of(head: bytes) -> Content | None:
    """Say what a file holds.

    Args:
        head: Its first bytes.

    Returns:
        None where nothing is recognised: damaged, empty, or of a format without a signature. A
        raw file that is a TIFF counts as an image here; `is_raw_tiff` tells them apart.
    """
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video")
    if head.startswith(_RAWS) or (head.startswith(_TIFF) and head[8:10] == b"CR"):
        return "raw"
    if head.startswith(_IMAGES) or _is_webp_bmp_or_sgi(head) or _PLAIN_PNM.match(head):
        return "image"
    if head.startswith(_VIDEOS) or head[4:8] in _ATOMS or _is_video(head):
        return "video"
    if is_script(head) or is_text(head) or head.startswith((*_POSTSCRIPT, b"%PDF", b"\xff\x0a")):
        return "other"
    return None


def is_tiff(head: bytes) -> bool:
    """Tell whether first bytes are those of a TIFF."""
    return head.startswith(_TIFF)


def mpeg_format(head: bytes) -> str | None:
    """Return FFmpeg's name of the MPEG format that first bytes are of; None for other formats."""
    if any(_has_packets(head, first, size) for first, size in _PACKETS):
        return "mpegts"
    return _MPEG.get(head[:4])


def is_script(head: bytes) -> bool:
    """Tell whether first bytes are those of a playlist or another text that names other files."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SCRIPTS) and is_text(head)


def is_postscript(head: bytes) -> bool:
    """Tell whether first bytes are those of PostScript, which is a program."""
    return head.startswith(_POSTSCRIPT)


def is_text(head: bytes) -> bool:
    """Tell whether first bytes are text in ASCII or UTF-8."""
    if not head or any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that is cut off at the end is none that is wrong.
        return len(head) == HEAD_SIZE and error.start >= len(head) - 3
    return True


def _is_webp_bmp_or_sgi(head: bytes) -> bool:
    return (
        (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS)
        or (head[:3] in (b"\x01\xda\0", b"\x01\xda\x01") and head[3:4] in (b"\1", b"\2"))
    )


def _is_video(head: bytes) -> bool:
    return (
        (head[:4] in (b"RIFF", b"RIFX") and head[8:12] in (b"AVI ", b"CDXA"))
        or (head[:4] == b"\x1a\x45\xdf\xa3" and any(n in head for n in (b"webm", b"matroska")))
        or (head[:4] == b"OggS" and any(n in head for n in (b"theora", b"OVP80", b"BBCD")))
        or _RAW_H26X.match(head) is not None
        or any(_has_packets(head, first, size) for first, size in _PACKETS)
    )


def _has_packets(head: bytes, first: int, size: int) -> bool:
    """Tell whether sync bytes stand where those of a transport stream do."""
    marks = head[first::size]
    return len(marks) >= 5 and marks.count(b"\x47") == len(marks)
