"""The training loop: scenes, two edits of each, vectors, loss, step; with checkpoints and a log.

Every step draws from a random stream named by the run's seed and the step's number, so a resumed
run takes the same steps as an uninterrupted one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from .checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from .edits import positive_pairs
from .loss import PairLoss, pair_loss
from .network import embed, headless_resnet50, recalibrate
from .pool import ScenePool
from .randomness import Draws
from .schedule import BUILTIN, Schedule, Setting

_STEP_STREAM = 2
_RECALIBRATION_STREAM = 3
_RECALIBRATION_BATCHES = 40
_RECALIBRATION_STRENGTH = 0.3
"""Mild: most pictures that the product sees are not edited at all."""


@dataclass(frozen=True)
class TrainingOptions:
    """What defines a run, apart from where its files go.

    Attributes:
        seed: names the random numbers of weights, scenes and edits.
        schedule: sizes, strengths and rates over the steps.
        pairs: pairs in a batch.
        weight_decay: of AdamW.
        pool_blocks: blocks of scenes held at a time.
        block_scenes: scenes in a block, rendered together.
        scene_px: side of the scenes in pixels.
        steps_per_block: steps between two renewals of a block.
        device: ``cpu`` or ``cuda``.
        half: compute the network in bfloat16 where that is safe.
        recalibration_px: side of the pictures that batch norm's final statistics come from. Smaller
            than those that the network is used with: their averages then spread the vectors more.
    """

    seed: int = 0
    schedule: Schedule = BUILTIN
    pairs: int = 32
    weight_decay: float = 0.02
    pool_blocks: int = 64
    block_scenes: int = 64
    scene_px: int = 160
    steps_per_block: int = 24
    device: str = "cpu"
    half: bool = True
    recalibration_px: int = 80


class Training:
    """One run, from the first step or from a checkpoint.

    Args:
        options: what defines the run.
        network: an untrained network; ResNet50 unless a test brings a smaller one.
        cache: folder for rendered scenes, or None.
    """

    def __init__(
        self,
        options: TrainingOptions,
        network: torch.nn.Module | None = None,
        *,
        cache: Path | None = None,
    ) -> None:
        self.options = options
        self.device = torch.device(options.device)
        if network is None:
            network = headless_resnet50(options.seed, zero_init_residual=True)
        self.network = network.to(self.device)
        self.step = 0
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), weight_decay=options.weight_decay, fused=True
        )
        self._pool = ScenePool(
            options.seed,
            blocks=options.pool_blocks,
            block_scenes=options.block_scenes,
            size=options.scene_px,
            steps_per_block=options.steps_per_block,
            device=self.device,
            cache=cache,
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``, which must be of the same seed and unfinished."""
        if checkpoint.seed != self.options.seed or checkpoint.optimiser is None:
            raise ValueError(
                f"the checkpoint at step {checkpoint.step} has seed {checkpoint.seed} and "
                f"{'no' if checkpoint.optimiser is None else 'an'} optimiser state; this run has "
                f"seed {self.options.seed}: choose another output folder to start afresh"
            )
        self.network.load_state_dict(checkpoint.network)
        self._optimiser.load_state_dict(checkpoint.optimiser)
        self.step = checkpoint.step

    def checkpoint(self) -> Checkpoint:
        """The state after the steps taken so far."""
        return Checkpoint(
            self.step, self.options.seed, self.network.state_dict(), self._optimiser.state_dict()
        )

    def take_step(self) -> PairLoss:
        """Take the next step of the schedule and say what it cost."""
        setting = self.options.schedule.at(self.step)
        self._pool.advance(self.step)
        draws = Draws(self.options.seed, _STEP_STREAM, self.step, device=self.device)
        recipe = setting.recipe
        scenes = self._pool.sample(draws, self.options.pairs - recipe.extra)
        pairs = positive_pairs(
            draws, scenes, px=setting.px, strength=setting.strength, recipe=recipe
        )
        for group in self._optimiser.param_groups:
            group["lr"] = setting.rate
        self.network.train()
        self._optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.half):
            vectors = embed(self.network, torch.cat(pairs))
        loss = pair_loss(
            *vectors.chunk(2),
            temperature=recipe.temperature,
            entropy_weight=recipe.entropy_weight,
        )
        loss.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._optimiser.step()
        self.step += 1
        return loss

    def finish(self) -> Checkpoint:
        """Measure batch norm's statistics afresh and give the finished network."""
        recalibrate(self.network, self._mild_batches(self.options.recalibration_px))
        return replace(self.checkpoint(), optimiser=None)

    def _mild_batches(self, px: int) -> Iterator[torch.Tensor]:
        self._pool.advance(self.step)
        for number in range(_RECALIBRATION_BATCHES):
            draws = Draws(self.options.seed, _RECALIBRATION_STREAM, number, device=self.device)
            scenes = self._pool.sample(draws, self.options.pairs)
            yield torch.cat(positive_pairs(draws, scenes, px=px, strength=_RECALIBRATION_STRENGTH))


