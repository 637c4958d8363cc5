"""Acting on files: actions, their journals, taking them back, the trash, a folder per camera."""

from nearframe.common import ACTIONS, SPLIT_ACTIONS, Action, SplitAction

from .journal import TARGETED, earlier_journals
from .runner import FileReport, undo
from .split import UNKNOWN, NamesTakenError, SplitPlan, SplitReport, plan_split, split_folder

__all__ = [
    "ACTIONS",
    "SPLIT_ACTIONS",
    "TARGETED",
    "UNKNOWN",
    "Action",
    "FileReport",
    "NamesTakenError",
    "SplitAction",
    "SplitPlan",
    "SplitReport",
    "earlier_journals",
    "plan_split",
    "split_folder",
    "undo",
]
