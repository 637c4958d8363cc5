"""The rules of a deduplication in words."""

from nearframe.embeddings import Fingerprint, dedup_threshold
from nearframe.index import Recall

from .rules import DedupRules


def describe_rules(rules: DedupRules, fingerprint: Fingerprint | None, noun: str = "frame") -> str:
    """Say when a frame counted as a repeat, in half a sentence.

    Args:
        rules: The rules.
        fingerprint: What the vectors were made with; None where there are none.
        noun: What one picture is called.
    """
    text = {
        "kept": f"an earlier kept {noun}",
        "all": f"an earlier {noun}",
        "previous": f"the previous kept {noun}",
    }[rules.against]
    if rules.method == "embedding":
        return f"similarity {rules.threshold:g} or more to {text}{_origin(rules, fingerprint)}"
    assert rules.change is not None
    changed = f"less than {100 * rules.change.change_threshold:g} % of the area changed"
    if rules.method == "change":
        return f"method change: {changed} from {text}"
    nearest = {
        "kept": f"the most similar earlier kept {noun}s",
        "all": f"the most similar earlier {noun}s",
        "previous": f"the previous kept {noun}",
    }[rules.against]
    limit = "" if rules.threshold is None else f" of similarity {rules.threshold:g} or more"
    return f"method hybrid: {changed} from {nearest}{limit}"


def describe_recall(recall: Recall) -> str:
    """Say what approximate comparisons mean for the result, in a sentence."""
    return (
        f"Compared approximately, as there are very many frames: {recall.at_1:.1%} of the nearest "
        f"were found (of {recall.queries} tried), so a few repeats may stay."
    )


def _origin(rules: DedupRules, fingerprint: Fingerprint | None) -> str:
    """Say where the threshold comes from."""
    weights = fingerprint.weights if fingerprint else ""
    return {
        "given": ", as given",
        "target": ", found for the target",
        "index": ", calibrated for this index",
        "weights": f", the default of weights {weights}{_basis(rules, fingerprint)}",
        None: "",
    }[rules.threshold_origin]


def _basis(rules: DedupRules, fingerprint: Fingerprint | None) -> str:
    """Say for how many pictures the default was chosen, and what it is worth."""
    if rules.threshold_count is None or fingerprint is None:
        return ""
    chosen = dedup_threshold(fingerprint.weights, fingerprint.sha256)
    precision = "" if chosen is None else f" (precision {chosen.precision:g})"
    return f" for {rules.threshold_count:,} pictures{precision}"
