import json
from dataclasses import replace

import pytest
import torch

import training.trainer as trainer
from training.checkpoints import load_checkpoint, save_checkpoint
from training.network import embed, headless_resnet50
from training.randomness import Draws
from training.scenes import render_scenes
from training.trainer import Training, train


def states_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_a_resumed_run_equals_an_uninterrupted_one(make_options, make_tiny_network, tmp_path):
    straight = Training(make_options(8), make_tiny_network())
    for _ in range(8):
        straight.take_step()

    interrupted = Training(make_options(8), make_tiny_network())
    for _ in range(5):
        interrupted.take_step()
    save_checkpoint(tmp_path / "latest.pt", interrupted.checkpoint())
    resumed = Training(make_options(8), make_tiny_network())
    resumed.resume(load_checkpoint(tmp_path / "latest.pt"))
    for _ in range(3):
        resumed.take_step()

    assert resumed.step == straight.step == 8
    assert states_equal(resumed.network.state_dict(), straight.network.state_dict())


def test_a_checkpoint_of_another_seed_is_refused(make_options, make_tiny_network):
    run = Training(make_options(2), make_tiny_network())
    foreign = replace(run.checkpoint(), seed=99)
    with pytest.raises(ValueError, match=r"has seed 99 .* this run has seed 1"):
        run.resume(foreign)


def test_an_interrupted_write_leaves_the_earlier_checkpoint(
    make_options, make_tiny_network, tmp_path, monkeypatch
):
    run = Training(make_options(2), make_tiny_network())
    path = tmp_path / "latest.pt"
    save_checkpoint(path, run.checkpoint())

    def broken_save(_, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken_save)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, run.checkpoint())
    assert load_checkpoint(path).step == 0


def test_train_writes_a_log_and_a_finished_checkpoint_without_optimiser(
    make_options, make_tiny_network, tmp_path, monkeypatch
):
    monkeypatch.setattr(trainer, "headless_resnet50", lambda _seed, **_options: make_tiny_network())
    monkeypatch.setattr(trainer, "_RECALIBRATION_BATCHES", 2)
    lines: list[str] = []
    finished = train(make_options(4), tmp_path, report=lines.append, steps_per_report=2)
    checkpoint = load_checkpoint(finished)
    assert checkpoint.step == 4
    assert checkpoint.optimiser is None
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == [2, 4]
    assert len(lines) == 2


def test_a_finished_run_is_in_evaluation_mode_with_fresh_statistics(
    make_options, make_tiny_network
):
    run = Training(make_options(4), make_tiny_network())
    run.take_step()
    before = run.network[1].running_mean.clone()
    run.finish()
    assert not run.network.training
    assert not torch.equal(run.network[1].running_mean, before)


def test_vectors_are_float32_and_normalised():
    vectors = embed(headless_resnet50(0).eval(), torch.rand(2, 3, 64, 64))
    assert vectors.shape == (2, 2048)
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)


@pytest.mark.slow
def test_a_short_training_lowers_the_loss_and_raises_recall(make_options, make_tiny_network):
    scenes = render_scenes(Draws(123), 128, 64)
    # Of one strength throughout, or else the loss would rise with it.
    options = make_options(240, pairs=32, blocks=8, strength=(0.2, 0.2))
    run = Training(options, make_tiny_network())
    untrained = recall_of(run.network, scenes)
    losses = [float(run.take_step().contrast) for _ in range(240)]
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])
    run.finish()
    assert recall_of(run.network, scenes) > untrained + 0.05


@torch.no_grad()
def recall_of(network: torch.nn.Module, scenes: torch.Tensor) -> float:
    """Share of unseen scenes whose two edits are each other's nearest."""
    first, second = trainer.positive_pairs(Draws(9), scenes, px=32, strength=0.5)
    network.eval()
    cosines = embed(network, first) @ embed(network, second).T
    return float((cosines.argmax(1) == torch.arange(len(scenes))).float().mean())
