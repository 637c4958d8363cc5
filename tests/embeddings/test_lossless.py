import av
import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import Embedder, Preprocessing
from nearframe.embeddings.sources import ImageSequence, Sampling, VideoSource


@pytest.fixture
def decoded_folder(tmp_path, sample_video):
    """Frames of the sample video as PNGs, decoded here and not by nearframe: 0, 25, 50, …"""
    folder = tmp_path / "decoded"
    folder.mkdir()
    with av.open(str(sample_video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 25 == 0:
                frame.to_image().save(folder / f"{number:06d}.png", compress_level=1)
    return folder


def embedded(embedder, source):
    batches = list(embedder.embed_source(source))
    assert not any(batch.unreadable for batch in batches)
    frames = [frame for batch in batches for frame in batch.frames]
    return frames, np.concatenate([batch.vectors for batch in batches])


def cosines(a, b):
    return (a * b).sum(axis=1)


@pytest.mark.slow
def test_lossless_frames_and_their_video_agree_on_the_real_network(sample_video, decoded_folder):
    embedder = Embedder("builtin")
    images, from_images = embedded(embedder, ImageSequence.of_folder(decoded_folder))
    frames, from_video = embedded(embedder, VideoSource.open(sample_video, Sampling(every=25)))
    assert [25 * frame.number for frame in images] == [frame.number for frame in frames]
    assert len(frames) == 12
    assert cosines(from_images, from_video).min() >= 0.999


@pytest.mark.slow
def test_every_frame_of_a_folder_agrees_with_the_video_and_has_its_number(
    fake_embedder, sample_video, tmp_path
):
    with av.open(str(sample_video)) as container:
        for number, frame in enumerate(container.decode(video=0), 1):
            frame.to_image().save(tmp_path / f"{number:06d}.bmp")  # as lossless, and quicker
    images, from_images = embedded(fake_embedder, str(tmp_path))
    frames, from_video = embedded(fake_embedder, str(sample_video))
    assert [frame.number for frame in images] == [frame.number for frame in frames]
    assert [frame.number for frame in frames] == list(range(300))
    assert cosines(from_images, from_video).min() >= 0.999


def test_mixed_up_channels_would_be_seen(fake_embedder, sample_video, decoded_folder):
    _, vectors = embedded(fake_embedder, VideoSource.open(sample_video, Sampling(every=25)))
    paths = sorted(decoded_folder.iterdir())
    swapped = [Image.fromarray(np.asarray(Image.open(path))[..., ::-1]) for path in paths]
    assert cosines(vectors, fake_embedder.embed(paths)).min() >= 0.999
    assert cosines(vectors, fake_embedder.embed(swapped)).max() < 0.99


def test_frames_off_by_one_would_be_seen(fake_embedder, make_video):
    _, vectors = embedded(fake_embedder, str(make_video("a.mp4", 30)))
    assert cosines(vectors[:-1], vectors[1:]).max() < 0.999


@pytest.mark.parametrize("codec", ["ffv1", "libx264rgb"])
@pytest.mark.parametrize("fit", ["stretch", "crop"])
def test_a_video_made_of_images_gives_their_vectors(
    fake_network, make_video, numbered_picture, tmp_path, codec, fit
):
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {codec}")
    pictures = [numbered_picture(number) for number in range(12)]
    folder = tmp_path / "images"
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    video = make_video(
        "a.mkv",
        codec=codec,
        pictures=pictures,
        pixel_format="bgr0" if codec == "ffv1" else "rgb24",
        options={"qp": "0"} if codec == "libx264rgb" else {},
    )
    embedder = Embedder(preprocessing=Preprocessing(fit=fit))
    images, from_images = embedded(embedder, str(folder))
    frames, from_video = embedded(embedder, str(video))
    assert [frame.number for frame in images] == [frame.number for frame in frames]
    np.testing.assert_allclose(from_images, from_video, atol=1e-6)
