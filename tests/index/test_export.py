import csv
import json
import os
from pathlib import Path

import faiss
import numpy as np
import pytest

from nearframe.common import NearframeError
from nearframe.embeddings import FrameRef
from nearframe.index import (
    ExportedIndex,
    FrameIndex,
    FrameIndexError,
    Restriction,
    export_index,
    open_index,
)
from nearframe.index.search import FlatSearch

ODD = "/photos/a\nb \"c\" 'd', \udce9.png"  # a newline, quotes, and a byte that is no UTF-8


def ids_of(index):
    return faiss.rev_swig_ptr(index.id_map.data(), index.ntotal)


def vectors_of(index):
    return faiss.rev_swig_ptr(faiss.downcast_index(index.index).get_xb(), index.ntotal * 2048)


@pytest.fixture
def frames(film):
    return [*film(3), FrameRef("/photos/cat.jpg", 7, None), FrameRef(ODD, 8, None)]


@pytest.fixture
def path(make_index, frames, unit_vectors):
    return make_index((frames[:2], unit_vectors(5)[:2]), (frames[2:], unit_vectors(5)[2:]))


@pytest.fixture
def export(path, tmp_path):
    def write(name):
        with FrameIndex.open(path) as index:
            export_index(index, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", ["x.json", "x.faiss", "X.JSON", "X.Faiss"])
def test_an_export_answers_as_the_index_does(path, export, unit_vectors, name):
    queries = unit_vectors(4, seed=9)
    with open_index(path) as index, open_index(export(name)) as exported:
        assert len(exported) == 5
        assert exported.fingerprint == index.fingerprint
        for k in (1, 3, 10):
            for mine, theirs in zip(
                index.nearest(queries, k), exported.nearest(queries, k), strict=True
            ):
                assert [match.frame for match in mine] == [match.frame for match in theirs]
                assert [match.similarity for match in mine] == pytest.approx(
                    [match.similarity for match in theirs], abs=1e-6
                )


@pytest.mark.parametrize("name", ["x.json", "x.faiss"])
def test_an_export_is_restricted_as_the_index_is(export, unit_vectors, name):
    with open_index(export(name)) as exported:
        within = Restriction(source="a.mp4", start_s=0.1)
        (row,) = exported.nearest(unit_vectors(1), 9, within=within)
        assert {match.frame.number for match in row} == {1, 2}
        with pytest.raises(FrameIndexError, match=r"no frame of the file is of b\.mp4; it holds: "):
            exported.nearest(unit_vectors(1), 9, within=Restriction(source="b.mp4"))


def test_an_empty_index_can_be_exported(make_index, tmp_path, unit_vectors):
    with FrameIndex.open(make_index()) as index:
        for name in ("x.json", "x.faiss", "x.npy"):
            export_index(index, tmp_path / name)
    for name in ("x.json", "x.faiss"):
        with open_index(tmp_path / name) as exported:
            assert len(exported) == 0
            assert exported.nearest(unit_vectors(1), 3) == [[]]
    assert np.load(tmp_path / "x.npy").shape == (0, 2048)


class TestJson:
    def test_numbers_come_back_exactly(self, export, unit_vectors):
        content = json.loads(export("x.json").read_text())
        vectors = np.array([frame["embedding"] for frame in content["frames"]], np.float32)
        np.testing.assert_array_equal(vectors, unit_vectors(5))

    def test_frames_have_number_source_and_time(self, export, frames):
        content = json.loads(export("x.json").read_text())
        for frame in content["frames"]:
            del frame["embedding"]
        assert content["frames"] == [
            {"frame_number": ref.number, "source": ref.source, "time_s": ref.time_s}
            for ref in frames
        ]
        assert content["fingerprint"]["weights"] == "builtin"

    def test_a_bare_list_is_read_and_normalised(self, tmp_path, unit_vectors):
        vectors = unit_vectors(150)
        vectors[0] *= 1e-4  # its inner products are far below those of the others
        entries = [
            {"frame_number": n, "embedding": vector.tolist()} for n, vector in enumerate(vectors)
        ]
        (tmp_path / "x.json").write_text(json.dumps(entries))
        with open_index(tmp_path / "x.json") as exported:
            assert exported.fingerprint is None
            for number in (0, 1, 149):
                (row,) = exported.nearest(unit_vectors(150)[number : number + 1], 1)
                assert row[0].frame == FrameRef("", number, None)
                assert row[0].similarity == pytest.approx(1, abs=1e-6)

    def test_a_vector_of_zeros_is_near_nothing(self, tmp_path, unit_vectors):
        (tmp_path / "x.json").write_text(
            json.dumps([{"frame_number": 0, "embedding": [0.0] * 2048}])
        )
        with open_index(tmp_path / "x.json") as exported:
            assert exported.nearest(unit_vectors(1), 1)[0][0].similarity == 0

    def test_an_empty_list(self, tmp_path, unit_vectors):
        (tmp_path / "x.json").write_text("[]")
        with open_index(tmp_path / "x.json") as exported:
            assert exported.nearest(unit_vectors(1), 1) == [[]]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("not JSON at all", r"is not JSON \("),
            ("", r"is not JSON \("),
            ("\udce9", r"is not JSON \("),
            ("7", r"is no exported index .*; expected an object with fingerprint and frames"),
            ("[" * 100_000, "lie too deep"),
            ('[{"frame_number": ' + "1" * 400 + "}]", r"is no exported index .*frame_number"),
            ('[{"frame_number": 1, "source": "a\\u0000b"}]', "cannot be a path"),
            ('[{"frame_number": 1, "source": "\\ud800"}]', "cannot be a path"),
            ('[{"frame_number": 1, "time_s": 1e999}]', r"is no exported index .*time_s"),
            ('{"images": []}', "is no exported index"),
            ('{"frames": {"a": 1}}', "is no exported index"),
            ('["a", "b"]', "is no exported index"),
            ('[{"embedding": [1, 2]}]', "is no exported index"),
            ('[{"frame_number": "one", "embedding": [1]}]', "is no exported index"),
            ('[{"frame_number": 1}]', "whose embedding is not 2048 numbers"),
            ('[{"frame_number": 1, "embedding": [0.5, 0.5]}]', "not 2048 numbers"),
            ('[{"frame_number": 1, "embedding": 0.5}]', r"array.*got `float` at .*embedding"),
            ('[{"frame_number": 1, "embedding": "abc"}]', r"array.*got `str` at .*embedding"),
            (json.dumps([{"frame_number": 1, "embedding": [None] * 2048}]), r"got `null` at"),
            (json.dumps([{"frame_number": 1, "embedding": [np.nan] * 2048}]), "not 2048 numbers"),
            (
                json.dumps(
                    [
                        {"frame_number": 1, "embedding": [1.0] * 2048},
                        {"frame_number": 2, "embedding": [1.0] * 2047},
                    ]
                ),
                "not 2048 numbers",
            ),
            ('{"fingerprint": {"weights": "x"}, "frames": []}', "not a fingerprint"),
        ],
    )
    def test_what_is_no_index_is_said(self, tmp_path, text, words):
        (tmp_path / "x.json").write_bytes(os.fsencode(text))
        with pytest.raises(NearframeError, match=words) as info:
            open_index(tmp_path / "x.json")
        assert "\n" not in str(info.value)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(NearframeError, match=r"x\.json: no such file"):
            open_index(tmp_path / "x.json")


