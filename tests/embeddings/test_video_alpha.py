"""Videos with alpha show what a folder of their frames as PNGs shows."""

import av
import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import FrameRef
from nearframe.embeddings.sources import (
    ImageSequence,
    Sampling,
    VideoSource,
    frames_at,
    open_source,
)
from nearframe.embeddings.sources.alpha import background_of_video

LOSSLESS = [("a.mov", "png", "rgba"), ("a.mov", "qtrle", "argb"), ("a.mkv", "ffv1", "bgra")]
LOSSY = [
    ("a.webm", "libvpx-vp9", "yuva420p"),
    ("a.webm", "libvpx", "yuva420p"),
    ("a.mov", "prores_ks", "yuva444p10le"),
]


def disc(number, colour=(255, 255, 255), hidden=(255, 255, 255), size=(96, 64)):
    """A disc that moves, on transparent ground."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    inside = (columns - 20 - 5 * number) ** 2 + (rows - 32) ** 2 < 300
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    pixels[...] = (*hidden, 0)
    pixels[inside] = (*colour, 255)
    return pixels


@pytest.fixture
def write(tmp_path):
    """Write RGBA pictures as a video, and as a folder of PNGs."""

    def write(name, codec, pixel_format, pictures):
        if codec not in av.codecs_available:
            pytest.skip(f"this build of PyAV has no {codec}")
        folder = tmp_path / "images"
        folder.mkdir()
        options = {"auto-alt-ref": "0", "g": "4"} if codec.startswith("libvpx") else {}
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream(codec, rate=10, options=options)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = pixel_format
            if codec.startswith("libvpx"):
                stream.bit_rate = 2_000_000
                stream.metadata["alpha_mode"] = "1"
            for number, picture in enumerate(pictures):
                Image.fromarray(picture).save(folder / f"{number:03d}.png")
                frame = av.VideoFrame.from_ndarray(picture, format="rgba")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return tmp_path / name, folder

    return write


def frames(source):
    return [decode() for decode in source.decoders()]


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (250, 240, 10)])
@pytest.mark.parametrize(("name", "codec", "pixel_format"), LOSSLESS)
def test_lossless_frames_are_those_of_the_folder(write, name, codec, pixel_format, colour):
    video, folder = write(name, codec, pixel_format, [disc(number, colour) for number in range(6)])
    of_video = frames(VideoSource.open(video))
    of_folder = frames(ImageSequence.of_folder(folder))
    assert [frame.number for frame in of_video] == [frame.number for frame in of_folder]
    for a, b in zip(of_video, of_folder, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize(("name", "codec", "pixel_format"), LOSSY)
def test_alpha_of_lossy_codecs_is_read(write, name, codec, pixel_format):
    pictures = [disc(number) for number in range(6)]
    video, folder = write(name, codec, pixel_format, pictures)
    of_video = frames(VideoSource.open(video))
    assert len(of_video) == 6
    for a, b in zip(of_video, frames(ImageSequence.of_folder(folder)), strict=True):
        assert np.abs(a.image.astype(int) - b.image).mean() < 5


@pytest.mark.parametrize(("name", "codec", "pixel_format"), [*LOSSLESS, *LOSSY])
def test_single_frames_and_resumed_ones_are_the_same(write, name, codec, pixel_format):
    # The colour of the disc changes, that of the ground must not.
    colours = [(255, 255, 255)] * 3 + [(0, 0, 0)] * 3
    pictures = [disc(number, colour) for number, colour in enumerate(colours)]
    video, _ = write(name, codec, pixel_format, pictures)
    every = frames(VideoSource.open(video))
    resumed = frames(VideoSource.open(video).resume(after=2))
    sampled = frames(VideoSource.open(video, Sampling(every=5)))
    refs = [FrameRef(str(video), frame.number, frame.time_s) for frame in every[4:]]
    found = list(frames_at(str(video), refs))
    for some, those in ((resumed, every[3:]), (sampled, every[::5]), (found, every[4:])):
        for a, b in zip(some, those, strict=True):
            assert (a.number, a.time_s) == (b.number, b.time_s)
            np.testing.assert_array_equal(a.image, b.image)
    assert np.abs(every[0].image[0, 0].astype(int) - every[5].image[0, 0]).max() <= 3


def test_the_first_frame_that_has_both_decides(write):
    empty, opaque = disc(0) * 0, disc(0) | np.array([0, 0, 0, 255], np.uint8)
    pictures = [empty, opaque, disc(2, (255, 255, 255)), disc(3, (0, 0, 0))]
    video, _ = write("a.mov", "png", "rgba", pictures)
    assert background_of_video(str(video)) == (0, 0, 0)
    ground = [frame.image[0, 0].tolist() for frame in frames(VideoSource.open(video))]
    assert ground == [[0, 0, 0], [255, 255, 255], [0, 0, 0], [0, 0, 0]]


def test_vectors_agree_with_those_of_the_folder(write, fake_embedder):
    video, folder = write("a.mov", "qtrle", "argb", [disc(number) for number in range(6)])
    vectors = [
        np.concatenate([batch.vectors for batch in fake_embedder.embed_source(open_source(path))])
        for path in (video, folder)
    ]
    assert (vectors[0] * vectors[1]).sum(axis=1).min() >= 0.999
