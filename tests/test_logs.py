"""Logs: one JSON line each, with the request's id, and never a secret."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loyalty import logs
from loyalty.transaction import transaction
from tests.tenant import TestTenant

KEY = "lk_0123456789ab_2r8HVpmmV8t1CXo5jONyExLpB3zmY4xfHs6rIiml-34"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtIn0.c2lnbmF0dXJl"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Logs as JSON; call it for the lines that were written."""
    root, written = logging.getLogger(), StringIO()
    before = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure("json")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], root.level = before


def test_a_line_says_what_happened_and_in_which_request(lines: Any) -> None:
    logs.request_id.set("r-1")
    logs.logger("loyalty.x").info("awarded", activity_id="a-1", points=5)
    logging.getLogger("celery.worker").warning("lost %s", "the broker")
    logs.request_id.set(None)
    ours, theirs = lines()
    assert (ours["event"], ours["activity_id"], ours["points"]) == ("awarded", "a-1", 5)
    assert (ours["level"], ours["logger"], ours["request_id"]) == ("info", "loyalty.x", "r-1")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["level"]) == ("lost the broker", "warning")
    assert theirs["request_id"] == "r-1"


@pytest.mark.parametrize(
    "told",
    [
        {"authorization": f"Bearer {KEY}"},
        {"api_key": KEY},
        {"jwt_secret": KEY},
        {"headers": {"Authorization": KEY}},
        {"detail": f"Bearer {KEY} was refused"},
        {"detail": f"the key {KEY}"},
        {"detail": [f"the token {TOKEN}"]},
        {"url": f"postgresql://app:{KEY}@db/loyalty"},
        {"url": f"redis://:{KEY}@redis:6379/0"},
    ],
)
def test_secrets_stay_out(lines: Any, told: dict[str, object]) -> None:
    logs.logger("loyalty.x").warning("refused", **told)
    [line] = lines()
    secret = KEY.rpartition("_")[2]
    assert secret not in json.dumps(line)
    assert TOKEN not in json.dumps(line)
    assert "[hidden]" in json.dumps(line)


def test_an_error_keeps_its_traceback_and_loses_its_secrets(lines: Any) -> None:
    try:
        raise RuntimeError(f"Bearer {TOKEN} is no good")
    except RuntimeError as error:
        logs.logger("loyalty.x").error("failed", exc_info=error)
    [line] = lines()
    assert "Traceback" in line["exception"]
    assert TOKEN not in line["exception"]


def test_the_values_of_a_statement_stay_out(tenant: TestTenant) -> None:
    with pytest.raises(DBAPIError) as failed, transaction(tenant.id) as session:
        session.execute(text("SELECT 1 / 0, :name"), {"name": "Žofie Nováková"})
    assert "Žofie" not in str(failed.value)
