"""Small files that take much memory or time, written without taking much themselves."""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import Image

_BITS_PER_PIXEL = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples of PNG's colour types


def flat_png(
    side: int, *, colour_type: int = 0, depth: int = 8, see_through: bool = False
) -> bytes:
    """Return a PNG of zeros, ``side`` pixels square; with `see_through`, zero is transparent."""
    row = bytes(1 + -(-side * depth * _BITS_PER_PIXEL[colour_type] // 8))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, colour_type, 0, 0, 0))]
    if colour_type == 3:
        chunks.append((b"PLTE", bytes(6)))
    if see_through:
        chunks.append((b"tRNS", bytes(2 if colour_type == 0 else 6 if colour_type == 2 else 1)))
    chunks += [(b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def float_tiff(side: int) -> bytes:
    """Return a TIFF of 32-bit floats, one number everywhere, deflated."""
    strip = zlib.compress(np.full(side, 0.5, "<f4").tobytes(), 9)
    tags = [
        *[(256, 4, side), (257, 4, side), (258, 3, 32), (259, 3, 8), (262, 3, 1), (277, 3, 1)],
        *[(278, 4, 1), (339, 3, 3)],
    ]
    ends = 8 + 2 + 12 * (len(tags) + 2) + 4
    places, sizes = ends, ends + 4 * side
    data = sizes + 4 * side
    entries = [struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags]
    entries.insert(5, struct.pack("<HHII", 273, 4, side, places))
    entries.insert(8, struct.pack("<HHII", 279, 4, side, sizes))
    # Every row is the same bytes of the file.
    return (
        struct.pack("<2sHIH", b"II", 42, 8, len(entries))
        + b"".join(entries)
        + bytes(4)
        + struct.pack("<I", data) * side
        + struct.pack("<I", len(strip)) * side
        + strip
    )


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """Return a progressive JPEG of one colour that has one of its scans that many times more."""
    buffer = BytesIO()
    Image.new("RGB", (side, side), (90, 120, 60)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    # From the tables before the second scan to those before the third.
    first, second = (data.rindex(b"\xff\xc4", 0, start) for start in starts[1:3])
    return data[:second] + data[first:second] * scans + data[second:]


def write_video(path: Path, codec: str, size: tuple[int, int], packets: Iterator[bytes]) -> None:
    """Write pictures that are encoded already as a video of 25 frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb24" if codec == "png" else "yuvj420p"
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base, packet.is_keyframe = Fraction(1, 25), True
            container.mux(packet)


def write_h264(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Write a video of RGB pictures, uint8, shape ``(height, width, 3)``."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def flat_mov(path: Path, side: int, frames: int) -> None:
    """Write a MOV of black PNGs."""
    picture = flat_png(side, colour_type=2)
    write_video(path, "png", (side, side), (picture for _ in range(frames)))


def photo_jpeg(size: tuple[int, int], seed: int = 0) -> bytes:
    """Return a JPEG of smooth noise, which takes about as many bytes as a photo."""
    coarse = np.random.default_rng(seed).integers(0, 256, (45, 80, 3), np.uint8)
    buffer = BytesIO()
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def mjpeg(path: Path, size: tuple[int, int], frames: int) -> None:
    """Write an ordinary video of JPEGs, two pictures in turn."""
    pictures = [photo_jpeg(size, seed) for seed in range(2)]
    write_video(path, "mjpeg", size, (pictures[number // 8 % 2] for number in range(frames)))


def _file(name: str, make: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(make()) and None


def _float_tiffs(folder: Path) -> None:
    data = float_tiff(13_000)
    for number in range(4):
        (folder / f"{number}.tif").write_bytes(data)


BOMBS: dict[str, Callable[[Path], object]] = {
    "1-bit PNG, transparent": _file("a.png", lambda: flat_png(13_000, depth=1, see_through=True)),
    "four float TIFFs": _float_tiffs,
    "JPEG of 2000 scans": _file("a.jpg", lambda: jpeg_of_scans(13_000, 2000)),
    "MOV of 16000x16000": lambda folder: flat_mov(folder / "a.mov", 16_000, 8),
    "8K MJPEG, 80 frames": lambda folder: mjpeg(folder / "a.avi", (7680, 4320), 80),
    "16-bit RGBA PNG": _file("a.png", lambda: flat_png(13_000, colour_type=6, depth=16)),
    "16-bit RGB PNG": _file("a.png", lambda: flat_png(13_000, colour_type=2, depth=16)),
    "8-bit RGBA PNG": _file("a.png", lambda: flat_png(13_000, colour_type=6)),
    "8-bit RGB PNG": _file("a.png", lambda: flat_png(13_000, colour_type=2)),
    "progressive JPEG": _file("a.jpg", lambda: jpeg_of_scans(13_000, 0)),
}
"""What each input is called, and what writes it into an empty folder."""
