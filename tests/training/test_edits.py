import math

import pytest
import torch

from training.colour import degrade, jpeg_like, recolour
from training.edits import positive_pairs
from training.geometry import Placement, resample
from training.overlays import boxes_and_text, fill_outside, screen_bars
from training.randomness import Draws
from training.scenes import render_scenes


@pytest.fixture(scope="module")
def scenes() -> torch.Tensor:
    return render_scenes(Draws(11), 12, 64)


@pytest.fixture(scope="module")
def views(scenes) -> torch.Tensor:
    return scenes.float() / 255


def whole(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(count, 2), torch.ones(count, 2)


def placement(count: int, **changes: torch.Tensor) -> Placement:
    centre, half = whole(count)
    plain = {
        "content_centre": centre,
        "content_half": half,
        "crop_centre": centre,
        "crop_half": half,
        "angle": torch.zeros(count),
    }
    return Placement(**(plain | changes))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("px", [32, 64])
def test_views_have_the_size_asked_for_and_stay_in_range(scenes, px, strength):
    for view in positive_pairs(Draws(1), scenes, px=px, strength=strength):
        assert view.shape == (12, 3, px, px)
        assert view.dtype == torch.float32
        assert view.min() >= 0
        assert view.max() <= 1


def test_the_same_seed_gives_the_same_views(scenes):
    once = positive_pairs(Draws(4), scenes, px=32, strength=1.0)
    again = positive_pairs(Draws(4), scenes, px=32, strength=1.0)
    assert torch.equal(torch.cat(once), torch.cat(again))


def test_the_two_views_of_a_scene_differ(scenes):
    first, second = positive_pairs(Draws(4), scenes, px=32, strength=1.0)
    assert ((first - second).abs().mean(dim=(1, 2, 3)) > 0.005).all()


def test_scenes_are_left_as_they_are(scenes):
    before = scenes.clone()
    positive_pairs(Draws(4), scenes, px=32, strength=1.0)
    assert torch.equal(scenes, before)


@pytest.mark.parametrize(
    "edit",
    [
        lambda views: recolour(Draws(1), views, 1.0),
        lambda views: degrade(Draws(1), views, 1.0),
        lambda views: screen_bars(Draws(1), views, 1.0, tallest=0.2),
        lambda views: boxes_and_text(Draws(1), views, 1.0),
    ],
    ids=["recolour", "degrade", "screen_bars", "boxes_and_text"],
)
def test_each_edit_keeps_shape_and_range_and_changes_something(views, edit):
    result = edit(views.clone())
    assert result.shape == views.shape
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert not torch.equal(result, views)


def test_a_plain_placement_halves_the_picture_exactly(views):
    view, coverage = resample(views, whole(12), placement(12), 32)
    expected = torch.nn.functional.avg_pool2d(views, 2)
    assert torch.allclose(view, expected, atol=1e-5)
    assert torch.equal(coverage, torch.ones(12, 1, 32, 32))


def test_a_negative_crop_mirrors(views):
    mirrored = placement(12, crop_half=torch.tensor([[-1.0, 1.0]]).expand(12, 2))
    view, _ = resample(views, whole(12), mirrored, 32)
    plain, _ = resample(views, whole(12), placement(12), 32)
    assert torch.allclose(view, plain.flip(3), atol=1e-5)


def test_a_quarter_turn_turns(views):
    turned, _ = resample(views, whole(12), placement(12, angle=torch.full((12,), math.pi / 2)), 32)
    plain, _ = resample(views, whole(12), placement(12), 32)
    assert torch.allclose(turned, torch.rot90(plain, 1, (2, 3)), atol=1e-4)


def test_padding_shows_the_fill_around_the_picture(views):
    padded = placement(12, content_half=torch.full((12, 2), 0.5))
    view, coverage = resample(views, whole(12), padded, 32)
    assert coverage[:, :, 8:24, 8:24].min() == 1
    assert coverage[:, :, :8].max() == 0
    filled = fill_outside(Draws(2), view, coverage)
    assert (filled[:, :, 0, 0] == filled[:, :, 31, 31]).all()


def test_jpeg_at_high_quality_hardly_changes_a_view(views):
    close = jpeg_like(views, torch.full((12,), 99.0))
    assert (close - views).abs().mean() < 0.01


def test_jpeg_at_low_quality_changes_more(views):
    errors = [
        float((jpeg_like(views, torch.full((12,), quality)) - views).abs().mean())
        for quality in (10.0, 50.0, 90.0)
    ]
    assert errors == sorted(errors, reverse=True)


def test_jpeg_keeps_a_flat_view():
    flat = torch.full((1, 3, 16, 16), 0.5)
    assert torch.allclose(jpeg_like(flat, torch.tensor([20.0])), flat, atol=1e-5)
