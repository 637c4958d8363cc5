"""When training uses which picture size, edit strength and learning rate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .recipes import ALIKE, COPIES, FINAL, LAYOUTS, Recipe


@dataclass(frozen=True)
class Phase:
    """A stretch of training at one picture size; strength and rate move linearly through it.

    Attributes:
        px: side of the views in pixels, divisible by 8.
        steps: how many steps it lasts.
        strength: strength of the edits at its first step and just after its last, in [0, 1].
        rate: learning rate just before its first step and at its last.
        recipe: how its pairs are made and compared.
    """

    px: int
    steps: int
    strength: tuple[float, float]
    rate: tuple[float, float]
    recipe: Recipe = ALIKE


@dataclass(frozen=True)
class Setting:
    """What one step uses: picture size, edit strength, learning rate and recipe."""

    px: int
    strength: float
    rate: float
    recipe: Recipe


@dataclass(frozen=True)
class Schedule:
    """The whole run: phases, one after the other.

    A phase names all that it uses, so later phases can change while a run is under way without
    changing what its first steps were.
    """

    phases: tuple[Phase, ...]

    @property
    def steps(self) -> int:
        """How many steps the run has."""
        return sum(phase.steps for phase in self.phases)

    def longer(self, times: int) -> Schedule:
        """The same phases with ``times`` as many steps each, for machines that are faster."""
        return Schedule(tuple(replace(p, steps=times * p.steps) for p in self.phases))

    def at(self, step: int) -> Setting:
        """The setting of a step in [0, steps)."""
        start = 0
        for phase in self.phases:
            if step < start + phase.steps:
                done = step - start
                return Setting(
                    phase.px,
                    _between(phase.strength, done / phase.steps),
                    _between(phase.rate, (done + 1) / phase.steps),
                    phase.recipe,
                )
            start += phase.steps
        raise IndexError(f"step {step} is outside the schedule: use one in [0, {self.steps})")


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + share * (ends[1] - ends[0])


BUILTIN = Schedule(
    phases=(
        Phase(px=64, steps=100, strength=(0.0, 0.05), rate=(0, 1e-3)),
        Phase(px=64, steps=100, strength=(0.05, 0.1), rate=(1e-3, 1e-3)),
        Phase(px=64, steps=300, strength=(0.1, 0.2), rate=(1e-3, 1e-3)),
        Phase(px=64, steps=1000, strength=(0.2, 0.7), rate=(1e-3, 1e-3)),
        Phase(px=64, steps=200, strength=(0.7, 0.85), rate=(1e-3, 9e-4)),
        Phase(px=96, steps=300, strength=(0.85, 1.0), rate=(9e-4, 5e-4)),
        Phase(px=96, steps=140, strength=(1.0, 1.0), rate=(5e-4, 3e-4)),
        Phase(px=96, steps=55, strength=(1.0, 1.0), rate=(3e-4, 1.5e-4)),
        Phase(px=96, steps=20, strength=(1.0, 1.0), rate=(1.5e-4, 0)),
        Phase(px=64, steps=60, strength=(0.5, 0.5), rate=(0, 1e-3), recipe=COPIES),
        Phase(px=64, steps=577, strength=(0.5, 0.6923), rate=(1e-3, 0.000952), recipe=COPIES),
        Phase(
            px=64, steps=667, strength=(0.6923, 0.9203), rate=(0.000952, 0.000691), recipe=LAYOUTS
        ),
        Phase(px=64, steps=440, strength=(0.9203, 0.9), rate=(0.000691, 3.5e-4), recipe=FINAL),
        Phase(px=96, steps=200, strength=(0.9, 0.9), rate=(3.5e-4, 0), recipe=FINAL),
        Phase(px=96, steps=20, strength=(0.9, 0.9), rate=(0, 4e-4), recipe=FINAL),
        Phase(px=96, steps=580, strength=(0.9, 0.9), rate=(4e-4, 0), recipe=FINAL),
    ),
)
"""The schedule of a whole run: small pictures and mild edits first.

Trained at once on 25 % crops at 96 px, the network learned almost nothing in the same time.
"""
