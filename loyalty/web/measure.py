"""How long an answer took, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from loyalty import metrics
from loyalty.errors import Problem
from loyalty.idempotency.once import Answer

P = ParamSpec("P")


def timed_burn(burn: Callable[P, Answer]) -> Callable[P, Answer]:
    """Measures a burn, whatever its answer is."""

    @wraps(burn)
    def measured(*args: P.args, **kwargs: P.kwargs) -> Answer:
        began_s, outcome = time.perf_counter(), "internal_error"
        try:
            answer = burn(*args, **kwargs)
            outcome = "redeemed" if answer.status == HTTPStatus.CREATED else "refused"
        except Problem as problem:
            outcome = problem.code
            raise
        finally:
            metrics.burned(outcome, time.perf_counter() - began_s)
        return answer

    return measured
