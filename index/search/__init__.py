"""Nearest neighbours: exact while that is fast, approximate with a measured recall beyond."""

from nearframe.common import AnnChoice

from .choice import EXACT_LIMIT, is_approximate
from .flat import FlatSearch
from .ivf import IvfSearch
from .lists import BuiltLists, VectorSource, build_lists
from .ranking import Search, largest
from .recall import EDITED
from .record import IvfRecord, Recall
from .stored import StoredSearch

__all__ = [
    "EDITED",
    "EXACT_LIMIT",
    "AnnChoice",
    "BuiltLists",
    "FlatSearch",
    "IvfRecord",
    "IvfSearch",
    "Recall",
    "Search",
    "StoredSearch",
    "VectorSource",
    "build_lists",
    "is_approximate",
    "largest",
]
