"""Plans and journals whose content was changed: refused in one line, or done without a loss."""

import copy
import json
import random
from contextlib import suppress

import pytest

from nearframe.common import NearframeError
from nearframe.query import DedupPlan, apply_plan, undo

MUTATIONS = 300
VALUES = (
    *(None, True, -1, 0, 1.5, float("inf"), float("nan"), 10**400, "", "\0", "\ud800", "a" * 5000),
    *("../../x", "/etc/passwd", "a\nb", [], {}, [[]], {"a": 1}, "é", [1, 2], ["x"] * 3),
)


def places(value, path=()):
    """Yield the path of every value within one."""
    if not isinstance(value, (dict, list)):
        return
    for key, below in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from places(below, (*path, key))


def mutated(value, rng):
    """Return a value of JSON with one thing in it exchanged, taken out, or added."""
    value = copy.deepcopy(value)
    found = [*places(value)]
    if not found:
        return value
    *way, last = rng.choice(found)
    holder = value
    for key in way:
        holder = holder[key]
    what = rng.random()
    if what < 0.7:
        holder[last] = rng.choice(VALUES)
    elif what < 0.85:
        del holder[last]
    elif isinstance(holder, dict):
        holder["more"] = rng.choice(VALUES)
    return value


@pytest.fixture
def place(tmp_path, plan_of):
    folder = tmp_path / "below" / "frames"
    folder.mkdir(parents=True)
    for name in "abcd":
        (folder / f"{name}.png").write_text(name)
    plan = plan_of(folder, kept=["a.png", "b.png"], dropped={"c.png": "a.png", "d.png": "b.png"})
    plan.save(tmp_path / "plan.json")
    (tmp_path / "diary.txt").write_text("mine")
    return tmp_path


def contents(place):
    return sorted(path.read_text() for path in (place / "below").rglob("*.png"))


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_plan_is_carried_out_within_its_folder_or_refused(place, seed):
    rng = random.Random(seed)
    fields = json.loads((place / "plan.json").read_text())
    for number in range(MUTATIONS // 3):
        text = json.dumps(mutated(fields, rng))
        cut = len(text) if rng.random() < 0.9 else rng.randrange(len(text))
        (place / "changed.json").write_text(text[:cut])
        journal = place / f"{number}.jsonl"
        with suppress(NearframeError):
            plan = DedupPlan.load(place / "changed.json")
            apply_plan(plan, action="move", to=place / "below" / "to", journal=journal)
        assert contents(place) == ["a", "b", "c", "d"]
        if journal.exists():
            undo(journal)
    assert (place / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_journal_is_taken_back_or_refused(place, seed):
    rng = random.Random(seed)
    plan = DedupPlan.load(place / "plan.json")
    journal = place / "x.jsonl"
    apply_plan(plan, action="move", to=place / "below" / "to", journal=journal)
    whole = journal.read_text()
    lines = [json.loads(line) for line in whole.splitlines()]
    for _ in range(MUTATIONS // 3):
        changed = [mutated(line, rng) if rng.random() < 0.5 else line for line in lines]
        journal.write_text("".join(json.dumps(line) + "\n" for line in changed))
        with suppress(NearframeError):
            undo(journal)
        assert contents(place) == ["a", "b", "c", "d"]
    assert (place / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a": ' + "1" * 5000 + "}"])
def test_what_goes_too_deep_or_is_too_long_is_one_line(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    for read in (DedupPlan.load, undo):
        with pytest.raises(NearframeError) as caught:
            read(tmp_path / "x.json")
        assert "\n" not in str(caught.value)


def test_the_line_names_the_field_and_what_came(place):
    fields = json.loads((place / "plan.json").read_text())
    fields["dropped"][1]["size"] = "large"
    (place / "plan.json").write_text(json.dumps(fields))
    wrong = r"Expected `int`, got `str` at `\.dropped\[1\]\.size`"
    with pytest.raises(NearframeError, match=wrong):
        DedupPlan.load(place / "plan.json")
