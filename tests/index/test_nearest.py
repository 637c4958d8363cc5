import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.embeddings import DIMENSION, FrameRef
from nearframe.index import FrameIndex, FrameIndexError, Restriction
from nearframe.index.search import FlatSearch


def exact(queries, vectors):
    return queries.astype(np.float64) @ vectors.astype(np.float64).T


def numbers(row):
    return [match.frame.number for match in row]


def test_the_nearest_are_those_of_numpy(make_index, film, unit_vectors):
    vectors, queries = unit_vectors(300), unit_vectors(20, seed=1)
    path = make_index((film(100), vectors[:100]), (film(200, first=100), vectors[100:]))
    cosines = exact(queries, vectors)
    with FrameIndex.open(path) as index:
        for k in (1, 2, 7, 300):
            for row, expected in zip(index.nearest(queries, k), cosines, strict=True):
                order = np.argsort(-expected)[:k]
                assert numbers(row) == order.tolist()
                np.testing.assert_allclose(
                    [match.similarity for match in row], expected[order], atol=1e-6
                )


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 60),
    nq=st.integers(0, 5),
    k=st.integers(1, 80),
    copies=st.integers(1, 4),
    directions=st.integers(1, 8),
)
@settings(max_examples=60, deadline=None)
def test_search_equals_brute_force(seed, n, nq, k, copies, directions):
    """Vectors of few distinct directions, so that there are many ties and opposites."""
    generator = np.random.default_rng(seed)
    base = generator.standard_normal((directions, DIMENSION), np.float32)
    base = np.vstack([base, -base])
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    vectors = np.repeat(base[generator.integers(0, len(base), n)], copies, axis=0)
    queries = base[generator.integers(0, len(base), nq)]
    ids = generator.permutation(len(vectors)).astype(np.int64)
    search = FlatSearch.build([(ids, vectors)], count=len(ids))
    found = search.nearest(queries, k)
    assert len(found) == nq
    for query, row in zip(queries, found, strict=True):
        cosines = np.clip(exact(query[None], vectors)[0], -1, 1)
        similarities = [similarity for _, similarity in row]
        assert len(row) == min(k, len(vectors))
        assert len({id_ for id_, _ in row}) == len(row)
        np.testing.assert_allclose(similarities, np.sort(cosines)[::-1][:k], atol=1e-6)
        by_id = dict(zip(ids.tolist(), cosines, strict=True))
        for id_, similarity in row:
            assert similarity == pytest.approx(by_id[id_], abs=1e-6)
        assert all(-1 <= similarity <= 1 for similarity in similarities)
        assert similarities == sorted(similarities, reverse=True)


