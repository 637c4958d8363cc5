import pytest

from nearframe.index.search import EXACT_LIMIT, is_approximate


@pytest.mark.parametrize(
    ("count", "ann", "approximate"),
    [
        (0, "auto", False),
        (EXACT_LIMIT, "auto", False),
        (EXACT_LIMIT + 1, "auto", True),
        (10 * EXACT_LIMIT, "flat", False),
        (1000, "ivf", True),
        (99, "ivf", False),  # too few to learn from
    ],
)
def test_the_kind_follows_from_the_count_unless_one_is_asked_for(count, ann, approximate):
    assert is_approximate(count, ann) is approximate


def test_what_is_exact_is_read_within_the_time_that_it_may_take():
    assert 30_000 < EXACT_LIMIT < 70_000
