import json
import shutil

import faiss
import numpy as np
import pytest
from PIL import Image

from nearframe.common import FingerprintMismatchError, NearframeError, SourceError
from nearframe.embeddings import Embedder, Preprocessing
from nearframe.embeddings.sources import Sampling
from nearframe.index import (
    FrameIndex,
    FrameIndexError,
    Restriction,
    build_index,
    export_index,
    open_index,
)
from nearframe.query import search


@pytest.fixture
def frames(make_folder):
    return make_folder(12)


@pytest.fixture
def index(frames, tmp_path, fake_embedder):
    build_index([frames], tmp_path / "x.index", embedder=fake_embedder)
    return tmp_path / "x.index"


def numbers(result):
    return [match.frame.number for match in result.matches]


def test_finds_the_very_frame(index, frames):
    (result,) = search(index, frames / "000005.png").results
    (match,) = result.matches
    assert match.frame.number == 4
    assert match.frame.source == str(frames / "000005.png")
    assert match.frame.time_s is None
    assert match.similarity == pytest.approx(1, abs=1e-6)
    assert result.query == str(frames / "000005.png")


def test_finds_a_video_frame_with_its_time(tmp_path, sample_video, fake_embedder):
    build_index(
        [sample_video], tmp_path / "v.index", embedder=fake_embedder, sampling=Sampling(every=40)
    )
    (batch, *_) = fake_embedder.embed_source(sample_video, sampling=Sampling(every=40))
    assert batch.frames[3].number == 120
    with FrameIndex.open(tmp_path / "v.index") as index:
        (match,) = index.nearest(batch.vectors[3:4], 1)[0]
    assert match.frame.number == 120
    assert match.frame.time_s == pytest.approx(4.0)


def test_agrees_with_comparing_everything(index, frames, picture, fake_embedder):
    queries = [picture(seed) for seed in range(100, 106)]
    vectors = fake_embedder.embed(sorted(frames.iterdir()))
    cosines = fake_embedder.embed(queries) @ vectors.T
    report = search(index, queries, k=5, embedder=fake_embedder)
    for row, result in zip(cosines, report.results, strict=True):
        expected = np.argsort(-row)[:5]
        assert numbers(result) == expected.tolist()
        assert [match.similarity for match in result.matches] == pytest.approx(
            row[expected].tolist(), abs=1e-5
        )
        assert result.nearest == result.matches[0].similarity


def test_k_beyond_the_index_gives_all_of_it(index, frames):
    (result,) = search(index, frames / "000001.png", k=100).results
    assert sorted(numbers(result)) == list(range(12))


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(index, frames, k):
    with pytest.raises(NearframeError, match=f"`k` must be 1 or more, not {k}"):
        search(index, frames / "000001.png", k=k)


def test_paths_pictures_and_arrays_are_the_same_query(index, frames):
    path = frames / "000003.png"
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    queries = [path, str(path), image, np.asarray(image)]
    report = search(index, queries)
    assert [numbers(result) for result in report.results] == [[2]] * 4
    assert [result.query for result in report.results] == [
        str(path),
        str(path),
        "image 2",
        "image 3",
    ]


def test_a_single_picture_or_array_needs_no_list(index, picture):
    assert numbers(search(index, picture(6)).results[0]) == [6]
    assert numbers(search(index, np.asarray(picture(6))).results[0]) == [6]


def test_a_folder_stands_for_its_images_in_natural_order(index, frames, tmp_path):
    queries = tmp_path / "queries"
    queries.mkdir()
    for name, original in (("q10.png", "000001.png"), ("q9.png", "000007.png")):
        shutil.copy(frames / original, queries / name)
    report = search(index, [queries, frames / "000002.png"])
    assert [numbers(result) for result in report.results] == [[6], [0], [1]]


