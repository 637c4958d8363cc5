import math

import pytest
import torch

from training.loss import pair_loss


def unit_rows(count: int, dimension: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(count, dimension, generator=generator))


def test_vectors_that_are_all_equal_cost_the_logarithm_of_the_candidates():
    same = unit_rows(1, 8).expand(4, 8)
    loss = pair_loss(same, same, temperature=0.1, entropy_weight=0)
    assert float(loss.contrast) == pytest.approx(math.log(7), abs=1e-5)


def test_equal_pairs_on_orthogonal_axes_have_the_known_contrast():
    axes = torch.eye(3, 8)
    loss = pair_loss(axes, axes, temperature=0.5, entropy_weight=0)
    # One candidate of five has cosine 1, the others 0: -log(e^2 / (e^2 + 4)).
    assert float(loss.contrast) == pytest.approx(math.log(1 + 4 * math.exp(-2)), abs=1e-5)


def test_orthogonal_vectors_have_the_known_spread():
    axes = torch.eye(3, 8)
    loss = pair_loss(axes, axes, temperature=0.5, entropy_weight=1)
    assert float(loss.spread) == pytest.approx(-math.log(math.sqrt(2)), abs=1e-5)
    assert float(loss.total) == pytest.approx(float(loss.contrast + loss.spread), abs=1e-5)


def test_hits_count_views_that_are_nearest_to_their_partner():
    axes = torch.eye(4, 8)
    assert float(pair_loss(axes, axes, temperature=0.1, entropy_weight=0).hits) == 1
    swapped = axes[[1, 0, 2, 3]]
    assert float(pair_loss(axes, swapped, temperature=0.1, entropy_weight=0).hits) == 0.5


def test_the_order_of_the_two_sides_does_not_matter():
    first, second = unit_rows(6, 16), unit_rows(12, 16)[6:]
    there = pair_loss(first, second, temperature=0.07, entropy_weight=1)
    back = pair_loss(second, first, temperature=0.07, entropy_weight=1)
    assert float(there.total) == pytest.approx(float(back.total), abs=1e-5)


def test_twins_of_different_pictures_have_a_finite_gradient():
    first = unit_rows(1, 8).repeat(3, 1).requires_grad_()
    pair_loss(first, first * 1.0, temperature=0.07, entropy_weight=1).total.backward()
    assert torch.isfinite(first.grad).all()
