"""Questions to vectors: similarity, search, deduplication with its plans."""

from .apply import Application, FileReport, apply_plan, journal_of, undo
from .dedup import plan_dedup
from .greedy import AGAINST, Against, Decision, GreedyDedup
from .journal import ACTIONS, Action
from .plan import DedupPlan, DroppedFile, PlannedFile, free_path
from .search import QueryMatches, SearchReport, search
from .similarity import similarity

__all__ = [
    "ACTIONS",
    "AGAINST",
    "Action",
    "Against",
    "Application",
    "Decision",
    "DedupPlan",
    "DroppedFile",
    "FileReport",
    "GreedyDedup",
    "PlannedFile",
    "QueryMatches",
    "SearchReport",
    "apply_plan",
    "free_path",
    "journal_of",
    "plan_dedup",
    "search",
    "similarity",
    "undo",
]