def test_a_broken_image_in_a_folder_is_reported_beside_the_answers(index, frames):
    (frames / "000003.png").write_text("no image")
    report = search(index, frames)
    assert len(report.results) == 11
    assert [entry.source for entry in report.unreadable] == [str(frames / "000003.png")]


def test_a_broken_query_beside_a_good_one_is_reported(index, frames, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"")
    report = search(index, [tmp_path / "broken.jpg", frames / "000002.png"])
    assert [numbers(result) for result in report.results] == [[1]]
    assert [entry.reason for entry in report.unreadable] == ["the file is empty"]


def test_when_no_query_can_be_decoded_it_is_an_error(index, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceError, match=r"a\.jpg: cannot be decoded as a query \(the file is e"):
        search(index, [tmp_path / "a.jpg", tmp_path / "b.jpg"])


def test_a_missing_query_is_an_error(index, frames, tmp_path):
    with pytest.raises(SourceError, match=r"none\.jpg: no such file"):
        search(index, [frames / "000001.png", tmp_path / "none.jpg"])


def test_a_video_as_query_is_an_error(index, sample_video):
    with pytest.raises(SourceError, match=r"yard\.mp4: a video cannot be a query; expected images"):
        search(index, sample_video)


def test_no_query_at_all_is_an_error(index):
    with pytest.raises(NearframeError, match="no query was given"):
        search(index, [])


def test_a_generator_of_queries_is_read_once(index, picture):
    report = search(index, (picture(seed) for seed in (3, 1)))
    assert [numbers(result) for result in report.results] == [[3], [1]]


def test_matches_below_the_threshold_are_left_out_but_the_nearest_is_named(index, picture):
    (result,) = search(index, picture(500), k=3, threshold=0.999).results
    assert result.matches == ()
    assert -1 <= result.nearest < 0.999


def test_matches_at_the_threshold_count(index, frames, fake_embedder):
    everything = search(index, frames / "000001.png", k=12, embedder=fake_embedder).results[0]
    second = everything.matches[1].similarity
    (result,) = search(
        index, frames / "000001.png", k=12, threshold=second, embedder=fake_embedder
    ).results
    assert result.matches == everything.matches[:2]


def test_equal_pictures_match_at_threshold_one(index, frames):
    for result in search(index, frames, threshold=1.0).results:
        assert len(result.matches) == 1


@pytest.mark.parametrize("threshold", [1.5, -2, float("nan")])
def test_a_threshold_that_is_no_cosine_is_refused(index, frames, threshold):
    with pytest.raises(NearframeError, match=r"`threshold` .* between -1 and 1"):
        search(index, frames / "000001.png", threshold=threshold)


def test_looks_only_where_it_is_told_to(index, frames, make_folder, fake_embedder):
    other = make_folder([0, 100], name="other")
    build_index([other], index, embedder=fake_embedder)
    within = Restriction(source=str(other))
    (result,) = search(index, frames / "000005.png", k=9, within=within).results
    assert {match.frame.source for match in result.matches} == {
        str(other / "000001.png"),
        str(other / "000002.png"),
    }


def test_a_restriction_that_leaves_nothing_is_an_error(index, frames):
    with pytest.raises(FrameIndexError, match=r"no frame of .* is of nowhere; it holds"):
        search(index, frames / "000001.png", within=Restriction(source="nowhere"))


@pytest.mark.parametrize("suffix", [".json", ".faiss"])
def test_exports_answer_like_the_index(index, frames, tmp_path, suffix, picture):
    exported = tmp_path / f"x{suffix}"
    with FrameIndex.open(index) as opened:
        export_index(opened, exported)
    queries = [frames / "000004.png", picture(33)]
    of_index, of_export = search(index, queries, k=4), search(exported, queries, k=4)
    assert of_export.fingerprint == of_index.fingerprint
    for expected, result in zip(of_index.results, of_export.results, strict=True):
        assert numbers(result) == numbers(expected)
        assert [match.similarity for match in result.matches] == pytest.approx(
            [match.similarity for match in expected.matches], abs=1e-6
        )


