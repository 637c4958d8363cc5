import weakref

import av
import numpy as np
import pytest
from PIL import Image

from nearframe.common import NearframeError, SourceError
from nearframe.embeddings import DIMENSION, Embedder
from nearframe.embeddings.sources import folder as folders
from nearframe.query import COPY_EDITS, evaluate
from nearframe.query.evaluation import describe


def unchanged(photo, _):
    return photo


UNCHANGED = {"unchanged": unchanged}
FEW = {name: COPY_EDITS[name] for name in ("jpeg20", "crop40", "mirror")}


def figures(evaluation):
    """All that an evaluation measures, to compare two of them."""
    return [
        (
            method.name,
            method.micro_ap,
            method.different.highest,
            {
                edit: (scores.recall, scores.distance, scores.similarities.tolist())
                for edit, scores in method.edits.items()
            },
        )
        for method in evaluation.methods
    ]


def test_unchanged_pictures_all_come_back(make_folder, fake_embedder):
    evaluation = evaluate(make_folder(6), embedder=fake_embedder, edits=UNCHANGED)
    (method,) = evaluation.methods
    assert method.edits["unchanged"].recall == 1
    assert method.micro_ap == 1
    np.testing.assert_allclose(method.edits["unchanged"].similarities, 1)
    assert (evaluation.originals, evaluation.copied, evaluation.copies) == (6, 6, 6)


def test_a_network_that_sees_nothing_finds_by_pixels_or_by_chance(make_folder, embedder_of):
    blind = embedder_of(lambda pixels: np.ones((len(pixels), DIMENSION)))
    edits = {**UNCHANGED, "mirror": COPY_EDITS["mirror"]}
    (method,) = evaluate(make_folder(8), embedder=blind, edits=edits).methods
    assert method.edits["unchanged"].recall == 1
    assert method.edits["mirror"].recall == pytest.approx(1 / 8)
    assert method.micro_ap == pytest.approx(1 / 8)


def test_a_network_that_guesses_finds_by_chance(make_folder, embedder_of):
    rng = np.random.default_rng(0)
    guessing = embedder_of(lambda pixels: rng.standard_normal((len(pixels), DIMENSION)))
    (method,) = evaluate(make_folder(10), embedder=guessing, edits=COPY_EDITS).methods
    assert method.mean_recall == pytest.approx(1 / 10, abs=0.07)


def test_by_default_every_edit_of_every_image_is_asked_back(make_folder, fake_embedder):
    evaluation = evaluate(make_folder(3), embedder=fake_embedder)
    (method,) = evaluation.methods
    assert list(method.edits) == list(COPY_EDITS)
    assert [len(scores.similarities) for scores in method.edits.values()] == [3] * 18
    assert evaluation.copies == 3 * 18
    assert len(method.different) == 3 * 18 * 2


def test_the_fake_network_finds_light_edits_and_not_mirrors(make_folder, fake_embedder):
    (method,) = evaluate(make_folder(10), embedder=fake_embedder).methods
    assert method.edits["jpeg60"].recall == 1
    assert method.edits["mirror"].recall < 0.8
    assert method.edits["jpeg60"].median > method.edits["crop40"].median
    assert 0 < method.micro_ap < 1


def test_a_run_is_the_same_again_and_with_other_batches(make_folder, fake_network):
    folder = make_folder(5)
    first, again, other = (
        evaluate(folder, embedder=Embedder(batch_size=size), edits=FEW) for size in (16, 16, 3)
    )
    assert figures(first) == figures(again)
    for edit, scores in first.methods[0].edits.items():
        np.testing.assert_allclose(
            other.methods[0].edits[edit].similarities, scores.similarities, atol=1e-6
        )


def test_another_seed_gives_other_crops(make_folder, fake_embedder):
    folder = make_folder(3)
    seeds = [evaluate(folder, embedder=fake_embedder, edits=FEW, seed=s) for s in (0, 1)]
    crops, mirrors = (
        [one.methods[0].edits[edit].similarities.tolist() for one in seeds]
        for edit in ("crop40", "mirror")
    )
    assert crops[0] != crops[1]
    assert mirrors[0] == mirrors[1]


def test_of_few_frames_the_copies_are_the_same_as_of_all(make_folder, fake_embedder):
    folder = make_folder(7)
    every = evaluate(folder, embedder=fake_embedder, edits=FEW)
    some = evaluate(folder, embedder=fake_embedder, edits=FEW, frames=3)
    assert (some.originals, some.copied, some.copies) == (7, 3, 9)
    of_all = every.methods[0].edits["crop40"].similarities
    np.testing.assert_allclose(
        some.methods[0].edits["crop40"].similarities, of_all[[0, 3, 6]], atol=1e-6
    )


def test_an_image_with_the_same_pixels_is_a_right_answer(make_folder, fake_embedder):
    twins = make_folder([0, 1, 0, 2])
    (method,) = evaluate(twins, embedder=fake_embedder, edits=UNCHANGED).methods
    assert method.mean_recall == 1
    assert method.micro_ap == 1
    assert len(method.different) == 4 * 4 - 6


