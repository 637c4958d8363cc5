"""Which frames repeat an earlier one: candidates, decisions, and the plan they make.

There is one road, `pipeline.decide_all`. A `FrameSource` yields frames in batches, with vectors and
prepared pictures: `image_frames` of a folder or an index, `video_frames` of a video, `collected`
what was read before. The `Decider` compares each with candidates by the rules that `options`
resolved. A `DecisionSink` takes what was decided: for a plan, as written frames, to count them.
"""

from nearframe.common import AGAINST, KEEP, METHODS, Against, Keep, Method

from .apply import Application, apply_plan, journal_of
from .collected import ThresholdKind
from .explain import Explanation, explain
from .greedy import Decision, GreedyDedup
from .options import DedupOptions
from .plan import DedupPlan, DroppedFile, KeptFile, NotedFile, PlannedFile
from .planning import plan_dedup
from .rules import ANY_DISTANCE, ChangeSettings, DedupRules, Window, mask_files
from .sweep import Sweep, SweepPair, SweepPoint, Target, plan_for_target, sweep_dedup
from .sweep_plot import plot_sweep
from .table import save_table
from .video import KeptFrame, VideoDedup, dedup_video
from .words import describe_recall, describe_rules

__all__ = [
    "AGAINST",
    "ANY_DISTANCE",
    "KEEP",
    "METHODS",
    "Against",
    "Application",
    "ChangeSettings",
    "Decision",
    "DedupOptions",
    "DedupPlan",
    "DedupRules",
    "DroppedFile",
    "Explanation",
    "GreedyDedup",
    "Keep",
    "KeptFile",
    "KeptFrame",
    "Method",
    "NotedFile",
    "PlannedFile",
    "Sweep",
    "SweepPair",
    "SweepPoint",
    "Target",
    "ThresholdKind",
    "VideoDedup",
    "Window",
    "apply_plan",
    "dedup_video",
    "describe_recall",
    "describe_rules",
    "explain",
    "journal_of",
    "mask_files",
    "plan_dedup",
    "plan_for_target",
    "plot_sweep",
    "save_table",
    "sweep_dedup",
]
