"""Deep files show what their faithful 8-bit version shows, and one pixel decides nothing."""

import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings.sources import read_image
from nearframe.embeddings.sources.levels import to_eight_bits

# How dark or flat the 8-bit picture is.
RANGES = {"all": (0, 255), "dark": (0, 60), "flat": (100, 130), "bright": (200, 255)}


def eight_bits(low, high, shape=(60, 80)):
    """A picture of one tone to another, with noise."""
    ramp = np.linspace(low, high, shape[1])[None, :] * np.ones((shape[0], 1))
    noise = np.random.default_rng(1).integers(-3, 4, shape)
    return np.clip(ramp + noise, low, high).astype(np.uint8)


LENGTHENED = {
    "times 257": lambda v: v.astype(np.uint16) * 257,
    "times 256": lambda v: v.astype(np.uint16) * 256,
    "0 to 1": lambda v: (v / 255).astype(np.float32),
    "0 to 255": lambda v: v.astype(np.float32),
    "0 to 65535": lambda v: v.astype(np.float32) * 257,
    "16 bits as 0 to 1": lambda v: (v * 257.0 / 65535).astype(np.float32),
    "8 bits in 16": lambda v: v.astype(np.uint16),
    "32 bits": lambda v: v.astype(np.int32) * 257,
}


def spoiled(values, damage):
    values = values.copy()
    if values.dtype.kind == "f":
        values[3, 3] = {"hot": values.max() * 1.02 + 1e-3, "nan": np.nan, "inf": np.inf}[damage]
    elif damage == "hot":
        values[3, 3] = 65535
    return values


@pytest.mark.parametrize("damage", [None, "hot", "nan", "inf"])
@pytest.mark.parametrize("lengthened", LENGTHENED.values(), ids=LENGTHENED)
@pytest.mark.parametrize("tones", RANGES.values(), ids=RANGES)
@pytest.mark.filterwarnings("error")
def test_a_lengthened_file_shows_its_8_bit_twin(tmp_path, tones, lengthened, damage):
    twin = eight_bits(*tones)
    values = lengthened(twin)
    Image.fromarray(values if damage is None else spoiled(values, damage)).save(tmp_path / "a.tif")
    pixels = read_image(tmp_path / "a.tif")[..., 0].astype(int)
    assert np.abs(pixels - twin).mean() < 0.2


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("hot", [False, True])
def test_fewer_bits_in_16_show_their_8_bit_twin(tmp_path, name, bits, colour, hot):
    twin = eight_bits(0, 255)
    if colour:
        twin = np.dstack([twin, twin[::-1], twin[:, ::-1]])
    values = np.rint(twin / 255 * (2**bits - 1)).astype(np.uint16)
    if hot:
        values[3, 3] = 65535
    assert cv2.imwrite(str(tmp_path / name), values[..., ::-1] if colour else values)
    pixels = read_image(tmp_path / name).astype(int)
    assert np.abs(pixels - (twin if colour else twin[..., None])).mean() < 0.5


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (29000, 31000, np.uint16),
        (7500, 8400, np.uint16),
        (3000, 3200, np.uint16),
        (-40, 30, np.int16),
        (285.0, 301.0, np.float32),
        (-5.0, 31.0, np.float32),
        (0.0, 7.5, np.float32),
        (0.0, 0.01, np.float32),
    ],
)
@pytest.mark.parametrize("hot", [False, True])
def test_a_narrow_range_is_spread(tmp_path, low, high, kind, hot):
    shown = eight_bits(0, 255)
    noise = np.random.default_rng(2).uniform(-0.4, 0.4, shown.shape)
    fine = np.clip(shown + noise, 0, 255)
    values = (low + fine / 255 * (high - low)).astype(kind)
    if hot:
        values[3, 3] = np.iinfo(kind).max if values.dtype.kind in "iu" else 1e9
    Image.fromarray(values if kind != np.int16 else values.astype(np.int32)).save(
        tmp_path / "a.tif"
    )
    pixels = read_image(tmp_path / "a.tif")[..., 0].astype(int)
    # Of 70 values for 256 levels, each stands for nearly four.
    assert np.abs(pixels - shown).mean() < 4


def test_full_range_colour_of_16_bits_is_that_of_8(tmp_path):
    values = np.random.default_rng(1).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    pixels = read_image(tmp_path / "a.png").astype(int)
    assert np.abs(pixels - values / 257).max() <= 0.5


def test_the_bits_that_a_png_states_count(tmp_path):
    # Dark: the content alone would pass for 10 bits.
    values = (eight_bits(0, 50).astype(np.uint16) * 16).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    chunk = b"sBIT\x0c"
    stated = struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(data[:33] + stated + data[33:])
    pixels = read_image(tmp_path / "a.png")[..., 0].astype(int)
    assert np.abs(pixels - eight_bits(0, 50)).mean() < 0.5


def test_floats_that_are_all_not_finite_are_black():
    assert not to_eight_bits(np.full((4, 4), np.nan, np.float32)).any()


def test_one_tone_stays_one_tone():
    for value in (0, 7, 300, 5000, 40000):
        assert len(np.unique(to_eight_bits(np.full((9, 9), value, np.uint16)))) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_nothing_is_said_on_stderr(tmp_path, value):
    values = (eight_bits(0, 255) / 255).astype(np.float32)
    values[3, 3] = value
    Image.fromarray(values).save(tmp_path / "a.tif")
    code = "import sys; from nearframe.embeddings.sources import read_image as read; "
    code += "read(sys.argv[1])"
    command = [sys.executable, "-W", "always", "-c", code, str(tmp_path / "a.tif")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_cases_with_12_bits_are_visible_and_differ(shared_data):
    folder = shared_data / "cases" / "bit12_in_16"
    a, b = (read_image(folder / f"micro{number}.png").astype(int) for number in (0, 1))
    assert min(a.std(), b.std()) > 20
    assert np.abs(a - b).mean() > 10
