"""Questions to vectors: similarity, search, deduplication with its plans."""

from .apply import Application, FileReport, apply_plan, journal_of, undo
from .baselines import Baseline, available_baselines
from .calibrate import Calibration, ImagePair, calibrate, one_in
from .copy_edits import COPY_EDITS, CopyEdit, edit_copy
from .dedup import plan_dedup
from .evaluate import EditScores, Evaluation, MethodScores, evaluate
from .greedy import AGAINST, Against, Decision, GreedyDedup
from .ground_truth import TruePair, evaluate_pairs, read_ground_truth
from .histogram import SimilarityHistogram
from .journal import ACTIONS, Action
from .plan import DedupPlan, DroppedFile, PlannedFile, free_path, numbered_paths
from .plot import check_plot_path, plot_similarities
from .retrieval import PairRanking, Retrieval, average_precision, score_retrieval
from .search import QueryMatches, SearchReport, search
from .similarity import similarity
from .threshold import Threshold, ThresholdOrigin, usual_threshold

__all__ = [
    "ACTIONS",
    "AGAINST",
    "COPY_EDITS",
    "Action",
    "Against",
    "Application",
    "Baseline",
    "Calibration",
    "CopyEdit",
    "Decision",
    "DedupPlan",
    "DroppedFile",
    "EditScores",
    "Evaluation",
    "FileReport",
    "GreedyDedup",
    "ImagePair",
    "MethodScores",
    "PairRanking",
    "PlannedFile",
    "QueryMatches",
    "Retrieval",
    "SearchReport",
    "SimilarityHistogram",
    "Threshold",
    "ThresholdOrigin",
    "TruePair",
    "apply_plan",
    "available_baselines",
    "average_precision",
    "calibrate",
    "check_plot_path",
    "edit_copy",
    "evaluate",
    "evaluate_pairs",
    "free_path",
    "journal_of",
    "numbered_paths",
    "one_in",
    "plan_dedup",
    "plot_similarities",
    "read_ground_truth",
    "score_retrieval",
    "search",
    "similarity",
    "undo",
    "usual_threshold",
]
