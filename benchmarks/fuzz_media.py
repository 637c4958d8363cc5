"""Damaged images and videos: each is read, or refused with one of nearframe's errors.

``nice python -m benchmarks fuzz_media 10000 2000``: so many images and videos. Small files of each
format are rendered, and each case mutates one of them by its seed: bits, bytes, numbers, parts that
are cut out, repeated or taken from another file. Cases run one after the other in a process that is
watched from here; it prints, for each format, how many were read and how many refused, and each
case that ended otherwise: another exception, a crash, 20 seconds of a core, 2 GB. ``--first N``
with the counts 1 and 0, or 0 and 1, repeats one case. Linux only.
"""

import multiprocessing
import multiprocessing.connection
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
import click
import numpy as np
import psutil
from PIL import Image

from nearframe.common import NearframeError
from nearframe.embeddings import Frame, Preprocessing, Unreadable
from nearframe.embeddings.sources import (
    Sampling,
    content_beyond_rgb,
    frames_at,
    open_sources,
    read_image,
)
from nearframe.embeddings.sources.header import read_header

_MOST_CORE_S, _MOST_S, _MOST_BYTES = 20, 180, 2_000_000_000
_MOST_FRAMES = 40
_NUMBERS = (0, 1, 127, 128, 255, 256, 32767, 65535, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)

Files = dict[str, tuple[str, bytes]]
"""By name of the format: suffix and content."""