def test_files_that_do_not_decode_are_left_out_and_told_once(make_folder, fake_embedder):
    folder = make_folder(5)
    whole = evaluate(folder, embedder=fake_embedder, edits=FEW)
    (folder / "000003.png").write_text("no image")
    evaluation = evaluate(folder, embedder=fake_embedder, edits=FEW)
    assert [entry.source for entry in evaluation.unreadable] == [str(folder / "000003.png")]
    assert (evaluation.originals, evaluation.copies) == (4, 4 * 3)
    # The numbers of the others did not change, and so their crops did not.
    kept = whole.methods[0].edits["crop40"].similarities[[0, 1, 3, 4]]
    np.testing.assert_allclose(evaluation.methods[0].edits["crop40"].similarities, kept, atol=1e-6)


def test_sub_folders_count_only_when_asked(make_folder, picture, fake_embedder):
    folder = make_folder(2)
    (folder / "sub").mkdir()
    picture(7).save(folder / "sub" / "x.png")
    counts = [
        evaluate(folder, embedder=fake_embedder, edits=UNCHANGED, recursive=recursive).originals
        for recursive in (False, True)
    ]
    assert counts == [2, 3]


def test_each_image_is_decoded_once_for_all_its_edits(make_folder, fake_embedder, monkeypatch):
    folder, read = make_folder(3), []
    original = folders.read_image
    monkeypatch.setattr(
        folders, "read_image", lambda path, *more: read.append(path) or original(path, *more)
    )
    evaluate(folder, embedder=fake_embedder)
    assert len(read) == 2 * 3  # once as originals, once for the copies


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "must be 1 or more, not 0"),
        ({"seed": -1}, "`seed` must be 0 or more, not -1"),
    ],
)
def test_numbers_out_of_range_are_refused(make_folder, fake_embedder, options, message):
    with pytest.raises(NearframeError, match=message):
        evaluate(make_folder(2), embedder=fake_embedder, **options)


@pytest.mark.parametrize("seeds", [[0], [3, 3, 3]])
def test_pictures_that_are_all_equal_are_refused(make_folder, fake_embedder, seeds):
    with pytest.raises(SourceError, match="at least two pictures that differ"):
        evaluate(make_folder(seeds), embedder=fake_embedder)


def test_one_image_is_refused(make_folder, fake_embedder):
    with pytest.raises(SourceError, match="expected a folder of images or a video"):
        evaluate(make_folder(1) / "000001.png", embedder=fake_embedder)


def test_a_folder_without_a_readable_image_is_refused(make_folder, fake_embedder):
    folder = make_folder(1)
    (folder / "000001.png").write_text("no image")
    with pytest.raises(SourceError, match="none of its pictures can be read"):
        evaluate(folder, embedder=fake_embedder)


def test_pictures_are_not_all_in_memory_at_once(tmp_path, fake_network, monkeypatch):
    folder, alive, counts = tmp_path / "frames", weakref.WeakSet(), []
    folder.mkdir()
    for number in range(40):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")

    class Counted(describe._Photo):
        def __init__(self, decode):
            super().__init__(decode)
            alive.add(self)
            counts.append(len(alive))

    monkeypatch.setattr(describe, "_Photo", Counted)
    evaluate(folder, embedder=Embedder(batch_size=3), edits=FEW)
    assert len(counts) == 40
    # A batch, two more that are ready, and what the threads are at; three copies of each.
    assert max(counts) <= 10


@pytest.fixture
def make_video(tmp_path):
    """Make a lossless video of pictures."""

    def make(pictures):
        path = tmp_path / "film.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height = pictures[0].size
            stream.pix_fmt = "bgr0"
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def test_frames_with_equal_pixels_answer_for_each_other(make_video, picture, fake_embedder):
    film = make_video([picture(seed) for seed in (0, 0, 0, 1, 2, 2)])
    evaluation = evaluate(film, embedder=fake_embedder, edits=UNCHANGED)
    (method,) = evaluation.methods
    assert evaluation.is_video
    assert method.mean_recall == 1
    assert method.edits["unchanged"].distance is None
    assert method.micro_ap is None


def test_says_how_many_frames_off_the_wrong_ones_are(make_video, picture, fake_embedder):
    # Every copy is of the picture that is frame 5.
    film = make_video([picture(seed) for seed in range(6)])
    edits = {"other": lambda *_: picture(5)}
    (method,) = evaluate(film, embedder=fake_embedder, edits=edits).methods
    assert method.edits["other"].recall == pytest.approx(1 / 6)
    assert method.edits["other"].distance == np.median([5, 4, 3, 2, 1])


def test_copies_frames_evenly_spread_and_asks_among_all(make_video, picture, fake_embedder):
    film = make_video([picture(seed) for seed in range(9)])
    seen = set()
    edits = {"look": lambda photo, _: seen.add(photo.tobytes()) or photo}
    evaluation = evaluate(film, embedder=fake_embedder, edits=edits, frames=3)
    assert (evaluation.originals, evaluation.copied, evaluation.copies) == (9, 3, 3)
    assert seen == {picture(number).tobytes() for number in (0, 4, 8)}


def test_by_default_the_frames_are_asked_unchanged_too(make_video, picture, fake_embedder):
    film = make_video([picture(seed) for seed in range(3)])
    (method,) = evaluate(film, embedder=fake_embedder).methods
    assert list(method.edits) == ["unchanged", *COPY_EDITS]
    assert method.edits["unchanged"].recall == 1
