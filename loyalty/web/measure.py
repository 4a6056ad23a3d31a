"""How long an answer took, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from flask import Response

from loyalty import metrics
from loyalty.errors import Problem

P = ParamSpec("P")


def timed_burn(view: Callable[P, Response]) -> Callable[P, Response]:
    """Measures a burn, whatever its answer is."""

    @wraps(view)
    def measured(*args: P.args, **kwargs: P.kwargs) -> Response:
        began_s, outcome = time.perf_counter(), "internal_error"
        try:
            response = view(*args, **kwargs)
            outcome = "redeemed" if response.status_code == HTTPStatus.CREATED else "refused"
        except Problem as problem:
            outcome = problem.code
            raise
        finally:
            metrics.burned(outcome, time.perf_counter() - began_s)
        return response

    return measured
