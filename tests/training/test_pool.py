from pathlib import Path

import torch

from training.pool import ScenePool
from training.randomness import Draws, mixed_seed


def make_pool(seed: int = 5, *, cache: Path | None = None) -> ScenePool:
    return ScenePool(
        seed,
        blocks=3,
        block_scenes=4,
        size=32,
        steps_per_block=10,
        device=torch.device("cpu"),
        cache=cache,
    )


def all_scenes(pool: ScenePool) -> torch.Tensor:
    return pool.sample(Draws(0), 12)


def test_a_sample_holds_different_scenes():
    pool = make_pool()
    pool.advance(0)
    assert len(torch.unique(all_scenes(pool).flatten(1), dim=0)) == 12


def test_one_block_is_renewed_at_a_time():
    pool = make_pool()
    pool.advance(9)
    before = all_scenes(pool)
    pool.advance(10)
    changed = (all_scenes(pool) != before).flatten(1).any(1)
    assert int(changed.sum()) == 4


def test_content_depends_on_the_step_and_not_on_the_way_there():
    walked, jumped = make_pool(), make_pool()
    for step in range(0, 48, 7):
        walked.advance(step)
    walked.advance(47)
    jumped.advance(47)
    assert torch.equal(all_scenes(walked), all_scenes(jumped))


def test_another_seed_gives_other_scenes():
    one, other = make_pool(5), make_pool(6)
    one.advance(0)
    other.advance(0)
    assert not torch.equal(all_scenes(one), all_scenes(other))


def test_seeds_of_neighbouring_streams_differ():
    seeds = {mixed_seed(a, b) for a in range(20) for b in range(20)}
    assert len(seeds) == 400


def test_a_cached_block_is_read_back_and_old_ones_are_removed(tmp_path):
    rendered, cached = make_pool(), make_pool(cache=tmp_path)
    for step in range(0, 50, 10):
        cached.advance(step)
    reread = make_pool(cache=tmp_path)
    reread.advance(40)
    rendered.advance(40)
    assert torch.equal(all_scenes(reread), all_scenes(rendered))
    assert len(list(tmp_path.iterdir())) == 3