def test_a_list_of_embeddings_of_another_program_answers_too(
    frames, tmp_path, fake_embedder, picture
):
    vectors = fake_embedder.embed([picture(1), picture(2)])
    path = tmp_path / "old.json"
    entries = [
        {"frame_number": number, "embedding": (3 * vector).tolist()}
        for number, vector in enumerate(vectors)
    ]
    path.write_text(json.dumps(entries))
    (result,) = search(path, picture(2), embedder=fake_embedder).results
    assert numbers(result) == [1]
    assert result.nearest == pytest.approx(1, abs=1e-6)


def test_an_index_that_is_open_already_stays_open(index, frames):
    with open_index(index) as opened:
        for _ in range(2):
            assert numbers(search(opened, frames / "000002.png").results[0]) == [1]


def test_an_index_that_it_opened_is_closed(index, frames, monkeypatch):
    closed = []
    close = FrameIndex.close

    def record(self, *arguments, **options):
        closed.append(self.path)
        close(self, *arguments, **options)

    monkeypatch.setattr(FrameIndex, "close", record)
    search(index, frames / "000002.png")
    assert closed == [index]


def test_an_index_without_frames_has_no_nearest(tmp_path, picture, fake_embedder):
    with FrameIndex.create(tmp_path / "empty.index", fake_embedder.fingerprint):
        pass
    (result,) = search(tmp_path / "empty.index", picture(0)).results
    assert (result.matches, result.nearest) == ((), None)


def test_a_missing_index_is_an_error(tmp_path, picture):
    with pytest.raises(FrameIndexError, match=r"no such index: .*none\.index; make one with build"):
        search(tmp_path / "none.index", picture(0))


def test_takes_the_weights_of_the_index_by_default(frames, tmp_path, fake_network):
    cropping = Embedder("imagenet", preprocessing=Preprocessing(fit="crop"))
    build_index([frames], tmp_path / "x.index", embedder=cropping)
    report = search(tmp_path / "x.index", frames / "000002.png")
    assert report.fingerprint == cropping.fingerprint
    assert numbers(report.results[0]) == [1]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (
            {"weights": "imagenet"},
            r"has weights builtin .* this run has weights imagenet",
        ),
        (
            {"preprocessing": Preprocessing(fit="crop")},
            r"the index has .* stretch, .* but this run has .* crop",
        ),
    ],
)
def test_another_embedder_than_that_of_the_index_is_refused(
    index, frames, fake_network, other, difference
):
    with pytest.raises(FingerprintMismatchError, match=difference):
        search(index, frames / "000001.png", embedder=Embedder(**other))


def test_the_network_is_loaded_last(index, tmp_path, fake_network):
    def load(_):
        pytest.fail("the network was loaded for nothing")

    for queries in ([], [tmp_path / "none.jpg"]):
        with pytest.raises(NearframeError):
            search(index, queries, embedder=load)


def test_similarities_never_leave_their_range(index, frames):
    # Vectors whose length rounding has pushed above 1.
    with FrameIndex.open(index) as opened:
        export_index(opened, index.parent / "x.faiss")
    stored = faiss.read_index(str(index.parent / "x.faiss"))
    flat = faiss.downcast_index(stored.index)
    values = faiss.vector_to_array(flat.codes).view(np.float32) * np.float32(1 + 1e-5)
    faiss.copy_array_to_vector(values.view(np.uint8), flat.codes)
    faiss.write_index(stored, str(index.parent / "x.faiss"))
    # The file says what it was written with; of another program's it does not.
    beside = index.parent / "x.faiss.json"
    content = json.loads(beside.read_text("utf-8"))
    del content["sha256"]
    beside.write_text(json.dumps(content), "utf-8")
    for result in search(index.parent / "x.faiss", frames).results:
        assert -1 <= result.nearest <= 1