def train(
    options: TrainingOptions,
    folder: Path,
    *,
    report: Callable[[str], None],
    seconds_per_checkpoint: float = 120,
    steps_per_report: int = 20,
) -> Path:
    """Run the whole schedule, going on from ``folder``'s checkpoint if there is one.

    Args:
        options: what defines the run.
        folder: gets ``latest.pt``, ``log.jsonl``, ``scenes/`` and at the end ``finished.pt``.
        report: called with a line of progress now and then.
        seconds_per_checkpoint: time between two checkpoints.
        steps_per_report: steps that a line of progress sums up.

    Returns:
        The path of ``finished.pt``.
    """
    run = Training(options, cache=folder / "scenes")
    latest = folder / "latest.pt"
    if latest.exists():
        run.resume(load_checkpoint(latest))
        report(f"going on at step {run.step}")
    folder.mkdir(parents=True, exist_ok=True)
    saved_at = time.monotonic()
    log = _Log(folder / "log.jsonl", options.pairs, steps_per_report, report)
    while run.step < options.schedule.steps:
        setting = options.schedule.at(run.step)
        log.add(run.step, setting, run.take_step())
        if time.monotonic() - saved_at > seconds_per_checkpoint:
            save_checkpoint(latest, run.checkpoint())
            saved_at = time.monotonic()
    save_checkpoint(latest, run.checkpoint())
    finished = folder / "finished.pt"
    save_checkpoint(finished, run.finish())
    return finished


class _Log:
    """Averages over some steps at a time, as JSON lines in a file and as lines of progress."""

    def __init__(
        self, path: Path, pairs: int, steps_per_line: int, report: Callable[[str], None]
    ) -> None:
        self._path = path
        self._pairs = pairs
        self._steps_per_line = steps_per_line
        self._report = report
        self._losses: list[PairLoss] = []
        self._since = time.monotonic()

    def add(self, step: int, setting: Setting, loss: PairLoss) -> None:
        self._losses.append(loss)
        if len(self._losses) < self._steps_per_line:
            return
        seconds = time.monotonic() - self._since
        line = {
            "step": step + 1,
            "px": setting.px,
            "strength": round(setting.strength, 3),
            "rate": setting.rate,
            "contrast": _mean([each.contrast for each in self._losses]),
            "spread": _mean([each.spread for each in self._losses]),
            "hits": _mean([each.hits for each in self._losses]),
            "views_per_s": round(2 * self._pairs * len(self._losses) / seconds, 1),
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self._report(" ".join(f"{name}={value:.6g}" for name, value in line.items()))
        self._losses.clear()
        self._since = time.monotonic()


def _mean(values: list[torch.Tensor]) -> float:
    return round(float(torch.stack(values).mean()), 4)
