"""Who stands where another stood is nobody who moved a little: both are kept."""

from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import NAMED_WEIGHTS, Embedder, Fingerprint, embedder
from nearframe.query import ChangeSettings, DedupOptions, DedupPlan, dedup_video, plan_dedup
from tests.query.dedup.persons import Person, room, taken, with_person

GROUND = room()
DETECTION = ChangeSettings().detection(None)
BIG, MIDDLE, SMALL = (320, 330, 280), (320, 320, 180), (380, 300, 110)
# Of these the grey values of one occur near the other's place, in both pictures.
EXCHANGED = [
    *[(BIG, 5, 6, 0), (BIG, 1, 6, 12), (MIDDLE, 1, 2, 0), (MIDDLE, 5, 6, 0)],
    *[(MIDDLE, 4, 5, 12), (SMALL, 2, 7, 0), (SMALL, 4, 5, 0)],
    *[(SMALL, 5, 7, 12), (SMALL, 2, 7, 12)],
]
SAME = [(BIG, 0), (BIG, 2), (BIG, 5), (BIG, 7), (MIDDLE, 0), (MIDDLE, 4), (MIDDLE, 6), (SMALL, 7)]


def photo(person, place, shift=0, seed=0):
    x, foot, height = place
    step = 0.1 if shift else 0.0
    picture = with_person(GROUND, Person.of(person), x + shift, foot, height, step)
    return taken(picture, seed)


@pytest.fixture
def folder(tmp_path):
    """Write pictures as the frames of one camera, a minute apart."""

    def write(*pictures):
        for number, pixels in enumerate(pictures):
            Image.fromarray(pixels).save(tmp_path / f"hall-{1616694872 + 60 * number}.png")
        return tmp_path

    return write


@pytest.fixture
def film(tmp_path):
    """Write pictures as a lossless video, one frame a second."""

    def write(*pictures):
        with av.open(tmp_path / "hall.mkv", "w") as container:
            stream = container.add_stream("ffv1", rate=1)
            stream.width, stream.height, stream.pix_fmt = 640, 360, "bgr0"
            for number, pixels in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 1)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return tmp_path / "hall.mkv"

    return write


@pytest.fixture
def embedder_apart(monkeypatch):
    """Make an embedder under which each picture has some cosine to the first, with a threshold."""
    embedded = []

    def make(cosine, sha256=NAMED_WEIGHTS["builtin"].sha256):
        def backbone(pixels):
            vectors = np.zeros((len(pixels), 2048), np.float32)
            for vector in vectors:
                vector[:2] = (cosine, np.sqrt(1 - cosine**2)) if embedded else (1, 0)
                embedded.append(vector)
            return vectors

        def load(weights, preprocessing, **_):
            backbone.at_once = 1
            return Fingerprint(weights, sha256, preprocessing), backbone

        monkeypatch.setattr(embedder, "load_backbone", load)
        made = Embedder()
        made.embedded = embedded
        return made

    return make


@pytest.mark.parametrize(("place", "one", "other", "shift"), EXCHANGED)
def test_another_person_counts_whatever_greys_are_near(place, one, other, shift):
    change = DETECTION.compare(photo(one, place), photo(other, place, shift, seed=1))
    assert change.regions
    assert change.changed
    assert change.score == pytest.approx(sum(part.area for part in change.regions))


@pytest.mark.parametrize(("one", "other"), [(5, 6), (6, 5), (1, 6)])
def test_another_light_hides_nobody(one, other):
    darker = (photo(other, BIG, seed=1) * 0.7).astype(np.uint8)
    assert DETECTION.compare(photo(one, BIG), darker).changed
    same = (photo(one, BIG, 12, seed=1) * 0.7).astype(np.uint8)
    assert not DETECTION.compare(photo(one, BIG), same).changed


@pytest.mark.parametrize(("place", "person"), SAME)
def test_who_moves_a_little_stays_the_same(place, person):
    change = DETECTION.compare(photo(person, place), photo(person, place, 12, seed=1))
    assert (change.regions, change.changed, change.score) == ((), False, 0)
    assert change.moved
    assert change.score_with_motion == pytest.approx(sum(part.area for part in change.moved))