class TestFaiss:
    def test_plain_faiss_opens_it(self, export, frames, unit_vectors):
        path = export("x.faiss")
        index = faiss.read_index(str(path))
        assert (index.ntotal, index.d, index.metric_type) == (5, 2048, faiss.METRIC_INNER_PRODUCT)
        _, positions = index.search(unit_vectors(5), 1)
        metadata = json.loads(path.with_name("x.faiss.json").read_text())
        found = [metadata["frames"][position]["source"] for position in positions[:, 0]]
        assert found == [ref.source for ref in frames]

    def test_a_file_of_plain_faiss_is_read(self, tmp_path, unit_vectors):
        index = faiss.IndexFlatIP(2048)
        index.add(unit_vectors(3))
        faiss.write_index(index, str(tmp_path / "own.faiss"))
        (tmp_path / "own.faiss.json").write_text(
            json.dumps([{"frame_number": n} for n in (5, 6, 7)])
        )
        with open_index(tmp_path / "own.faiss") as exported:
            assert exported.nearest(unit_vectors(3)[1:2], 1)[0][0].frame.number == 6

    def test_without_its_metadata(self, export):
        path = export("x.faiss")
        path.with_name("x.faiss.json").unlink()
        with pytest.raises(FrameIndexError, match=r"x\.faiss needs .*x\.faiss\.json beside it"):
            open_index(path)

    def test_with_the_metadata_of_another(self, export):
        path = export("x.faiss")
        path.with_name("x.faiss.json").write_text('[{"frame_number": 1}]')
        with pytest.raises(FrameIndexError, match=r"has 5 vectors, but .* has 1 frames; export"):
            open_index(path)

    def test_garbage(self, export):
        path = export("x.faiss")
        path.write_bytes(b"garbage" * 100)
        with pytest.raises(FrameIndexError, match="is not a file that FAISS can read"):
            open_index(path)

    @pytest.mark.parametrize(
        "make", [lambda: faiss.IndexFlatIP(512), lambda: faiss.IndexFlatL2(2048)]
    )
    def test_other_vectors(self, tmp_path, make):
        faiss.write_index(make(), str(tmp_path / "x.faiss"))
        (tmp_path / "x.faiss.json").write_text("[]")
        with pytest.raises(FrameIndexError, match="expected 2048 and inner product"):
            open_index(tmp_path / "x.faiss")

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda index: index.id_map.clear(), r"no flat index \(0 numbers in place of 5\)"),
            (lambda index: index.id_map.resize(4), r"4 numbers in place of 5"),
            (lambda index: ids_of(index).__setitem__(2, 9), "ids that are not those of its frames"),
            (lambda index: ids_of(index).__setitem__(2, -1), "negative or there twice"),
            (lambda index: ids_of(index).__setitem__(2, 0), "negative or there twice"),
            (lambda index: vectors_of(index).__setitem__(7, np.nan), "holds NaN or infinite"),
        ],
        ids=["no ids", "few ids", "beyond", "negative", "twice", "nan"],
    )
    def test_ids_and_vectors_that_are_none(self, export, damage, words):
        path = export("x.faiss")
        index = faiss.read_index(str(path))
        damage(index)
        faiss.write_index(index, str(path))
        frames = path.with_name("x.faiss.json")
        frames.write_text(frames.read_text().replace('"sha256"', '"former"'))
        with pytest.raises(FrameIndexError, match=words):
            open_index(path)

    @pytest.mark.parametrize("kind", ["IVF2,Flat", "HNSW8", "SQ8", "IDMap,IVF2,Flat", "PCA64,Flat"])
    def test_another_kind_of_index(self, tmp_path, unit_vectors, kind):
        index = faiss.index_factory(2048, kind, faiss.METRIC_INNER_PRODUCT)
        index.train(unit_vectors(100))
        faiss.write_index(index, str(tmp_path / "x.faiss"))
        (tmp_path / "x.faiss.json").write_text("[]")
        with pytest.raises(FrameIndexError, match=r"no flat index \(kind b'I.*export the index"):
            open_index(tmp_path / "x.faiss")

    def test_a_length_beyond_the_file_is_no_room_that_is_made(self, export):
        path = export("x.faiss")
        content = bytearray(path.read_bytes())
        for place in (8, 45):  # how many vectors, of the whole and of what it wraps
            content[place : place + 8] = (1 << 36).to_bytes(8, "little")
        path.write_bytes(content)
        with pytest.raises(FrameIndexError, match="is not a file that FAISS can read"):
            open_index(path)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(NearframeError, match=r"x\.faiss: no such file"):
            open_index(tmp_path / "x.faiss")


