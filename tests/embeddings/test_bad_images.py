import contextlib
import io
import os
import threading
import warnings

import numpy as np
import psutil
import pytest
from PIL import Image

from nearframe.common import SourceError, UnreadableImageError
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import ImageSequence, image, open_source, read_image


def encoded(picture, kind):
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(params=["read_image", "ImageSequence"])
def reason(request):
    """Read a file that must not be readable, alone or in a folder; give the reason."""

    def read(path):
        if request.param == "read_image":
            with pytest.raises(UnreadableImageError) as caught:
                read_image(path)
            assert os.fspath(path) == caught.value.path
            assert "\n" not in str(caught.value)
            return caught.value.reason
        (outcome,) = [decode() for decode in ImageSequence.of_folder(path.parent).decoders()]
        assert isinstance(outcome, Unreadable)
        assert (outcome.source, outcome.number) == (str(path), 0)
        return outcome.reason

    return read


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(UnreadableImageError, match=r"gone\.jpg: no such file"):
        read_image(tmp_path / "gone.jpg")


def test_a_file_that_vanishes_after_listing_is_unreadable(make_folder):
    folder = make_folder(2)
    sequence = ImageSequence.of_folder(folder)
    (folder / "000001.png").unlink()
    first, second = [decode() for decode in sequence.decoders()]
    assert isinstance(first, Unreadable)
    assert "no such file" in first.reason
    assert second.number == 1


def test_an_empty_file_is_named_as_empty(tmp_path, reason):
    path = tmp_path / "a.jpg"
    path.touch()
    assert reason(path) == "the file is empty"


def test_text_is_not_an_image(tmp_path, reason):
    path = tmp_path / "a.jpg"
    path.write_text("not a picture at all")
    assert reason(path) == "not an image that can be decoded"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_truncated_file_is_unreadable(tmp_path, picture, reason, kind, kept):
    data = encoded(picture(1, (200, 150)), kind)
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(data[: int(kept * len(data))])
    assert reason(path)


def test_a_png_with_a_flipped_bit_is_unreadable(tmp_path, picture, reason):
    data = bytearray(encoded(picture(1, (200, 150)), "PNG"))
    data[len(data) // 2] ^= 1
    path = tmp_path / "a.png"
    path.write_bytes(data)
    assert reason(path)


def test_an_image_past_the_limit_is_refused(tmp_path, picture, reason, monkeypatch):
    path = tmp_path / "a.png"
    picture(1, (100, 100)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "past the limit for a safe decode" in reason(path)


def test_an_image_below_the_limit_is_read(tmp_path, picture, monkeypatch):
    path = tmp_path / "a.png"
    picture(1, (100, 100)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    assert read_image(path).shape == (100, 100, 3)


def test_postscript_is_not_run(tmp_path, reason):
    path = tmp_path / "a.jpg"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    assert "PostScript" in reason(path)


def test_heic_without_its_plugin_names_the_remedy(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1")
    monkeypatch.setattr(image, "_heif_available", lambda: False)
    monkeypatch.setattr(Image, "OPEN", {**Image.OPEN, "HEIF": (None, lambda _: False)})
    with pytest.raises(UnreadableImageError, match=r"nearframe\[heif\]"):
        read_image(path)


def test_a_broken_link_is_unreadable(tmp_path, reason):
    path = tmp_path / "a.jpg"
    path.symlink_to("nowhere.jpg")
    assert "no such file" in reason(path)


def test_a_link_to_itself_is_unreadable(tmp_path, reason):
    path = tmp_path / "a.jpg"
    path.symlink_to("a.jpg")
    assert "symbolic links" in reason(path)


def test_a_link_to_itself_cannot_be_opened_as_a_source(tmp_path):
    path = tmp_path / "a.jpg"
    path.symlink_to("a.jpg")
    with pytest.raises(SourceError, match="symbolic links"):
        open_source(path)


def test_a_named_pipe_is_unreadable_and_does_not_hang(tmp_path, reason):
    path = tmp_path / "a.jpg"
    os.mkfifo(path)
    # In a thread, so that a reader that waits for a writer fails the test and does not hang it.
    answers = []
    reader = threading.Thread(target=lambda: answers.append(reason(path)), daemon=True)
    reader.start()
    reader.join(30)
    assert answers == ["not a regular file; expected an image"]


def test_a_directory_is_no_image_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.mkdir()
    with pytest.raises(UnreadableImageError, match="not a regular file"):
        read_image(path)


def test_a_file_without_permission_is_unreadable(picture, unprivileged, reason):
    path = unprivileged / "a.png"
    path.write_bytes(encoded(picture(1), "PNG"))
    path.chmod(0)
    assert reason(path) == "permission denied"


@pytest.mark.filterwarnings("error")
def test_a_broken_file_leaves_no_handle_open(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture(1), "PNG")[:-100])
    before = psutil.Process().num_fds()
    with pytest.raises(UnreadableImageError):
        read_image(path)
    assert psutil.Process().num_fds() == before


def test_reading_in_threads_leaves_the_warning_filters_alone(make_folder, monkeypatch):
    # `warnings.catch_warnings` in two threads that overlap would leave one's filters for ever.
    paths = sorted(make_folder(2).iterdir())
    inside, outside = threading.Barrier(2, timeout=10), threading.Event()
    convert = image.to_rgb_array

    def overlap(picture):
        inside.wait()
        if picture.filename.endswith("2.png"):
            outside.wait(10)
        return convert(picture)

    monkeypatch.setattr(image, "to_rgb_array", overlap)
    before = list(warnings.filters)
    first, second = (threading.Thread(target=read_image, args=[path]) for path in paths)
    first.start()
    second.start()
    first.join()
    outside.set()
    second.join()
    assert list(warnings.filters) == before


def test_one_broken_file_does_not_stop_the_others(make_folder):
    folder = make_folder(3)
    (folder / "000002.png").write_bytes(b"")
    outcomes = [decode() for decode in ImageSequence.of_folder(folder).decoders()]
    assert [isinstance(outcome, Unreadable) for outcome in outcomes] == [False, True, False]
    assert [outcome.number for outcome in outcomes] == [0, 1, 2]
    assert outcomes[2].image.dtype == np.uint8


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "group4"])
def test_libtiff_prints_nothing(tmp_path, picture, capfd, compression):
    path = tmp_path / "a.tif"
    image = picture(1).convert("1") if compression == "group4" else picture(1)
    image.save(path, compression=compression)
    content = bytearray(path.read_bytes())
    content[40:120] = bytes(range(80))
    path.write_bytes(content)
    with contextlib.suppress(UnreadableImageError):
        read_image(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("largest", [3e38, np.inf])
def test_numpy_says_nothing_of_huge_floats(tmp_path, recwarn, largest):
    values = np.linspace(-3e38, largest if np.isfinite(largest) else 1, 96 * 64).reshape(64, 96)
    values[0, 0] = largest
    Image.fromarray(values.astype(np.float32)).save(tmp_path / "a.tif")
    levels = read_image(tmp_path / "a.tif")
    assert (levels.min(), levels.max()) == (0, 255)
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]
