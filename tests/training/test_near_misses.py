import torch

from training.edits import positive_pairs
from training.near_misses import shuffled_tiles, with_changed_object
from training.randomness import Draws
from training.recipes import COPIES, LAYOUTS
from training.scenes import render_scenes


def test_one_object_inside_the_window_changes():
    pictures = render_scenes(Draws(3), 16, 64).float() / 255
    centre, half = torch.full((16, 2), 0.2), torch.full((16, 2), 0.7)
    changed = with_changed_object(Draws(1), pictures, (centre, half))
    differs = (changed != pictures).any(dim=1)
    share = differs.float().mean(dim=(1, 2))
    assert (share > 0).all()
    assert (share < 0.05).all()  # the largest ellipse takes pi / 4 * (0.3 * 0.7)^2 = 3.5 %
    axis = torch.linspace(-1, 1, 64)
    outside = ((axis - 0.2).abs() > 0.7).nonzero().flatten()
    assert not differs[:, outside].any()
    assert not differs[:, :, outside].any()


def test_pairs_and_their_near_misses_fill_the_batch():
    scenes = render_scenes(Draws(3), 8, 64)
    first, second = positive_pairs(Draws(4), scenes, px=32, strength=1.0, recipe=COPIES)
    assert first.shape == second.shape == (8 + COPIES.extra, 3, 32, 32)


def test_the_first_view_is_edited_less_than_the_second():
    scenes = render_scenes(Draws(3), 64, 64)
    plain = positive_pairs(Draws(4), scenes, px=32, strength=0.0, recipe=COPIES)[0]
    views = positive_pairs(Draws(4), scenes, px=32, strength=1.0, recipe=COPIES)
    # Views of one scene keep its mean colour the better the less they are edited.
    first, second = ((view - plain).mean(dim=(2, 3)).abs().mean() for view in views)
    assert first < 0.8 * second


def test_shuffled_tiles_are_those_of_the_picture_elsewhere():
    pictures = torch.rand(6, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    shuffled = shuffled_tiles(Draws(2), pictures, 4)
    assert shuffled.shape == pictures.shape
    assert not torch.equal(shuffled, pictures)
    for before, after in zip(pictures, shuffled, strict=True):
        tiles = {tile_of(before, row, column) for row in range(4) for column in range(4)}
        assert tiles == {tile_of(after, row, column) for row in range(4) for column in range(4)}


def tile_of(picture: torch.Tensor, row: int, column: int) -> bytes:
    return picture[:, row * 5 : row * 5 + 5, column * 5 : column * 5 + 5].numpy().tobytes()


def test_shuffled_pairs_fill_the_batch_and_differ():
    scenes = render_scenes(Draws(3), 8, 64)
    first, second = positive_pairs(Draws(4), scenes, px=32, strength=1.0, recipe=LAYOUTS)
    assert first.shape == second.shape == (8 + LAYOUTS.extra, 3, 32, 32)
    half = LAYOUTS.shuffled // 2
    assert not torch.allclose(first[-half:], first[-2 * half : -half], atol=0.05)
