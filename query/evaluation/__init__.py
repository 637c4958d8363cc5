"""How well copies are found, and which threshold fits."""

from .baselines import Baseline, available_baselines
from .calibrate import Calibration, ImagePair, TooFewImagesError, calibrate, one_in
from .copy_edits import COPY_EDITS, CopyEdit, edit_copy
from .evaluate import EditScores, Evaluation, MethodScores, evaluate
from .ground_truth import TruePair, evaluate_pairs, read_ground_truth
from .histogram import SimilarityHistogram
from .plot import plot_similarities
from .retrieval import PairRanking, Retrieval, average_precision, score_retrieval

__all__ = [
    "COPY_EDITS",
    "Baseline",
    "Calibration",
    "CopyEdit",
    "EditScores",
    "Evaluation",
    "ImagePair",
    "MethodScores",
    "PairRanking",
    "Retrieval",
    "SimilarityHistogram",
    "TooFewImagesError",
    "TruePair",
    "available_baselines",
    "average_precision",
    "calibrate",
    "edit_copy",
    "evaluate",
    "evaluate_pairs",
    "one_in",
    "plot_similarities",
    "read_ground_truth",
    "score_retrieval",
]
