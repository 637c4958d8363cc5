"""Which frames repeat an earlier one."""

from .footage import KeptFrame, VideoDedup, dedup_video
from .gathered import ThresholdKind
from .greedy import Decision, GreedyDedup
from .job import DedupOptions
from .planning import plan_dedup
from .sweep import Sweep, SweepPair, SweepPoint, Target, plan_for_target, sweep_dedup
from .sweep_plot import plot_sweep

__all__ = [
    "Decision",
    "DedupOptions",
    "GreedyDedup",
    "KeptFrame",
    "Sweep",
    "SweepPair",
    "SweepPoint",
    "Target",
    "ThresholdKind",
    "VideoDedup",
    "dedup_video",
    "plan_dedup",
    "plan_for_target",
    "plot_sweep",
    "sweep_dedup",
]
