"""Every refusal has a code of its own, a title, and a cure that says what to do."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import pytest

import loyalty
from loyalty.errors import Problem, every_problem

for _module in pkgutil.walk_packages(loyalty.__path__, "loyalty."):
    if not _module.name.endswith("__main__"):
        try:
            import_module(_module.name)
        except ModuleNotFoundError as missing:
            assert missing.name == "confluent_kafka"  # noqa: PT017  # an extra
_PROBLEMS = [problem for problem in every_problem() if problem.__module__.startswith("loyalty.")]


@pytest.mark.parametrize("problem", _PROBLEMS, ids=lambda problem: problem.__name__)
def test_a_problem_says_what_is_wrong_and_what_to_do(problem: type[Problem]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", problem.code)
    assert problem.title
    assert not problem.title.endswith(".")
    assert re.fullmatch(r"[A-Z`].*\.", problem.cure, re.DOTALL)
    assert 400 <= problem.status <= 599


def test_one_code_means_one_thing() -> None:
    meanings: dict[str, set[tuple[int, str, str]]] = {}
    for problem in _PROBLEMS:
        meaning = (problem.status, problem.title, problem.cure)
        meanings.setdefault(problem.code, set()).add(meaning)
    assert {code: told for code, told in meanings.items() if len(told) > 1} == {}


def test_who_should_wait_is_told_how_long() -> None:
    for problem in _PROBLEMS:
        if problem.status == 503:  # a 429 knows it only at the moment
            assert problem.retry_after_s, problem.__name__