class TestNpy:
    def test_rows_are_those_of_the_table(self, export, frames, unit_vectors):
        path = export("x.npy")
        np.testing.assert_array_equal(np.load(path), unit_vectors(5))
        with path.with_suffix(".csv").open(
            encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            header, *rows = csv.reader(file)
        assert header == ["frame_number", "source", "time_s"]
        assert [(int(n), source, float(t) if t else None) for n, source, t in rows] == [
            (ref.number, ref.source, ref.time_s) for ref in frames
        ]

    def test_it_can_be_mapped(self, export, unit_vectors):
        mapped = np.load(export("x.npy"), mmap_mode="r")
        np.testing.assert_array_equal(mapped[3], unit_vectors(5)[3])
        del mapped


@pytest.mark.parametrize("name", ["x.csv", "x", "x.json.gz"])
def test_another_suffix_is_refused(export, name, listing, tmp_path):
    with pytest.raises(
        NearframeError, match=r"expected a name that ends in \.json, \.faiss, \.npy"
    ):
        export(name)
    assert listing(tmp_path) == ["made.index"]


@pytest.mark.parametrize("name", ["x.json", "x.faiss", "x.npy"])
def test_an_export_that_fails_half_way_leaves_the_old_one(
    path, export, tmp_path, monkeypatch, snapshot, listing, name
):
    export(name)
    files = [file for file in listing(tmp_path) if file.startswith("x.")]
    before = {file: (tmp_path / file).read_bytes() for file in files}
    blocks = FrameIndex.blocks

    def half(self, *args, **options):
        yield next(iter(blocks(self, 2, **options)))
        raise ZeroDivisionError

    monkeypatch.setattr(FrameIndex, "blocks", half)
    with pytest.raises(ZeroDivisionError):
        export(name)
    assert {file: (tmp_path / file).read_bytes() for file in files} == before
    assert listing(tmp_path) == sorted(["made.index", *files])


def test_a_faiss_file_that_fails_half_way_leaves_the_old_pair(
    export, tmp_path, monkeypatch, listing
):
    path = export("x.faiss")
    before = {file: (tmp_path / file).read_bytes() for file in ("x.faiss", "x.faiss.json")}

    def half(_, path):
        path.write_bytes(b"half")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(FlatSearch, "write", half)
    with pytest.raises(NearframeError, match=r"cannot write .*x\.faiss: Input/output error"):
        export("x.faiss")
    assert {file: (tmp_path / file).read_bytes() for file in before} == before
    assert listing(path.parent) == ["made.index", "x.faiss", "x.faiss.json"]


@pytest.mark.parametrize(
    ("name", "leftovers"),
    [
        ("x.json", ["x.json"]),
        ("x.faiss", ["x.faiss", "x.faiss.json"]),
        ("x.npy", ["x.npy", "x.csv"]),
    ],
)
def test_what_a_crash_left_of_an_export_is_removed(export, tmp_path, listing, name, leftovers):
    for leftover in [*leftovers, "y.json"]:
        (tmp_path / f".{leftover}.123.tmp").touch()
    export(name)
    assert [file for file in listing(tmp_path) if file.endswith(".tmp")] == [".y.json.123.tmp"]


@pytest.mark.parametrize("again", [False, True], ids=["new", "again"])
def test_an_export_that_died_between_its_two_files_can_be_made_again(
    path, export, tmp_path, monkeypatch, film, unit_vectors, again
):
    if again:
        export("x.faiss")
        with FrameIndex.open(path, write=True) as index:
            index.append(film(1, first=7), unit_vectors(1))
    replace = Path.replace

    def die(self, target):
        if target.name == "x.faiss":
            raise ZeroDivisionError
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die)
        with pytest.raises(ZeroDivisionError):
            export("x.faiss")
    assert (tmp_path / "x.faiss.json").exists()
    export("x.faiss")
    with open_index(tmp_path / "x.faiss") as exported, FrameIndex.open(path) as index:
        assert len(exported) == len(index)


