"""How long a Prefer header (RFC 7240) asks to wait."""

from __future__ import annotations

import pytest

from loyalty.web.waiting import asked_for


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("respond-async", 0),
        ("wait=5", 5),
        ("respond-async, wait=5", 5),
        ("wait=5; strict", 5),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("wait=0", 0),
        ("wait=86400", 10),
        ("wait=-1", 0),
        ("wait=2.5", 0),
        ("wait=", 0),
        ("await=5", 0),
        ("wait=" + "9" * 5000, 0),
    ],
)
def test_the_seconds_that_are_asked_for(prefer: str | None, seconds: int) -> None:
    assert asked_for(prefer) == seconds
