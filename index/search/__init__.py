"""Nearest neighbours: exact while that is fast, approximate with a measured recall beyond."""

from nearframe.common import AnnChoice

from .choice import EXACT_LIMIT, is_approximate
from .flat import FlatSearch
from .ivf import IvfSearch
from .made import MadeLists, VectorSource, make_lists
from .ranking import Search
from .recall import EDITED
from .record import IvfRecord, Recall
from .stored import StoredSearch

__all__ = [
    "EDITED",
    "EXACT_LIMIT",
    "AnnChoice",
    "FlatSearch",
    "IvfRecord",
    "IvfSearch",
    "MadeLists",
    "Recall",
    "Search",
    "StoredSearch",
    "VectorSource",
    "is_approximate",
    "make_lists",
]
