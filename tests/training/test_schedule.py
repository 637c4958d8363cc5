import pytest

from training.recipes import ALIKE, Recipe
from training.schedule import BUILTIN, Phase, Schedule


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(
        phases=(
            Phase(px=64, steps=10, strength=(0.0, 0.5), rate=(0, 1.0)),
            Phase(px=96, steps=10, strength=(0.5, 1.0), rate=(1.0, 0)),
        )
    )


def test_steps_are_the_sum_over_phases(schedule):
    assert schedule.steps == 20


def test_size_changes_with_the_phase(schedule):
    assert [schedule.at(step).px for step in (0, 9, 10, 19)] == [64, 64, 96, 96]


def test_strength_is_linear_within_a_phase(schedule):
    assert schedule.at(5).strength == pytest.approx(0.25)
    assert schedule.at(10).strength == pytest.approx(0.5)
    assert schedule.at(15).strength == pytest.approx(0.75)


def test_rate_moves_linearly_and_reaches_its_end_at_the_last_step(schedule):
    assert schedule.at(0).rate == pytest.approx(0.1)
    assert schedule.at(9).rate == pytest.approx(1.0)
    assert schedule.at(14).rate == pytest.approx(0.5)
    assert schedule.at(19).rate == pytest.approx(0.0)


def test_a_step_outside_the_schedule_is_refused(schedule):
    with pytest.raises(IndexError, match=r"step 20 is outside the schedule: use one in \[0, 20\)"):
        schedule.at(20)


def test_recipe_belongs_to_the_phase():
    recipe = Recipe(temperature=0.1)
    phases = (
        Phase(px=64, steps=1, strength=(0, 0), rate=(0, 1)),
        Phase(px=64, steps=1, strength=(0, 0), rate=(0, 1), recipe=recipe),
    )
    assert [Schedule(phases).at(step).recipe for step in (0, 1)] == [ALIKE, recipe]


def test_builtin_sizes_suit_the_jpeg_blocks():
    assert all(phase.px % 8 == 0 for phase in BUILTIN.phases)


def test_a_longer_schedule_has_the_same_settings_later(schedule):
    longer = schedule.longer(3)
    assert longer.steps == 60
    assert longer.at(15).strength == pytest.approx(schedule.at(5).strength)
    assert longer.at(30).px == schedule.at(10).px
