"""Nearest neighbours: exact while that is fast, approximate with a measured recall beyond."""

from .choice import EXACT_LIMIT, AnnChoice, is_approximate
from .flat import FlatSearch
from .ivf import IvfSearch
from .ranking import Search
from .record import IvfRecord, Recall
from .stored import StoredSearch

__all__ = [
    "EXACT_LIMIT",
    "AnnChoice",
    "FlatSearch",
    "IvfRecord",
    "IvfSearch",
    "Recall",
    "Search",
    "StoredSearch",
    "is_approximate",
]