@given(seed=st.integers(0, 2**32 - 1), admitted=st.sets(st.integers(0, 39), min_size=1))
@settings(max_examples=40, deadline=None)
def test_search_among_some_equals_brute_force_over_them(seed, admitted):
    vectors = np.random.default_rng(seed).standard_normal((41, DIMENSION), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    search = FlatSearch.build([(np.arange(100, 140), vectors[:40])], count=40)
    among = np.array(sorted(admitted), np.int64)
    (row,) = search.nearest(vectors[40:], 5, among=among + 100)
    cosines = exact(vectors[40:], vectors[among])[0]
    assert [id_ - 100 for id_, _ in row] == among[np.argsort(-cosines)[:5]].tolist()


def test_equal_similarities_come_in_the_order_of_the_frames(make_index, film, unit_vectors):
    vectors = np.repeat(unit_vectors(1), 20, axis=0)
    with FrameIndex.open(make_index((film(20), vectors))) as index:
        for k in (1, 3, 20):
            assert numbers(index.nearest(vectors[:1], k)[0]) == list(range(k))


def test_equal_similarities_do_so_in_long_answers_too(make_index, film, unit_vectors):
    vectors = np.repeat(unit_vectors(1), 1300, axis=0)
    with FrameIndex.open(make_index((film(1300), vectors))) as index:
        assert numbers(index.nearest(vectors[:1], 1300)[0]) == list(range(1300))


def test_k_larger_than_the_index_gives_all(make_index, film, unit_vectors):
    with FrameIndex.open(make_index((film(4), unit_vectors(4)))) as index:
        assert len(index.nearest(unit_vectors(1), 1000)[0]) == 4


def test_an_empty_index_has_no_nearest(make_index, unit_vectors):
    with FrameIndex.open(make_index()) as index:
        assert index.nearest(unit_vectors(2), 3) == [[], []]


def test_no_query_has_no_answer(make_index, film, unit_vectors):
    with FrameIndex.open(make_index((film(4), unit_vectors(4)))) as index:
        assert index.nearest(unit_vectors(0), 3) == []


def test_similarities_stay_between_minus_one_and_one(make_index, film):
    vector = np.full((1, DIMENSION), DIMENSION**-0.5, np.float32)
    with FrameIndex.open(make_index((film(2), np.vstack([vector, -vector])))) as index:
        similarities = [match.similarity for match in index.nearest(vector, 2)[0]]
    assert similarities == pytest.approx([1, -1], abs=1e-6)
    assert all(-1 <= similarity <= 1 for similarity in similarities)


def test_the_search_follows_the_commits_of_another_process(make_index, film, unit_vectors):
    vectors = unit_vectors(3)
    path = make_index((film(2), vectors[:2]))
    with FrameIndex.open(path) as reader:
        assert numbers(reader.nearest(vectors[2:], 1)[0]) != [2]
        with FrameIndex.open(path, write=True) as writer:
            writer.append(film(1, first=2), vectors[2:])
        assert numbers(reader.nearest(vectors[2:], 1)[0]) == [2]


def test_a_frame_that_was_dropped_is_not_found_by_an_open_reader(make_index, film, unit_vectors):
    vectors = unit_vectors(3)
    b = film(1, source="/films/b.mp4")
    path = make_index((film(2), vectors[:2]), (b, vectors[2:]))
    with FrameIndex.open(path) as reader:
        assert reader.nearest(vectors[2:], 1)[0][0].frame == b[0]
        with FrameIndex.open(path, write=True) as writer:
            writer.catalog.remove_file("/films/b.mp4")
        assert [match.frame for match in reader.nearest(vectors[2:], 3)[0]] != b
        assert len(reader.nearest(vectors[2:], 3)[0]) == 2


def test_a_frame_that_is_dropped_during_the_search_is_not_found(
    make_index, film, unit_vectors, monkeypatch
):
    vectors = unit_vectors(3)
    path = make_index((film(2), vectors[:2]), (film(1, source="/films/b.mp4"), vectors[2:]))
    search = FlatSearch.nearest
    dropped = []

    def drop_meanwhile(self, *args, **options):
        found = search(self, *args, **options)
        if not dropped:
            dropped.append(True)
            with FrameIndex.open(path, write=True) as writer:
                writer.catalog.remove_file("/films/b.mp4")
        return found

    monkeypatch.setattr(FlatSearch, "nearest", drop_meanwhile)
    with FrameIndex.open(path) as reader:
        (row,) = reader.nearest(vectors[2:], 2)
    assert {match.frame.source for match in row} == {"/films/a.mp4"}
    assert len(row) == 2


class TestFaissFile:
    """The file that is derived from the vectors: it may be missing, stale or garbage."""

    @pytest.fixture
    def path(self, make_index, film, unit_vectors):
        return make_index((film(5), unit_vectors(5)))

    @pytest.fixture
    def answer(self, unit_vectors):
        def ask(path):
            with FrameIndex.open(path) as index:
                return index.nearest(unit_vectors(2, seed=7), 5)

        return ask

    def file_of(self, path):
        (file,) = path.glob("search-*.faiss")
        return file

    def test_it_is_used(self, path, answer, monkeypatch):
        monkeypatch.setattr(FlatSearch, "build", None)
        assert len(answer(path)[0]) == 5

    def test_there_is_one_for_the_last_commit_only(self, path, film, unit_vectors):
        first = self.file_of(path).name
        with FrameIndex.open(path, write=True) as index:
            index.append(film(1, first=5), unit_vectors(1))
            index.commit()
            index.append(film(1, first=6), unit_vectors(1))
        assert self.file_of(path).name > first

    def test_without_it_searches_answer_the_same(self, path, answer):
        before = answer(path)
        self.file_of(path).unlink()
        assert answer(path) == before

    def test_the_next_writer_makes_it_anew(self, path):
        content = self.file_of(path).read_bytes()
        self.file_of(path).unlink()
        FrameIndex.open(path, write=True).close()
        assert self.file_of(path).read_bytes() == content

    @pytest.mark.parametrize(
        "damage",
        [
            lambda _: b"garbage" * 100,
            lambda _: b"",
            lambda data: data[:-1000],
            lambda data: data[:8] + b"\xff" * 100 + data[108:],
        ],
        ids=["garbage", "empty", "cut", "header"],
    )
    def test_a_damaged_one_is_not_used_and_said(self, path, answer, caplog, damage):
        before = answer(path)
        file = self.file_of(path)
        file.write_bytes(damage(file.read_bytes()))
        with caplog.at_level(logging.WARNING):
            assert answer(path) == before
        (note,) = caplog.messages
        assert "is damaged and not used; delete it and run buildIndex again" in note
        assert file.name in note

    def test_one_that_asks_for_all_memory_is_not_used(self, path, answer, caplog, monkeypatch):
        """What a damaged length does, where it does not raise another error first."""
        before = answer(path)

        def read_vectors(*_):
            raise MemoryError("std::bad_alloc")

        monkeypatch.setattr("nearframe.index.search.flat_format._read_vectors", read_vectors)
        assert answer(path) == before
        assert "is damaged and not used" in caplog.text

    def test_a_stale_one_is_not_used(self, path, answer, film, unit_vectors, caplog):
        stale = self.file_of(path).read_bytes()
        with FrameIndex.open(path, write=True) as index:
            index.catalog.remove_frames("/films/a.mp4")
            index.append(film(5), unit_vectors(5, seed=7))
        self.file_of(path).write_bytes(stale)
        assert answer(path)[0][0].similarity == pytest.approx(1, abs=1e-6)
        assert "is damaged and not used" in caplog.text

    def test_following_the_note_heals_it(self, path, answer, caplog):
        before = answer(path)
        self.file_of(path).write_bytes(b"garbage")
        self.file_of(path).unlink()
        FrameIndex.open(path, write=True).close()
        assert answer(path) == before
        assert caplog.messages == []


class TestRestriction:
    @pytest.fixture
    def index(self, make_index, film, unit_vectors):
        frames = [
            *film(10, source="/films/a.mp4"),
            *film(10, source="/films/old/b.mp4"),
            *film(10, source="/films/older/a.mp4"),
            FrameRef("/photos/cat.jpg", 0, None),
        ]
        with FrameIndex.open(make_index((frames, unit_vectors(31)))) as index:
            yield index

    @pytest.fixture
    def found(self, index, unit_vectors):
        def find(**restriction):
            (row,) = index.nearest(unit_vectors(1), 100, within=Restriction(**restriction))
            return {(match.frame.source, match.frame.number) for match in row}

        return find

    def test_none_admits_all(self, found):
        assert len(found()) == 31

    def test_a_file(self, found):
        assert found(source="/films/a.mp4") == {("/films/a.mp4", n) for n in range(10)}

    @pytest.mark.parametrize("folder", ["/films", "/films/"])
    def test_a_folder_holds_what_is_below_it(self, found, folder):
        assert {source for source, _ in found(source=folder)} == {
            "/films/a.mp4",
            "/films/old/b.mp4",
            "/films/older/a.mp4",
        }

    def test_a_folder_is_not_one_whose_name_starts_alike(self, found):
        assert {source for source, _ in found(source="/films/old")} == {"/films/old/b.mp4"}

    def test_the_root_holds_all(self, found):
        assert len(found(source="/")) == 31

    def test_a_bare_name_is_any_file_of_that_name(self, found):
        assert {source for source, _ in found(source="a.mp4")} == {
            "/films/a.mp4",
            "/films/older/a.mp4",
        }

    def test_a_relative_path(self, found, monkeypatch):
        monkeypatch.chdir("/")
        assert {source for source, _ in found(source="films/old/../a.mp4")} == {"/films/a.mp4"}

    def test_a_time_range_holds_both_its_ends(self, found):
        assert {n for _, n in found(source="b.mp4", start_s=0.2, end_s=0.5)} == {2, 3, 4, 5}

    def test_from_a_time_on(self, found):
        assert {n for _, n in found(source="b.mp4", start_s=0.75)} == {8, 9}

    def test_up_to_a_time(self, found):
        assert {n for _, n in found(source="b.mp4", end_s=0.05)} == {0}

    @pytest.mark.parametrize("limit", [{"start_s": 0.0}, {"end_s": 1e9}])
    def test_images_have_no_time_and_are_left_out(self, found, limit):
        assert "/photos/cat.jpg" not in {source for source, _ in found(**limit)}

    def test_the_nearest_within_may_be_far_away_from_the_nearest(self, index, unit_vectors):
        within = Restriction(source="b.mp4")
        (row,) = index.nearest(unit_vectors(1), 1, within=within)  # its own frame is in a.mp4
        cosines = exact(unit_vectors(1), unit_vectors(31)[10:20])[0]
        assert row[0].frame.number == cosines.argmax()

    @pytest.mark.parametrize(
        ("restriction", "words"),
        [
            ({"source": "none.mp4"}, "of none.mp4"),
            ({"source": "b.mp4", "start_s": 99.5}, "of b.mp4 and at 99.5 s or later"),
            ({"start_s": 5, "end_s": 4}, "at 5 s or later and at 4 s or earlier"),
        ],
    )
    def test_when_nothing_is_admitted_it_says_what_there_is(self, found, restriction, words):
        with pytest.raises(FrameIndexError, match=f"no frame of .* is {words}; it holds: ") as info:
            found(**restriction)
        assert "/films/old/b.mp4" in str(info.value)
        assert "\n" not in str(info.value)

    def test_an_empty_index_holds_nothing(self, make_index, unit_vectors):
        with (
            FrameIndex.open(make_index()) as index,
            pytest.raises(FrameIndexError, match="it holds: nothing"),
        ):
            index.nearest(unit_vectors(1), 1, within=Restriction(source="a.mp4"))
