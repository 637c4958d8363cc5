"""What is to be done with files: plans, carrying them out, their journals, taking them back."""

from .apply import Application, FileReport, apply_plan, journal_of, undo
from .journal import ACTIONS, SPLIT_ACTIONS, TARGETED, Action, SplitAction, earlier_journals
from .plan import (
    DedupPlan,
    DroppedFile,
    KeptFile,
    NotedFile,
    PlannedFile,
    free_path,
    numbered_paths,
)
from .rules import (
    AGAINST,
    ANY_DISTANCE,
    KEEP,
    METHODS,
    Against,
    ChangeSettings,
    DedupRules,
    Keep,
    Method,
    Window,
    mask_files,
)
from .table import save_table
from .words import describe_recall, describe_rules

__all__ = [
    "ACTIONS",
    "AGAINST",
    "ANY_DISTANCE",
    "KEEP",
    "METHODS",
    "SPLIT_ACTIONS",
    "TARGETED",
    "Action",
    "Against",
    "Application",
    "ChangeSettings",
    "DedupPlan",
    "DedupRules",
    "DroppedFile",
    "FileReport",
    "Keep",
    "KeptFile",
    "Method",
    "NotedFile",
    "PlannedFile",
    "SplitAction",
    "Window",
    "apply_plan",
    "describe_recall",
    "describe_rules",
    "earlier_journals",
    "free_path",
    "journal_of",
    "mask_files",
    "numbered_paths",
    "save_table",
    "undo",
]
