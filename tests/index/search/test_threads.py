import faiss
import numpy as np
import pytest

from nearframe.index.search import FlatSearch
from nearframe.index.search.ivf import IvfLists
from nearframe.index.search.threads import at_most_threads


@pytest.fixture
def taken(monkeypatch):
    """The numbers of threads that were set, on a machine with 8 cores."""
    numbers = []
    monkeypatch.setattr(faiss, "omp_get_max_threads", lambda: 8)
    monkeypatch.setattr(faiss, "omp_set_num_threads", numbers.append)
    return numbers


@pytest.mark.parametrize(("count", "expected"), [(0, 1), (1, 1), (3, 3), (8, 8), (50, 8)])
def test_no_more_than_asked_for_nor_than_there_are(taken, count, expected):
    with at_most_threads(count):
        assert taken == [expected]
    assert taken == [expected, 8]


def test_after_an_error_it_is_as_before(taken):
    with pytest.raises(ValueError, match="broken"), at_most_threads(1):
        raise ValueError("broken")
    assert taken == [1, 8]


def test_approximate_search_takes_a_thread_for_a_query(scene_vectors, taken):
    vectors = scene_vectors(100)
    lists = IvfLists.train(vectors, 4)
    lists.add([(np.arange(100), vectors)])
    for count in (1, 3):
        lists.candidates(vectors[:count], 5, probed=1)
    assert taken == [1, 8, 3, 8]


def test_exact_search_takes_a_thread_for_a_query(scene_vectors, taken):
    vectors = scene_vectors(100)
    search = FlatSearch.build([(np.arange(100), vectors)], count=100)
    for count in (1, 3):
        search.nearest(vectors[:count], 5)
    # Then one that gathers what was found.
    assert taken == [1, 8, 1, 8, 3, 8, 1, 8]