def test_vectors_of_another_export_are_refused(path, export, tmp_path, film, unit_vectors):
    export("x.faiss")
    earlier = (tmp_path / "x.faiss").read_bytes()
    with FrameIndex.open(path, write=True) as index:
        index.catalog.remove_frames("/films/a.mp4")
        index.append(film(3, first=10), unit_vectors(3, seed=9))
    export("x.faiss")
    (tmp_path / "x.faiss").write_bytes(earlier)
    with pytest.raises(
        FrameIndexError, match=r"x\.faiss is not the file that .*x\.faiss\.json was written with"
    ):
        open_index(tmp_path / "x.faiss")


def test_an_export_sees_one_commit(path, export, monkeypatch, film, unit_vectors):
    """A writer commits between what an export reads first and what it reads last."""
    blocks = FrameIndex.blocks

    def late(self, *args, **options):
        if not late.done:
            late.done = True
            with FrameIndex.open(path, write=True) as index:
                index.append(film(2, first=3), unit_vectors(2))
        return blocks(self, *args, **options)

    late.done = False
    monkeypatch.setattr(FrameIndex, "blocks", late)
    for name in ("x.faiss", "x.npy"):
        late.done = False
        export(name)
    with open_index(path.parent / "x.faiss") as exported:
        assert len(exported) == 5
    assert len(np.load(path.parent / "x.npy")) == 7


def test_a_damaged_shard_is_said_and_nothing_written(path, export, tmp_path, listing):
    max(path.glob("*.f32")).unlink()
    with pytest.raises(FrameIndexError, match="is missing or has another size"):
        export("x.json")
    assert listing(tmp_path) == ["made.index"]


def test_a_place_that_cannot_be_written(export):
    with pytest.raises(NearframeError, match=r"cannot write .*x\.json: No such file"):
        export("no/such/folder/x.json")


def test_a_directory_with_the_suffix_of_a_file_is_an_index(make_index, unit_vectors):
    with open_index(make_index(name="films.json")) as index:
        assert isinstance(index, FrameIndex)


def test_both_kinds_can_be_closed(path, export):
    for index in (open_index(path), open_index(export("x.json"))):
        index.close()
    assert isinstance(index, ExportedIndex)
