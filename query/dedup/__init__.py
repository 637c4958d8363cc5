"""Which images repeat an earlier one: the decision, the plan, carrying it out, taking it back."""

from .apply import Application, FileReport, apply_plan, journal_of, undo
from .greedy import AGAINST, Against, Decision, GreedyDedup
from .journal import ACTIONS, SPLIT_ACTIONS, Action, SplitAction
from .plan import DedupPlan, DroppedFile, PlannedFile, free_path, numbered_paths
from .planning import plan_dedup

__all__ = [
    "ACTIONS",
    "AGAINST",
    "SPLIT_ACTIONS",
    "Action",
    "Against",
    "Application",
    "Decision",
    "DedupPlan",
    "DroppedFile",
    "FileReport",
    "GreedyDedup",
    "PlannedFile",
    "SplitAction",
    "apply_plan",
    "free_path",
    "journal_of",
    "numbered_paths",
    "plan_dedup",
    "undo",
]
