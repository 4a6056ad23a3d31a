"""PATCH: RFC 7396 merge patch, and If-Match against what somebody else changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from loyalty.errors import Problem


class PreconditionFailed(Problem):
    """412: it is no longer what the caller has read."""

    status = 412
    code = "precondition_failed"
    title = "It has been changed since you read it"
    cure = "Read it again, and send the change with its new ETag in `If-Match`."


def etag(version: int) -> str:
    """The ETag of the row's version."""
    return f'"{version}"'


def if_match(version: int) -> None:
    """Raises PreconditionFailed when the caller has read another version. No header: no check."""
    expected = request.headers.get("If-Match")
    if expected is not None and expected.strip() not in {"*", etag(version)}:
        raise PreconditionFailed(f"It is at version {etag(version)} now.")


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with `patch` merged in: null removes, objects merge, all else replaces."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[name] = value
    return result
