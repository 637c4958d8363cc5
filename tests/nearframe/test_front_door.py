"""What `import nearframe` gives."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nearframe
from nearframe.embeddings import embedder, resolve

HEAVY = ("torch", "torchvision", "onnxruntime", "onnx", "cv2", "faiss", "av", "numpy", "PIL")


@pytest.fixture
def index(make_folder, fake_network, tmp_path):
    path = tmp_path / "my.index"
    nearframe.build_index(make_folder(5), path)
    with nearframe.open_index(path) as opened:
        yield opened


def run(program, **options):
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, **options
    ).stdout


def test_importing_it_loads_nothing_heavy():
    program = f"import sys, nearframe; print([n for n in {HEAVY} if n in sys.modules])"
    assert run(program) == "[]\n"


def test_every_name_is_there():
    for name in nearframe.__all__:
        assert getattr(nearframe, name) is not None
    assert set(nearframe.__all__) <= set(dir(nearframe))


def test_a_name_that_is_none_is_said():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = nearframe.no_such_name


@pytest.mark.slow
def test_in_the_root_of_a_checkout_all_of_it_is_found():
    root = Path(__file__).parents[2]
    assert run("import nearframe; print(nearframe.search.__name__)", cwd=root) == "search\n"


def test_help_shows_what_people_write():
    for words in ("nearframe.build_index(", "nearframe.open_index(", "nearframe.plan_dedup("):
        assert words in nearframe.__doc__


class TestIndex:
    def test_it_says_what_it_is(self, index):
        assert "my.index" in repr(index)
        assert "5 frames" in repr(index)

    def test_it_is_a_sequence_of_frames(self, index):
        assert len(index) == 5
        assert [frame.number for frame in index] == list(range(5))

    def test_it_stands_for_its_path(self, index, make_folder):
        report = nearframe.search(index, make_folder([3], name="query"))
        assert report.results[0].matches[0].frame.number == 3

    def test_it_finds_pictures(self, index, make_folder):
        picture = make_folder([2], name="query") / "000001.png"
        assert index.search(picture).results[0].matches[0].frame.number == 2
        assert index.search([picture, picture], k=2).results[1].matches[0].frame.number == 2

    def test_it_plans_a_deduplication(self, index):
        plan = index.dedup(threshold=0.5)
        assert len(plan.kept) + len(plan.dropped) == 5
        assert plan.rules.threshold == 0.5

    @pytest.mark.usefixtures("fake_network")
    def test_of_a_single_file_no_deduplication_is_planned(self, make_folder, tmp_path):
        nearframe.build_index(make_folder(2, name="few"), tmp_path / "few.json")
        refused = pytest.raises(nearframe.NearframeError, match="is a single file; dedup takes")
        with nearframe.open_index(tmp_path / "few.json") as single, refused:
            single.dedup()

    def test_options_are_given_in_one_way(self, index):
        with pytest.raises(nearframe.NearframeError, match="options, or threshold, not both"):
            index.dedup(nearframe.DedupOptions(), threshold=0.5)

    def test_its_frames_are_a_table(self, index):
        table = index.to_pandas()
        assert list(table.columns) == ["source", "number", "time_s"]
        assert len(table) == 5

    def test_frames_that_come_while_it_is_open_are_there(self, index, make_folder):
        before = index.vectors
        nearframe.build_index(make_folder([6, 7], name="more"), index.path)
        assert len(index) == len(list(index)) == 7
        assert np.asarray(index.vectors).shape == index.vectors.shape == (7, 2048)
        assert np.array_equal(before, index.vectors[:5])

    @pytest.mark.parametrize("opened", [nearframe.open_index, nearframe.FrameIndex.open])
    def test_one_that_is_closed_says_so(self, index, opened):
        with opened(index.path) as closed:
            pass
        assert repr(closed).endswith("my.index': closed>")
        with pytest.raises(nearframe.NearframeError, match=r"my\.index is closed; open it again"):
            len(closed)

    def test_nearest_takes_one_vector_or_many(self, index):
        (one,) = index.nearest(3 * index.vectors[2], 1)
        assert one[0].frame.number == 2
        assert one[0].similarity == pytest.approx(1)
        assert [row[0].frame.number for row in index.nearest(index.vectors[:2], 1)] == [0, 1]

    def test_nearest_refuses_what_is_no_vector_of_it(self, index):
        with pytest.raises(nearframe.NearframeError, match=r"shape \(1, 5\).*expected vectors of"):
            index.nearest(np.ones((1, 5), np.float32), 1)
        with pytest.raises(nearframe.NearframeError, match="`k` must be 1 or more, not 0"):
            index.nearest(index.vectors[0], 0)

    def test_without_pandas_it_says_what_to_install(self, index, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(nearframe.NearframeError, match="pip install pandas"):
            index.to_pandas()


class TestVectors:
    @pytest.fixture(params=["index", "json", "faiss"])
    def opened(self, request, make_folder, fake_network, tmp_path):  # noqa: ARG002
        path = tmp_path / f"my.{request.param}"
        nearframe.build_index(make_folder(5), path)
        with nearframe.open_index(path) as opened:
            yield opened

    def test_they_have_a_shape(self, opened):
        assert opened.vectors.shape == (5, 2048)
        assert opened.vectors.dtype == np.float32
        assert "(5, 2048)" in repr(opened.vectors)

    def test_they_are_sliced(self, opened):
        every = np.asarray(opened.vectors)
        assert every.shape == (5, 2048)
        assert np.array_equal(opened.vectors[1:4], every[1:4])
        assert np.array_equal(opened.vectors[::-2], every[::-2])
        assert np.array_equal(opened.vectors[-1], every[4])
        assert np.array_equal(list(opened.vectors), every)
        assert opened.vectors[2:2].shape == (0, 2048)

    def test_there_is_none_beyond_the_end(self, opened):
        with pytest.raises(IndexError):
            opened.vectors[5]

    def test_nobody_writes_to_them(self, opened):
        with pytest.raises(ValueError, match="read-only"):
            opened.vectors[0][0] = 1

    def test_they_are_in_the_order_of_the_frames(self, opened, fake_embedder):
        sources = [frame.source for frame in opened]
        np.testing.assert_allclose(opened.vectors[:], fake_embedder.embed(sources), atol=1e-6)


class TestVectorsAsQueries:
    @pytest.mark.parametrize("shape", ["one", "many"])
    @pytest.mark.parametrize("kind", [np.float32, np.float64])
    def test_they_find_their_frames(self, index, shape, kind):
        vectors = index.vectors[3] if shape == "one" else index.vectors[3:5]
        results = index.search(7 * vectors.astype(kind), k=2).results
        assert [result.matches[0].frame.number for result in results] == [3, 4][: len(results)]
        assert results[0].query == "vector 0"
        assert results[0].nearest == pytest.approx(1)

    def test_they_come_in_a_list_too(self, index):
        for vectors in ([index.vectors[3], index.vectors[1]], iter(index.vectors[3::-2])):
            results = index.search(vectors).results
            assert [result.matches[0].frame.number for result in results] == [3, 1]

    def test_those_of_an_index_are_queries_as_they_are(self, index):
        results = index.search(index.vectors).results
        assert [result.matches[0].frame.number for result in results] == list(range(5))

    def test_in_a_list_they_have_one_length(self, index):
        with pytest.raises(nearframe.NearframeError, match=r"one length, not \[3, 2048\]"):
            index.search([index.vectors[0], np.ones(3)])

    def test_no_network_is_loaded(self, index, monkeypatch):
        monkeypatch.setattr(resolve, "Embedder", None)
        assert index.search(index.vectors[0]).results

    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            (np.ones(512, np.float32), r"shape \(512,\) is no query.*\(2048,\) or \(n, 2048\)"),
            (np.ones((2, 3, 2048)), "is no query"),
            (np.ones((0, 2048)), "is no query"),
            (np.zeros(2048), "finite numbers that are not all zero"),
            (np.full(2048, np.nan), "finite numbers"),
        ],
    )
    def test_others_are_refused(self, index, vectors, message):
        with pytest.raises(nearframe.NearframeError, match=message):
            index.search(vectors)


class TestSharedNetwork:
    @pytest.fixture
    def loaded(self, fake_network, monkeypatch):  # noqa: ARG002
        """Count the networks that are loaded."""
        names = []
        load = embedder.load_backbone
        monkeypatch.setattr(
            "nearframe.embeddings.embedder.load_backbone",
            lambda name, *a, **b: names.append(name) or load(name, *a, **b),
        )
        return names

    def test_it_is_loaded_once(self, loaded, make_folder, tmp_path):
        pictures = sorted(make_folder(2).iterdir())
        nearframe.build_index(pictures, tmp_path / "x.index")
        for _ in range(3):
            nearframe.similarity(*pictures)
            nearframe.search(tmp_path / "x.index", pictures[0])
        assert loaded == ["builtin"]

    @pytest.mark.usefixtures("fake_network")
    def test_the_two_used_last_are_kept(self):
        def asked(size):
            usual = nearframe.Embedder().fingerprint
            return replace(usual, preprocessing=replace(usual.preprocessing, size=size))

        first, second = (resolve.shared_embedder(asked(size)) for size in (32, 64))
        assert resolve.shared_embedder(asked(32)) is first
        resolve.shared_embedder(asked(96))
        assert resolve.shared_embedder(asked(32)) is first
        assert resolve.shared_embedder(asked(64)) is not second

    @pytest.mark.usefixtures("fake_network")
    def test_one_that_follows_an_index_is_not_the_usual_one(self):
        usual = nearframe.Embedder().fingerprint
        other = replace(usual, arithmetic=replace(usual.arithmetic, precision="int8"))
        followed = resolve.shared_embedder(other)
        assert resolve.shared_embedder(other) is followed
        assert resolve.shared_embedder() is not followed

    @pytest.mark.usefixtures("loaded")
    def test_weights_that_change_are_read_again(self, tmp_path):
        file = tmp_path / "own.pth"
        file.write_bytes(b"a")
        fingerprint = nearframe.Embedder(file).fingerprint
        first = resolve.shared_embedder(fingerprint)
        assert resolve.shared_embedder(fingerprint) is first
        file.write_bytes(b"bc")
        assert resolve.shared_embedder(fingerprint) is not first


def test_weights_may_be_a_path(fake_network, tmp_path):
    assert nearframe.Embedder(tmp_path / "w.pth").fingerprint.weights == str(tmp_path / "w.pth")


def test_one_path_where_many_are_taken_is_one(make_folder, fake_network, tmp_path):
    picture = make_folder(1) / "000001.png"
    assert nearframe.build_index(picture, tmp_path / "x.index").embedded == 1


def test_queries_in_memory_go_through_the_network_together(
    index, fake_embedder, make_folder, monkeypatch
):
    sizes = []
    network = fake_embedder._backbone
    fake_embedder._backbone = lambda pixels: (sizes.append(len(pixels)), network(pixels))[1]
    fake_embedder._at_once = 1
    pictures = sorted(make_folder(5, name="queries").iterdir())
    found = index.search([Image.open(path) for path in pictures], embedder=fake_embedder)
    assert [result.matches[0].frame.number for result in found.results] == list(range(5))
    found = index.search(pictures, embedder=fake_embedder)
    assert [result.matches[0].frame.number for result in found.results] == list(range(5))
    assert sizes == [5, 5]


def test_progress_true_is_a_bar(make_folder, fake_network, tmp_path, capsys):
    nearframe.build_index(make_folder(3), tmp_path / "x.index", progress=True)
    assert "3/3" in capsys.readouterr().err


def test_long_results_are_short_to_read(index):
    plan = index.dedup(threshold=-1)
    assert "… 1 more" in repr(plan)
    assert len(repr(plan)) < 3000


@pytest.mark.usefixtures("fake_network")
def test_a_plan_is_applied_from_its_file(make_folder, tmp_path):
    folder = make_folder([1, 2, 1])
    nearframe.plan_dedup(folder, nearframe.DedupOptions(threshold=0.99)).save(tmp_path / "p.json")
    done = nearframe.apply_plan(
        tmp_path / "p.json", action="move", to=tmp_path / "away", journal=tmp_path / "j.jsonl"
    )
    assert done.done == 1
    assert nearframe.undo(done.journal).done == 1