def images() -> Files:
    """Render a small image in each format and kind that is read; those that are not there less."""
    noise = np.random.default_rng(0)
    coarse = noise.integers(0, 256, (6, 8, 3), np.uint8)
    rgb = Image.fromarray(coarse).resize((72, 56), Image.Resampling.BICUBIC)
    rgba = rgb.copy()
    rgba.putalpha(rgb.convert("L"))
    sixteen = Image.fromarray(np.asarray(rgb.convert("L"), np.uint16) * 201)
    floats = Image.fromarray(np.asarray(rgb.convert("L"), np.float32) / 255)
    others = [rgb.rotate(90 * turn) for turn in (1, 2)]
    several = {"save_all": True, "append_images": others, "duration": 40}
    kinds: dict[str, tuple[str, Image.Image, str, dict[str, object]]] = {
        "JPEG": ("jpg", rgb, "JPEG", {"exif": Image.Exif().tobytes()}),
        "JPEG progressive": ("jpg", rgb, "JPEG", {"progressive": True}),
        "JPEG CMYK": ("jpg", rgb.convert("CMYK"), "JPEG", {}),
        "JPEG grey": ("jpg", rgb.convert("L"), "JPEG", {"restart_marker_rows": 1}),
        "MPO": ("mpo", rgb, "MPO", {"save_all": True, "append_images": others}),
        "PNG": ("png", rgb, "PNG", {}),
        "PNG RGBA": ("png", rgba, "PNG", {}),
        "PNG palette": ("png", rgb.convert("P"), "PNG", {"transparency": 3}),
        "PNG 16 bit": ("png", sixteen, "PNG", {}),
        "PNG 1 bit": ("png", rgb.convert("1"), "PNG", {}),
        "APNG": ("png", rgba, "PNG", several),
        "GIF": ("gif", rgb, "GIF", {}),
        "GIF animation": ("gif", rgb, "GIF", several),
        "WebP": ("webp", rgb, "WEBP", {}),
        "WebP lossless": ("webp", rgba, "WEBP", {"lossless": True}),
        "WebP animation": ("webp", rgba, "WEBP", several),
        "BMP": ("bmp", rgb, "BMP", {}),
        "BMP palette": ("bmp", rgb.convert("P"), "BMP", {}),
        "TIFF": ("tif", rgb, "TIFF", {}),
        "TIFF LZW": ("tif", rgba, "TIFF", {"compression": "tiff_lzw"}),
        "TIFF deflate": ("tif", sixteen, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "TIFF JPEG": ("tif", rgb, "TIFF", {"compression": "jpeg"}),
        "TIFF PackBits": ("tif", rgb.convert("P"), "TIFF", {"compression": "packbits"}),
        "TIFF group 4": ("tif", rgb.convert("1"), "TIFF", {"compression": "group4"}),
        "TIFF floats": ("tif", floats, "TIFF", {"compression": "tiff_lzw"}),
        "TIFF pages": ("tif", rgb, "TIFF", {"save_all": True, "append_images": others}),
        "JPEG 2000": ("jp2", rgb, "JPEG2000", {}),
        "JPEG 2000 stream": ("j2k", rgba, "JPEG2000", {"no_jp2": True}),
        "AVIF": ("avif", rgb, "AVIF", {"speed": 10}),
        "AVIF animation": ("avif", rgb, "AVIF", {**several, "speed": 10}),
        "HEIF": ("heic", rgb, "HEIF", {}),
        "PPM": ("ppm", rgb, "PPM", {}),
        "PGM": ("pgm", rgb.convert("L"), "PPM", {}),
        "QOI": ("qoi", rgba, "QOI", {}),
        "SGI": ("sgi", rgb, "SGI", {}),
        "PCX": ("pcx", rgb, "PCX", {}),
        "TGA": ("tga", rgba, "TGA", {"compression": "tga_rle"}),
    }
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    files = {}
    for name, (suffix, image, kind, options) in kinds.items():
        buffer = BytesIO()
        try:
            image.save(buffer, kind, **options)
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            print(f"left out: {name} ({error})", file=sys.stderr)
            continue
        files[name] = suffix, buffer.getvalue()
    return files


def videos() -> Files:
    """Render a video of 12 frames with each codec and in each container of a list."""
    kinds = {
        "H.264 in MP4": ("mp4", "libx264", "yuv420p"),
        "H.264 in MKV": ("mkv", "libx264", "yuv420p"),
        "H.264 in TS": ("ts", "libx264", "yuv420p"),
        "H.264 in FLV": ("flv", "libx264", "yuv420p"),
        "HEVC in MP4": ("mp4", "libx265", "yuv420p"),
        "VP9 with alpha": ("webm", "libvpx-vp9", "yuva420p"),
        "VP9 in WebM": ("webm", "libvpx-vp9", "yuv420p"),
        "AV1 in MP4": ("mp4", "libsvtav1", "yuv420p"),
        "MPEG-4 in AVI": ("avi", "mpeg4", "yuv420p"),
        "MPEG-2 in MPG": ("mpg", "mpeg2video", "yuv420p"),
        "MJPEG in AVI": ("avi", "mjpeg", "yuvj420p"),
        "ProRes in MOV": ("mov", "prores_ks", "yuv422p10le"),
        "PNG in MOV": ("mov", "png", "rgba"),
        "RLE in MOV": ("mov", "qtrle", "argb"),
        "WMV": ("wmv", "wmv2", "yuv420p"),
        "FFV1 in MKV": ("mkv", "ffv1", "yuv420p"),
        "DNxHR in MXF": ("mxf", "dnxhd", "yuv422p"),
        "JPEG 2000 in MXF": ("mxf", "jpeg2000", "yuv420p"),
        "Y4M": ("y4m", "rawvideo", "yuv420p"),
    }
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (suffix, codec, pixel_format) in kinds.items():
            path = Path(folder, f"a.{suffix}")
            try:
                _write_video(path, codec, pixel_format)
            except (av.FFmpegError, ValueError, LookupError) as error:
                print(f"left out: {name} ({error})", file=sys.stderr)
                continue
            files[name] = suffix, path.read_bytes()
    return files


def _write_video(path: Path, codec: str, pixel_format: str) -> None:
    size = (1280, 720) if codec == "dnxhd" else (96, 64)
    options = {"g": "4", "profile": "dnxhr_lb"} if codec == "dnxhd" else {"g": "4"}
    kind = {"ts": "mpegts", "mpg": "mpeg", "y4m": "yuv4mpegpipe"}.get(path.suffix[1:])
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        noise = np.random.default_rng(0)
        for _ in range(12 if size[0] < 1000 else 2):
            coarse = noise.integers(0, 256, (4, 6, 3), np.uint8)
            picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def mutated(data: bytes, other: bytes, seed: int) -> bytes:
    """Change a file in one to eight ways; mostly near its start, where the structure stands."""
    chance = np.random.default_rng(seed)
    changed = bytearray(data)
    for _ in range(int(chance.integers(1, 9))):
        whole = len(changed)
        if whole < 8:
            break
        near = whole if chance.random() < 0.4 else min(whole, 600)
        at, length = int(chance.integers(near - 4)), int(chance.integers(1, 40))
        kind = int(chance.integers(8))
        if kind == 0:
            changed[at] ^= 1 << int(chance.integers(8))
        elif kind == 1:
            changed[at] = int(chance.integers(256))
        elif kind in (2, 3):
            number = int(chance.choice(_NUMBERS))
            code, most = [("H", 65535), ("I", (1 << 32) - 1)][int(chance.integers(2))]
            order = "<>"[int(chance.integers(2))]
            packed = struct.pack(order + code, min(number, most))
            changed[at : at + len(packed)] = packed
        elif kind == 4:
            del changed[at : at + length]
        elif kind == 5:
            changed[at:at] = changed[at : at + length] * int(chance.integers(1, 5))
        elif kind == 6:
            start = int(chance.integers(max(1, len(other) - length)))
            changed[at : at + length] = other[start : start + length]
        elif chance.random() < 0.3:
            del changed[int(chance.integers(whole)) :]
    return _with_checksums(bytes(changed)) if seed % 2 else bytes(changed)


def _with_checksums(data: bytes) -> bytes:
    """Make the checksums of a PNG right, so that what is behind them is read."""
    if not data.startswith(b"\x89PNG"):
        return data
    fixed, place = data[:8], 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        chunk = data[place + 4 : end]
        fixed += data[place : place + 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        place = end + 4
    return fixed


def read_as_image(path: Path) -> bool:
    """Read an image in every way that commands read it; tell whether its pixels are whole."""
    ways: list[Callable[[], object]] = [
        lambda: read_image(path, Preprocessing(size=96)),
        lambda: read_header(path),
        lambda: content_beyond_rgb(path),
        lambda: _all_frames(path, None),
    ]
    for way in ways:
        with suppress(NearframeError):
            way()
    try:
        read_image(path)
    except NearframeError:
        return False
    return True


def read_as_video(path: Path) -> bool:
    """Read a video in every way that commands read it; tell whether there is a frame."""
    was_read = False
    for sampling in (None, Sampling(keyframes=True)):
        with suppress(NearframeError):
            frames = _all_frames(path, sampling)
            was_read |= bool(frames)
            if frames and frames[-1].time_s is not None:
                list(frames_at(str(path), [frames[-1].ref]))
    return was_read


def _all_frames(path: Path, sampling: Sampling | None) -> list[Frame]:
    """Return the last frame of each source in a list, decoded after those before it."""
    last = []
    for source in open_sources(path, sampling=sampling):
        if isinstance(source, NearframeError):
            raise source
        frame: Frame | Unreadable | None = None
        for decode in islice(source.decoders(), _MOST_FRAMES):
            outcome = decode()
            frame = outcome if isinstance(outcome, Frame) else frame
        last += [frame] if isinstance(frame, Frame) else []
    return last


def work(connection: "multiprocessing.connection.Connection", kind: str, seeds: range) -> None:
    """Run cases, and tell before and after each."""
    files = images() if kind == "image" else videos()
    read = read_as_image if kind == "image" else read_as_video
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for seed in seeds:
            name, path = _write_case(files, seed, Path(folder))
            connection.send(("begins", name, seed))
            try:
                outcome = "read" if read(path) else "refused"
            except BaseException:
                outcome = traceback.format_exc()
            connection.send(("ends", name, outcome))
            path.unlink()


def _write_case(files: Files, seed: int, folder: Path) -> tuple[str, Path]:
    names = list(files)
    name = names[seed % len(names)]
    suffix, data = files[name]
    path = folder / f"{seed}.{suffix}"
    path.write_bytes(mutated(data, files[names[seed * 7 % len(names)]][1], seed))
    return name, path


def watch(kind: str, seeds: range) -> tuple[Counter[tuple[str, str]], list[str], int]:
    """Run cases in a process, in another one after each that ended it.

    Returns:
        How often each format came to each outcome, the failures, and the most bytes of memory.
    """
    outcomes: Counter[tuple[str, str]] = Counter()
    failures: list[str] = []
    left, most_bytes = seeds, 0
    while left:
        connection, theirs = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=work, args=(theirs, kind, left)
        )
        process.start()
        theirs.close()
        watched = psutil.Process(process.pid)
        name, seed, begun, looked, core_s = "start", left.start, time.monotonic(), 0.0, 0.0
        problem = ""
        while left and not problem:
            if time.monotonic() - looked > 0.2:
                looked = time.monotonic()
                used_bytes, used_core_s = _usage(watched)
                most_bytes = max(most_bytes, used_bytes)
                problem = _problem(used_bytes, used_core_s - core_s, looked - begun)
            if problem or not connection.poll(0.2):
                continue
            try:
                what, name, detail = connection.recv()
            except EOFError:
                process.join()
                problem = f"crash, exit code {process.exitcode}"
                continue
            if what == "begins":
                seed, begun, core_s = detail, time.monotonic(), _usage(watched)[1]
                continue
            fine = detail in ("read", "refused")
            outcomes[name, detail if fine else "failed"] += 1
            if not fine:
                failures.append(f"{kind} {name}, seed {seed}: {detail}")
            left = range(seed + 1, seeds.stop)
        if problem:
            outcomes[name, "failed"] += 1
            failures.append(f"{kind} {name}, seed {seed}: {problem}")
            left = range(seed + 1, seeds.stop)
        for each in [*watched.children(recursive=True), watched] if process.is_alive() else ():
            each.kill()
        process.join()
    return outcomes, failures, most_bytes


def _usage(process: psutil.Process) -> tuple[int, float]:
    """Return bytes of memory and seconds of a core of a process and those that it started."""
    size, core_s = 0, 0.0
    with suppress(psutil.NoSuchProcess):
        for each in [process, *process.children(recursive=True)]:
            times = each.cpu_times()
            size += each.memory_info().rss
            core_s += times.user + times.system + times.children_user + times.children_system
    return size, core_s


def _problem(used_bytes: int, core_s: float, seconds: float) -> str:
    if used_bytes > _MOST_BYTES:
        return f"{used_bytes / 1e9:.1f} GB"
    if core_s > _MOST_CORE_S + 5 or seconds > _MOST_S:
        return f"takes long: {core_s:.0f} s of a core, {seconds:.0f} s"
    return ""


@click.command()
@click.argument("image_count", type=int)
@click.argument("video_count", type=int)
@click.option("--first", default=0, help="The first seed.")
def main(image_count: int, video_count: int, first: int) -> None:
    """Print a table and the failures."""
    print(f"{'format':<20} {'read':>6} {'refused':>8} {'failed':>7}")
    for kind, count in {"image": image_count, "video": video_count}.items():
        outcomes, failures, most_bytes = watch(kind, range(first, first + count))
        for name in sorted({name for name, _ in outcomes}):
            numbers = [outcomes[name, outcome] for outcome in ("read", "refused", "failed")]
            print(f"{name:<20} {numbers[0]:>6} {numbers[1]:>8} {numbers[2]:>7}")
        print(f"{kind}s: {len(failures)} of {count} failed; at most {most_bytes / 1e6:.0f} MB")
        print(*failures, sep="\n", flush=True)


if __name__ == "__main__":
    main()