@pytest.mark.parametrize(("place", "person"), [SAME[0], *SAME[3:]])
@pytest.mark.parametrize("radius", [3, 5])
def test_who_is_out_of_focus_stays_the_same(place, person, radius):
    sharp = photo(person, place)
    blurred = cv2.GaussianBlur(sharp, (0, 0), radius)
    assert not DETECTION.compare(sharp, blurred).changed


def test_it_is_the_same_both_ways():
    for place, one, other, shift in EXCHANGED:
        a, b = photo(one, place), photo(other, place, shift, seed=1)
        both = [DETECTION.compare(*pair).score for pair in ((a, b), (b, a))]
        assert both[0] == pytest.approx(both[1], rel=0.1)


def test_without_tolerance_nothing_has_moved():
    detection = replace(DETECTION, motion_tolerance=0)
    change = detection.compare(photo(5, BIG), photo(5, BIG, 12, seed=1))
    assert (change.changed, change.moved) == (True, ())


@pytest.mark.parametrize("method", ["hybrid", "change"])
def test_all_persons_who_take_a_place_are_kept(folder, embedder_apart, method):
    """A stream of persons at one place, all of them alike to the network."""
    persons = [5, 6, 1, 2]
    plan = plan_dedup(
        folder(*[photo(person, BIG, seed=person) for person in persons]),
        DedupOptions(method=method),
        embedder=embedder_apart(0.99),
    )
    assert len(plan.kept) == len(persons)


# Something moved a little between these two.
PAIR = photo(5, BIG), photo(5, BIG, 12, seed=1)
HYBRID = DedupOptions(method="hybrid")


@pytest.mark.parametrize(("cosine", "kept"), [(-0.2, 2), (0.6, 2), (0.718, 2), (0.719, 1), (1, 1)])
@pytest.mark.parametrize("keep", ["first", "sharpest"])
def test_below_the_threshold_of_the_weights_nothing_only_moved(
    folder, embedder_apart, cosine, kept, keep
):
    options = replace(HYBRID, keep=keep)
    plan = plan_dedup(folder(*PAIR), options, embedder=embedder_apart(cosine))
    assert plan.rules.motion_threshold == NAMED_WEIGHTS["builtin"].threshold
    assert len(plan.kept) == kept
    if kept == 2:
        assert plan.kept[1].similarity == pytest.approx(cosine, abs=1e-5)
        assert plan.kept[1].change == pytest.approx(
            DETECTION.compare(*PAIR).score_with_motion, abs=0.01
        )


@pytest.mark.parametrize(("cosine", "kept"), [(0.6, [0, 1]), (0.8, [0])])
def test_in_a_video_likewise(film, embedder_apart, cosine, kept):
    found = dedup_video(film(*PAIR), embedder=embedder_apart(cosine))
    assert [frame.number for frame in found.kept] == kept


def test_where_nothing_changed_no_vector_is_needed(film, embedder_apart):
    made = embedder_apart(0.6)
    found = dedup_video(film(*[photo(5, BIG, seed=seed) for seed in range(4)]), embedder=made)
    assert len(found.kept) == 1
    assert len(made.embedded) == 1


def test_weights_without_a_threshold_leave_no_doubt(folder, embedder_apart):
    plan = plan_dedup(folder(*PAIR), HYBRID, embedder=embedder_apart(0.99, sha256="00"))
    assert plan.rules.motion_threshold == 1
    assert len(plan.kept) == 2


def test_weights_without_a_threshold_take_a_given_one(folder, embedder_apart):
    options = replace(HYBRID, threshold=0.9)
    plan = plan_dedup(folder(*PAIR), options, embedder=embedder_apart(0.95, sha256="00"))
    assert plan.rules.motion_threshold == 0.9
    assert len(plan.kept) == 1


def test_the_plan_holds_the_threshold(folder, embedder_apart, tmp_path):
    plan = plan_dedup(folder(*PAIR), HYBRID, embedder=embedder_apart(0.6))
    plan.save(tmp_path / "plan.json")
    assert DedupPlan.load(tmp_path / "plan.json") == plan


def test_method_change_knows_no_cosine(folder):
    plan = plan_dedup(folder(*PAIR), DedupOptions(method="change"))
    assert plan.rules.motion_threshold is None
    assert len(plan.kept) == 1
