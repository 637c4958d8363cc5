import struct

import av
import numpy as np
import pytest

from nearframe.embeddings.sources import VideoSource

# Red, green, blue, white: top left, top right, bottom left, bottom right.
CORNERS = "RGBW"
LETTERS = {(1, 0, 0): "R", (0, 1, 0): "G", (0, 0, 1): "B", (1, 1, 1): "W"}


def quadrants(size=(64, 48)):
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return pixels


def corners(image):
    height, width = image.shape[:2]
    centres = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return "".join(LETTERS[tuple(int(value > 127) for value in image[at])] for at in centres)


def first_frame(path):
    return next(iter(VideoSource.open(path).decoders()))().image


def with_matrix(path, a, b, c, d):
    """Write a display matrix into an mp4's track header, as a camera would."""
    data = bytearray(path.read_bytes())
    # ISO/IEC 14496-12, 8.3.2: after the box's name come version, flags, times, id, duration,
    # layer, group and volume (40 bytes), then the matrix as nine big-endian numbers.
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


# The pixel (x, y) is shown at (a x + c y, b x + d y), y downwards. A phone held upright records
# lying frames with (0, 1, -1, 0): (1, 0) goes to (0, 1) and (0, 1) to (-1, 0), a quarter turn
# clockwise. So what was bottom left comes to top left.
@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), "RGBW"),
        ((0, 1, -1, 0), "BRWG"),
        ((-1, 0, 0, -1), "WBGR"),
        ((0, -1, 1, 0), "GWRB"),
        ((-1, 0, 0, 1), "GRWB"),
        ((1, 0, 0, -1), "BWRG"),
        ((0, 1, 1, 0), "RBGW"),
        ((0, -1, -1, 0), "WGBR"),
    ],
    ids=[
        "as stored",
        "a quarter turn clockwise",
        "upside down",
        "a quarter turn counter-clockwise",
        "mirrored",
        "flipped",
        "transposed",
        "transverse",
    ],
)
def test_a_display_matrix_brings_the_picture_upright(make_video, matrix, expected):
    path = make_video("a.mp4", pictures=[quadrants()] * 3, pixel_format="yuv444p")
    image = first_frame(with_matrix(path, *matrix))
    assert corners(image) == expected
    assert image.shape == ((64, 48, 3) if matrix[0] == 0 else (48, 64, 3))


@pytest.mark.parametrize(("degrees", "expected"), [(90, "GWRB"), (-90, "BRWG"), (180, "WBGR")])
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_a_rotation_counts_counter_clockwise(make_video, name, degrees, expected):
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a rotation")
    path = make_video(
        name,
        pictures=[quadrants()] * 3,
        prepare=lambda stream: stream.set_display_rotation(degrees),
    )
    assert corners(first_frame(path)) == expected


@pytest.mark.parametrize("rotation", [(1, 0, 0, 1), (0, 1, -1, 0)])
def test_the_picture_agrees_with_opencv_which_follows_the_matrix_itself(make_video, rotation):
    cv2 = pytest.importorskip("cv2")
    path = make_video("a.mp4", pictures=[quadrants()] * 3, pixel_format="yuv444p")
    capture = cv2.VideoCapture(str(with_matrix(path, *rotation)))
    _, bgr = capture.read()
    capture.release()
    assert corners(bgr[..., ::-1]) == corners(first_frame(path))


def test_every_frame_of_a_turned_video_is_turned(make_video):
    path = make_video("a.mp4", pictures=[quadrants()] * 5)
    with_matrix(path, 0, 1, -1, 0)
    images = [decode().image for decode in VideoSource.open(path).decoders()]
    assert [corners(image) for image in images] == ["BRWG"] * 5
    assert all(image.flags.c_contiguous for image in images)


@pytest.mark.parametrize("size", [(65, 49), (33, 17), (2, 2)])
def test_odd_sizes_keep_their_shape(make_video, size):
    pictures = [quadrants((66, 50))[: size[1], : size[0]]] * 3
    path = make_video("a.mkv", size=size, codec="ffv1", pixel_format="yuv444p", pictures=pictures)
    image = first_frame(path)
    assert image.shape == (size[1], size[0], 3)
    assert np.abs(image.astype(int) - pictures[0]).mean() < 3


def test_ten_bit_video_becomes_eight_bit_rgb(make_video):
    path = make_video("a.mkv", pictures=[quadrants()] * 3, pixel_format="yuv420p10le")
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
    image = first_frame(path)
    assert image.dtype == np.uint8
    assert corners(image) == CORNERS


def test_a_grey_video_has_three_equal_channels(make_video):
    path = make_video("a.mkv", pictures=[quadrants()] * 3, codec="ffv1", pixel_format="gray")
    image = first_frame(path)
    assert (image == image[..., :1]).all()
    assert image[5, 5, 0] == pytest.approx(76, abs=3)  # red weighs 0.299


COLOURS = [
    (200, 120, 40),
    (30, 90, 160),
    (180, 60, 60),
    (60, 170, 90),
    (128, 128, 128),
    (20, 20, 20),
]
# Weights of red and blue in the luma: ITU-R BT.601, BT.709 and BT.2020.
MATRICES = {5: (0.299, 0.114), 1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}


def colour_video(path, matrix, *, full_range, tagged):
    """Write flat colours as a lossless Y'CbCr video, converted here and not by FFmpeg."""
    red, blue = MATRICES[matrix]
    rgb = np.repeat(np.array(COLOURS, float)[None], 8, axis=0).repeat(8, axis=1)
    y = rgb @ [red, 1 - red - blue, blue]
    cb = (rgb[..., 2] - y) / (2 * (1 - blue))
    cr = (rgb[..., 0] - y) / (2 * (1 - red))
    if full_range:
        planes = [y, 128 + cb, 128 + cr]
    else:
        planes = [16 + y * 219 / 255, 128 + cb * 224 / 255, 128 + cr * 224 / 255]
    packed = np.rint(planes).clip(0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = packed.shape[2], packed.shape[1], "yuv444p"
        if tagged:
            stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full_range else 1
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(packed, format="yuv444p")
            frame.colorspace = matrix if tagged else 2  # 2: unspecified
            frame.color_range = 2 if full_range else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).colorspace == (matrix if tagged else 2)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", MATRICES, ids=["bt601", "bt709", "bt2020"])
def test_colours_follow_the_tags(tmp_path, matrix, full_range):
    colour_video(tmp_path / "a.mkv", matrix, full_range=full_range, tagged=True)
    image = first_frame(tmp_path / "a.mkv")
    for number, colour in enumerate(COLOURS):
        np.testing.assert_allclose(image[4, 8 * number + 4], colour, atol=3)


def test_untagged_colours_are_taken_as_bt601(tmp_path):
    colour_video(tmp_path / "a.mkv", 5, full_range=False, tagged=False)
    image = first_frame(tmp_path / "a.mkv")
    for number, colour in enumerate(COLOURS):
        np.testing.assert_allclose(image[4, 8 * number + 4], colour, atol=3)
