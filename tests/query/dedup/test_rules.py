import numpy as np
import pytest
from PIL import Image

from nearframe.common import NearframeError, UnreadableImageError
from nearframe.query import ChangeSettings, DedupRules, Window, mask_files


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("90s", Window(seconds=90)),
        ("30m", Window(seconds=1800)),
        ("1.5h", Window(seconds=5400)),
        ("2d", Window(seconds=172_800)),
        ("500", Window(frames=500)),
    ],
)
def test_a_window_is_a_time_or_a_number_of_frames(text, window):
    assert Window.parse(text) == window


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "1.5", "h", "1 h", "1w", "ten"])
def test_anything_else_is_no_window(text):
    with pytest.raises(NearframeError, match=r"is no window; expected a time such as 90s"):
        Window.parse(text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "magic", "threshold": 0.9}, "one of embedding, change, hybrid, not 'magic'"),
        ({"threshold": 0.9, "against": "some"}, "one of kept, all, previous, not 'some'"),
        ({"threshold": 0.9, "keep": "best"}, "one of first, sharpest, largest, not 'best'"),
        ({}, "embedding needs a threshold"),
        ({"threshold": 0.9, "change": ChangeSettings()}, "takes no settings of changes"),
        ({"method": "hybrid"}, "hybrid needs the settings of changes"),
        ({"method": "change", "change": ChangeSettings(), "threshold": 0.9}, "no threshold"),
        ({"threshold": 0.9, "against": "all", "keep": "largest"}, "only the first of a run"),
    ],
)
def test_rules_that_do_not_go_together_are_refused(fields, message):
    with pytest.raises(NearframeError, match=message):
        DedupRules(**fields)


def test_hybrid_proposes_whatever_is_nearest_unless_a_cosine_is_given():
    assert DedupRules(method="hybrid", change=ChangeSettings()).cosine == -1
    assert DedupRules(method="hybrid", change=ChangeSettings(), threshold=0.9).cosine == 0.9
    assert DedupRules(method="change", change=ChangeSettings()).cosine is None


@pytest.fixture
def masks(tmp_path):
    """A mask of the left half for every camera, and one of the right half for c2."""
    half = np.zeros((36, 64), np.uint8)
    half[:, :32] = 255
    Image.fromarray(255 - half).save(tmp_path / "left.png")
    Image.fromarray(half).save(tmp_path / "right.png")
    return mask_files({"": tmp_path / "left.png", "c2": tmp_path / "right.png"})


@pytest.mark.parametrize(("camera", "left", "right"), [(None, 0, 1), ("c1", 0, 1), ("c2", 1, 0)])
def test_a_camera_has_its_own_mask_or_that_of_all(masks, camera, left, right):
    unmasked = ChangeSettings(masks=masks).detection(camera).unmasked((36, 64))
    assert (unmasked[:, :32].mean(), unmasked[:, 32:].mean()) == (left, right)


def test_a_mask_that_is_gone_says_so(tmp_path):
    settings = ChangeSettings(masks=mask_files({"": tmp_path / "gone.png"}))
    with pytest.raises(UnreadableImageError, match=r"gone\.png"):
        settings.detection("c1")
