"""Which frame of an index is this picture, and how alike are two?"""

from .bars import Bars
from .search import QueryMatches, SearchReport, search
from .similarity import similarity
from .threshold import Threshold, ThresholdOrigin, usual_threshold
from .views import Verdict, View

__all__ = [
    "Bars",
    "QueryMatches",
    "SearchReport",
    "Threshold",
    "ThresholdOrigin",
    "Verdict",
    "View",
    "search",
    "similarity",
    "usual_threshold",
]
