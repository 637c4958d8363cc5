"""How the pages of a plan say things: rules, times, changes, and how sure a decision is."""

from collections.abc import Iterator
from datetime import datetime

from nearframe.common import shown

from ..dedup.plan import DedupPlan, DroppedFile, KeptFile
from ..dedup.rules import ChangeSettings, DedupRules
from ..dedup.words import describe_rules
from .previews import Preview

Judged = KeptFile | DroppedFile

NO_CAMERA = "(no camera)"
_KEEP = {
    "first": "the first of a run of repeats",
    "sharpest": "the sharpest of a run of repeats",
    "largest": "the largest of a run of repeats",
}


def other_of(file: Judged) -> str | None:
    """Return the file that a file was judged by; None where there was none."""
    return file.repeats if isinstance(file, DroppedFile) else file.nearest


def shown_time(time: str) -> str:
    """Return a time of a plan, with milliseconds where it has them; an edited one as it is."""
    parsed = parsed_time(time)
    if parsed is None:
        return shown(time)
    return parsed.isoformat(" ", "milliseconds" if parsed.microsecond else "seconds")


def parsed_time(time: str | None) -> datetime | None:
    """Return a time of a plan as a clock on the wall shows it; None where it is none."""
    try:
        return None if time is None else datetime.fromisoformat(time).replace(tzinfo=None)
    except ValueError:
        return None


def rules_facts(plan: DedupPlan, noun: str) -> Iterator[tuple[str, str]]:
    """Yield the rules of a plan, each with its label.

    Args:
        plan: Whose rules.
        noun: What its files are: ``frames`` or ``photos``.
    """
    rules = plan.rules
    yield "Folder", shown(plan.folder)
    yield "Planned", shown_time(plan.created)
    yield "A repeat has", describe_rules(rules, plan.fingerprint, noun.removesuffix("s"))
    if rules.window.seconds is not None:
        yield "Compared with", f"{noun} of {rules.window.seconds:g} seconds before it"
    elif rules.window.frames is not None:
        yield "Compared with", f"{rules.window.frames} {noun} before it"
    if rules.across_cameras:
        yield "Cameras", "compared with each other"
    if rules.keep != "first":
        yield "Kept is", _KEEP[rules.keep]
    if rules.change is not None:
        change = rules.change
        facts = [f"a region counts from {100 * change.min_diff_area:g} % of the area"]
        if any(change.black_mask) or change.masks:
            facts.append("parts of the picture are masked")
        if not change.light_compensation:
            facts.append("a change of light counts")
        yield "Changes", "; ".join(facts)
    if plan.fingerprint is not None:
        yield "Weights", shown(plan.fingerprint.weights)
    if plan.protected:
        yield "Only for reference", f"{len(plan.protected):,} protected {noun}, never touched"


def noted_rows(plan: DedupPlan) -> list[tuple[str, str]]:
    """Return file and reason of what was left alone or is told apart by equal pixels only."""
    return [(shown(file.file), shown(file.reason)) for file in (*plan.tiny, *plan.uninformative)]


def changes(file: Judged, preview: Preview, min_diff_area: float) -> Iterator[str]:
    """Say how much changed between a frame and the one it was judged by, where that is known.

    Args:
        file: The frame.
        preview: What was seen of it.
        min_diff_area: Share of the area from which a region counts, in [0, 1].
    """
    change = file.change if file.change is not None else preview.score
    if file.change is None and preview.outlines is None:
        return
    if change:
        yield f"changed area {_percent(change)}"
    elif preview.ignored >= min_diff_area > 0:
        yield f"{_percent(preview.ignored)} only moved a little"
    elif preview.ignored:
        yield f"{_percent(preview.ignored)} is too small to count"
    else:
        yield "no change"


def margin_of(
    rules: DedupRules, settings: ChangeSettings, file: Judged, preview: Preview
) -> float | None:
    """Return how far a frame is from being judged otherwise; None where nobody knows.

    That is the difference of the two frames relative to the least difference of a new one, less
    one: 0 at the threshold, up to 1 for dropped frames, any number for kept ones. What only moved
    a little is at the threshold: a person should look at it first.
    """
    if other_of(file) is None:
        return None
    alike = rules.threshold is None or file.similarity is None or file.similarity >= rules.threshold
    if rules.method == "embedding" or not alike:
        if file.similarity is None or rules.threshold is None:
            return None
        difference, needed = 1 - file.similarity, 1 - rules.threshold
    elif preview.outlines is None:
        return None
    else:
        difference = preview.score or preview.ignored
        needed = max(settings.change_threshold, settings.min_diff_area)
    if needed <= 0:
        return difference
    ratio = difference / needed
    # Rounding, and frames that something else decided about: neither may be beyond the threshold.
    return max(0.0, ratio - 1 if isinstance(file, KeptFile) else 1 - ratio)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
