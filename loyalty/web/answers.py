"""Answers that are shaped already, and only have to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response


def json_answer(
    told: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer as it stands; the view's response schema only documents it."""
    return Response(orjson.dumps(told), status, dict(headers or {}), mimetype="application/json")
