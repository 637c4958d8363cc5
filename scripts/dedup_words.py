"""The rules of a deduplication in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearframe.query import DedupPlan


def describe_rules(plan: "DedupPlan") -> str:
    """Say when a frame counted as a repeat, in half a sentence."""
    rules = plan.rules
    text = {
        "kept": "an earlier kept frame",
        "all": "an earlier frame",
        "previous": "the previous kept frame",
    }[rules.against]
    if rules.method == "embedding":
        return f"similarity {rules.threshold:g} or more to {text}{_origin(plan)}"
    assert rules.change is not None
    changed = f"less than {rules.change.change_threshold:.3%} changed".replace("0%", "%")
    if rules.method == "change":
        return f"method change: {changed} from {text}"
    return (
        f"method hybrid: {changed} from the most similar of the earlier kept frames, similarity "
        f"{rules.threshold:g} or more{_origin(plan)}"
    )


def _origin(plan: "DedupPlan") -> str:
    """Say where the threshold comes from."""
    weights = plan.fingerprint.weights if plan.fingerprint else ""
    return {
        "given": ", as given with --threshold",
        "index": ", calibrated for this index",
        "weights": f", the default of weights {weights}",
        None: "",
    }[plan.rules.threshold_origin]
