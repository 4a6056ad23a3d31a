"""Goals are ratios of figures of one run."""

from __future__ import annotations

import pytest

from bench.figures import FIGURES, GOALS, NAMES, Goal, Samples


def test_every_goal_is_about_figures_that_are_measured() -> None:
    assert {goal.key for goal in GOALS} | {goal.over for goal in GOALS if goal.over} <= set(NAMES)
    assert len(NAMES) == len(FIGURES)


@pytest.mark.parametrize(
    ("goal", "medians", "value", "reached"),
    [
        (Goal("noop", "balances", at_least=5), {"noop": 50.0, "balances": 10.0}, 5.0, True),
        (Goal("noop", "balances", at_least=5), {"noop": 49.0, "balances": 10.0}, 4.9, False),
        (Goal("wait.p99", at_most=250), {"wait.p99": 250.0}, 250.0, True),
        (Goal("wait.p99", at_most=250), {"wait.p99": 251.0}, 251.0, False),
    ],
)
def test_a_goal_is_reached_or_not(
    goal: Goal, medians: dict[str, float], value: float, reached: bool
) -> None:
    assert goal.value(medians) == value
    assert goal.reached(value) is reached


def test_a_goal_without_its_figures_is_not_judged() -> None:
    assert Goal("noop", "balances", at_least=5).value({"noop": 50.0}) is None


def test_the_best_way_to_write_sets_is_the_limit() -> None:
    samples = Samples()
    for one, two in ((10.0, 20.0), (40.0, 25.0), (11.0, 21.0)):
        samples.add("limit.sets.1", one)
        samples.add("limit.sets.2", two)

    assert samples.medians()["limit.sets"] == 21.0


def test_a_figure_that_is_not_listed_is_refused() -> None:
    with pytest.raises(KeyError):
        Samples().add("speed", 1.0)
