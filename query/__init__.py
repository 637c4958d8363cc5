"""Questions to vectors: similarity, search, deduplication with its plans."""

from .apply import Application, FileReport, apply_plan, journal_of, undo
from .baselines import Baseline, available_baselines
from .calibrate import Calibration, ImagePair, calibrate, one_in
from .cameras import ImageShot, Shot, TimeOrigin, read_shot, read_shots, seconds_of
from .change import Change, ChangeDetection
from .copy_edits import COPY_EDITS, CopyEdit, edit_copy
from .dedup import plan_dedup
from .evaluate import EditScores, Evaluation, MethodScores, evaluate
from .explain import Explanation, explain
from .explain_picture import check_picture_path, draw_picture, save_picture
from .greedy import AGAINST, Against, Decision, GreedyDedup
from .ground_truth import TruePair, evaluate_pairs, read_ground_truth
from .histogram import SimilarityHistogram
from .journal import ACTIONS, SPLIT_ACTIONS, Action, SplitAction
from .light import Light, fit_light
from .naming import Naming
from .overview import GAP_FACTOR, CameraOverview, Gap, Overview, Resolution, survey
from .overview_page import render_page, save_page
from .plan import DedupPlan, DroppedFile, PlannedFile, free_path, numbered_paths
from .plot import check_plot_path, plot_similarities
from .regions import Region
from .retrieval import PairRanking, Retrieval, average_precision, score_retrieval
from .search import QueryMatches, SearchReport, search
from .similarity import similarity
from .split import UNKNOWN, NamesTakenError, SplitPlan, SplitReport, plan_split, split_folder
from .threshold import Threshold, ThresholdOrigin, usual_threshold

__all__ = [
    "ACTIONS",
    "AGAINST",
    "COPY_EDITS",
    "GAP_FACTOR",
    "SPLIT_ACTIONS",
    "UNKNOWN",
    "Action",
    "Against",
    "Application",
    "Baseline",
    "Calibration",
    "CameraOverview",
    "Change",
    "ChangeDetection",
    "CopyEdit",
    "Decision",
    "DedupPlan",
    "DroppedFile",
    "EditScores",
    "Evaluation",
    "Explanation",
    "FileReport",
    "Gap",
    "GreedyDedup",
    "ImagePair",
    "ImageShot",
    "Light",
    "MethodScores",
    "NamesTakenError",
    "Naming",
    "Overview",
    "PairRanking",
    "PlannedFile",
    "QueryMatches",
    "Region",
    "Resolution",
    "Retrieval",
    "SearchReport",
    "Shot",
    "SimilarityHistogram",
    "SplitAction",
    "SplitPlan",
    "SplitReport",
    "Threshold",
    "ThresholdOrigin",
    "TimeOrigin",
    "TruePair",
    "apply_plan",
    "available_baselines",
    "average_precision",
    "calibrate",
    "check_picture_path",
    "check_plot_path",
    "draw_picture",
    "edit_copy",
    "evaluate",
    "evaluate_pairs",
    "explain",
    "fit_light",
    "free_path",
    "journal_of",
    "numbered_paths",
    "one_in",
    "plan_dedup",
    "plan_split",
    "plot_similarities",
    "read_ground_truth",
    "read_shot",
    "read_shots",
    "render_page",
    "save_page",
    "save_picture",
    "score_retrieval",
    "search",
    "seconds_of",
    "similarity",
    "split_folder",
    "survey",
    "undo",
    "usual_threshold",
]
